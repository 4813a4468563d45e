"""What partners get of an attack, and what this node makes of theirs.

The name that the detector gives follows from victim, vector and time, so that it never leaves: a partner gets the id
under which the attack is shared. Without its victim, an attack says so by a mark that is the same for one victim and
tells nothing of it, so that partners still see how many victims there are. A sketch of sources can be turned back
into its sources; it is withheld with them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import msgspec
from django.urls import reverse

from hanse.attacks.attack import Attack
from hanse.attacks.models import Attack as AttackRow
from hanse.attacks.models import PartnerAttack
from hanse.attacks.vectors import vector_words, vectors
from hanse.federation import onward, originals
from hanse.federation.handlers import Arrived, Handler
from hanse.federation.sharing import Shareable, Thing
from hanse.kernel import sealing
from hanse.kernel.actors import Actor
from hanse.kernel.clock import FIRST_MOMENT_US, LAST_MOMENT_US
from hanse.kernel.countries import NUMERIC
from hanse.kernel.errors import UsageError
from hanse.kernel.printable import is_printable
from hanse.kernel.units import minute
from hanse.ledger import keyring, objects
from hanse.ledger.among import among
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop, insert
from hanse.policy.guarded import NotVisibleError
from hanse.policy.models import NeedToKnow, StoredMarking, stored

KIND: Final = "attacks.shared"
PARTS: Final = {
    "victim": "the victim's address and whose it is; its sector and country stay",
    "organisation": "whose the victim is",
    "sources": "the apparent sources: their networks, and the sketch of their addresses",
}
_LONGEST_TEXT = 300
_MOST = 1_000


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """An attack as a partner gets it.

    Attributes:
        attack: The attack; its id is the one under which it is shared.
        victim_mark: The same for one victim, and nothing else; empty where the victim is told.
        organisation: Whose the victim is; empty where that is withheld or unknown.
        sector: Its sector; empty where unknown.
        country: Its country, ISO 3166 alpha-2; empty where unknown.
        state: Where the attack stands: ``running``, ``over`` or what somebody decided.
    """

    attack: Attack
    victim_mark: str = ""
    organisation: str = ""
    sector: str = ""
    country: str = ""
    state: str = "over"


def find(actor: Actor | None, object_id: UUID) -> Thing:
    """An attack to share; errors as of `Guarded.get_for`."""
    if actor is None:
        row = AttackRow.projected.select_related("marking").filter(pk=object_id).first()
        if row is None:
            raise NotVisibleError("There is no such attack.")
    else:
        row = AttackRow.objects.get_for(actor, "attacks.view", object_id)
    attack = msgspec.convert(row.detail, Attack)
    content = Shared(
        attack=replace(attack, source_class=row.source_class, linked=()),
        organisation=row.organisation, sector=row.sector, country=row.country, state=row.state,
    )  # fmt: skip
    title = f"{vector_words(row.vector)} on {row.victim}, {minute(row.start_us)}"
    return Thing(row.pk, title, row.marking.marking, row.team, content)


def without(content: Shared, withheld: frozenset[str], shared_id: UUID) -> Shared:
    """What is left of it for partners."""
    attack = replace(content.attack, id=shared_id.hex)
    mark = ""
    if "victim" in withheld:
        mark = sealing.blind(keyring.current().index, "attacks.victim", attack.victim).hex()
        attack = replace(
            attack, victim="", reasons=_silent(attack.reasons, attack.victim), threshold="",
            refuted_by=_silent(attack.refuted_by, attack.victim),
        )  # fmt: skip
    if "sources" in withheld:
        attack = replace(attack, top_networks=(), source_sketch=b"")
    organisation = "" if withheld & {"organisation", "victim"} else content.organisation
    told = msgspec.structs.replace(content, attack=attack, victim_mark=mark, organisation=organisation)
    return objects.settled(told)


def _silent(sentences: tuple[str, ...], victim: str) -> tuple[str, ...]:
    """The sentences that do not name the victim."""
    return tuple(one for one in sentences if victim not in one)


def check(here: Arrived, content: Shared) -> None:
    """Refuse what can be no attack.

    Raises:
        UsageError: A field has no meaning here; says which.
    """
    attack = content.attack
    known = {one.name for one in vectors().values()}
    wrong = [
        name
        for name, right in {
            "vector": attack.vector in known,
            "interval": FIRST_MOMENT_US <= attack.start_us <= attack.end_us <= LAST_MOMENT_US,
            "numbers": min(attack.packets, attack.bytes, attack.flows, attack.sources, attack.networks) >= 0,
            "numbers too large": max(attack.packets, attack.bytes, attack.flows, attack.sources) < 2**63,
            "rates": 0 <= attack.peak_bps < 1e18 and 0 <= attack.peak_pps < 1e18,
            "country": not content.country or content.country in NUMERIC or content.country == "XK",
            "texts": all(
                len(text) <= _LONGEST_TEXT and is_printable(text)
                for text in (
                    attack.victim, content.organisation, content.sector, content.victim_mark, attack.threshold,
                    attack.source_class, attack.confidence, content.state, *attack.reasons, *attack.refuted_by,
                )
            ),
            "lists": max(map(len, (attack.reasons, attack.refuted_by, attack.top_networks, attack.linked))) <= _MOST,
            "sketch": len(attack.source_sketch) <= 100_000,
            "victim": bool(attack.victim) != bool(content.victim_mark),
        }.items()
        if not right
    ]  # fmt: skip
    if wrong:
        raise UsageError(f"The attack that {here.partner} sent cannot be meant: its {', '.join(wrong)}.")


def project(here: Arrived, content: Shared) -> None:
    """The row of a partner's attack; an older version that comes later changes nothing."""
    project_many([(here, content)])


