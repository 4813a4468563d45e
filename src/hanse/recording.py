"""An analysis onto the ledger: attacks, traces, campaigns and the run itself, in one transaction.

Names are stable, so that the same telemetry analysed twice changes nothing, and an attack of which more is seen keeps
its own (`hanse.attacks.identity`); what was purged stays away.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from hanse.attacks import identity
from hanse.attacks import service as attacks
from hanse.attacks.attack import Attack
from hanse.attacks.models import STANDING, Run
from hanse.attacks.models import Attack as AttackRow
from hanse.campaigns import service as campaigns
from hanse.campaigns.campaign import Campaign
from hanse.campaigns.link import find_campaigns, left_out
from hanse.campaigns.models import Campaign as CampaignRow
from hanse.constituency import service as constituency
from hanse.constituency.registry import Registry, Target
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, join, strictest
from hanse.kernel.printable import printable
from hanse.ledger import objects
from hanse.ledger.identity import authority
from hanse.ledger.models import Entry
from hanse.ledger.writing import Draft, append_many, writing
from hanse.pipeline import Analysis
from hanse.policy.asking import require
from hanse.tracing import service as tracing
from hanse.tracing.models import Trace as TraceRow

NAMED = 5
"""Files that were not read wholly are named up to so many; how each was read is in the account of inputs."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What an analysis changed on record.

    Attributes:
        new: Attacks that were not on record.
        changed: Attacks of which something else is known now.
        unchanged: Attacks that were on record just so.
        purged: Attacks that were purged from this node, or are part of such, and were left out.
        parts: Attacks on record that were found to be part of others.
        campaigns: Object ids of the campaigns found.
        run: Object id of the analysis.
        span_us: First start and last end of all flows, microseconds UTC; None without flows.
        read: What was read only in part, in words; empty where all was read.
    """

    new: int
    changed: int
    unchanged: int
    purged: int
    parts: int
    campaigns: tuple[UUID, ...]
    run: UUID
    span_us: tuple[int, int] | None
    read: str = ""


def _limits(analysis: Analysis) -> dict[str, str]:
    """What the finding does not rest on, in words, under what it is about."""
    partly = [_name(report.path) for report in analysis.inputs if not report.whole]
    said = {"compared": left_out(len(analysis.attacks)), "read": ""}
    if partly:
        more = f" and {len(partly) - NAMED:,} more" if len(partly) > NAMED else ""
        said["read"] = (
            f"Not read wholly: {', '.join(partly[:NAMED])}{more}. What is missing there may hide attacks."
        )
    return {what: words for what, words in said.items() if words}


def record(analysis: Analysis, actor: Actor, marking: Marking | None = None) -> Recording:
    """Put an analysis on record.

    Args:
        analysis: Attacks, traces and campaigns.
        actor: Who asked for it.
        marking: Of what was analysed. None is the authority's own for what is new, while what is on record keeps
            its marking, also one that was weakened by hand; with a marking, it keeps what is stricter. An attack is as
            strict as the row of the constituency that first says whose its victim is. A campaign is as strict as the strictest of its attacks, and as those that it grew out of.

    Raises:
        RefusedError: The actor may not.
    """
    require(actor, "telemetry.import")
    purged = _purged(analysis)
    kept = without(analysis, purged)
    with writing():
        if _purged(analysis) != purged:  # somebody purged meanwhile
            return record(analysis, actor, marking)
        lot = _Lot(kept, marking)
        append_many([*lot.attacks(), *lot.parts(), *lot.traces()], actor)
        drafts = lot.campaigns()  # of what stands now: they no longer count what is part of another attack
        run_id, run = lot.run()
        if not Run.projected.filter(pk=run_id).exists():
            drafts.append(run)
        append_many(drafts, actor)
    return lot.recording(run_id, len(purged))


def without(analysis: Analysis, names: Collection[str]) -> Analysis:
    """An analysis without some of its attacks: no trace and no campaign of it speaks of them."""
    if not names:
        return analysis
    attacks_kept = tuple(one for one in analysis.attacks if one.id not in names)
    traces = tuple(one for one in analysis.traces if one.attack_id not in names)
    linked = analysis.campaigns
    if linked:
        sources = analysis.detection.sources
        span = analysis.span_us
        linked = find_campaigns(attacks_kept, sources, analysis.registry, traces=traces, span_us=span)
    detection = replace(analysis.detection, attacks=attacks_kept)
    return replace(analysis, detection=detection, traces=traces, campaigns=linked)


def with_derived(ids: Iterable[UUID]) -> set[UUID]:
    """Objects and what was derived of them: campaigns are as short-lived as the first of their attacks to go."""
    wanted = set(ids)
    return wanted | campaigns.naming(wanted)


class _Lot:
    """The drafts of one analysis, made under the lock of the ledger."""

    def __init__(self, analysis: Analysis, marking: Marking | None) -> None:
        self._analysis = analysis
        self._said = marking
        self._marking = marking or Marking.own(authority())
        beside = [one for one in identity.known_beside(analysis.attacks) if not one.of_purged]
        names = identity.kept_names(analysis.attacks, beside)
        self._attacks = tuple(identity.renamed(attack, names) for attack in analysis.attacks)
        self._traces = tuple(
            replace(trace, attack_id=names.get(trace.attack_id, trace.attack_id)) for trace in analysis.traces
        )
        self._linked = tuple(with_names(campaign, names) for campaign in analysis.campaigns)
        self._parts = {
            attacks.object_of(name): attacks.object_of(whole)
            for name, whole in identity.parts(self._attacks, beside).items()
        }
        self._ids = {attack.id: attacks.object_of(attack.id) for attack in self._attacks}
        self._known = _known([*self._ids.values(), *self._parts])
        self._markings: dict[UUID, Marking] = {}
        self._counts = {"new": 0, "changed": 0, "unchanged": 0}
        self._unchanged: set[UUID] = set()
        self._campaigns: list[UUID] = []

    def attacks(self) -> list[Draft]:
        """Those of which something else is on record, or nothing."""
        registry = self._analysis.registry
        targets = {attack.id: _target(registry, attack) for attack in self._attacks}
        theirs = constituency.markings_of(target.prefix for target in targets.values() if target)
        drafts = []
        for attack in self._attacks:
            one, target = self._ids[attack.id], targets[attack.id]
            content = objects.settled(attacks.Found(attack, target))
            row = self._known.get(one)
            before = row.marking.marking if row else self._marking
            marking = before if self._said is None else join(before, self._said)
            if target and target.prefix in theirs and not (row and row.prefix == target.prefix):
                marking = join(marking, theirs[target.prefix])
            marking = strictest([marking, *self._markings_of_parts(one)])
            self._markings[one] = marking
            if row and _is_known(row, objects.digest(content)) and before == marking:
                self._counts["unchanged"] += 1
                self._unchanged.add(one)
                continue
            self._counts["changed" if row else "new"] += 1
            drafts.append(Draft("attacks.found", content, one, marking))
        return drafts

    def _markings_of_parts(self, whole: UUID) -> list[Marking]:
        """Of what is part of an attack now: it holds their traffic."""
        return [self._known[part].marking.marking for part, other in self._parts.items() if other == whole]

    def parts(self) -> list[Draft]:
        """Those that are part of another attack now. `attacks` comes before it."""
        return [
            Draft("attacks.absorbed", attacks.Absorbed(whole.hex), part, self._known[part].marking.marking)
            for part, whole in self._absorbed().items()
        ]

    def _absorbed(self) -> dict[UUID, UUID]:
        """By part, the attack that it is part of: never one that people say is none, or is another's part itself."""
        return {
            part: whole
            for part, whole in self._parts.items()
            if not (whole in self._unchanged and self._known[whole].state not in STANDING)
        }

    def traces(self) -> list[Draft]:
        """Those of which something else is on record, or nothing."""
        sources = {attack.id: attack.sources for attack in self._attacks}
        rows = {
            row.object_id: row
            for row in TraceRow.projected.filter(pk__in=list(self._markings)).select_related("marking")
        }
        drafts = []
        for trace in self._traces:
            one = self._ids[trace.attack_id]
            content = objects.settled(tracing.Traced(trace, sources[trace.attack_id]))
            row, marking = rows.get(one), self._markings[one]
            if row is None or row.digest != objects.digest(content) or row.marking.marking != marking:
                drafts.append(Draft("tracing.traced", content, one, marking))
        return drafts

    def campaigns(self) -> list[Draft]:
        """Those that are new or have grown."""
        drafts = []
        registry = self._analysis.registry or constituency.registry()
        for placed in campaigns.place(self._linked, self._attacks, registry):
            self._campaigns.append(placed.object_id)
            before = _markings_of(placed)
            inputs = self._strictest_of(placed.content.campaign.attacks)
            marking = strictest([inputs, *before.values()])
            if not placed.unchanged or before[placed.object_id] != marking:
                drafts.append(Draft("campaigns.found", placed.content, placed.object_id, marking))
        return drafts

    def _strictest_of(self, names: Iterable[str]) -> Marking:
        """The marking of what is derived of attacks, also of such that this analysis did not see."""
        ids = {attacks.object_of(name) for name in names}
        unseen = AttackRow.projected.filter(pk__in=ids - self._markings.keys()).select_related("marking")
        known = [self._markings[one] for one in ids if one in self._markings]
        return strictest([*known, *(row.marking.marking for row in unseen)])

    def run(self) -> tuple[UUID, Draft]:
        """The analysis itself; its id is its content's, so that the same one is on record once."""
        analysis = self._analysis
        span = analysis.span_us or (None, None)
        content = objects.settled(
            attacks.Analysed(
                attacks=tuple(one.hex for one in self._ids.values()),
                dismissed=analysis.detection.dismissed,
                inputs=tuple((_name(report.path), report.flows) for report in analysis.inputs),
                start_us=span[0],
                end_us=span[1],
                lessons=analysis.lessons,
                data=tuple(analysis.data.description.lines()),
                parameters=_limits(analysis),
            )
        )
        marking = strictest([self._marking, *self._markings.values()])
        run = objects.named("run", objects.digest(content))
        return run, Draft("attacks.analysed", content, run, marking)

    def recording(self, run: UUID, purged: int) -> Recording:
        """What it came to."""
        return Recording(
            **self._counts,
            purged=purged,
            parts=len(self._absorbed()),
            campaigns=tuple(self._campaigns),
            run=run,
            span_us=self._analysis.span_us,
            read=_limits(self._analysis).get("read", ""),
        )


