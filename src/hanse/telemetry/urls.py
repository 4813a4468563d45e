"""Addresses of the pages about flows and inputs."""

from django.urls import path

from hanse.telemetry import input_views, partition_views, views

app_name = "telemetry"
urlpatterns = [
    path("", views.flows, name="list"),
    path("analyse/", input_views.analyse, name="analyse"),
    path("inputs/", input_views.inputs, name="inputs"),
    path("inputs/<uuid:input_id>/", input_views.detail, name="input"),
    path("load-exercise/", input_views.load_exercise, name="load-exercise"),
    path("partitions/", partition_views.partitions, name="partitions"),
    path("partitions/remove/", partition_views.remove, name="remove"),
    path("upload/", input_views.upload, name="upload"),
    path("watch/", input_views.watch, name="watch"),
]
