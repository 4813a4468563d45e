"""Addresses of the campaigns' pages."""

from django.urls import path

from hanse.campaigns import across_views, views

app_name = "campaigns"
urlpatterns = [
    path("", views.campaigns, name="list"),
    path("across/", across_views.across_list, name="across-list"),
    path("across/<uuid:across_id>/", across_views.across, name="across"),
    path("<uuid:campaign_id>/", views.detail, name="detail"),
    path("<uuid:campaign_id>/links/", views.links, name="links"),
    path("<uuid:campaign_id>/victims/", views.victims, name="victims"),
    path("<uuid:campaign_id>/sources/", views.sources, name="sources"),
    path("<uuid:campaign_id>/export/", views.export, name="export"),
]
