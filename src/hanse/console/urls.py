"""Addresses of the console's own pages."""

from django.urls import path

from hanse.console import ledger_views, marking_views, settings_views, views

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
    path("ledger/embargoes/", marking_views.under_embargo, name="embargoes"),
    path("ledger/object/<uuid:object_id>/mark/", marking_views.mark, name="mark"),
    path("ledger/object/<uuid:object_id>/purge/", marking_views.purge, name="purge"),
    path("settings/", settings_views.settings_page, name="settings"),
    path("settings/collector/state/", settings_views.collector_part, name="settings-collector"),
    path("settings/endpoints/", settings_views.reach, name="settings-endpoints"),
    path("settings/endpoints/close/", settings_views.close_endpoint, name="settings-endpoint-close"),
    path("settings/watching/", settings_views.watching, name="settings-watching"),
    path("settings/<str:name>/test/", settings_views.send_test, name="settings-test"),
    path("settings/<str:name>/", settings_views.group, name="settings-group"),
]
