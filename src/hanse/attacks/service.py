"""Use cases of attacks: what was found, what people decide on it, and what the detector learns from them.

An attack is one object of the ledger, together with the decisions and alerts on it and its trace: purging it
leaves nothing of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, cast, get_args
from uuid import UUID, uuid4

import msgspec

from hanse.attacks import lessons, models
from hanse.attacks.attack import Attack, Dismissed
from hanse.attacks.marked import check_alike, named_by
from hanse.attacks.standing import merged_into, restate, state_of
from hanse.constituency.registry import Target
from hanse.kernel import addresses, units
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, join
from hanse.ledger import objects
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop, set_row
from hanse.ledger.writing import Draft, append, append_many, writing
from hanse.policy.asking import require
from hanse.policy.models import stored, team_of
from hanse.telemetry import service as telemetry

if TYPE_CHECKING:
    import pyarrow as pa

    from hanse.attacks.rates import Rates

What = Literal["false-positive", "merge", "split", "note"]

FLOWS_SHOWN = 1_000
"""Flows behind an attack that a page shows; an export has all."""


CURVES = 128
"""Rates of attacks that a process remembers, 20 kB each: cutting the flows out takes an engine 150 ms and more."""


class Found(msgspec.Struct, frozen=True):
    """An attack as it was found, and whose the victim was then; also of one that begins or ends live."""

    attack: Attack
    target: Target | None = None


class Decided(msgspec.Struct, frozen=True):
    """What somebody decided on an attack; fields as of `models.Decision`, the reason is in the entry."""

    decision: str
    what: What
    victim: str
    vector: str
    names: tuple[str, ...]
    value: float
    into: str | None = None


class DecisionWithdrawn(msgspec.Struct, frozen=True):
    """A decision no longer holds for this attack."""

    decision: str


class Absorbed(msgspec.Struct, frozen=True):
    """An attack was found to be part of another (object id, hexadecimal): telemetry that came later joins them."""

    into: str


class Alerted(msgspec.Struct, frozen=True):
    """An alert went out, or could not; fields as of `models.Alert`."""

    channel: Literal["page", "mail", "webhook"]
    to: str
    delivered: bool
    words: str = ""


class Analysed(msgspec.Struct, frozen=True):
    """An analysis and what came out of it.

    Attributes:
        attacks: Object ids of the attacks found, hexadecimal.
        dismissed: What looked like an attack and is none.
        inputs: Names of the inputs with their flows.
        start_us: First start of a flow, microseconds UTC; None without flows.
        end_us: Last end of a flow, microseconds UTC; None without flows.
        lessons: Decisions of people that were applied.
        data: What the source test knew of the address space.
        parameters: By name, in words.
    """

    attacks: tuple[str, ...]
    dismissed: tuple[Dismissed, ...]
    inputs: tuple[tuple[str, int], ...]
    start_us: int | None
    end_us: int | None
    lessons: int
    data: tuple[str, ...]
    parameters: dict[str, str]


def object_of(name: str) -> UUID:
    """Object id of the attack that the detector calls so."""
    return objects.named("attack", name)


def begun(attack: Attack, target: Target | None, actor: Actor, marking: Marking | None = None) -> Recorded:
    """Put on record that the live detector sees an attack.

    Raises:
        RefusedError: The actor may not.
    """
    return _live("attacks.started", attack, target, actor, marking)


def ended(attack: Attack, target: Target | None, actor: Actor, marking: Marking | None = None) -> Recorded:
    """Put on record that an attack is over, or is no longer watched.

    Raises:
        RefusedError: The actor may not.
    """
    return _live("attacks.ended", attack, target, actor, marking)


def end_all(actor: Actor, reason: str) -> int:
    """End what is on record as running, when the live detector stops or has stopped; how many.

    Raises:
        RefusedError: The actor may not.
    """
    require(actor, "telemetry.collect")
    with writing():
        rows = models.Attack.projected.filter(running=True).select_related("marking")
        drafts = [
            Draft("attacks.ended", _found_in(row), row.object_id, row.marking.marking, reason) for row in rows
        ]
        append_many(drafts, actor)
    return len(drafts)


def alerted(attack_id: UUID, content: Alerted, actor: Actor) -> Recorded:
    """Put on record that an alert about an attack went out or could not.

    Raises:
        NotVisibleError: There is no such attack.
    """
    row = models.Attack.objects.get_for(actor, "attacks.view", attack_id)
    return append(
        "attacks.alerted", content, actor=actor, object_id=row.object_id, marking=row.marking.marking
    )


def mark_false_positive(attack_id: UUID, reason: str, actor: Actor) -> UUID:
    """Decide that an attack is none; id of the decision.

    The detector then leaves such traffic alone up to a quarter above this peak (`lessons.HEADROOM`).

    Raises:
        NotVisibleError: There is no such attack, or the actor may not decide on it.
        UsageError: No reason is given, or it is decided already.
    """
    row = _to_decide(attack_id, actor)
    lesson = lessons.false_positive(_as_lesson(row), reason, "")
    return _decide([row], "false-positive", lesson.value, reason, actor)


def merge(attack_ids: Sequence[UUID], reason: str, actor: Actor) -> UUID:
    """Decide that attacks on one victim by one vector are one, the earliest; id of the decision.

    Raises:
        NotVisibleError: One of them does not exist, or the actor may not decide on it.
        UsageError: They are fewer than two, differ in victim, vector, marking or team, or lie further apart than
            `lessons.MOST_QUIET_S`, or no reason is given.
    """
    rows = sorted(
        (_to_decide(one, actor) for one in set(attack_ids)), key=lambda row: (row.start_us, row.name)
    )
    if len(rows) < 2:
        raise UsageError("Choose at least two attacks to merge.")
    quiet_s = 0.0
    for before, after in pairwise(rows):
        quiet_s = max(quiet_s, (after.start_us - before.end_us) / 1e6)
        value = lessons.merge(_as_lesson(before), _as_lesson(after), quiet_s, reason, "").value
    return _decide(rows, "merge", value, reason, actor)


def split(attack_id: UUID, at_us: int, reason: str, actor: Actor) -> UUID:
    """Decide that an attack is two, the second from a time (microseconds UTC) on; id of the decision.

    Raises:
        NotVisibleError: There is no such attack, or the actor may not decide on it.
        UsageError: The time is not inside the attack, or no reason is given.
    """
    row = _to_decide(attack_id, actor)
    second = at_us // 1_000_000
    if not row.start_us < second * 1_000_000 < row.end_us:
        raise UsageError(
            f"The cut is not inside the attack, which lasts from {units.iso(row.start_us)} to "
            f"{units.iso(row.end_us)}. Choose a second between."
        )
    return _decide([row], "split", float(second), reason, actor)


def note(attack_id: UUID, text: str, actor: Actor) -> UUID:
    """Write a note on an attack; id of the note.

    Raises:
        NotVisibleError: There is no such attack, or the actor may not decide on it.
        UsageError: The note is empty.
    """
    return _decide([_to_decide(attack_id, actor)], "note", 0.0, text, actor)


def withdraw(decision_id: UUID, reason: str, actor: Actor) -> int:
    """Take a decision back, for all attacks that it is about; how many.

    Raises:
        NotVisibleError: The actor may not decide on one of the attacks.
        UsageError: There is no such decision, it is withdrawn already, or no reason is given.
    """
    _with_reason(reason)
    with writing():
        rows = models.Decision.objects.filter(decision=decision_id, withdrawn_by=None).order_by("sequence")
        about = [_to_decide(row.attack, actor) for row in rows]
        if not about:
            raise UsageError("There is no such decision, or it is withdrawn already.")
        content = DecisionWithdrawn(decision_id.hex)
        drafts = [
            Draft("attacks.decision_withdrawn", content, row.object_id, row.marking.marking, reason)
            for row in about
        ]
        append_many(drafts, actor)
    return len(about)


def decisions_on(attack_id: UUID, actor: Actor) -> list[models.Decision]:
    """What was decided on an attack, withdrawn decisions too, in order.

    Raises:
        NotVisibleError: There is no such attack, or it is not for the actor to see.
    """
    row = models.Attack.objects.get_for(actor, "attacks.view", attack_id)
    return list(models.Decision.objects.filter(attack=row.object_id).order_by("sequence"))


def alerts_on(attack_id: UUID, actor: Actor) -> list[models.Alert]:
    """Alerts about an attack, in order.

    Raises:
        NotVisibleError: There is no such attack, or it is not for the actor to see.
    """
    row = models.Attack.objects.get_for(actor, "attacks.view", attack_id)
    return list(models.Alert.objects.filter(attack=row.object_id).order_by("sequence"))


def lessons_for() -> tuple[lessons.Lesson, ...]:
    """What the detector has to know: every decision that holds, each once, in order."""
    found: dict[UUID, lessons.Lesson] = {}
    rows = models.Decision.objects.filter(withdrawn_by=None).order_by("sequence")
    for row in rows:
        if row.what not in get_args(lessons.Kind) or row.decision in found:
            continue
        decided = datetime.fromtimestamp(row.time_us / 1e6, UTC).isoformat(timespec="seconds")
        found[row.decision] = lessons.Lesson(
            cast("lessons.Kind", row.what),
            row.victim,
            row.vector,
            tuple(row.names),
            row.value,
            row.reason,
            decided,
        )
    return tuple(found.values())


def attack_in(row: models.Attack) -> Attack:
    """The attack whole, as the detector gave it."""
    return msgspec.convert(row.detail, Attack)


def flows_behind(
    attack_id: UUID, actor: Actor, limit: int | None = FLOWS_SHOWN, action: str = "telemetry.view"
) -> "pa.Table":
    """The flows of an attack in the flow schema, in order of start.

    Only partitions that overlap the attack are read, and only those with which the actor may do the action.

    Args:
        attack_id: The attack.
        actor: Who looks.
        limit: Most flows; None for all.
        action: What is done with the flows: ``telemetry.export`` where they leave.

    Raises:
        NotVisibleError: There is no such attack, or it is not for the actor to see.
    """
    row = models.Attack.objects.get_for(actor, "attacks.view", attack_id)
    table = _flows(_behind(row, actor, action))
    return table if limit is None else table.slice(0, limit)


def rates_of(attack_id: UUID, actor: Actor) -> "Rates":
    """Packets and bits per second over the time of an attack.

    Raises:
        NotVisibleError: There is no such attack, or it is not for the actor to see.
    """
    row = models.Attack.objects.get_for(actor, "attacks.view", attack_id)
    return _rates(_behind(row, actor, "telemetry.view"))


def name_members(campaign: UUID, attack_ids: Iterable[UUID], sequence: int) -> None:
    """Say which attacks a campaign names, instead of those that it named before; for its projection."""
    before = set(models.Membership.objects.filter(campaign=campaign).values_list("attack", flat=True))
    models.Membership.objects.filter(campaign=campaign).delete()
    members = [
        models.Membership(
            id=campaign.hex + one.hex, campaign=campaign, attack=one, place=place, sequence=sequence
        )
        for place, one in enumerate(dict.fromkeys(attack_ids))
    ]
    models.Membership.objects.bulk_create(members, batch_size=150)
    _restate_campaign(before | {member.attack for member in members})


def _live(
    kind: str, attack: Attack, target: Target | None, actor: Actor, marking: Marking | None
) -> Recorded:
    require(actor, "telemetry.collect")
    content, one = objects.settled(Found(attack, target)), object_of(attack.id)
    with writing():
        row = models.Attack.projected.filter(pk=one).select_related("marking").first()
        if row is not None:  # what people said of it meanwhile holds
            marking = row.marking.marking if marking is None else join(row.marking.marking, marking)
        if target is not None and not (row is not None and row.prefix == target.prefix):
            marking = named_by(target, marking)
        return append(kind, content, actor=actor, object_id=one, marking=marking)


def _to_decide(attack_id: UUID, actor: Actor) -> models.Attack:
    return models.Attack.objects.get_for(actor, "attacks.decide", attack_id)


def _with_reason(reason: str) -> str:
    if not reason.strip():
        raise UsageError("Say why: whoever comes after you has to understand it.")
    return reason.strip()


def _decide(rows: Sequence[models.Attack], what: What, value: float, reason: str, actor: Actor) -> UUID:
    """One entry per attack, so that purging one of them leaves nothing of it in the others."""
    with writing():  # each as it is marked now: somebody may have marked it more strictly since it was read
        rows = [_to_decide(row.pk, actor) for row in rows]
        if what == "false-positive" and rows[0].state == models.State.FALSE_POSITIVE:
            raise UsageError("It is marked as a false positive already; its page says by whom, and why.")
        check_alike(rows)
        decision, first = uuid4(), rows[0]
        drafts = [
            Draft(
                "attacks.decided",
                objects.settled(
                    Decided(
                        decision.hex,
                        what,
                        row.victim,
                        row.vector,
                        tuple(one.name for one in rows),
                        value,
                        None if row is first else first.object_id.hex,
                    )
                ),
                row.object_id,
                row.marking.marking,
                _with_reason(reason),
            )
            for row in rows
        ]
        append_many(drafts, actor)
    return decision


def _as_lesson(row: models.Attack) -> dict[str, Any]:
    """What `lessons` asks of an attack."""
    return {"id": row.name, "victim": row.victim, "vector": row.vector, "peak_pps": row.peak_pps}


def _found_in(row: models.Attack) -> Found:
    """The content that a row came from."""
    target = Target(row.prefix, row.organisation, row.sector, row.country, row.site)
    return objects.settled(Found(attack_in(row), target if row.prefix else None))


@dataclass(frozen=True, slots=True)
class _Behind:
    """Where the flows behind an attack are, as far as somebody may look at them.

    Attributes:
        digest: Of the attack as it was found.
        files: Flow files that are there.
        sha256: Of each file on record, hexadecimal.
        attack: The attack.
    """

    digest: str
    files: tuple[str, ...]
    sha256: tuple[str, ...]
    attack: Attack = field(compare=False)


def _behind(row: models.Attack, actor: Actor, action: str) -> _Behind:
    parts = list(telemetry.partitions(actor, row.start_us, row.end_us, action))
    files = tuple(telemetry.files_of(parts))
    return _Behind(row.digest, files, tuple(part.sha256 for part in parts), attack_in(row))


def _flows(behind: _Behind) -> "pa.Table":
    from hanse.telemetry.schema import FLOW  # noqa: PLC0415 - Arrow is loaded when flows are first read

    if not behind.files:
        return FLOW.empty_table()
    from hanse.attacks.evidence_slice import slice_of  # noqa: PLC0415 - loads Ibis: an idle node does without
    from hanse.engine import open_engine  # noqa: PLC0415 - as above

    with open_engine() as engine:
        return slice_of(engine, behind.files, behind.attack)


@lru_cache(maxsize=CURVES)
def _rates(behind: _Behind) -> "Rates":
    """The curve of an attack: a function of what was found and of the content of the files."""
    from hanse.attacks.rates import rates  # noqa: PLC0415 - Arrow is loaded when flows are first read

    return rates(_flows(behind), behind.attack.start_us, behind.attack.end_us)


def _project_found(recorded: Recorded, content: Found) -> None:
    _put(recorded, content, running=False)


def _project_started(recorded: Recorded, content: Found) -> None:
    _put(recorded, content, running=True)


def _put(recorded: Recorded, content: Found, *, running: bool) -> None:
    """The attack's row as this entry says it; what was decided on it before may still hold."""
    attack, target = content.attack, content.target
    row = models.Attack(
        object_id=recorded.object_id,
        marking=stored(recorded.marking),
        team=team_of(recorded.object_id),
        name=attack.id,
        victim=attack.victim,
        victim_sort=addresses.pack(attack.victim.split("/")[0]).hex(),
        organisation=target.organisation if target else "",
        sector=target.sector if target else "",
        country=target.country if target else "",
        site=target.site if target else "",
        prefix=target.prefix if target else "",
        campaign=_campaign_of(recorded.object_id),
        running=running,
        sequence=recorded.sequence,
        digest=objects.digest(content),
        detail=msgspec.to_builtins(attack),
        **{name: getattr(attack, name) for name in _COPIED},
    )
    row.state = state_of(row)
    models.Attack.projected.bulk_create(
        [row], update_conflicts=True, unique_fields=["object_id"], update_fields=_ALL_BUT_KEY
    )


