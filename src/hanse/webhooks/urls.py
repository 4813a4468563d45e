"""Addresses of the pages about webhooks."""

from django.urls import path

from hanse.webhooks import views

app_name = "webhooks"
urlpatterns = [
    path("", views.hook_list, name="list"),
    path("new/", views.new, name="new"),
    path("<uuid:hook_id>/", views.hook, name="one"),
    path("<uuid:hook_id>/pause/", views.pause, name="pause"),
    path("<uuid:hook_id>/resume/", views.resume, name="resume"),
    path("<uuid:hook_id>/test/", views.test, name="test"),
    path("<uuid:hook_id>/remove/", views.remove, name="remove"),
]
