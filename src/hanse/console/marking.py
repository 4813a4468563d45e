"""Use cases of marking anew: who may, when it takes two people, and what follows for what was derived.

In numbered steps, for each wish:

1. the thing is loaded through policy, for `policy.mark`;
2. what is weaker in any part is refused to all but the originator, and nobody drops one (`may_mark`);
3. what is derived stays at least as strict as what it was derived from;
4. what lets more people see or do more, or would purge it within a week, is proposed to another person;
5. what only restricts is written at once, and what was derived follows; the items of an import follow as a job
   (`hanse.console.marking_imports`).
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.urls import reverse

from hanse.accounts.approvals import EXPIRES_US, Approvable, Pending, propose, waiting_about
from hanse.accounts.models import Proposal, Team
from hanse.attacks import stix_export as attack_cites
from hanse.attacks.models import Attack, PartnerAttack
from hanse.campaigns import service as campaigns
from hanse.campaigns import stix_export as campaign_cites
from hanse.campaigns.models import Campaign
from hanse.cases import service as cases
from hanse.cases.models import Case, JointCase
from hanse.console import marking_imports
from hanse.intel import authoring
from hanse.intel import service as intel
from hanse.intel.models import Batch, Item
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, is_at_least, join, strictest
from hanse.kernel.strict_json import loads
from hanse.ledger.identity import authority
from hanse.ledger.writing import writing
from hanse.policy.asking import RefusedError
from hanse.policy.decision import Subject, may_mark
from hanse.policy.guarded import NotVisibleError, subject_of
from hanse.policy.service import mark

Thing = Attack | PartnerAttack | Campaign | Item | Batch | Case | JointCase
Derived = Campaign | Item

PAGES: Final[dict[type[Thing], tuple[str, str]]] = {
    Attack: ("attacks.view", "attacks:detail"),
    PartnerAttack: ("attacks.view", "attacks:of-partner"),
    Campaign: ("campaigns.view", "campaigns:detail"),
    Item: ("intel.view", "intel:item"),
    Batch: ("intel.view", "intel:import"),
    Case: ("cases.view", "cases:case"),
    JointCase: ("cases.view", "cases:joint"),
}
"""By sort of thing that is marked by hand: what one has to be able to do to see its page, and the page."""

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
    """An attack, a campaign, an item, an import or a case with which an actor may do an action.

    Raises:
        NotVisibleError: There is none, or it is not for the actor to see.
    """
    if Campaign.projected.filter(pk=object_id).exists():
        return campaigns.campaign_for(actor, action, object_id)
    if Item.projected.filter(pk=object_id).exists():
        return Item.objects.get_for(actor, action, object_id)
    if Batch.projected.filter(pk=object_id).exists():
        return Batch.objects.get_for(actor, action, object_id)
    if Case.projected.filter(pk=object_id).exists():
        return Case.objects.get_for(actor, action, object_id)
    for model in (PartnerAttack, JointCase):
        if model.projected.filter(pk=object_id).exists():
            return model.objects.get_for(actor, action, object_id)
    return Attack.objects.get_for(actor, action, object_id)


def is_markable(object_id: UUID) -> bool:
    """Whether an object is one of those that are marked anew by hand."""
    return any(model.projected.filter(pk=object_id).exists() for model in PAGES)


def mark_anew(object_id: UUID, wish: Wish, why: str, actor: Actor) -> UUID | None:
    """Mark a thing anew, or propose it where that takes two people.

    Args:
        object_id: An attack, a campaign, an item, an import or a case.
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
        decision = may_mark(actor, Subject(sort_of(row), old, row.team), wish.marking, now_us=now_us())
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


def derived_of(row: Thing) -> list[Derived]:
    """What rests on a thing: campaigns that name an attack, and what was written here that cites it or these."""
    ids = campaigns.naming([row.pk]) if isinstance(row, Attack) else ()
    over = list(Campaign.projected.filter(pk__in=ids).select_related("marking").order_by("object_id"))
    cites = {campaign_cites.cite_of(one).id for one in over}
    if isinstance(row, Attack):
        cites.add(attack_cites.thing(row).cite.id)
    elif isinstance(row, Campaign):
        cites.add(campaign_cites.cite_of(row).id)
    elif isinstance(row, Item):
        cites.add(row.source_id)
    return [*over, *(one for one in authoring.resting_on(cites) if one.pk != row.pk)]


def waiting_on(object_id: UUID) -> list[Proposal]:
    """Open proposals to mark a thing anew, newest first."""
    return waiting_about(APPROVABLE.action, "object", object_id)


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
        "embargo": _embargo(marking),
        "retention": "no retention date" if until is None else f"kept until {_day(until)}",
        "team": f"team {_team_name(team)}" if team else "no team",
    }


def _embargo(marking: Marking) -> str:
    if marking.embargo_us is None:
        return "no embargo"
    return " for ".join([f"embargo until {_day(marking.embargo_us)}", *sorted(marking.embargo_for)])


def _day(us: int) -> str:
    """A time as a date and minute, UTC; one that no calendar has as its number."""
    try:
        return f"{datetime.fromtimestamp(us / 1e6, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError):
        return f"{us} µs"


def _team_name(team: str) -> str:
    row = Team.objects.filter(pk=team).first()
    return team if row is None else row.name


def sort_of(row: Thing) -> str:
    """What a thing is, as proposals and the API name it."""
    return type(row).__name__.lower()


