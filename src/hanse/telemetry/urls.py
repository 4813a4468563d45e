"""Addresses of the pages about flows and inputs."""

from django.urls import path

from hanse.telemetry import views

app_name = "telemetry"
urlpatterns = [
    path("", views.flows, name="list"),
    path("inputs/", views.inputs, name="inputs"),
    path("upload/", views.upload, name="upload"),
    path("load-exercise/", views.load_exercise, name="load-exercise"),
]
