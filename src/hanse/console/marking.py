"""Use cases of marking anew: who may, when it takes two people, and what follows for what was derived.

In numbered steps, for each wish:

1. the thing is loaded through policy, for `policy.mark`;
2. what is weaker in any part is refused to all but the originator, and nobody drops one (`may_mark`);
3. what is derived stays at least as strict as what it was derived from;
4. what lets more people see or do more, or would purge it within a week, is proposed to another person;
5. what only restricts is written at once, and what was derived follows.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from hanse.accounts.approvals import EXPIRES_US, Approvable, Pending, propose
from hanse.accounts.models import Proposal, Team
from hanse.attacks.models import Attack
from hanse.campaigns import service as campaigns
from hanse.campaigns.models import Campaign
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, is_at_least, join, strictest
from hanse.kernel.strict_json import loads
from hanse.ledger.identity import authority
from hanse.ledger.writing import writing
from hanse.policy.asking import RefusedError
from hanse.policy.decision import Subject, may_mark
from hanse.policy.guarded import NotVisibleError
from hanse.policy.service import mark

Thing = Attack | Campaign

SOON_US = EXPIRES_US
"""A retention date nearer than this takes two people: one person alone must not purge, nobody having noticed."""


class ChangedError(UsageError):
    """It is no longer as it was when this was proposed."""

    status = 409


@dataclass(frozen=True, slots=True)
class Wish:
    """How a thing is to be marked.

    Attributes:
        marking: Its marking; the originators stay as they are, whatever stands here.
        team: Id of its need-to-know team; empty for none.
    """

    marking: Marking
    team: str = ""


def thing_for(actor: Actor, action: str, object_id: UUID) -> Thing:
    """An attack or a campaign with which an actor may do an action.

    Raises:
        NotVisibleError: There is none, or it is not for the actor to see.
    """
    if Campaign.projected.filter(pk=object_id).exists():
        return campaigns.campaign_for(actor, action, object_id)
    return Attack.objects.get_for(actor, action, object_id)


def is_markable(object_id: UUID) -> bool:
    """Whether an object is an attack or a campaign."""
    return any(model.projected.filter(pk=object_id).exists() for model in (Attack, Campaign))


def mark_anew(object_id: UUID, wish: Wish, why: str, actor: Actor) -> UUID | None:
    """Mark a thing anew, or propose it where that takes two people.

    Args:
        object_id: An attack or a campaign.
        wish: How it is to be marked.
        why: The reason, for whoever comes after or has to approve it.
        actor: Who wants it.

    Returns:
        The proposal that another person has to approve; None where it is done.

    Raises:
        NotVisibleError: There is no such thing, or the actor may not mark it.
        RefusedError: It would be weaker than another authority wants, or an originator would be dropped.
        UsageError: No reason is given, it is marked so already, the team is none, or it would be weaker than what
            it was derived from.
    """
    if not why.strip():
        raise UsageError("Say why: whoever comes after you has to understand it.")
    with writing():
        row = thing_for(actor, "policy.mark", object_id)
        old = row.marking.marking
        wish = replace(wish, marking=replace(wish.marking, originators=old.originators))
        decision = may_mark(actor, Subject(_sort(row), old, row.team), wish.marking, now_us=now_us())
        if not decision:
            raise RefusedError(decision)
        _check(row, wish)
        if needs_two(row, wish):
            return propose(APPROVABLE.action, _subject(row, wish), why, actor)
        _write(row, wish, actor, why.strip())
    return None


def needs_two(row: Thing, wish: Wish) -> bool:
    """Whether a wish lets more people see or do more with a thing, or would have it purged within a week.

    Giving a thing of no team to one is for one person: somebody has to name those who may know a TLP:RED thing.
    """
    old, new = row.marking.marking, wish.marking
    soon = new.retention_us is not None and new.retention_us < now_us() + SOON_US
    return (
        not is_at_least(new, old)
        or bool(row.team and wish.team != row.team)
        or (soon and new.retention_us != old.retention_us)
    )


def derived_of(row: Thing) -> list[Campaign]:
    """The campaigns that name an attack; nothing is derived of a campaign."""
    ids = campaigns.naming([row.pk]) if isinstance(row, Attack) else ()
    return list(Campaign.projected.filter(pk__in=ids).select_related("marking").order_by("object_id"))


def waiting_on(object_id: UUID) -> list[Proposal]:
    """Open proposals to mark a thing anew, newest first."""
    rows = Proposal.objects.filter(action=APPROVABLE.action, state="open", expires_us__gt=now_us())
    return [row for row in rows.order_by("-proposed_us") if row.subject.get("object") == object_id.hex]


def differences(old: Marking, new: Marking, old_team: str = "", new_team: str = "") -> list[str]:
    """What changes, part by part, in words such as ``TLP:RED becomes TLP:AMBER``."""
    before, after = _parts(old, old_team), _parts(new, new_team)
    return [f"{before[name]} becomes {after[name]}" for name in before if before[name] != after[name]]


def _parts(marking: Marking, team: str) -> dict[str, str]:
    """Each part of a marking in words."""

    def some(what: str, texts: frozenset[str] | None, unlimited: str) -> str:
        return f"{what} {unlimited if texts is None else ', '.join(sorted(texts)) or 'nobody and nothing'}"

    until = marking.retention_us
    return {
        "tlp": f"TLP:{marking.tlp}",
        "pap": f"PAP:{marking.pap}",
        "handling": f"handling {', '.join(sorted(marking.handling)) or 'without codes'}",
        "text": f"text of H3 “{'; '.join(sorted(marking.handling_text))}”",
        "purposes": some("for", marking.purposes, "any purpose"),
        "releasable": some("releasable to", marking.releasable, "whom TLP allows"),
        "retention": "no retention date" if until is None else f"kept until {_day(until)}",
        "team": f"team {_team_name(team)}" if team else "no team",
    }


def _day(us: int) -> str:
    """A time as a date and minute, UTC; one that no calendar has as its number."""
    try:
        return f"{datetime.fromtimestamp(us / 1e6, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError):
        return f"{us} µs"


def _team_name(team: str) -> str:
    row = Team.objects.filter(pk=team).first()
    return team if row is None else row.name


def _sort(row: Thing) -> str:
    return type(row).__name__.lower()


def _check(row: Thing, wish: Wish) -> None:
    """Refuse a wish that means nothing, or a campaign that would be weaker than its attacks.

    Raises:
        UsageError: So it is.
    """
    if (wish.marking, wish.team) == (row.marking.marking, row.team):
        raise UsageError("It is marked so already. Change something, or leave it.")
    if wish.team and wish.team != row.team and not _is_open(wish.team):
        raise UsageError("There is no such team, or it is closed. Choose one of those under People, Teams.")
    if isinstance(row, Campaign):
        members = campaigns.member_ids(row.pk)
        inputs = Attack.projected.filter(pk__in=members).select_related("marking").defer("detail")
        least = [one.marking.marking for one in inputs]
        if least and not is_at_least(wish.marking, strictest(least)):
            raise UsageError(
                f"A campaign is as strict as its strictest attack, here {strictest(least).banner()}. "
                "Mark its attacks anew first."
            )


def _is_open(team: str) -> bool:
    try:
        return Team.objects.filter(pk=UUID(team), closed=False).exists()
    except ValueError:
        return False


def _write(row: Thing, wish: Wish, actor: Actor, why: str, proposal: str = "") -> None:
    """The thing's next version; campaigns that an attack is part of become as strict as it is."""
    mark(row.pk, wish.marking, wish.team, actor, why, proposal)
    for one in derived_of(row):
        marking = join(one.marking.marking, wish.marking)
        if marking != one.marking.marking:
            mark(one.pk, marking, one.team, actor, why, proposal)


