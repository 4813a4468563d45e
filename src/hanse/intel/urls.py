"""Addresses of the pages of intelligence."""

from django.urls import path

from hanse.intel import feed_views, own_views, search_views, sharing_views, views

app_name = "intel"
urlpatterns = [
    path("", views.items, name="list"),
    path("imports/", views.imports, name="imports"),
    path("imports/upload/", views.upload, name="upload"),
    path("imports/<uuid:batch_id>/", views.account, name="import"),
    path("imports/<uuid:batch_id>/export/", views.export_batch, name="export-import"),
    path("feeds/", feed_views.feed_list, name="feeds"),
    path("feeds/new/", feed_views.new, name="feed-new"),
    path("feeds/<uuid:feed_id>/", feed_views.feed, name="feed"),
    path("feeds/<uuid:feed_id>/edit/", feed_views.edit, name="feed-edit"),
    path("feeds/<uuid:feed_id>/remove/", feed_views.remove, name="feed-remove"),
    path("feeds/<uuid:feed_id>/run/", feed_views.run_now, name="feed-run-now"),
    path("feeds/<uuid:feed_id>/pause/", feed_views.pause, name="feed-pause"),
    path("feeds/<uuid:feed_id>/resume/", feed_views.resume, name="feed-resume"),
    path("feeds/<uuid:feed_id>/runs/<uuid:run_id>/", feed_views.run, name="feed-run"),
    path("searches/", search_views.saved, name="searches"),
    path("searches/new/", search_views.save, name="search-new"),
    path("searches/<uuid:search_id>/", search_views.one, name="search"),
    path("searches/<uuid:search_id>/change/", search_views.change, name="search-change"),
    path("searches/<uuid:search_id>/seen/", search_views.seen, name="search-seen"),
    path("searches/<uuid:search_id>/delete/", search_views.delete, name="search-delete"),
    path("write/<str:kind>/", own_views.write, name="write"),
    path("<uuid:item_id>/edit/", own_views.edit, name="edit"),
    path("<uuid:item_id>/take-back/", own_views.take_back, name="take-back"),
    path("<uuid:item_id>/grade/", own_views.grade, name="grade"),
    path("<uuid:item_id>/grade/withdraw/", own_views.ungrade, name="ungrade"),
    path("<uuid:item_id>/", views.item, name="item"),
    path("<uuid:item_id>/share/", sharing_views.share, name="share"),
    path("<uuid:item_id>/recall/", sharing_views.recall, name="recall"),
    path("<uuid:item_id>/pass-on/", sharing_views.pass_on, name="pass-on"),
    path("<uuid:item_id>/acted/", sharing_views.acted, name="acted"),
    path("<uuid:item_id>/export/", views.export, name="export"),
    path("<uuid:item_id>/values/<int:value>/undo/", views.undo, name="undo"),
    path("<uuid:item_id>/decisions/<uuid:decision>/restore/", views.restore, name="restore"),
]
