"""Links across borders on record: found as attacks come, gone with either of their ends.

A link is an object of its own, derived from exactly two attacks: it has the strictest of their markings, is known to
the team that may know both, and is purged with the first of them, in the same transaction. What is compared with
what, and when, is `following`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models import Q

from hanse.attacks.models import STANDING, PartnerAttack
from hanse.attacks.models import Attack as AttackRow
from hanse.attacks.shared import Shared
from hanse.campaigns.campaign import LinkTest
from hanse.campaigns.models import CrossLink
from hanse.federation.handlers import Arrived
from hanse.federation.models import PassedOn
from hanse.kernel.actors import Actor, system
from hanse.kernel.markings import Marking, strictest
from hanse.ledger.among import among
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.ledger.service import purge
from hanse.ledger.writing import Draft, append_many, writing
from hanse.policy.models import stored, team_of
from hanse.policy.service import mark

if TYPE_CHECKING:
    from hanse.campaigns.abroad import Linked

KIND = "campaigns.linked_across"

End = AttackRow | PartnerAttack


class LinkedAcross(msgspec.Struct, frozen=True):
    """Two attacks of which a partner contributed at least one, and what holds them together.

    Attributes:
        first: Object of the earlier attack, hexadecimal.
        second: Object of the later one, hexadecimal.
        contributors: The authorities that saw the first and the second, or on whose word alone they were seen.
        tests: The tests that both passed, the strongest first; none where they are not linked any more.
    """

    first: str
    second: str
    contributors: tuple[str, str]
    tests: tuple[LinkTest, ...]


def linker() -> Actor:
    """In whose name links across borders are recorded: the node's own."""
    node = settings.HANSE_NODE
    return system("linker", node.authority, node.country, node.tier)


def ends(object_ids: Iterable[UUID]) -> dict[UUID, End]:
    """Attacks that stand, own and partners', by object; for the node's own use."""
    wanted = set(object_ids)
    found: dict[UUID, End] = {}
    for model in (AttackRow, PartnerAttack):
        rows = model.projected.filter(pk__in=wanted, state__in=STANDING).select_related("marking")
        found |= {row.pk: row for row in rows.defer("detail")}
    return found


def contributor_of(row: End, passed_on: Mapping[UUID, str]) -> str:
    """The authority whose word an attack is; `passed_on` as of `on_whose_word`."""
    return passed_on.get(row.pk, row.partner) if isinstance(row, PartnerAttack) else authority()


