"""Addresses of the pages of cases."""

from django.urls import path

from hanse.cases import views

app_name = "cases"
urlpatterns = [
    path("", views.cases, name="list"),
    path("open/", views.open_case, name="open"),
    path("<uuid:case_id>/", views.case, name="case"),
]
