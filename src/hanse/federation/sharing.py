"""Sharing things of the rooms with partners: what each would see, giving it to them, and who has what.

Rooms say what of theirs can be shared (`register`). What is shared has an id of its own, made from the thing's under
a key of this node: the ids of some things follow from what they say, so that whoever is not to see a victim could try
out all addresses. Each recipient gets an entry of its own, and nobody learns who else did.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import msgspec

from hanse.federation.contents import Shared
from hanse.federation.groups import members_of
from hanse.federation.models import Given, Partner
from hanse.federation.partners import active, as_actor
from hanse.federation.sending import send
from hanse.kernel import sealing, strict_json
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.countries import NUMERIC
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.markings import TIERS, Marking, Tlp, join
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.writing import Draft, append, writing
from hanse.policy.asking import require
from hanse.policy.decision import Decision, Reason
from hanse.policy.giving import may_give
from hanse.policy.guarded import NotVisibleError

SHARED: Final = "federation.shared"
LARGEST_BYTES: Final = 2_000_000
"""Of a content: half of what an answer to a partner may have, for what is passed on is written as text once more."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that can be shared.

    Attributes:
        object_id: The object of the ledger.
        title: What it is called on pages.
        marking: Its marking.
        team: Id of its need-to-know team; empty for none.
        content: All that a partner can get of it.
        released: Ids of the authorities that may have it by the word of its originator, who is another.
    """

    object_id: UUID
    title: str
    marking: Marking
    team: str
    content: msgspec.Struct
    released: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Shareable:
    """A sort of things that can be shared.

    Attributes:
        sort: Its name, such as ``attack``.
        kind: The kind of entries that bring it to partners, such as ``attacks.shared``.
        find: Loads one on behalf of an actor, or by the node itself where there is none.
        parts: What can be withheld of it, by name, in words.
        without: The content without some parts, and under another id.
        changed: Of what something new is on record after a sequence: for each thing the sequence, and the thing.
        view: The action of policy of seeing one.
        page: The address of the page of one.
        fit: The content as one authority gets it, by its id; the same for all by default.
        by_rule: Whether a rule can share them as they are found.
        largest: Bytes of a content at most, as JSON; what has more goes as a file, by another way.
        along: What one names, as far as an actor may see it, that can be shared as well: each its sort and the thing.
    """

    sort: str
    kind: str
    find: Callable[[Actor | None, UUID], Thing]
    parts: dict[str, str]
    without: Callable[[Any, frozenset[str], UUID], msgspec.Struct]
    changed: Callable[[int], list[tuple[int, UUID]]]
    view: str
    page: Callable[[UUID], str]
    fit: Callable[[Any, str], msgspec.Struct] = lambda content, _: content
    by_rule: bool = True
    largest: int = LARGEST_BYTES
    along: Callable[[Actor, UUID], list[tuple[str, UUID]]] = lambda _actor, _thing: []


_shareables: dict[str, Shareable] = {}


def register(one: Shareable) -> None:
    """Make known what can be shared.

    Raises:
        HanseError: Something else of that name can be already.
    """
    if _shareables.setdefault(one.sort, one) is not one:
        raise HanseError(f"Two sorts of things to share are called {one.sort}. Rename one.")


def sorts() -> list[str]:
    """The sorts of things that can be shared."""
    return sorted(_shareables)


def shareable(sort: str) -> Shareable:
    """What is shared under a name.

    Raises:
        UsageError: Nothing is.
    """
    if sort not in _shareables:
        raise UsageError(
            f"Nothing called {sort[:40]!r} can be shared; what can: {', '.join(sorted(_shareables))}."
        )
    return _shareables[sort]


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom something is shared with; a partner that any of them names gets it.

    Attributes:
        authorities: Ids of partners.
        tiers: Tiers of partners.
        states: ISO 3166 alpha-2 codes.
        groups: Ids of groups, hexadecimal.
    """

    authorities: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def partners(self) -> list[Partner]:
        """The active partners that it means, by id.

        Raises:
            UsageError: An authority or group that it names is none, or a tier or state is no such thing.
        """
        if unknown := self.tiers - set(TIERS):
            raise UsageError(f"{min(unknown)[:40]!r} is no tier; the tiers are {', '.join(TIERS)}.")
        if unknown := frozenset(one for one in self.states if one not in NUMERIC and one != "XK"):
            raise UsageError(f"{min(unknown)[:40]!r} is no country, in two letters such as EE.")
        here = active()
        if unknown := self.authorities - {one.authority for one in here}:
            raise UsageError(f"{min(unknown)!r} is no active partner. Nothing was shared.")
        named = self.authorities | members_of(self.groups)
        return [
            one
            for one in here
            if one.authority in named or one.tier in self.tiers or one.country in self.states
        ]


