"""Runs: what each side says on record while whole sets are compared, from the wish to the end.

The wish, what both commit to, and how it ended are entries, those for the other side addressed to it. What is
compared in between is fetched piece by piece (`comparing`).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

import msgspec

from hanse.federation.partners import partner_of
from hanse.federation.sending import send
from hanse.intel.values import Value
from hanse.kernel import strict_json
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError, UsageError
from hanse.ledger.identity import authority
from hanse.ledger.service import next_entry
from hanse.ledger.writing import Draft, append, writing
from hanse.matching import brought, commitment, parts, psi, quota
from hanse.matching.agreeing import agreement_with
from hanse.matching.commitment import Commitment
from hanse.matching.contents import TEXT_LIMIT, Proposed, RunAsked, RunBegun, RunEnded
from hanse.matching.group import ProtocolError
from hanse.matching.hello import Hello, agreed_kinds, hello
from hanse.matching.models import Agreement, Run, RunPart
from hanse.matching.offering import RUN, Offered, kinds_of, matcher, offered, still_offered, values_of
from hanse.matching.run_projecting import ASKED, BEGUN, ENDED, GOING, PROPOSED, begun_at, hello_of
from hanse.matching.secret import RunSecret
from hanse.policy.asking import require

PROTOCOL: Final = "psi"
DEADLINE_US: Final = 86_400_000_000
"""A run that is not finished after a day is given up: a partner that was down over night goes on with it."""


def ask(partner: str, actor: Actor, why: str) -> UUID:
    """Have all that the agreement with a partner offers compared; the run's id. It begins within seconds.

    Raises:
        RefusedError: The actor may not.
        NoAgreementError: Nothing is agreed with the partner.
        UsageError: A run with it goes on, or no reason is given.
    """
    require(actor, RUN)
    with writing():
        agreement_with(partner_of(partner).authority)
        if Run.objects.filter(partner=partner, state__in=GOING).exists():
            raise UsageError(f"A comparison with {partner} goes on. Wait until it ends, or stop it.")
        if not why.strip():
            raise UsageError("Say why, such as the case that asks for it.")
        run = uuid4()
        append(ASKED, RunAsked(partner=partner), actor=actor, reason=why.strip(), object_id=run)
    return run


def stop(run: UUID, actor: Actor, why: str) -> None:
    """End a run before it finishes.

    Raises:
        RefusedError: The actor may not.
        UsageError: There is no such run, it has ended, or no reason is given.
    """
    require(actor, RUN)
    with writing():
        row = Run.objects.filter(pk=run, state__in=GOING).first()
        if row is None:
            raise UsageError("That comparison has ended, or there is none.")
        if not why.strip():
            raise UsageError("Say why it is stopped.")
        told = RunEnded(state="failed", why=f"It was stopped: {why.strip()}")
        finish(row, told, actor, to_partner="It was stopped.")


def begin(row: Run) -> None:
    """Fix what this side puts into a run, and tell the other; or decline, on record on both sides.

    Args:
        row: A run that was wished here, or that the other side opened.
    """
    since = next_entry()
    try:
        agreement = agreement_with(row.partner)
        spoken = hello(PROTOCOL, _epoch(row), kinds_of(agreement))
        kinds = spoken.kinds
        if not row.ours:
            kinds, said = agreed_kinds(spoken, hello_of(row)), commitment.read(row.other.encode())
            quota.check_opens(row)
            quota.check(agreement, row, said.size, said.kinds, row.other_cases)
        own = [one for one in offered(agreement) if one.value.kind in kinds]
        values = psi.prepare([one for one in values_of(own) if one.kind in kinds])
        _check_own(values, own)
    except quota.BlanketError as error:
        finish(row, RunEnded(state="declined", why=str(error), blanket=True))
    except (UsageError, ProtocolError, ValueError) as error:
        finish(row, RunEnded(state="declined", why=str(error)[:TEXT_LIMIT]))
    else:
        _commit(row, agreement, spoken, values, own, since)


def _check_own(values: tuple[Value, ...], own: list[Offered]) -> None:
    if not values:
        raise UsageError("No open case here has a selector that the agreement offers.")
    if len(own) > _cases(own) * quota.PER_CASE:
        # How many that are is of all teams' cases, and what is said here is told to the partner too.
        raise quota.BlanketError(
            "More selectors are offered than the open cases here justify. Compare fewer kinds."
        )


def _cases(own: list[Offered]) -> int:
    return len({one.case for one in own})


def _commit(
    row: Run, agreement: Agreement, spoken: Hello, values: tuple[Value, ...], own: list[Offered], since: int
) -> None:
    cases = _cases(own)
    secret = RunSecret.fresh()
    said = Commitment(
        authority=authority(), session=row.there.hex, protocol=PROTOCOL, epoch=spoken.epoch, kinds=spoken.kinds,
        size=len(values), root=commitment.root(values, secret), legal_basis=agreement.legal_basis,
        case_class=agreement.case_class, normaliser=spoken.normaliser,
    )  # fmt: skip
    text = said.encoded().decode()
    proposed = Proposed(
        hello=strict_json.canonical(spoken).decode(), commitment=text, cases=cases,
        answers="" if row.ours else row.there.hex,
    )  # fmt: skip
    with writing():
        if Run.objects.get(pk=row.pk).state not in GOING:
            return  # somebody stopped it meanwhile
        if not still_offered(agreement, own, since):
            return  # some of it was purged, kept out or closed meanwhile: it is begun at the next look
        parts.put_values(row.pk, values)
        begun = RunBegun(commitment=text, secret=secret.sealed().hex(), cases=cases)
        append(BEGUN, begun, actor=matcher(), object_id=row.pk)
        send([Draft(PROPOSED, proposed, row.pk, recipient=row.partner)])


def finish(row: Run, told: RunEnded, actor: Actor | None = None, *, to_partner: str | None = None) -> None:
    """Put on record how a run ended, and tell the other side that; how many both have it knows for itself.

    Args:
        row: The run.
        told: How it ended.
        actor: Who ended it; the node by default.
        to_partner: Why, in the words that the other side reads; as it stands in the own ledger by default.
    """
    with writing():
        if Run.objects.get(pk=row.pk).state not in GOING:
            return
        append(ENDED, told, actor=actor or matcher(), object_id=row.pk)
        if not row.ours or row.own:  # else the other side does not know of it
            why = told.why if to_partner is None else to_partner
            words = msgspec.structs.replace(told, why=why, run=row.there.hex, hits=0)
            send([Draft(ENDED, words, row.pk, recipient=row.partner)])


def follow(row: Run) -> None:
    """End a run here that the other side ended before it finished.

    Who was given tokens may know the hits, and this side does not: that is broken off, whatever the other side calls it.
    """
    if parts.get(row.pk, parts.FETCHED, 0) is not None:
        finish(row, RunEnded(state="broken", why=_broken(row.partner)))
    else:
        finish(row, RunEnded(state=row.other_state, why=row.why, blanket=row.blanket))


def _broken(partner: str) -> str:
    return f"{partner} fetched what it needs to know the hits, and did not give the same. Its quota is spent."


def forget_inputs(purged: Sequence[UUID], _reason: str) -> set[UUID]:
    """Keep of selectors that are purged only what their runs can be done again with; those of them that go on end."""
    for run, row, left in left_of_inputs(purged):
        if row is not None:
            told = RunEnded(state="failed", why="Something of a case was purged meanwhile. Begin it anew.")
            finish(row, told, to_partner="It ended early. It can be begun anew.")
        parts.replace_inputs(run, left)
    return set()


def left_of_inputs(purged: Sequence[UUID]) -> Iterator[tuple[UUID, Run | None, parts.Inputs]]:
    """Each run of which something is purged, its row, and what is kept of its inputs; it writes nothing."""
    runs = list(RunPart.objects.filter(name=parts.VALUES).values_list("run", flat=True))
    gone = brought.of_purged(purged) if runs else {}
    rows = Run.objects.in_bulk(runs) if gone else {}
    for run in runs if gone else ():
        row = rows.get(run)
        try:
            left = _left(row, gone) if row is not None else ()
        except HanseError:
            left = ()  # it was altered: nobody can do it again
        if left is not None:
            yield run, row, left


def _left(row: Run, gone: Mapping[Value, int]) -> parts.Inputs | None:
    """What stays of the inputs of a run, nothing of one that nobody can do again; None where nothing of it is purged."""
    said = commitment.read(row.own.encode())
    sizes = said.size + (commitment.read(row.other.encode()).size if row.other else 0)
    if row.state not in GOING and sizes > commitment.MOST_AGAIN:
        return ()  # to look through it takes seconds
    if not parts.has_any(row.pk, gone):
        return None
    begun, own = begun_at(row.pk), parts.inputs(row.pk)
    # What another entry had brought before the run began stays on record by that one.
    hit = {one: entry for one in own if isinstance(one, Value) and (entry := gone.get(one, begun)) < begun}
    secret = RunSecret(bytes.fromhex(row.secret))
    return commitment.without(own, hit, said, secret) if hit else None


def check_other(row: Run, own: Commitment, other: Commitment) -> None:
    """Refuse to go on with what the other side put in, or once nothing is agreed any more.

    Raises:
        NoAgreementError: The agreement ended, or its day came, while the run went on.
        BlanketError: Its inputs are more than its cases justify, or than its quota; asked again in a run that this side
            opened, as it commits to them only then.
        ProtocolError: It speaks something else, so that the two would miss each other.
    """
    agreement = agreement_with(row.partner)
    agreed_kinds(hello(PROTOCOL, own.epoch, own.kinds), hello_of(row))
    quota.check(agreement, row, other.size, other.kinds, row.other_cases)


def give_up(now: int) -> int:
    """End runs whose day is over; how many. Who learnt the hits and did not let us learn them pays with quota."""
    over = list(Run.objects.filter(state__in=GOING, begun_us__lt=now - DEADLINE_US))
    for row in over:
        if parts.get(row.pk, parts.FETCHED, 0) is not None:
            finish(row, RunEnded(state="broken", why=_broken(row.partner)))
        else:
            finish(row, RunEnded(state="failed", why="It was not finished within a day."))
    return len(over)


def _epoch(row: Run) -> str:
    """The epoch of a run, a month: that in which it was opened, by the clock of who opened it."""
    months = {
        f"{datetime.fromtimestamp(at / 1e6, UTC):%Y-%m}": at for at in (now_us(), now_us() - DEADLINE_US)
    }
    if not row.ours and (said := hello_of(row).epoch) in months:
        return said
    return next(iter(months))
