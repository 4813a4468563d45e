"""Addresses of the pages of intelligence."""

from django.urls import path

from hanse.intel import own_views, views

app_name = "intel"
urlpatterns = [
    path("", views.items, name="list"),
    path("imports/", views.imports, name="imports"),
    path("imports/upload/", views.upload, name="upload"),
    path("imports/<uuid:batch_id>/", views.account, name="import"),
    path("imports/<uuid:batch_id>/export/", views.export_batch, name="export-import"),
    path("write/<str:kind>/", own_views.write, name="write"),
    path("<uuid:item_id>/edit/", own_views.edit, name="edit"),
    path("<uuid:item_id>/take-back/", own_views.take_back, name="take-back"),
    path("<uuid:item_id>/grade/", own_views.grade, name="grade"),
    path("<uuid:item_id>/grade/withdraw/", own_views.ungrade, name="ungrade"),
    path("<uuid:item_id>/", views.item, name="item"),
    path("<uuid:item_id>/export/", views.export, name="export"),
    path("<uuid:item_id>/values/<int:value>/undo/", views.undo, name="undo"),
    path("<uuid:item_id>/decisions/<uuid:decision>/restore/", views.restore, name="restore"),
]
