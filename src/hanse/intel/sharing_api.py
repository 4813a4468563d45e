"""The API of sharing items: a dry run, sharing, who has one, recalling it, and passing on what partners shared."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from hanse.accounts.looking import looked_at
from hanse.federation import acting, recalling, releases, sharing, sharing_api
from hanse.federation.sharing_api import (
    ActedIn,
    AskReleaseIn,
    AudienceIn,
    HolderOut,
    PartnerGets,
    PassOnIn,
    RecalledOut,
    RecallIn,
    ReleaseAskedOut,
    ShareIn,
    asked,
    gets,
)
from hanse.federation.showing import holders
from hanse.intel import shared
from hanse.intel.models import Item
from hanse.web.api import endpoint
from hanse.web.page import signed_in

router = Router(tags=["federation"])


def _seen(request: HttpRequest, item_id: UUID) -> Item:
    return Item.objects.get_for(signed_in(request), "intel.view", item_id)


@router.post(
    "/items/{uuid:item_id}/share/try", response=list[PartnerGets], operation_id="intel_share_try",
    summary="What each partner would get of an item",
)  # fmt: skip
@endpoint("federation.view")
def share_try(request: HttpRequest, item_id: UUID, told: AudienceIn) -> Any:
    """Exactly what each partner would get; nothing leaves."""
    row = _seen(request, item_id)
    looked_at(request, "intel.view", [row])
    wanted = asked(shared.own_sort_of(row), row.pk, told)
    return [gets(one) for one in sharing.preview(wanted, signed_in(request))]


@router.post(
    "/items/{uuid:item_id}/share", response=list[PartnerGets], operation_id="intel_share",
    summary="Share an item with partners",
)  # fmt: skip
@endpoint("federation.share")
def share(request: HttpRequest, item_id: UUID, told: ShareIn) -> Any:
    """Give an item to every partner of the audience that may have it; what each got, or why not."""
    wanted = asked(shared.own_sort_of(_seen(request, item_id)), item_id, told)
    return [gets(one) for one in sharing.share(wanted, signed_in(request), told.reason)]


@router.get(
    "/items/{uuid:item_id}/holders", response=list[HolderOut], operation_id="intel_holders",
    summary="Which partners have an item",
)  # fmt: skip
@endpoint("federation.view")
def who_has_it(request: HttpRequest, item_id: UUID) -> Any:
    """Which partners have an item or had it, and what became of recalls."""
    return holders(_seen(request, item_id).pk)


@router.post(
    "/items/{uuid:item_id}/recall", response={201: RecalledOut}, operation_id="intel_recall",
    summary="Recall an item from partners",
)  # fmt: skip
@endpoint("federation.share")
def recall(request: HttpRequest, item_id: UUID, told: RecallIn) -> Any:
    """Tell partners to purge an item that they were given."""
    row = _seen(request, item_id)
    number = recalling.recall(row.pk, signed_in(request), told.reason, told.authorities)
    return Status(201, {"told": number})


@router.post(
    "/items/{uuid:item_id}/pass-on", response=PartnerGets, operation_id="intel_pass_on",
    summary="Pass a partner's item on",
)  # fmt: skip
@endpoint("federation.share")
def pass_on(request: HttpRequest, item_id: UUID, told: PassOnIn) -> Any:
    """Pass a partner's item on, whole, as its marking or a release of its originator lets; what it got, or why not."""
    return sharing_api.passed_on(shared.ONWARD_SORT, _seen(request, item_id).pk, told, signed_in(request))


@router.post(
    "/items/{uuid:item_id}/ask-release", response={201: ReleaseAskedOut}, operation_id="intel_ask_release",
    summary="Ask the originator of a partner's item for a release",
)  # fmt: skip
@endpoint("federation.share")
def ask_release(request: HttpRequest, item_id: UUID, told: AskReleaseIn) -> Any:
    """Ask the originator of a partner's item whether another partner may have it."""
    row = _seen(request, item_id)
    return Status(201, {"request": releases.ask(row.pk, told.authority, told.purpose, signed_in(request))})


@router.post(
    "/items/{uuid:item_id}/acted", response={204: None}, operation_id="intel_acted",
    summary="Say what was done with a partner's item",
)  # fmt: skip
@endpoint("federation.share")
def acted(request: HttpRequest, item_id: UUID, told: ActedIn) -> Any:
    """Tell the partner that shared an item what this authority did."""
    acting.acted(_seen(request, item_id).pk, told.what, told.text, signed_in(request))
    return Status(204, None)
