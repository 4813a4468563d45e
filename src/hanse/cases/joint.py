"""Use cases of joint cases: opening one with partners, taking part, saying something, closing it.

Everything goes by the authority that founded the case, as its author signed it: members need not be partners of each
other, and each proves what another said by that one's signature. How it is marked lets nobody but members have it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

from django.conf import settings
from django.urls import reverse

from hanse.cases.joint_entries import (
    CLOSING,
    JOINING,
    MEMBERS_LIMIT,
    OPENED,
    PER_DAY,
    SAID,
    SAYING,
    TEXT_LIMIT,
    TITLE_LIMIT,
    JointMember,
    JointOpened,
    JointSaid,
)
from hanse.cases.joint_models import JointCase, JointSaying
from hanse.cases.joint_projecting import (
    check_opened,
    check_said,
    entries_of,
    forget_opened,
    forget_said,
    opened,
    said,
    said_enough,
)
from hanse.cases.words import line, lines
from hanse.federation import onward, originals, sharing
from hanse.federation.handlers import Arrived, Handler
from hanse.federation.partners import active
from hanse.federation.sending import send, speaker
from hanse.federation.sharing import Audience, Shareable, Sharing, Thing
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.among import among
from hanse.ledger.identity import authority
from hanse.ledger.writing import Draft, append, writing
from hanse.policy.asking import require
from hanse.policy.guarded import NotVisibleError
from hanse.web import keyset

if TYPE_CHECKING:
    from django.db.models import QuerySet

SORT: Final = "joint-saying"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A joint case as somebody types it.

    Attributes:
        title: What it is called.
        purpose: What it is for.
        legal_basis: The law that it is opened under.
        members: Ids of the partners that are asked.
        retention_us: When it purges itself, at every member, microseconds UTC.
    """

    title: str
    purpose: str
    legal_basis: str
    members: frozenset[str]
    retention_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something to say; attributes as of `joint_entries.JointSaid`, `about` an own id."""

    sort: str
    text: str = ""
    to: str = ""
    due_us: int | None = None
    about: UUID | None = None


def open_joint(told: Opening, reason: str, actor: Actor) -> UUID:
    """Open a joint case with partners; its id.

    Raises:
        RefusedError: The actor may not.
        UsageError: A text is missing, nobody is asked, or somebody who is no active partner.
    """
    require(actor, "cases.joint_open")
    partners = {one.authority: one for one in active()}
    if unknown := told.members - partners.keys():
        raise UsageError(f"{min(unknown)!r} is no active partner. Nothing was opened.")
    if not told.members or len(told.members) >= MEMBERS_LIMIT:
        raise UsageError(f"Choose the partners that are asked, up to {MEMBERS_LIMIT - 1}.")
    node = settings.HANSE_NODE
    own = JointMember(authority=authority(), name=node.name, country=node.country, tier=node.tier)
    others = [
        JointMember(authority=one.authority, name=one.name, country=one.country, tier=one.tier)
        for name, one in sorted(partners.items())
        if name in told.members
    ]
    content = JointOpened(
        title=_text(line(told.title), TITLE_LIMIT, "a title"),
        purpose=_text(lines(told.purpose), TEXT_LIMIT, "what it is for"),
        legal_basis=_text(lines(told.legal_basis), TEXT_LIMIT, "the law that it rests on"),
        members=(own, *others),
    )
    joint, marking = uuid4(), _marking([authority(), *told.members], told.retention_us)
    with writing():
        append(
            OPENED,
            content,
            actor=actor,
            reason=_text(reason, TEXT_LIMIT, "why"),
            object_id=joint,
            marking=marking,
        )
        send([Draft(OPENED, content, joint, marking, recipient=one.authority) for one in others])
    return joint


def _text(text: str, limit: int, what: str) -> str:
    text = text.strip()
    if not text or len(text) > limit:
        raise UsageError(f"Say {what}, in up to {limit:,} characters.")
    return text


def _marking(members: Collection[str], retention_us: int | None) -> Marking:
    """For members alone, who may pass it on to each other; purged by all on the same day."""
    return Marking(
        originators=frozenset({authority()}), tlp=Tlp.GREEN, retention_us=retention_us,
        releasable=frozenset(f"authority:{one}" for one in members),
    )  # fmt: skip


def say(joint: UUID, told: Told, actor: Actor) -> UUID:
    """Say something in a joint case; the id of what is said.

    Raises:
        NotVisibleError: There is no such case, or the actor may not work on it; or no such task in it.
        UsageError: It is closed, this authority takes no part yet, that is not its to say, or it said enough for a day.
    """
    with writing():
        row = JointCase.objects.get_for(actor, "cases.joint", joint)
        _may_say(row, told)
        if said_enough(row, authority()):
            raise UsageError(f"This authority said {PER_DAY} things in it within a day. Go on tomorrow.")
        task = None if told.about is None else _task(row, told.about)
        content = JointSaid(
            founder=row.founder, joint=row.there.hex, sort=told.sort, text=_words(told),
            to=told.to if told.sort == "task" else "", due_us=told.due_us if told.sort == "task" else None,
            of=task.author if task else "", about=task.there.hex if task else "",
        )  # fmt: skip
        thing = uuid4()
        marking = _marking([one["authority"] for one in row.members], row.marking.marking.retention_us)
        append(SAID, content, actor=actor, object_id=thing, marking=marking)
        send([Draft(SAID, content, thing, marking, recipient=one) for one in _recipients(row)])
    return thing


def _words(told: Told) -> str:
    text = lines(told.text)
    if told.sort in {"note", "task", "decision"}:
        return _text(text, TEXT_LIMIT, "something")
    if len(text) > TEXT_LIMIT:
        raise UsageError(f"Say it in up to {TEXT_LIMIT:,} characters.")
    return text


def _may_say(row: JointCase, told: Told) -> None:
    own = row.standing.get(authority())
    if told.sort in CLOSING:
        if row.founder != authority():
            raise UsageError("Only the authority that founded it closes or reopens it.")
        if row.is_closed == (told.sort == "closed"):
            raise UsageError("It stands so already.")
        return
    if row.is_closed:
        raise UsageError("It is closed, and takes nothing in any more.")
    if told.sort in JOINING:
        if row.founder == authority():
            raise UsageError("The authority that founded it takes part in it. It can close it.")
        if (told.sort == "left") != (own == "joined"):
            raise UsageError("That is not to be said as this authority stands to it.")
        return
    if told.sort not in SAYING:
        raise UsageError(f"{told.sort[:40]!r} is nothing that is said in a joint case.")
    if own != "joined":
        raise UsageError("This authority takes no part yet. Take part in it first.")
    if told.sort == "done" and told.about is None:
        raise UsageError("Say which task is done.")
    if told.to and told.to not in {one["authority"] for one in row.members}:
        raise UsageError(f"{told.to[:40]!r} takes no part in it.")


def _task(row: JointCase, task: UUID) -> JointSaying:
    found = JointSaying.objects.filter(pk=task, joint=row.pk, sort="task").first()
    if found is None:
        raise NotVisibleError("There is no such task in it.")
    return found


def _recipients(row: JointCase) -> list[str]:
    """The founder; the other members, where this authority is it: those who are active partners and did not go."""
    if row.founder != authority():
        return [one.authority for one in active() if one.authority == row.founder]
    return _others(row, authority())


def _others(row: JointCase, author: str) -> list[str]:
    members = {one["authority"] for one in row.members} - {author}
    gone = {name for name, stands in row.standing.items() if stands in {"declined", "left"}}
    return [one.authority for one in active() if one.authority in members - gone]


def settle(_here: Arrived, _content: JointOpened) -> None:
    """Nothing more: what is said in a case may come with it, and finds it on record."""


def pass_round(here: Arrived, _content: JointSaid) -> None:
    """What a member said goes on to the other members, as it signed it, where this authority founded the case."""
    saying = JointSaying.objects.filter(pk=here.object_id).first()
    row = None if saying is None else JointCase.projected.filter(pk=saying.joint).first()
    if row is None or row.founder != authority():
        return
    others = frozenset(_others(row, here.partner))
    if others:
        sharing.give(
            Sharing(SORT, here.object_id, Audience(authorities=others)), speaker(), "It founded the case."
        )


def with_sayings(purged: Sequence[UUID], _reason: str) -> set[UUID]:
    """What is purged with joint cases: all that was said in them, as it came and as it was passed round."""
    said_ = JointSaying.objects.filter(joint__in=among(purged))
    return entries_of(set(said_.values_list("pk", flat=True)))


def sayings(row: JointCase, sorts: Collection[str] = ()) -> "QuerySet[JointSaying]":
    """What was said in a joint case that was loaded through policy, the last first.

    In the order in which it was written and not in which it came here, so that all members read the same.

    Args:
        row: The case.
        sorts: Of these sorts alone; of all by default.
    """
    rows = JointSaying.objects.filter(joint=row.pk)
    return (rows.filter(sort__in=list(sorts)) if sorts else rows).order_by(*_WRITTEN)


def page_of(
    rows: "QuerySet[JointSaying]", size: int, *, after: str | None, before: str | None
) -> keyset.Part:
    """Some of what `sayings` gives; arguments and errors as of `keyset.part`."""
    part = keyset.part(rows, keyset.Order("written_us", descending=True), size, after=after, before=before)
    part.rows.sort(key=lambda one: (one.written_us, one.author, one.there), reverse=True)
    return part


_WRITTEN: Final = ("-written_us", "-author", "-there")


def ticked(row: JointCase) -> dict[tuple[str, UUID | None], JointSaying]:
    """By who set a task, and as that authority names it, who said first that it is done; its text is not read."""
    done = JointSaying.objects.filter(joint=row.pk, sort="done").defer("text")
    return {(one.of, one.about): one for one in done.order_by(*_WRITTEN)}


def _found(actor: Actor | None, object_id: UUID) -> Thing:
    """What a member said, to be passed on to the others; errors as of `onward.onward_thing`."""
    saying = JointSaying.objects.filter(pk=object_id).first()
    if saying is None:
        raise NotVisibleError("There is no such thing, or it is not for you to see.")
    if actor is not None:
        JointCase.objects.get_for(actor, "cases.view", saying.joint)
    _, head, _ = originals.original_of(object_id)
    return onward.onward_thing(object_id, saying.sort, Marking.from_json(head.marking), "")


def _page(object_id: UUID) -> str:
    saying = JointSaying.objects.get(pk=object_id)
    return reverse("cases:joint", args=[saying.joint])


SHAREABLE = Shareable(
    SORT, originals.FORWARDED, _found, {}, lambda content, _withheld, _id: content, lambda _: [], "cases.view", _page,
    onward.fit, by_rule=False,
)  # fmt: skip
HANDLERS = (
    Handler(OPENED, JointOpened, opened, forget_opened, check=check_opened, then=settle, dated=True),
    Handler(SAID, JointSaid, said, forget_said, check=check_said, then=pass_round, onward=True, dated=True),
)
