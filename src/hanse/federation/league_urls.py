"""The one address at which other nodes reach this one."""

from django.urls import path

from hanse.federation import league_views

urlpatterns = [path("", league_views.league, name="league")]
