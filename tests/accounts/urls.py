"""The addresses of accounts alone, with one page behind the sign-in, so that these tests need no other room."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from hanse.accounts.api import router
from hanse.web.api import make_api
from hanse.web.page import page


@page("accounts.view", "web/frame.html")
def home(request: HttpRequest) -> HttpResponse:
    """A page for those who may see people."""
    return HttpResponse(request.actor.name)


urlpatterns = [
    path("", home, name="home"),
    path("people/", include("hanse.accounts.urls")),
    path("accounts/", include("hanse.accounts.signin_urls")),
    path("api/", make_api([("/people", router)]).urls),
]
