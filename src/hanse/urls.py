"""Where each room's pages and the API are found."""

from django.urls import URLPattern, URLResolver, include, path

from hanse.console.api import api

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
    path("api/", api.urls),
]

handler400 = "hanse.web.problems.bad_request"
handler403 = "hanse.web.problems.denied"
handler404 = "hanse.web.problems.not_found"
handler500 = "hanse.web.problems.failed"