def on_whose_word(object_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Of attacks that were passed on for who has proven nothing here: the first partner that did, whose word they are.

    Names and keys of such originators are as that partner says: it could invent as many as it likes.
    """
    rows = PassedOn.objects.filter(inner__in=among(set(object_ids)), known=False).order_by("-sequence")
    return dict(rows.values_list("inner", "via"))


def put_on_record(linked: Sequence["Linked"], actor: Actor) -> int:
    """Record links that are new, or that other tests hold now; how many.

    What has been purged, decided or hidden meanwhile is looked at under the lock of the ledger.
    """
    if not linked:
        return 0
    with writing():
        rows = ends(end for one in linked for end in (one.first, one.second))
        known = {
            (row.first, row.second): row
            for row in CrossLink.projected.filter(first__in={one.first for one in linked})
        }
        passed_on = on_whose_word(rows)
        drafts, teams = [], []
        for one in {(one.first, one.second): one for one in linked}.values():
            first, second = rows.get(one.first), rows.get(one.second)
            row = known.get((one.first, one.second))
            if (
                first is None
                or second is None
                or (row is not None and _names(row.tests) == _names(one.tests))
            ):
                continue
            team = _team(first.team, second.team)
            if team is None:
                continue
            who = contributor_of(first, passed_on), contributor_of(second, passed_on)
            content = LinkedAcross(one.first.hex, one.second.hex, who, one.tests)
            drafts.append(Draft(KIND, content, row.pk if row else None, _marking(first, second)))
            teams.append(team if row is None else "")
        recorded = append_many(drafts, actor)
        for made, draft, team in zip(recorded, drafts, teams, strict=True):
            if team and draft.marking is not None:
                mark(made.object_id, draft.marking, team, actor, "Derived from what this team alone knows.")
    return len(drafts)


def withdraw(rows: Sequence[CrossLink], actor: Actor) -> int:
    """Put on record that links do not hold any more, for more is known now; how many."""
    with writing():
        still = CrossLink.projected.filter(pk__in=[row.pk for row in rows]).select_related("marking")
        drafts = [
            Draft(
                KIND, LinkedAcross(row.first.hex, row.second.hex, ("", ""), ()), row.pk, row.marking.marking
            )
            for row in still
        ]
        append_many(drafts, actor)
    return len(drafts)


def of_attacks(object_ids: Iterable[UUID]) -> list[CrossLink]:
    """The links of which some attacks are an end."""
    ids = list(object_ids)
    return list(CrossLink.projected.filter(Q(first__in=ids) | Q(second__in=ids)).select_related("marking"))


def before_purge(objects: Sequence[UUID], _reason: str) -> set[UUID]:
    """The links of attacks that are purged: they go with them."""
    return {row.pk for row in of_attacks(objects)}


def after_marking(thing: UUID, _marking: Marking, _team: str, actor: Actor, reason: str) -> None:
    """After an attack was marked anew: its links follow."""
    _follow(of_attacks([thing]), actor, reason or "An attack that it links was marked anew.")


def told_anew(here: Arrived, content: Shared) -> None:
    """After a partner sent an attack once more: its links follow its marking, and what was withheld since goes."""
    rows = of_attacks([here.object_id])
    if not rows:
        return
    actor = linker()
    silent = [row for row in rows if _says(row, "sources") and not content.attack.source_sketch]
    if silent:
        purge([row.pk for row in silent], actor, f"{here.partner} withholds the sources now.")
    _follow([row for row in rows if row not in silent], actor, f"{here.partner} marked it anew.")


def _follow(rows: Sequence[CrossLink], actor: Actor, reason: str) -> None:
    """Mark links as their two attacks are marked; what no team may know of goes."""
    if not rows:
        return
    found = {one.pk: one for model in (AttackRow, PartnerAttack) for one in
             model.projected.filter(pk__in={end for row in rows for end in (row.first, row.second)})
             .select_related("marking").defer("detail")}  # fmt: skip
    gone = []
    for row in rows:
        first, second = found[row.first], found[row.second]
        marking, team = _marking(first, second), _team(first.team, second.team)
        if team is None:
            gone.append(row.pk)
        elif (marking, team) != (row.marking.marking, row.team):
            mark(row.pk, marking, team, actor, reason)
    if gone:
        purge(gone, actor, "It links what one team alone knows with what another team alone knows.")


def _marking(first: End, second: End) -> Marking:
    return strictest([first.marking.marking, second.marking.marking])


def _team(first: str, second: str) -> str | None:
    """The team that may know of both; empty for no team, None where nobody may."""
    return None if first and second and first != second else first or second


def _names(tests: Iterable[Any]) -> set[str]:
    return {one["name"] if isinstance(one, dict) else one.name for one in tests}


def _says(row: CrossLink, test: str) -> bool:
    return test in _names(row.tests)


def _project(recorded: Recorded, content: LinkedAcross) -> None:
    CrossLink.projected.filter(pk=recorded.object_id).delete()
    if not content.tests:
        return
    CrossLink.projected.create(
        object_id=recorded.object_id,
        marking=stored(recorded.marking),
        team=team_of(recorded.object_id),
        first=UUID(content.first),
        second=UUID(content.second),
        p_value=min(test.p_value for test in content.tests),
        tests=msgspec.to_builtins(content.tests),
        sequence=recorded.sequence,
    )


def _forget(object_id: UUID) -> None:
    """A purged link; those of a purged attack are named by its purge."""
    drop(CrossLink.projected, object_id)


KINDS = (Kind(KIND, LinkedAcross, _project, _forget),)