_COPIED = (
    "vector", "start_us", "end_us", "peak_bps", "peak_pps", "packets", "bytes", "sources", "source_class",
    "confidence",
)  # fmt: skip
_ALL_BUT_KEY = [field.name for field in models.Attack._meta.concrete_fields if not field.primary_key]


def _campaign_of(attack_id: UUID) -> UUID | None:
    """The campaign that last named an attack."""
    rows = models.Membership.objects.filter(attack=attack_id).order_by("-sequence", "campaign")
    return rows.values_list("campaign", flat=True).first()


def _restate_campaign(attack_ids: Iterable[UUID]) -> None:
    """Make the campaign of attacks what their memberships say."""
    ids = list(attack_ids)
    rows = models.Membership.objects.filter(attack__in=ids).order_by("sequence", "-campaign")
    latest = dict(rows.values_list("attack", "campaign"))
    changed = []
    for row in models.Attack.projected.filter(pk__in=ids).only("object_id", "campaign"):
        if row.campaign != latest.get(row.object_id):
            row.campaign = latest.get(row.object_id)
            changed.append(row)
    models.Attack.projected.bulk_update(changed, ["campaign"], batch_size=200)


def _project_absorbed(recorded: Recorded, content: Absorbed) -> None:
    rows = models.Attack.projected.filter(pk=recorded.object_id)
    rows.update(part_of=UUID(content.into), sequence=recorded.sequence)
    restate([recorded.object_id])


