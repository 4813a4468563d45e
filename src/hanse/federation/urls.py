"""Addresses of the room's pages."""

from django.urls import path

from hanse.federation import views

app_name = "federation"

urlpatterns = [
    path("", views.partners, name="partners"),
]
