"""Addresses of the pages about people."""

from django.urls import path

from hanse.accounts import own_views, signing_in, views

app_name = "accounts"
urlpatterns = [
    path("", views.people, name="people"),
    path("invite/", views.invite, name="invite"),
    path("teams/", views.teams, name="teams"),
    path("teams/<str:what>/", views.team_change, name="team_change"),
    path("approvals/", views.waiting, name="approvals"),
    path("approvals/<uuid:pk>/withdraw/", views.withdraw, name="withdraw"),
    path("approvals/<uuid:pk>/<str:what>/", views.decide, name="decide"),
    path("log/", views.log, name="log"),
    path("me/", own_views.mine, name="mine"),
    path("me/passkey/", own_views.add_passkey, name="add_passkey"),
    path("me/token/", own_views.make_token, name="make_token"),
    path("me/<str:what>/", own_views.change, name="change_mine"),
    path("step-up/", signing_in.step_up, name="step_up"),
    path("welcome/<str:secret>/", signing_in.welcome, name="welcome"),
    path("<uuid:pk>/", views.person, name="person"),
    path("<uuid:pk>/invite-again/", views.invite_again, name="invite_again"),
    path("<uuid:pk>/<str:what>/", views.change, name="change"),
]
