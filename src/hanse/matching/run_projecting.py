"""How runs become rows: what this authority wrote of them, and what the other side sent."""

from typing import Final
from uuid import UUID

from hanse.cases.words import line
from hanse.federation.handlers import Arrived, Handler
from hanse.kernel import strict_json
from hanse.kernel.errors import UsageError
from hanse.ledger.kinds import Kind
from hanse.ledger.models import Entry
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.matching import commitment
from hanse.matching.contents import TEXT_LIMIT, Proposed, RunAsked, RunBegun, RunEnded
from hanse.matching.hello import Hello
from hanse.matching.models import Run

ASKED: Final = "matching.run_asked"
PROPOSED: Final = "matching.run_proposed"
BEGUN: Final = "matching.run_begun"
ENDED: Final = "matching.run_ended"

WANTED: Final = "wanted"
"""Somebody here asked for it."""
OFFERED: Final = "asked"
"""The other side opened it."""
WAITING: Final = "proposed"
"""Opened here; the other side has not answered."""
COMPARING: Final = "comparing"
"""Both have committed."""
GOING: Final = (WANTED, OFFERED, WAITING, COMPARING)
ENDS: Final = ("finished", "declined", "failed", "broken")
_HELLO_BYTES: Final = 16_384


def hello_of(row: Run) -> Hello:
    """What the other side speaks, as its proposal says."""
    return _hello(row.other_hello)


def begun_at(run: UUID) -> int:
    """The entry by which what this side put into a run stood fixed."""
    return int(Entry.objects.filter(kind=BEGUN, object_id=run).earliest("sequence").sequence)


def ended_there(row: Run) -> bool:
    """Whether the other side ended a run that still goes on here."""
    return row.state in GOING and row.other_state not in {"", "finished"}


def _hello(text: str) -> Hello:
    told: Hello = strict_json.decode(text.encode(), Hello, limit_bytes=_HELLO_BYTES, depth=3)
    return told


def _asked(recorded: Recorded, content: RunAsked) -> None:
    Run.objects.create(
        object_id=recorded.object_id, there=recorded.object_id, partner=content.partner, ours=True, state=WANTED,
        begun_us=recorded.time_us, sequence=recorded.sequence,
    )  # fmt: skip


def _begun(recorded: Recorded, content: RunBegun) -> None:
    row = Run.objects.filter(pk=recorded.object_id).first()
    if row is None:
        return  # what the other side sent was purged
    row.own, row.secret, row.cases = content.commitment, content.secret, content.cases
    row.state = COMPARING if row.other else WAITING
    row.sequence = recorded.sequence
    row.save()


def _ended(recorded: Recorded, content: RunEnded) -> None:
    if recorded.recipient:
        return  # the other side's copy
    values = {
        "state": content.state, "why": content.why, "transcript": content.transcript, "hits": content.hits,
        "blanket": content.blanket, "ended_us": recorded.time_us, "sequence": recorded.sequence,
    }  # fmt: skip
    Run.objects.filter(pk=recorded.object_id).update(**values)


def _nothing(_: Recorded, __: Proposed) -> None:
    """What was sent is in the entry that begins the run."""


def _forget(object_id: UUID) -> None:
    drop(Run.objects, object_id)


def _check_proposed(here: Arrived, content: Proposed) -> None:
    """Refuse a proposal that cannot be meant."""
    said = commitment.read(content.commitment.encode())
    spoken = _hello(content.hello)
    run = Run.objects.filter(pk=_as_uuid(content.answers)).first() if content.answers else None
    there = run.there if run is not None else here.there
    if here.marking.retention_us is not None:
        raise UsageError(
            f"{here.partner} opens a comparison that would purge itself: it has to stay on record."
        )
    if here.via:
        raise UsageError(f"{here.via} passes on what two authorities alone say to each other.")
    if said.authority != here.partner or said.session != there.hex or said.epoch != spoken.epoch:
        raise UsageError(f"{here.partner} commits to another run, or in another's name.")
    if said.kinds != spoken.kinds or not said.kinds:
        raise UsageError(f"{here.partner} commits to other kinds of selectors than it has compared.")
    if max(len(said.legal_basis), len(said.case_class)) > TEXT_LIMIT or not said.legal_basis.strip():
        raise UsageError(f"{here.partner} commits to a run without a legal basis that could be shown.")
    if not 0 <= content.cases <= 10**6:
        raise UsageError(f"{here.partner} says to have {content.cases:,} open cases.")
    if content.answers and (run is None or run.partner != here.partner or not run.ours or run.other):
        raise UsageError(f"{here.partner} answers a comparison that it was not asked for.")
    if not content.answers and Run.objects.filter(pk=here.object_id).exists():
        raise UsageError(f"{here.partner} opens one comparison twice.")


def _as_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise UsageError(f"{text[:40]!r} is no comparison.") from None


def _proposed(here: Arrived, content: Proposed) -> None:
    """The other side opens a run, or takes part in one."""
    said = {"other": content.commitment, "other_hello": content.hello, "other_cases": content.cases}
    if not content.answers:
        Run.objects.create(
            object_id=here.object_id, there=here.there, partner=here.partner, ours=False, state=OFFERED,
            begun_us=here.received_us, sequence=here.sequence, **said,
        )  # fmt: skip
        return
    row = Run.objects.filter(pk=UUID(content.answers), partner=here.partner).first()
    if row is None:
        return  # it was purged here
    for name, value in said.items():
        setattr(row, name, value)
    row.state = COMPARING if row.state == WAITING else row.state
    row.save()


def _check_other_ended(here: Arrived, content: RunEnded) -> None:
    if content.state not in ENDS or len(content.why) > TEXT_LIMIT or len(content.transcript) > 64:
        raise UsageError(f"{here.partner} says of a comparison what cannot be shown.")
    _as_uuid(content.run)


def _other_ended(here: Arrived, content: RunEnded) -> None:
    """How it ended for the other side; where it did not finish there, it ends here by an entry of this side's own.

    What the other side calls it is not taken over: it may know the hits (`running.follow`).
    """
    row = Run.objects.filter(there=UUID(content.run), partner=here.partner).first()
    if row is None:
        return
    row.other_state, row.other_transcript = content.state, content.transcript
    if row.state in GOING and content.state != "finished":
        row.blanket, row.why = content.blanket, f"{here.partner}: {line(content.why)}"
    row.save()


KINDS = (
    Kind(ASKED, RunAsked, _asked, _forget),
    Kind(PROPOSED, Proposed, _nothing, overseen=True),
    Kind(BEGUN, RunBegun, _begun, sealed=True, overseen=True),
    Kind(ENDED, RunEnded, _ended, overseen=True),
)
HANDLERS = (
    Handler(PROPOSED, Proposed, _proposed, _forget, check=_check_proposed),
    Handler(ENDED, RunEnded, _other_ended, check=_check_other_ended),
)
