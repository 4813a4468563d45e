"""Attacks, decisions and analyses as one reader may know them: nothing of them names or counts what is hidden.

An attack names the attacks beside it and the campaign that it is part of, a decision the attacks that it was made
on, an analysis all that it found. Each of these may be less visible than what names it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from hanse.attacks.models import Attack, Decision, Run, RunAttack
from hanse.kernel.actors import Actor
from hanse.ledger import objects

Known = Callable[[Actor, Iterable[UUID]], set[UUID]]

campaigns_known: list[Known] = []
"""Tells which of some campaigns an actor may know of. The room of campaigns, which is above, puts its answer here."""


def known_campaigns(actor: Actor, campaign_ids: Iterable[UUID]) -> set[UUID]:
    """Those of some campaigns that an actor may know of."""
    ids = set(campaign_ids)
    return set().union(*(ask(actor, ids) for ask in campaigns_known)) if ids else set()


def known_attacks(actor: Actor, names: Iterable[str]) -> set[str]:
    """Those of some attacks, by the detector's ids, that an actor may know of."""
    ids = {objects.named("attack", name) for name in names}
    if not ids:
        return set()
    rows = Attack.objects.for_actor(actor, "attacks.view").filter(pk__in=ids)
    return set(rows.values_list("name", flat=True))


def masked(rows: Sequence[Attack], actor: Actor) -> Sequence[Attack]:
    """The same rows; what they say of campaigns and other attacks that the actor may not know of is taken out."""
    campaigns = known_campaigns(actor, {row.campaign for row in rows if row.campaign})
    whole = [row for row in rows if "detail" not in row.get_deferred_fields()]
    ids = {row.part_of for row in rows if row.part_of}
    seen = Attack.objects.for_actor(actor, "attacks.view").filter(pk__in=ids)
    wholes = set(seen.values_list("pk", flat=True)) if ids else set()
    others = known_attacks(actor, {name for row in whole for name in row.detail.get("linked", ())})
    for row in rows:
        if row.campaign not in campaigns:
            row.campaign = None
        if row.part_of not in wholes:
            row.part_of = None
    for row in whole:
        row.detail = {
            **row.detail,
            "linked": [name for name in row.detail.get("linked", ()) if name in others],
        }
    return rows


def masked_decisions(decisions: Sequence[Decision], actor: Actor) -> Sequence[Decision]:
    """The same decisions; other attacks that the actor may not know of are taken out of them."""
    known = known_attacks(actor, {name for one in decisions for name in one.names})
    ids = {objects.named("attack", name) for name in known}
    for one in decisions:
        one.names = [name for name in one.names if name in known]
        if one.into not in ids:
            one.into = None
    return decisions


def masked_runs(runs: Sequence[Run], actor: Actor) -> Sequence[Run]:
    """The same analyses; each counts those of its attacks that the actor may know of."""
    seen = Attack.objects.for_actor(actor, "attacks.view").values("pk")
    rows = RunAttack.objects.filter(run__in=[run.pk for run in runs], attack__in=seen)
    found = Counter(rows.values_list("run", flat=True))
    for run in runs:
        run.attacks = found[run.pk]
    return runs