def project_many(entries: Sequence[tuple[Arrived, Shared]]) -> None:
    """The rows of several, as `project` would write them one after the other.

    What its originator sent here itself counts, whatever others pass on of it: their copies may be less strict.
    """
    ids = {here.object_id for here, _ in entries}
    held = list(PartnerAttack.projected.filter(pk__in=among(ids)).values_list("pk", "passed_on", "version"))
    counts = {pk: (not passed_on, version) for pk, passed_on, version in held}
    newest: dict[UUID, tuple[Arrived, Shared]] = {}
    markings = {}
    for here, content in entries:
        count = (not here.via, here.version)
        if count >= counts.get(here.object_id, (False, 0)):
            counts[here.object_id] = count
            newest[here.object_id] = here, content
            if here.marking not in markings:
                markings[here.marking] = stored(here.marking)
    teams = dict(NeedToKnow.objects.filter(pk__in=among(newest)).values_list("pk", "team"))
    if held_before := set(newest) & {pk for pk, _, _ in held}:
        PartnerAttack.projected.filter(pk__in=among(held_before)).delete()
    insert(
        PartnerAttack,
        _COLUMNS,
        [
            _row(here, content, markings[here.marking], teams.get(here.object_id, ""))
            for here, content in newest.values()
        ],
    )


_COLUMNS: Final = (
    "object_id", "marking_id", "team", "partner", "version", "passed_on", "victim", "victim_mark", "vector", "start_us", "end_us",
    "peak_bps", "peak_pps", "sources", "source_class", "organisation", "sector", "country", "state", "received_us",
    "detail",
)  # fmt: skip


def _row(here: Arrived, content: Shared, marking: StoredMarking, team: str) -> tuple[Any, ...]:
    """The values of `_COLUMNS`."""
    attack = content.attack
    return (
        here.object_id, marking.pk, team, here.partner, here.version, bool(here.via), attack.victim, content.victim_mark, attack.vector,
        attack.start_us, attack.end_us, float(attack.peak_bps), float(attack.peak_pps), attack.sources,
        attack.source_class[:16], content.organisation, content.sector[:64], content.country, content.state[:16],
        here.received_us, msgspec.json.encode(attack).decode(),
    )  # fmt: skip


told: list[Callable[[Arrived, Shared], None]] = []
"""What is done once a partner's attack is on record, in the same transaction. Rooms above put theirs here."""


def _tell(here: Arrived, content: Shared) -> None:
    for one in told:
        one(here, content)


def forget(object_id: UUID) -> None:
    """Remove the row of a partner's attack."""
    drop(PartnerAttack.projected, object_id)


def _nothing(_: Recorded, __: Shared) -> None:
    """It goes to a partner; what it says is on record here already."""


def changed(after: int) -> list[tuple[int, UUID]]:
    """The attacks of which something new is on record after a sequence, in that order, some hundred at a time."""
    rows = AttackRow.projected.filter(sequence__gt=after).order_by("sequence")
    return list(rows.values_list("sequence", "pk")[:200])


def _page(object_id: UUID) -> str:
    return reverse("attacks:detail", args=[object_id])


def _found_onward(actor: Actor | None, object_id: UUID) -> Thing:
    """A partner's attack to pass on; errors as of `Guarded.get_for` and `onward.onward_thing`."""
    if actor is None:
        row = PartnerAttack.projected.select_related("marking").filter(pk=object_id).first()
        if row is None:
            raise NotVisibleError("There is no such attack.")
    else:
        row = PartnerAttack.objects.get_for(actor, "attacks.view", object_id)
    title = f"{vector_words(row.vector)} that {row.partner} shared"
    return onward.onward_thing(row.pk, title, row.marking.marking, row.team)


def _page_onward(object_id: UUID) -> str:
    return reverse("attacks:of-partner", args=[object_id])


ONWARD = Shareable(
    "partner-attack",
    originals.FORWARDED,
    _found_onward,
    {},
    lambda content, _withheld, _id: content,
    lambda _: [],
    "attacks.view",
    _page_onward,
    onward.fit,
    by_rule=False,
)
SHAREABLE = Shareable("attack", KIND, find, PARTS, without, changed, "attacks.view", _page)
HANDLER = Handler(
    KIND,
    Shared,
    project,
    forget,
    check,
    again=_tell,
    project_many=project_many,
    onward=True,
    taken_back=True,
    dated=True,
)
KINDS = (Kind(KIND, Shared, _nothing),)
