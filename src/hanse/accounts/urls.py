"""Addresses of the pages about people."""

from django.urls import URLPattern

app_name = "accounts"
urlpatterns: list[URLPattern] = []
