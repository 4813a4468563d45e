"""Addresses of TAXII 2.1."""

from django.urls import path

from hanse.taxii import server

app_name = "taxii"
urlpatterns = [
    path("", server.discovery, name="discovery"),
    path("root/", server.api_root, name="root"),
    path("root/status/<uuid:request_id>/", server.status, name="status"),
    path("root/collections/", server.collections, name="collections"),
    path("root/collections/<str:name>/", server.collection, name="collection"),
    path("root/collections/<str:name>/manifest/", server.manifest, name="manifest"),
    path("root/collections/<str:name>/objects/", server.objects, name="objects"),
    path("root/collections/<str:name>/objects/<str:object_id>/", server.one_object, name="object"),
    path("root/collections/<str:name>/objects/<str:object_id>/versions/", server.versions, name="versions"),
]
