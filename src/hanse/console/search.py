"""The search field: an address, a network, an id or a name, within what the actor may see.

Every room is asked through its own guarded rows, so that what the actor may not see is neither found nor counted.
Nothing typed is sent anywhere or kept: searching is done inside the node, whatever the marking of the value.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from hanse.accounts.models import Person, RoleGrant
from hanse.attacks.choosing import on_organisations
from hanse.attacks.models import Attack, PartnerAttack
from hanse.attacks.service import object_of
from hanse.attacks.vectors import vector_words
from hanse.campaigns import service as campaigns
from hanse.cases import finding
from hanse.cases.models import Case
from hanse.console.visible_entries import visible_entries
from hanse.constituency.models import Protected
from hanse.federation.models import Partner
from hanse.intel.finding import matching
from hanse.intel.service import title_of
from hanse.kernel import addresses, units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.ledger.fields import NOT_OPENING
from hanse.policy.decision import may
from hanse.policy.roles import roles

SHOWN = 20
"""Hits per group: who needs more, filters the room's own list."""

SMALL = 256
"""Addresses of a network in which victims that partners told are looked for."""

ADDRESS = frozenset("0123456789abcdef.:/")
"""What an address or a network is written with."""

LONGEST = 500
"""Characters that are searched for: longer than any name, address or id."""


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
        action: The action that its rows are looked at by; empty where the law wants nothing written down.
        rows: The rows behind the hits, where there is such an action.
    """

    label: str
    hits: list[Hit]
    more: str = ""
    action: str = ""
    rows: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed, and what it may mean.

    Attributes:
        text: As it was typed, without the space around it.
        network: The address or network that it is, if any.
        id: The id that it is, if any.
    """

    text: str
    network: IPv4Network | IPv6Network | None
    id: UUID | None

    @property
    def names(self) -> bool:
        """Whether it may be part of a name: a number stands in many sentences and means none of them."""
        return any(letter.isalpha() for letter in self.text)

    @property
    def bounds(self) -> tuple[str, str]:
        """First and last address of the network, as the rooms' columns have them."""
        first, last = addresses.network_bounds(self.network or ip_network("::/128"))
        return first.hex(), last.hex()

    @property
    def around(self) -> list[str]:
        """The networks that hold the one typed, in text, the network itself among them."""
        network = self.network
        if network is None:
            return []
        return [str(network.supernet(new_prefix=length)) for length in range(network.prefixlen + 1)]


def read(text: str) -> Typed:
    """What was typed, and what it may mean."""
    text = text.replace("\0", "").strip()[:LONGEST]
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        network = None
    try:
        one = UUID(text)
    except ValueError:
        one = None
    return Typed(text, network, one)


def find(text: str, actor: Actor) -> list[Group]:
    """Everything of the text that the actor may see; groups without a hit are left out."""
    typed = read(text)
    if not typed.text:
        return []
    found = [room(typed, actor) for action, room in ROOMS if may(actor, action, now_us=now_us())]
    return [group for group in found if group.hits]


def only(groups: Sequence[Group]) -> str:
    """Address of the one thing that was found; empty where it is none or several."""
    hits = [hit for group in groups for hit in group.hits]
    return hits[0].url if len(hits) == 1 else ""


def _attacks(typed: Typed, actor: Actor) -> Group:
    rows = Attack.objects.for_actor(actor, "attacks.view")
    wanted = Q(pk=object_of(typed.text))
    if set(typed.text.lower()) <= ADDRESS:
        wanted |= Q(victim__istartswith=typed.text)
    if typed.names:
        wanted |= Q(on_organisations(rows, typed.text))
    if typed.network is not None:
        first, last = typed.bounds
        wanted |= Q(victim_sort__gte=first, victim_sort__lte=last) | Q(victim__in=typed.around)
    if typed.id is not None:
        wanted |= Q(object_id=typed.id)
    rows = rows.filter(wanted).select_related("marking").defer("detail")
    found = list(rows.order_by("-start_us", "-object_id")[: SHOWN + 1])
    hits = [
        Hit(
            _("%(vector)s on %(victim)s") % {"vector": vector_words(row.vector), "victim": row.victim},
            _joined(row.organisation, units.minute(row.start_us), units.bit_rate(row.peak_bps)),
            reverse("attacks:detail", args=[row.pk]),
        )
        for row in found[:SHOWN]
    ]
    more = _more_attacks(typed) if len(found) > SHOWN else ""
    return Group(_("Attacks"), hits, more, "attacks.view", tuple(found[:SHOWN]))