def with_names(campaign: Campaign, names: Mapping[str, str]) -> Campaign:
    """A campaign that names its attacks as they are on record."""
    links = tuple(
        replace(link, first=names.get(link.first, link.first), second=names.get(link.second, link.second))
        for link in campaign.links
    )
    return replace(campaign, attacks=tuple(names.get(one, one) for one in campaign.attacks), links=links)


def _is_known(row: AttackRow, digest: str) -> bool:
    """Whether an attack stands on record just as it was found."""
    return not row.running and row.part_of is None and row.digest == digest


def _known(ids: Iterable[UUID]) -> dict[UUID, AttackRow]:
    rows = AttackRow.projected.filter(pk__in=list(ids)).select_related("marking").defer("detail")
    return {row.object_id: row for row in rows}


def _markings_of(placed: campaigns.Placed) -> dict[UUID, Marking]:
    """The markings on record of a campaign and of those that it takes the place of: people may have said more."""
    ids = [placed.object_id, *map(UUID, placed.content.replaces)]
    rows = CampaignRow.projected.filter(pk__in=ids).select_related("marking").defer("detail")
    return {row.pk: row.marking.marking for row in rows}


def _purged(analysis: Analysis) -> set[str]:
    """Names of the attacks of which a body was purged, and of those that are part of such."""
    names = {attacks.object_of(attack.id): attack.id for attack in analysis.attacks}
    entries = Entry.objects.filter(object_id__in=list(names), body__isnull=True)
    purged = {names[one] for one in entries.values_list("object_id", flat=True)}
    left = [attack for attack in analysis.attacks if attack.id not in purged]
    return purged | identity.parts_of_purged(left, identity.known_beside(left))


def _target(registry: Registry | None, attack: Attack) -> Target | None:
    """Whose the victim is: by the analysis' own registry, or by the constituency."""
    return registry.lookup(attack.victim) if registry else constituency.lookup(attack.victim)


def _name(path: str) -> str:
    """An input's name without its folders, which say how the node is laid out."""
    return printable(path.rsplit("/", 1)[-1])
