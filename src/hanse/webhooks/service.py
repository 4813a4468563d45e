"""What webhooks write: entries of webhooks and of their messages, and the rows that follow from them."""

from typing import Final
from uuid import UUID

from hanse.ledger.fields import sealed
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop, set_row
from hanse.webhooks import contents
from hanse.webhooks.models import Hook, Message, Outcome

MADE: Final = "webhooks.made"
PAUSED: Final = "webhooks.paused"
RESUMED: Final = "webhooks.resumed"
REMOVED: Final = "webhooks.removed"
TESTED: Final = "webhooks.tested"
BEGUN: Final = "webhooks.begun"
TRIED: Final = "webhooks.tried"
DROPPED: Final = "webhooks.dropped"


def _project_made(recorded: Recorded, content: contents.HookMade) -> None:
    set_row(Hook.objects, recorded.object_id, {
        "partner": UUID(content.partner), "url": content.url, "events": content.events, "way": content.way,
        "public": content.public, "secret": content.secret, "why": recorded.reason, "made_us": recorded.time_us,
        "since": recorded.sequence, "resumed": recorded.sequence, "sequence": recorded.sequence,
    })  # fmt: skip


def _project_paused(recorded: Recorded, _: contents.HookPaused) -> None:
    Hook.objects.filter(pk=recorded.object_id).update(paused=True, sequence=recorded.sequence)


def _project_resumed(recorded: Recorded, _: contents.HookResumed) -> None:
    Hook.objects.filter(pk=recorded.object_id).update(
        paused=False, resumed=recorded.sequence, sequence=recorded.sequence
    )
    stopped = Message.objects.filter(hook=recorded.object_id, outcome__in=(Outcome.WAITING, Outcome.FAILED))
    stopped.update(
        outcome=Outcome.WAITING,
        attempts=0,
        first_us=None,
        again_us=recorded.time_us,
        sequence=recorded.sequence,
    )


def _project_removed(recorded: Recorded, _: contents.HookRemoved) -> None:
    Hook.objects.filter(pk=recorded.object_id).update(
        removed_us=recorded.time_us,
        secret="",
        sequence=recorded.sequence,
        **sealed(Hook, recorded.object_id, url=""),
    )


def _project_tested(recorded: Recorded, content: contents.HookTested) -> None:
    row = Hook.objects.filter(pk=recorded.object_id).first()
    if row is not None:
        row.tested_us, row.tested, row.test_words = recorded.time_us, content.delivered, content.words
        row.sequence = recorded.sequence
        row.save()


def _forget_hook(object_id: UUID) -> None:
    drop(Hook.objects, object_id)
    # As in a rebuild, where they come after a webhook that is not there.
    drop(Message.objects, object_id, "hook")


def _project_begun(recorded: Recorded, content: contents.Begun) -> None:
    if not Hook.objects.filter(pk=UUID(content.hook)).exists():
        return
    set_row(Message.objects, recorded.object_id, {
        "hook": UUID(content.hook), "event": content.event, "thing": UUID(content.thing), "place": content.place,
        "begun_us": recorded.time_us, "again_us": recorded.time_us, "begun": recorded.sequence,
        "sequence": recorded.sequence,
    })  # fmt: skip


def _project_tried(recorded: Recorded, content: contents.Tried) -> None:
    row = Message.objects.filter(pk=recorded.object_id).first()
    if row is None:
        return
    again = content.again_us
    row.outcome = (
        Outcome.DELIVERED if content.delivered else Outcome.FAILED if again is None else Outcome.WAITING
    )
    row.attempts, row.tried = row.attempts + 1, True
    row.words, row.ended_us, row.sequence = content.words, recorded.time_us, recorded.sequence
    row.first_us = recorded.time_us if row.first_us is None else row.first_us
    row.again_us = row.again_us if again is None else again
    row.save()


def _project_dropped(recorded: Recorded, _: contents.Dropped) -> None:
    Message.objects.filter(pk=recorded.object_id).update(
        outcome=Outcome.DROPPED, ended_us=recorded.time_us, sequence=recorded.sequence
    )


def _forget_message(object_id: UUID) -> None:
    drop(Message.objects, object_id)


KINDS = (
    Kind(MADE, contents.HookMade, _project_made, _forget_hook, sealed=True),
    Kind(PAUSED, contents.HookPaused, _project_paused),
    Kind(RESUMED, contents.HookResumed, _project_resumed),
    Kind(REMOVED, contents.HookRemoved, _project_removed),
    Kind(TESTED, contents.HookTested, _project_tested, sealed=True),
    Kind(BEGUN, contents.Begun, _project_begun, _forget_message),
    Kind(TRIED, contents.Tried, _project_tried, sealed=True),
    Kind(DROPPED, contents.Dropped, _project_dropped),
)