@dataclass(frozen=True, slots=True)
class Shown:
    """What one partner would see.

    Attributes:
        partner: Who.
        decision: Whether it may get it, and why not.
        content: What it gets, exactly; None where it may not.
        marking: The marking that it gets it with.
        marked: What was said of its copy beside the thing's own marking; None for nothing.
        held_us: When it was given it last, microseconds UTC; None where it has not got it.
    """

    partner: Partner
    decision: Decision
    content: msgspec.Struct | None
    marking: Marking
    marked: Marking | None = None
    held_us: int | None = None


@dataclass(frozen=True, slots=True)
class Sharing:
    """One thing, for whom, and how.

    Attributes:
        sort: What it is.
        object_id: The thing.
        audience: For whom.
        withheld: Names of the parts that nobody gets.
        marking: What the copies are to be marked with beside the thing's own, which holds in any case; None for what
            was said of each partner's copy before.
    """

    sort: str
    object_id: UUID
    audience: Audience
    withheld: frozenset[str] = frozenset()
    marking: Marking | None = None


def shared_id(object_id: UUID) -> UUID:
    """Under which id a thing is shared: always the same, and nobody finds the thing's own from it."""
    return UUID(bytes=sealing.blind(keyring.current().index, "federation.shared", object_id.hex))


def preview(sharing: Sharing, actor: Actor) -> list[Shown]:
    """Exactly what each partner would get; nothing leaves.

    Raises:
        RefusedError: The actor may not share.
        UsageError: That cannot be meant.
        NotVisibleError: There is no such thing, or it is not for the actor to see.
    """
    require(actor, "federation.view")
    return _shown(sharing, actor)


def _shown(sharing: Sharing, actor: Actor | None) -> list[Shown]:
    sort = shareable(sharing.sort)
    if unknown := sharing.withheld - sort.parts.keys():
        raise UsageError(
            f"{min(unknown)!r} is no part that can be withheld; these are: {', '.join(sort.parts)}."
        )
    thing = sort.find(actor, sharing.object_id)
    before, held = _marked(thing.object_id), _held(thing.object_id)
    content = sort.without(thing.content, sharing.withheld, shared_id(thing.object_id))
    too_large = _too_large(content, sort.largest)
    now = now_us()
    told = []
    for partner in sharing.audience.partners():
        name = partner.authority
        marked = sharing.marking or before.get(name)
        marking = join(thing.marking, marked) if marked else thing.marking
        decision = may_give(
            authority(), as_actor(partner), marking, thing.team, now_us=now, released=name in thing.released,
            named=is_for_named(marking, now) and (name in before or _is_of(actor, thing.team)),
        )  # fmt: skip
        decision = too_large if decision and too_large is not None else decision
        # Whoever signs the copies is among those they come from, also of what others originated.
        own = replace(marking, originators=marking.originators | {authority()})
        own = opened_for(own, name) if name in thing.released else own
        fitting = sort.fit(content, name) if decision else None
        told.append(Shown(partner, decision, fitting, own, marked, held.get(name)))
    return told


def _too_large(content: msgspec.Struct, largest: int) -> Decision | None:
    """Why a content is given to nobody; None where it is not too large."""
    size = len(msgspec.json.encode(content))
    if size <= largest:
        return None
    words = f"It has {size:,} bytes; {largest:,} are the most that is shared. Withhold some of it, or give it as a file."
    return Decision(allowed=False, reasons=(Reason("size", words),))


