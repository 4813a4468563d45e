"""Counts of common sources as rows: as strict as both attacks, gone with the first of them."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.db.models import Q

from hanse.attacks.models import Attack as AttackRow
from hanse.attacks.models import PartnerAttack
from hanse.attacks.shared import Shared
from hanse.federation.handlers import Arrived
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, strictest
from hanse.ledger.among import among
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.ledger.service import purge
from hanse.matching import parts
from hanse.matching.offering import matcher
from hanse.matching.source_contents import CountAsked, Counted
from hanse.matching.source_models import SourceCount
from hanse.policy.models import stored, team_of
from hanse.policy.service import mark

ASKED: Final = "matching.count_asked"
COUNTED: Final = "matching.sources_counted"
WAITING: Final = "waiting"

Ends = AttackRow | PartnerAttack


def marking_of(*ends: Ends) -> Marking:
    """As strict as the attacks of a count."""
    return strictest([one.marking.marking for one in ends])


def common_team(*ends: Ends) -> str | None:
    """The team that may know of all of them; empty for no team, None where nobody may."""
    teams = {one.team for one in ends if one.team}
    return None if len(teams) > 1 else "".join(teams)


def of_attacks(object_ids: Sequence[UUID]) -> list[SourceCount]:
    """The counts of which some attacks are an end."""
    some = Q(own__in=among(object_ids)) | Q(theirs__in=among(object_ids))
    return list(SourceCount.projected.filter(some).select_related("marking"))


def with_counts(purged: Sequence[UUID], _reason: str) -> set[UUID]:
    """What is purged with attacks: the counts of them."""
    return {row.pk for row in of_attacks(purged)}


def after_marking(thing: UUID, _marking: Marking, _team: str, actor: Actor, reason: str) -> None:
    """After an attack was marked anew: its counts follow."""
    _follow(thing, actor, reason or "An attack of which it counts the sources was marked anew.")


def told_anew(here: Arrived, _content: Shared) -> None:
    """After a partner sent an attack once more: its counts follow its marking."""
    _follow(here.object_id, matcher(), f"{here.partner} marked it anew.")


def _follow(thing: UUID, actor: Actor, reason: str) -> None:
    gone = []
    for row in of_attacks([thing]):
        ends = ends_of(row)
        marking, team = marking_of(*ends), common_team(*ends)
        if team is None:
            gone.append(row.pk)
        elif (marking, team) != (row.marking.marking, row.team):
            mark(
                row.pk,
                marking,
                team,
                actor,
                reason or "An attack of which it counts the sources was marked anew.",
            )
    if gone:
        purge(gone, actor, "It says of one team's attack what another team alone knows.")


def ends_of(row: SourceCount) -> list[Ends]:
    """The attacks of a count that are there."""
    own = AttackRow.projected.select_related("marking").filter(pk=row.own)
    if row.theirs is None:
        return list(own)
    theirs = PartnerAttack.projected.select_related("marking").filter(pk=row.theirs)
    return [*own, *theirs]


def _asked(recorded: Recorded, content: CountAsked) -> None:
    SourceCount.projected.filter(pk=recorded.object_id).delete()
    SourceCount.projected.create(
        object_id=recorded.object_id, marking=stored(recorded.marking), team=team_of(recorded.object_id),
        partner=content.partner, ours=content.ours, question=content.question, own=UUID(content.own),
        theirs=UUID(content.theirs) if content.theirs else None, epoch=content.epoch, secret=content.secret,
        who=recorded.actor_name if content.ours else "", reason=recorded.reason, state=WAITING,
        asked_us=content.at_us, sequence=recorded.sequence,
    )  # fmt: skip


def _counted(recorded: Recorded, content: Counted) -> None:
    SourceCount.projected.filter(pk=recorded.object_id).update(
        state=content.state, why=content.why, common=content.common, own_size=content.own_size,
        own_share=content.own_share, other_size=content.other_size, other_share=content.other_share,
        transcript=content.transcript, told_us=content.at_us, sequence=recorded.sequence,
    )  # fmt: skip


def _forget(object_id: UUID) -> None:
    drop(SourceCount.projected, object_id)
    parts.drop(object_id)


KINDS = (
    Kind(ASKED, CountAsked, _asked, _forget, sealed=True, overseen=True),
    Kind(COUNTED, Counted, _counted, _forget),
)
