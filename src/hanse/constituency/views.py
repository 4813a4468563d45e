"""The constituency's pages: whom this authority protects."""

from functools import partial

from django.http import HttpRequest

from hanse.accounts.looking import asks_why, listed
from hanse.constituency.models import Protected
from hanse.web import lists
from hanse.web.page import Result, page, signed_in

LIST = lists.Listed(
    name="constituency",
    caption="Whom we protect",
    order="prefix",
    columns=(
        lists.Column(key="prefix", label="Network", sort="first"),
        lists.Column(key="organisation", label="Organisation", sort="organisation"),
        lists.Column(key="sector", label="Sector", sort="sector"),
        lists.Column(key="country", label="Country", sort="country"),
    ),
)


@page("constituency.view", "constituency/list.html")
@asks_why
def targets(request: HttpRequest) -> Result:
    """All protected networks."""
    return listed(request, LIST, partial(Protected.objects.for_actor, signed_in(request)), "constituency.view")
