"""The search field: an address, a network, an id or a name, within what the actor may see."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from uuid import UUID

from django.db.models import Q
from django.urls import reverse

from hanse.attacks.models import Attack
from hanse.campaigns.models import Campaign
from hanse.constituency.models import Protected
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.ledger.models import Entry
from hanse.policy.decision import may

SHOWN = 20
"""Hits per group: who needs more, filters the room's own list."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found.

    Attributes:
        label: What it is.
        text: More of it.
        url: Its page.
    """

    label: str
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Group:
    """What one room found.

    Attributes:
        label: The room.
        hits: At most `SHOWN`.
        more: Where the rest is; empty when there is none.
    """

    label: str
    hits: list[Hit]
    more: str = ""


def find(text: str, actor: Actor) -> list[Group]:
    """Everything of the text that the actor may see; groups without a hit are left out."""
    groups = [Group("Attacks", list(_attacks(text, actor))), Group("Campaigns", list(_campaigns(text, actor))),
              Group("Constituency", list(_protected(text, actor))), Group("Ledger", list(_entries(text, actor)))]  # fmt: skip
    return [group for group in groups if group.hits]


def _attacks(text: str, actor: Actor) -> Iterator[Hit]:
    if not may(actor, "attacks.view", now_us=now_us()):
        return
    rows = Attack.objects.for_actor(actor, "attacks.view")
    wanted = Q(name=text) | Q(victim__istartswith=text) | Q(organisation__icontains=text)
    if span := _bytes_of(text):
        wanted |= Q(victim_sort__gte=span[0], victim_sort__lte=span[1])
    if (object_id := _uuid(text)) is not None:
        wanted |= Q(object_id=object_id)
    for row in rows.filter(wanted).order_by("-start_us")[:SHOWN]:
        said = f"{units.minute(row.start_us)} · {units.bit_rate(row.peak_bps)} · {row.organisation}"
        yield Hit(str(row), said.rstrip(" ·"), reverse("attacks:detail", args=[row.object_id]))


def _campaigns(text: str, actor: Actor) -> Iterator[Hit]:
    if not may(actor, "campaigns.view", now_us=now_us()):
        return
    wanted = Q(name=text) | Q(verdict__icontains=text)
    if (object_id := _uuid(text)) is not None:
        wanted |= Q(object_id=object_id)
    for row in (
        Campaign.objects.for_actor(actor, "campaigns.view").filter(wanted).order_by("-start_us")[:SHOWN]
    ):
        yield Hit(row.verdict, units.minute(row.start_us), reverse("campaigns:detail", args=[row.object_id]))


def _protected(text: str, actor: Actor) -> Iterator[Hit]:
    if not may(actor, "constituency.view", now_us=now_us()):
        return
    rows = Protected.objects.for_actor(actor, "constituency.view")
    wanted = Q(prefix__istartswith=text) | Q(organisation__icontains=text) | Q(site__icontains=text)
    if span := _bytes_of(text):
        wanted |= Q(first__lte=span[0], last__gte=span[1])
    for row in rows.filter(wanted).order_by("first")[:SHOWN]:
        yield Hit(
            f"{row.prefix} {row.organisation}",
            row.site,
            f"{reverse('constituency:list')}?prefix={row.prefix}",
        )


def _entries(text: str, actor: Actor) -> Iterator[Hit]:
    digits = text.replace(",", "").replace(units.THIN_SPACE, "")
    if (
        not digits.isascii()
        or not digits.isdigit()
        or len(digits) > 15
        or not may(actor, "ledger.view", now_us=now_us())
    ):
        return
    for entry in Entry.objects.filter(pk=int(digits)):
        yield Hit(
            f"Entry {units.count(entry.sequence)}",
            entry.kind,
            reverse("console:entry", args=[entry.sequence]),
        )


def _bytes_of(text: str) -> tuple[bytes, bytes] | None:
    """First and last address of what was typed, 16 bytes each; None where it is no address or network."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    return _sortable(network[0].packed), _sortable(network[-1].packed)


def _sortable(packed: bytes) -> bytes:
    """16 bytes; IPv4 as ::ffff:a.b.c.d, as the rooms' columns have it."""
    return packed if len(packed) == 16 else ip_address("::ffff:0.0.0.0").packed[:12] + packed


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
