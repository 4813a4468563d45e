"""The frame around every page: rail, what waits, the node's name, the clock."""

import logging
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.crypto import salted_hmac

from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.policy.decision import may
from hanse.web.page import actor_of

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_log = logging.getLogger(__name__)

ORDER = (
    "situation", "attacks", "campaigns", "intelligence", "cases", "matches", "networks", "orders", "prevention",
    "assistance", "partners", "flows", "constituency", "ledger", "jobs", "people", "settings",
)  # fmt: skip
"""The rail in the order of the work; what is not here comes last."""

SEARCH_VIEW = "console:search"
"""Name of the page that the search field leads to."""

ALARMS_VIEW, ALARMS_ACTION = "console:alarms", "attacks.view"
"""Name of the part that says what runs now, which every page keeps up to date, and who may see it."""


@dataclass(frozen=True, slots=True)
class RailEntry:
    """One entry of the rail.

    Attributes:
        name: Key of `ORDER`.
        label: The word on the page.
        view: Name of its first page, such as ``attacks:list``.
        action: Who may do it sees the entry.
        icon: A name of ``frontend/icons.json``.
    """

    name: str
    label: str
    view: str
    action: str
    icon: str


class Rail:
    """The rail's entries, as the rooms add them when Django starts."""

    def __init__(self) -> None:
        self._entries: dict[str, RailEntry] = {}

    def add(self, name: str, label: str, view: str, action: str, icon: str = "") -> None:
        """Add a room's entry, with the icon of its own name by default; a second one of a name replaces it."""
        self._entries[name] = RailEntry(name, label, view, action, icon or name)

    def shown(self, actor: Actor, path: str) -> list[dict[str, Any]]:
        """What the actor may open and exists here, in order, each with `url` and whether it is `current`."""
        entries = []
        for entry in sorted(self._entries.values(), key=_place):
            url = url_of(entry.view)
            if url is not None and may(actor, entry.action, now_us=now_us()):
                entries.append({"entry": entry, "url": url, "current": _is_at(path, url)})
        return entries


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for somebody.

    Attributes:
        label: In words, such as ``approvals``.
        count: How many.
        url: Where they are; lazy where the room's addresses need not be there.
    """

    label: str
    count: int
    url: "StrOrPromise"


Waits = Callable[[Actor], Waiting | None]

rail = Rail()
"""The rail of this process."""

waiting: list[Waits] = []
"""What may wait for an actor: each is asked at every page, so it must be cheap; None or a count of 0 is nothing."""


own_pages: list[tuple[str, str]] = []
"""Pairs of label and view under the actor's own name: passkeys, tokens, signing out."""


def context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: what ``web/frame.html`` shows around a page."""
    actor = actor_of(request)
    told: dict[str, Any] = {"node": settings.HANSE_NODE, "actor": actor, "now_us": now_us()}
    if actor is not None:
        if actor.kind == "person":
            told["keep_key"] = keep_key(actor)
        found = [one for one in (_asked(ask, actor) for ask in waiting) if one is not None and one.count]
        told |= {
            "rail": rail.shown(actor, request.path),
            "waiting": found,
            "waiting_count": sum(one.count for one in found),
            "search_url": url_of(SEARCH_VIEW),
            "alarms_url": url_of(ALARMS_VIEW) if may(actor, ALARMS_ACTION, now_us=now_us()) else None,
            "own": [(label, url) for label, view in own_pages if (url := url_of(view))],
        }
    return told


def keep_key(actor: Actor) -> str:
    """The key under which a person's browser keeps what they typed into forms, 32 bytes in Base64.

    It stands in their pages alone, which no browser keeps, and is the same in each of their sessions.
    """
    return b64encode(salted_hmac("hanse.web.frame.keep", actor.id, algorithm="sha256").digest()).decode()


def _asked(ask: Waits, actor: Actor) -> Waiting | None:
    """What waits for an actor; where it cannot be read, as after something was altered, the log says so and pages go on."""
    try:
        return ask(actor)
    except HanseError as error:
        _log.error("what waits for %s is not counted: %s", actor.id, error)
        return None


def url_of(view: str) -> str | None:
    """Address of a named page, or None where this node has none of that name."""
    try:
        return reverse(view)
    except NoReverseMatch:
        return None


def _place(entry: RailEntry) -> tuple[int, str]:
    return (ORDER.index(entry.name) if entry.name in ORDER else len(ORDER), entry.name)


def _is_at(path: str, url: str) -> bool:
    return path == url if url == "/" else path.startswith(url)
