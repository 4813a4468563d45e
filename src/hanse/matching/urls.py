"""Addresses of the pages of matching."""

from django.urls import path

from hanse.matching import source_pages, views

app_name = "matching"
urlpatterns = [
    path("", views.matches, name="matches"),
    path("agree/", views.agree, name="agree"),
    path("agree/<str:partner>/", views.agree, name="agree-with"),
    path("end/<str:partner>/", views.end, name="end"),
    path("ask/<str:partner>/", views.ask, name="ask"),
    path("stop/<uuid:run>/", views.stop, name="stop"),
    path("reopen/<uuid:run>/", views.reopen, name="reopen"),
    path("reopen-count/<uuid:count>/", views.reopen_count, name="reopen-count"),
    path("reopen-day/<str:partner>/<str:epoch>/", views.reopen_day, name="reopen-day"),
    path("sources/<uuid:attack_id>/", source_pages.count, name="count-sources"),
    path("hits/<uuid:hit_id>/", views.hit, name="hit"),
    path("hits/<uuid:hit_id>/offer/", views.offer, name="offer"),
    path("hits/<uuid:hit_id>/decline/", views.decline, name="decline"),
    path("standing/<str:partner>/<str:wish>/", views.standing, name="standing"),
    path("cases/<uuid:case_id>/ask/", views.ask_who_else, name="ask-who-else"),
    path("cases/<uuid:case_id>/keep-out/", views.keep_out, name="keep-out"),
    path("cases/<uuid:case_id>/let-in/<uuid:object_id>/", views.let_in, name="let-in"),
]