def _check(row: Thing, wish: Wish) -> None:
    """Refuse a wish that means nothing, or what would be weaker than what it rests on, or known to another team.

    Raises:
        UsageError: So it is.
    """
    if (wish.marking, wish.team) == (row.marking.marking, row.team):
        raise UsageError("It is marked so already. Change something, or leave it.")
    if wish.team and wish.team != row.team and not _is_open(wish.team):
        raise UsageError("There is no such team, or it is closed. Choose one of those under People, Teams.")
    if isinstance(row, Case) and (not wish.team or wish.marking.retention_us is None):
        raise UsageError("A case always has a team, and a day until which it is kept. Choose both.")
    if (whose := _marked_by(row)) and wish.marking != row.marking.marking:
        raise UsageError(
            f"It stays marked as {whose} marked it. What is yours to say is who may know it here: the team."
        )
    if isinstance(row, Campaign):
        members = campaigns.member_ids(row.pk)
        inputs = Attack.projected.filter(pk__in=members).select_related("marking").defer("detail")
        least = [one.marking.marking for one in inputs]
        if least and not is_at_least(wish.marking, strictest(least)):
            raise UsageError(
                f"A campaign is as strict as its strictest attack, here {strictest(least).banner()}. "
                "Mark its attacks anew first."
            )
    if isinstance(row, Item) and (things := authoring.inputs_of(row)):
        least = [one.marking for one in things]
        if not is_at_least(wish.marking, strictest(least)):
            raise UsageError(
                f"It is as strict as what it rests on, here {strictest(least).banner()}. Mark that anew first."
            )
        if not {team for one in things for team in one.teams} <= {wish.team}:
            raise UsageError(
                "It rests on something that a need-to-know team alone knows. It stays with that team."
            )
    if wish.team and any(one.team not in {"", wish.team} for one in derived_of(row) if isinstance(one, Item)):
        raise UsageError(
            "Something that was written here for another need-to-know team rests on it. Have that taken back first."
        )


def _marked_by(row: Thing) -> str:
    """The authority whose marking alone counts: the one that shared the thing; empty for a thing of this authority."""
    if isinstance(row, PartnerAttack):
        return row.partner
    if isinstance(row, JointCase):
        return row.founder
    return row.origin if isinstance(row, Item) else ""


def _is_open(team: str) -> bool:
    try:
        return Team.objects.filter(pk=UUID(team), closed=False).exists()
    except ValueError:
        return False


def _write(row: Thing, wish: Wish, actor: Actor, why: str, proposal: str = "") -> None:
    """The thing's next version; what rests on it becomes as strict as it is, and what was written on it, its team's."""
    derived = derived_of(row)
    _mark(row, wish.marking, wish.team, actor, why, proposal)
    if isinstance(row, Batch):
        marking_imports.begin(row, wish.marking, wish.team, actor, why, proposal)
    for one in derived:
        marking = join(one.marking.marking, wish.marking)
        team = one.team or wish.team if isinstance(one, Item) else one.team
        if (marking, team) != (one.marking.marking, one.team):
            _mark(one, marking, team, actor, why, proposal)


def _mark(row: Thing, marking: Marking, team: str, actor: Actor, why: str, proposal: str) -> None:
    if isinstance(row, Case):
        cases.mark(row, marking, team, why, actor)
        return
    mark(row.pk, marking, team, actor, why, proposal)
    if isinstance(row, Item):
        intel.seal_as_marked(row.pk, actor, why)


def _subject(row: Thing, wish: Wish) -> dict[str, Any]:
    """What two people decide on: from what to what, so that nothing else is approved than was proposed."""
    return {
        "object": row.pk.hex,
        "sort": sort_of(row),
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
        ChangedError: It is another's now.
        UsageError: It would be weaker than what it was derived from now.
    """
    told = proposal.subject
    row = _row(UUID(told["object"]))
    old, wish = row.marking.marking, Wish(_marking_in(told["to"]), told["to_team"])
    if not is_at_least(wish.marking, old) and old.originators != {authority()}:
        raise ChangedError("Only the originator may weaken a marking. Ask the authority that it comes from.")
    _check(row, wish)
    _write(row, wish, approver, proposal.why, proposal.id.hex)
    return ""


def _over(subject: dict[str, Any]) -> str:
    """Whether it is gone, or was marked otherwise since it was proposed."""
    try:
        row = _row(UUID(subject["object"]))
    except NotVisibleError as error:
        return str(error)
    if (row.marking.marking.text, row.team) != (subject["from"], subject["from_team"]):
        return "It was marked otherwise since this was proposed."
    return ""


def _row(object_id: UUID) -> Thing:
    """A thing on record, for the node's own use."""
    for model in PAGES:
        row = model.projected.filter(pk=object_id).select_related("marking").first()
        if row is not None:
            return row
    raise NotVisibleError("It is no longer on record.")


def _where(subject: dict[str, Any]) -> str:
    """Its entries: also for an approver who may not see the thing itself."""
    return f"{reverse('console:ledger')}?object={UUID(subject['object'])}"


APPROVABLE = Approvable(
    "policy.mark",
    "policy.mark",
    _words,
    _execute,
    _where,
    about=lambda subject: [subject["object"]],
    over=_over,
    asks=lambda told: [subject_of(_row(UUID(told["object"])))],
)
"""What two people agree on."""
