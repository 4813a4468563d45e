"""Addresses of the constituency's pages."""

from django.urls import path

from hanse.constituency import views

app_name = "constituency"
urlpatterns = [path("", views.targets, name="list")]
