"""Where each room's pages and the API are found."""

from typing import Any

from django.urls import URLPattern, URLResolver, include, path
from django.urls.resolvers import RoutePattern
from django.utils.functional import cached_property

from hanse.bootstrap import loading


class Later(URLResolver):
    """Addresses of a module that is imported with the first request for one of them.

    No page and no template names an address of it, so that nobody misses the names before.
    """

    def _populate(self) -> None:
        """Tell no names, which would import it with the first page that has a link."""

    @cached_property
    def urlconf_module(self) -> Any:
        """The module."""
        with loading():
            return super().urlconf_module


urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("hanse.console.urls")),
    path("attacks/", include("hanse.attacks.urls")),
    path("campaigns/", include("hanse.campaigns.urls")),
    path("flows/", include("hanse.telemetry.urls")),
    path("intelligence/", include("hanse.intel.urls")),
    path("cases/", include("hanse.cases.urls")),
    path("matches/", include("hanse.matching.urls")),
    path("constituency/", include("hanse.constituency.urls")),
    path("partners/", include("hanse.federation.urls")),
    path("league/", include("hanse.federation.league_urls")),
    path("people/", include("hanse.accounts.urls")),
    path("jobs/", include("hanse.web.urls")),
    path("edge/", include("hanse.taxii.urls")),
    path("webhooks/", include("hanse.webhooks.urls")),
    path("taxii2/", include("hanse.taxii.wire_urls")),
    path("accounts/", include("hanse.accounts.signin_urls")),
    # Its two hundred operations take a third of a second, and 20 MB, of a node whose API nobody asks.
    Later(RoutePattern("api/"), "hanse.console.api", app_name="ninja", namespace="api"),
]

handler400 = "hanse.web.problems.bad_request"
handler403 = "hanse.web.problems.denied"
handler404 = "hanse.web.problems.not_found"
handler500 = "hanse.web.problems.failed"
