"""Addresses of the attacks' pages."""

from django.urls import path

from hanse.attacks import views

app_name = "attacks"
urlpatterns = [
    path("", views.attacks, name="list"),
    path("merge/", views.merge, name="merge"),
    path("<uuid:attack_id>/", views.detail, name="detail"),
    path("<uuid:attack_id>/flows/", views.flows, name="flows"),
    path("<uuid:attack_id>/decide/", views.decide, name="decide"),
    path("<uuid:attack_id>/withdraw/", views.withdraw, name="withdraw"),
]