def _shared(typed: Typed, actor: Actor) -> Group:
    """Attacks that partners shared, by victim and organisation as far as they told them."""
    wanted = Q(pk=typed.id) if typed.id is not None else Q()
    if set(typed.text.lower()) <= ADDRESS:
        wanted |= Q(victim__istartswith=typed.text)
    if typed.names:
        wanted |= Q(organisation__icontains=typed.text)
    if typed.network is not None:
        wanted |= Q(victim__in=typed.around) | Q(victim__in=_inside(typed.network))
    if not wanted:
        return Group(_("Partners' attacks"), [])
    rows = PartnerAttack.objects.for_actor(actor, "attacks.view").filter(wanted)
    found = list(rows.select_related("marking").defer("detail").order_by("-start_us", "object_id")[:SHOWN])
    hits = [
        Hit(
            _joined(vector_words(row.vector), row.victim),
            _joined(row.partner, row.organisation, units.minute(row.start_us)),
            reverse("attacks:of-partner", args=[row.pk]),
        )
        for row in found
    ]
    return Group(_("Partners' attacks"), hits, "", "attacks.view", tuple(found))


def _inside(network: IPv4Network | IPv6Network) -> list[str]:
    """All addresses of a small network, in text: partners' victims are kept as text alone."""
    return [str(one) for one in network] if network.num_addresses <= SMALL else []


def _partners(typed: Typed, _actor: Actor) -> Group:
    """By name or id; who may see partners at all sees all of them."""
    rows = Partner.objects.filter(Q(name__icontains=typed.text) | Q(authority__iexact=typed.text))
    hits = [
        Hit(row.name, row.authority, reverse("federation:partner", args=[row.authority]))
        for row in rows.order_by("name", "authority")[:SHOWN]
    ]
    return Group(_("Partners"), hits)


def in_flows(text: str, actor: Actor) -> str:
    """Where the flows of an address or network are: attackers' stand nowhere else. Empty for what is none."""
    typed = read(text)
    if typed.network is None or not may(actor, "telemetry.view", now_us=now_us()):
        return ""
    return f"{reverse('telemetry:list')}?{urlencode({'address': typed.text})}"


def _more_attacks(typed: Typed) -> str:
    """The list of attacks, filtered by what was typed as near as its filters come."""
    chosen = {"victim": typed.text} if typed.network is not None else {"organisation": typed.text}
    return f"{reverse('attacks:list')}?{urlencode(chosen)}"


def _items(typed: Typed, actor: Actor) -> Group:
    found = list(matching(typed.text, actor)[:SHOWN])
    hits = [Hit(title_of(row), row.type, reverse("intel:item", args=[row.pk])) for row in found]
    return Group(_("Intelligence"), hits, "", "intel.view", tuple(found))


def _cases(typed: Typed, actor: Actor) -> Group:
    """Exactly, by hash: what stands in a case is in no index of words."""
    found = list(finding.matching(typed.text, actor)[:SHOWN])
    hits = [
        Hit(_called(row), str(row.get_status_display()), reverse("cases:case", args=[row.pk]))
        for row in found
    ]
    return Group(_("Cases"), hits, "", "cases.view", tuple(found))


def _called(case: Case) -> str:
    """What a case is called; where it was altered in the database, words that name it: the other hits are shown."""
    try:
        return str(case)
    except NOT_OPENING as error:
        return str(error)