def _project_decided(recorded: Recorded, content: Decided) -> None:
    models.Decision.objects.create(
        sequence=recorded.sequence,
        decision=UUID(content.decision),
        attack=recorded.object_id,
        what=content.what,
        victim=content.victim,
        vector=content.vector,
        names=list(content.names),
        value=content.value,
        into=UUID(content.into) if content.into else None,
        reason=recorded.reason,
        actor_id=recorded.actor_id,
        actor_name=recorded.actor_name,
        time_us=recorded.time_us,
    )
    restate([recorded.object_id])


def _project_withdrawn(recorded: Recorded, content: DecisionWithdrawn) -> None:
    rows = models.Decision.objects.filter(decision=UUID(content.decision), attack=recorded.object_id)
    rows.update(withdrawn_by=recorded.sequence)
    restate([recorded.object_id])


def _project_alerted(recorded: Recorded, content: Alerted) -> None:
    models.Alert.objects.create(
        sequence=recorded.sequence,
        attack=recorded.object_id,
        time_us=recorded.time_us,
        **msgspec.structs.asdict(content),
    )


def _project_analysed(recorded: Recorded, content: Analysed) -> None:
    run = recorded.object_id
    values = {
        "marking": stored(recorded.marking),
        "time_us": recorded.time_us,
        "actor_name": recorded.actor_name,
        "start_us": content.start_us,
        "end_us": content.end_us,
        "attacks": len(content.attacks),
        "detail": {name: value for name, value in msgspec.to_builtins(content).items() if name != "attacks"},
    }
    set_row(models.Run.projected, run, values)
    models.RunAttack.objects.filter(run=run).delete()
    rows = [models.RunAttack(id=run.hex + one, run=run, attack=UUID(one)) for one in content.attacks]
    models.RunAttack.objects.bulk_create(rows, batch_size=200)


def _forget(object_id: UUID) -> None:
    """Everything of an attack; campaigns and runs that named it no longer do, and what people merged into it stands for itself."""
    drop(models.Attack.projected, object_id)
    for model in (models.Decision, models.Alert, models.Membership, models.RunAttack):
        drop(model.objects, object_id, "attack")
    restate(merged_into(object_id))


def _forget_run(object_id: UUID) -> None:
    drop(models.Run.projected, object_id)
    drop(models.RunAttack.objects, object_id, "run")


KINDS = (
    Kind("attacks.found", Found, _project_found, _forget),
    Kind("attacks.started", Found, _project_started),
    Kind("attacks.ended", Found, _project_found),
    Kind("attacks.absorbed", Absorbed, _project_absorbed),
    Kind("attacks.decided", Decided, _project_decided),
    Kind("attacks.decision_withdrawn", DecisionWithdrawn, _project_withdrawn),
    Kind("attacks.alerted", Alerted, _project_alerted),
    Kind("attacks.analysed", Analysed, _project_analysed, _forget_run),
)
