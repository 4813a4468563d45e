"""Addresses of the pages about edge partners."""

from django.urls import path

from hanse.taxii import views

app_name = "edge"
urlpatterns = [
    path("", views.partner_list, name="list"),
    path("new/", views.new, name="new"),
    path("<uuid:partner>/revoke/", views.revoke, name="revoke"),
]
