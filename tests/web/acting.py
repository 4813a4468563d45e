"""Who acts in a test, as the middleware of accounts would say: told by the test's client."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.test import Client

from hanse.kernel.actors import Actor

MIDDLEWARE = "tests.web.acting.acting"


class ActingClient(Client):
    """A browser at which somebody, or nobody, is signed in."""

    def __init__(self, who: Actor | None, **more: object) -> None:
        super().__init__(**more)
        self.who = who

    def request(self, **request: object):
        """Send a request as this person."""
        return super().request(**{"hanse.actor": self.who, **request})


def acting(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: set the request's actor from the test's client."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        request.actor = request.META.get("hanse.actor")
        return get_response(request)

    return answer
