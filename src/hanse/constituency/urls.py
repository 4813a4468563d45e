"""Addresses of the constituency's pages."""

from django.urls import path

from hanse.constituency import import_views, views

app_name = "constituency"
urlpatterns = [
    path("", views.targets, name="list"),
    path("add/", views.add, name="add"),
    path("registry.csv", views.registry_file, name="file"),
    path("rows/<uuid:row_id>/", views.row_page, name="row"),
    path("import/", import_views.import_page, name="import"),
    path("import/try/", import_views.try_file, name="try"),
    path("import/apply/", import_views.apply_file, name="apply"),
    path("import/put-back/", import_views.put_back, name="put-back"),
]
