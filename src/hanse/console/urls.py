"""Addresses of the console's own pages."""

from django.urls import path

from hanse.console import ledger_views, settings_views, views

app_name = "console"
urlpatterns = [
    path("", views.overview, name="situation"),
    path("start/", views.start, name="start"),
    path("alarms/", views.alarms, name="alarms"),
    path("search/", views.search, name="search"),
    path("health/", views.health, name="health"),
    path("ledger/", ledger_views.entries, name="ledger"),
    path("ledger/<int:sequence>/", ledger_views.entry, name="entry"),
    path("ledger/<int:sequence>/proof/", ledger_views.prove, name="proof"),
    path("ledger/<int:sequence>/export/", ledger_views.proof_file, name="export"),
    path("settings/", settings_views.settings_page, name="settings"),
    path("settings/<str:name>/", settings_views.group, name="settings-group"),
]