def _subject(row: Thing, wish: Wish) -> dict[str, Any]:
    """What two people decide on: from what to what, so that nothing else is approved than was proposed."""
    return {
        "object": row.pk.hex,
        "sort": _sort(row),
        "from": row.marking.marking.text,
        "from_team": row.team,
        "to": wish.marking.text,
        "to_team": wish.team,
    }


def _marking_in(text: str) -> Marking:
    return Marking.from_json(loads(text.encode()))


def _words(subject: dict[str, Any]) -> str:
    old, new = _marking_in(subject["from"]), _marking_in(subject["to"])
    changes = differences(old, new, subject["from_team"], subject["to_team"])
    return f"Mark the {subject['sort']} {subject['object'][:12]} anew: {'; '.join(changes)}."


def _execute(proposal: Pending, approver: Actor) -> str:
    """Steps 2, 3 and 5 again: between the two people the thing may have changed.

    Raises:
        NotVisibleError: It is gone.
        ChangedError: It was marked otherwise meanwhile.
        UsageError: It would be weaker than what it was derived from now.
    """
    told = proposal.subject
    row = _row(UUID(told["object"]))
    old, wish = row.marking.marking, Wish(_marking_in(told["to"]), told["to_team"])
    if (old.text, row.team) != (told["from"], told["from_team"]):
        raise ChangedError(
            "It was marked otherwise since this was proposed. Look at it, and propose it anew."
        )
    if not is_at_least(wish.marking, old) and old.originators != {authority()}:
        raise ChangedError("Only the originator may weaken a marking. Ask the authority that it comes from.")
    _check(row, wish)
    _write(row, wish, approver, proposal.why, proposal.id.hex)
    return ""


def _row(object_id: UUID) -> Thing:
    """A thing on record, for the node's own use."""
    for model in (Attack, Campaign):
        row = model.projected.filter(pk=object_id).select_related("marking").first()
        if isinstance(row, Attack | Campaign):
            return row
    raise NotVisibleError("It is no longer on record.")


def _where(subject: dict[str, Any]) -> str:
    """Its entries: also for an approver who may not see the thing itself."""
    return f"{reverse('console:ledger')}?object={UUID(subject['object'])}"


APPROVABLE = Approvable("policy.mark", "policy.mark", _words, _execute, _where)
"""What two people agree on."""
