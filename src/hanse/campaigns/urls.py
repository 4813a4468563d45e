"""Addresses of the campaigns' pages."""

from django.urls import path

from hanse.campaigns import views

app_name = "campaigns"
urlpatterns = [
    path("", views.campaigns, name="list"),
    path("<uuid:campaign_id>/", views.detail, name="detail"),
    path("<uuid:campaign_id>/links/", views.links, name="links"),
    path("<uuid:campaign_id>/export/", views.export, name="export"),
]