def _campaigns(typed: Typed, actor: Actor) -> Group:
    wanted = Q(name=typed.text)
    if typed.names:
        wanted |= Q(verdict__icontains=typed.text)
    rows = campaigns.standing(actor)
    if typed.id is not None:  # a link to one that was replaced still leads to its page, which says so
        wanted, rows = Q(object_id=typed.id), campaigns.visible(actor)
    shown = rows.filter(wanted).select_related("marking").defer("detail")
    found = list(shown.order_by("-start_us", "object_id")[:SHOWN])
    hits = [
        Hit(row.verdict, units.minute(row.start_us), reverse("campaigns:detail", args=[row.pk]))
        for row in found
    ]
    return Group(_("Campaigns"), hits, "", "campaigns.view", tuple(found))


def _protected(typed: Typed, actor: Actor) -> Group:
    text = typed.text
    wanted = Q(prefix__istartswith=text)
    if typed.names:
        wanted |= Q(organisation__icontains=text) | Q(site__icontains=text)
    if typed.network is not None:
        first, last = typed.bounds
        wanted |= Q(first__lte=first, last__gte=last)
    rows = Protected.objects.for_actor(actor, "constituency.view").filter(wanted)
    hits = [
        Hit(
            _joined(row.prefix, row.organisation),
            _joined(row.site, row.sector, row.country),
            f"{reverse('constituency:list')}?{urlencode({'prefix': row.prefix})}",
        )
        for row in rows.order_by("first", "-length", "object_id")[:SHOWN]
    ]
    return Group(_("Constituency"), hits)


def _people(typed: Typed, _actor: Actor) -> Group:
    """By name or by role; who may see people at all sees all of them."""
    titles = {one.name for one in roles().values() if typed.text.lower() in {one.name, one.title.lower()}}
    holding = RoleGrant.objects.filter(role__in=titles).values("person")
    rows = Person.objects.filter(Q(name__icontains=typed.text) | Q(pk__in=holding)).order_by("name", "pk")
    held: dict[UUID, list[str]] = {}
    found = list(rows[:SHOWN])
    for person, role in RoleGrant.objects.filter(person__in=found).values_list("person", "role"):
        held.setdefault(person, []).append(roles()[role].title if role in roles() else role)
    hits = [
        Hit(row.name, ", ".join(sorted(held.get(row.pk, []))), reverse("accounts:person", args=[row.pk]))
        for row in found
    ]
    return Group(_("People"), hits)


def _entries(typed: Typed, actor: Actor) -> Group:
    """By number, or all versions of an object by its id."""
    digits = typed.text.replace(",", "").replace(" ", "").replace(units.THIN_SPACE, "")
    if digits.isascii() and digits.isdigit() and len(digits) <= 15:
        wanted = Q(pk=int(digits))
    elif typed.id is not None:
        wanted = Q(object_id=typed.id)
    else:
        return Group(_("Ledger"), [])
    rows = visible_entries(actor, "ledger.view").filter(wanted).order_by("-sequence")
    hits = [
        Hit(
            _("Entry %s") % units.count(row.sequence),
            _joined(row.kind, units.minute(row.time_us)),
            reverse("console:entry", args=[row.sequence]),
        )
        for row in rows.only("sequence", "kind", "time_us")[:SHOWN]
    ]
    return Group(_("Ledger"), hits)


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


ROOMS: tuple[tuple[str, Callable[[Typed, Actor], Group]], ...] = (
    ("attacks.view", _attacks),
    ("attacks.view", _shared),
    ("campaigns.view", _campaigns),
    ("intel.view", _items),
    ("cases.view", _cases),
    ("constituency.view", _protected),
    ("federation.view", _partners),
    ("accounts.view", _people),
    ("ledger.view", _entries),
)
"""The rooms in the order of their groups, each with the action of whoever may search in it."""