def _marked(object_id: UUID) -> dict[str, Marking]:
    """What was said of the copies that partners have, beside the thing's own marking."""
    rows = Given.objects.filter(thing=object_id, recalled_us=None)
    return {row.recipient: marked for row in rows if (marked := marked_of(row)) is not None}


def _held(object_id: UUID) -> dict[str, int]:
    """Which partners have a thing, by authority, and when each was given it last."""
    rows = Given.objects.filter(thing=object_id, recalled_us=None, refused="")
    return dict(rows.values_list("recipient", "given_us"))


def marked_of(row: Given) -> Marking | None:
    """What was said of a partner's copy, beside the thing's own marking; None for nothing."""
    return Marking.from_json(strict_json.loads(row.marked.encode())) if row.marked else None


def is_for_named(marking: Marking, now: int) -> bool:
    """Whether only people whom the partner has to name will know what is so marked."""
    return marking.tlp is Tlp.RED or marking.is_embargoed(now)


def _is_of(actor: Actor | None, team: str) -> bool:
    return actor is not None and team in actor.teams


def opened_for(marking: Marking, to: str) -> Marking:
    """A marking as its originator's release opens it for one more authority."""
    if marking.releasable is None:
        return marking
    name = f"authority:{to}"
    others = (one for one in marking.releasable if name not in one.split(" & "))
    return replace(marking, releasable=frozenset({name, *others}))


def share(sharing: Sharing, actor: Actor, reason: str) -> list[Shown]:
    """Give a thing to every partner of the audience that may have it; what each got, or why not.

    Raises:
        RefusedError: The actor may not share.
        UsageError: That cannot be meant, or no reason was given.
        NotVisibleError: There is no such thing, or it is not for the actor to see.
    """
    require(actor, "federation.share")
    if not reason.strip():
        raise UsageError("Say why it is shared: the law wants the reason written down.")
    return give(sharing, actor, reason.strip(), actor)


def give(sharing: Sharing, actor: Actor, reason: str, reader: Actor | None = None) -> list[Shown]:
    """`share` without asking whether the actor may: for the node itself, by a rule that people made.

    Args:
        sharing: What, for whom.
        actor: Who does it.
        reason: Why.
        reader: On whose behalf the thing is loaded; None for the node itself.
    """
    sort = shareable(sharing.sort)
    with writing():
        told = _shown(sharing, reader)
        to = [one for one in told if one.content is not None]
        if to:
            shared = shared_id(sharing.object_id)
            for marked in dict.fromkeys(one.marked.text if one.marked else "" for one in to):
                alike = [one for one in to if (one.marked.text if one.marked else "") == marked]
                names = tuple(one.partner.authority for one in alike)
                content = Shared(
                    sharing.object_id.hex, sharing.sort, names, tuple(sorted(sharing.withheld)), marked
                )
                append(
                    SHARED, content, actor=actor, reason=reason, object_id=shared, marking=alike[0].marking
                )
            send([_draft(sort.kind, one, shared) for one in to])
    return told


def _draft(kind: str, one: Shown, shared: UUID) -> Draft:
    assert one.content is not None  # noqa: S101 - only what may be given becomes a draft
    return Draft(kind, one.content, shared, one.marking, recipient=one.partner.authority)


def held_by(object_id: UUID) -> Sequence[Given]:
    """Who has a thing, by authority."""
    return list(Given.objects.filter(thing=object_id).order_by("recipient"))


def again(rows: Iterable[Given], actor: Actor, reason: str) -> list[Shown]:
    """Give things anew to those who have them, as they are now: with another marking, or with more known.

    What cannot be given to one any more is not, and keeps nothing else from being done: its originator may have revoked
    the key that signed it.
    """
    told = []
    for row in rows:
        sharing = Sharing(
            row.sort, row.thing, Audience(authorities=frozenset({row.recipient})), frozenset(row.withheld)
        )
        with suppress(UsageError, NotVisibleError):
            told += give(sharing, actor, reason)
    return told
