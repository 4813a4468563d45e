"""How long each route takes, for the node's metrics; only where the node publishes them."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from opentelemetry import metrics

Handler = Callable[[HttpRequest], HttpResponseBase]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram's buckets; 0.1 s is what pages may take at the 95th percentile (CONSOLE.md)."""


def measured(get_response: Handler) -> Handler:
    """Middleware: measure every request, by route, method and status (OpenTelemetry's names for them).

    The route is the pattern, never the address: ids are case material, and would make a series each.
    """
    durations = metrics.get_meter("hanse.web").create_histogram(
        "http.server.request.duration", unit="s", description="Duration of requests by route.",
        explicit_bucket_boundaries_advisory=BOUNDS_S,
    )  # fmt: skip

    def answer(request: HttpRequest) -> HttpResponseBase:
        began = time.monotonic()
        response = get_response(request)
        found, method = request.resolver_match, request.method or ""
        told: dict[str, str | int] = {
            "http.route": found.route if found else "",
            "http.request.method": method if method in _METHODS else "_OTHER",
            "http.response.status_code": response.status_code,
        }
        durations.record(time.monotonic() - began, told)
        return response

    return answer
