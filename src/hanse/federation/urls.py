"""Addresses of the room's pages."""

from django.urls import path

from hanse.federation import group_views, release_views, rule_views, views

app_name = "federation"

urlpatterns = [
    path("", views.partners_page, name="partners"),
    path("add/", views.add, name="add"),
    path("invitation/", views.invitation_page, name="invitation"),
    path("invitation/file/", views.invitation_file, name="invitation-file"),
    path("proposed/<uuid:proposal>/", views.proposed, name="proposed"),
    path("releases/<uuid:request_id>/", release_views.release, name="release"),
    path("groups/new/", group_views.new, name="group-new"),
    path("groups/<uuid:group>/", group_views.change, name="group"),
    path("groups/<uuid:group>/dissolve/", group_views.dissolve, name="group-end"),
    path("rules/new/<str:sort>/", rule_views.new, name="rule-new"),
    path("rules/<uuid:rule>/end/", rule_views.end, name="rule-end"),
    path("<str:authority>/", views.partner, name="partner"),
    path("<str:authority>/give-anew/", views.give_anew, name="give-anew"),
    path("<str:authority>/<str:what>/", views.change, name="change"),
]
