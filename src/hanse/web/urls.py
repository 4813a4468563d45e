"""Addresses of the jobs."""

from django.urls import path

from hanse.web import views

app_name = "jobs"
urlpatterns = [
    path("", views.index, name="list"),
    path("<uuid:job_id>/", views.job, name="job"),
    path("<uuid:job_id>/cancel/", views.cancel, name="cancel"),
    path("<uuid:job_id>/again/", views.again, name="again"),
]
