"""Projections of matching, and what a run needs while it goes on."""

from django.db import models

from hanse.cases.selector import KINDS
from hanse.ledger.fields import RowIdField, SealedBytesField, SealedJSONField, SealedTextField
from hanse.matching.source_models import SourceCount
from hanse.matching.standing_models import (
    HeldToken,
    Mask,
    OwnTurns,
    StandingDay,
    StandingSide,
    StandingTurn,
    TheirTurns,
)
from hanse.matching.tag_models import Asking, OwnDelta, OwnSet, Question, Reply, TagKey, TheirSet, TheirTagKey

__all__ = [
    "Agreement", "Asking", "HeldToken", "Hit", "Mask", "Offer", "OwnDelta", "OwnSet", "OwnTurns", "Question", "Reference",
    "Reply", "Run", "RunPart", "SourceCount", "StandingDay", "StandingSide", "StandingTurn", "TagKey", "TheirSet", "TheirTagKey", "TheirTurns", "Withheld",
]  # fmt: skip


class Agreement(models.Model):
    """What is offered to a partner. A projection; one that ended has no row. Fields as of `contents.Agreed`.

    Attributes:
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    partner = models.CharField(max_length=128, unique=True)
    kinds = models.JSONField()
    categories = models.JSONField()
    legal_basis = models.TextField()
    case_class = models.TextField()
    per_day = models.PositiveIntegerField()
    sources = models.BooleanField(default=False)
    until_us = models.BigIntegerField()
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        """With whom."""
        return self.partner


class Withheld(models.Model):
    """A case or selector that is not offered, or answered for by one officer. A projection; read through the case.

    Attributes:
        object_id: The case, or the selector.
        case: The case.
        officer: Who alone sees its hits; null where it is not offered at all.
        why: The reason.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    case = models.UUIDField(db_index=True)
    officer = models.UUIDField(null=True)
    why = SealedTextField()
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        """Its case."""
        return str(self.case)


class Run(models.Model):
    """A comparison of whole sets with a partner. A projection.

    Attributes:
        object_id: Own id of the run.
        there: The run as who opened it names it.
        partner: With whom.
        ours: Whether this authority opened it.
        state: ``wanted``, ``asked``, ``proposed``, ``comparing``, or how it ended: `contents.RunEnded`.
        why: How it ended, in words.
        own: Own commitment, its JSON; empty before it is made.
        other: The other side's, likewise.
        other_hello: What the other side speaks, its JSON.
        cases: Own open cases that the inputs are of.
        other_cases: The other side's, as it says.
        secret: The run's secret, hexadecimal.
        hits: How many selectors both have.
        transcript: Hash of what went over the wire, as this side has it; empty before the end.
        other_transcript: As the other side has it.
        other_state: How it ended for the other side; empty before it says so.
        blanket: Whether it was declined for its size.
        begun_us: When it was asked for, microseconds UTC.
        ended_us: When it ended here, microseconds UTC; null while it goes on.
        sequence: The last entry about it.
    """

    object_id = models.UUIDField(primary_key=True)
    there = models.UUIDField(db_index=True)
    partner = models.CharField(max_length=128)
    ours = models.BooleanField()
    state = models.CharField(max_length=16)
    why = models.TextField(blank=True)
    own = models.TextField(blank=True)
    other = models.TextField(blank=True)
    other_hello = models.TextField(blank=True)
    cases = models.PositiveIntegerField(default=0)
    other_cases = models.PositiveIntegerField(default=0)
    secret = SealedTextField(default="")
    hits = models.PositiveIntegerField(default=0)
    transcript = models.CharField(max_length=64, blank=True)
    other_transcript = models.CharField(max_length=64, blank=True)
    other_state = models.CharField(max_length=16, blank=True)
    blanket = models.BooleanField(default=False)
    begun_us = models.BigIntegerField()
    ended_us = models.BigIntegerField(null=True)
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (
            models.Index(fields=["begun_us", "object_id"], name="matching_run_begun"),
            models.Index(fields=["partner", "state"], name="matching_run_partner"),
        )

    def __str__(self) -> str:
        """With whom."""
        return self.partner


class RunPart(models.Model):
    """A piece of what goes over the wire in a run. No projection: it is gone once nobody needs it.

    Attributes:
        id: Of the row.
        run: The run.
        name: ``points`` or ``tokens`` of this side, ``their-points``, ``their-tokens``; ``values``; ``digest``,
            ``their-digest``; ``fetched`` and ``asked``, which are marks.
        place: Counts from 0.
        data: Its bytes; none for ``values``.
        values: What is compared; null but for ``values``.
    """

    id = models.BigAutoField(primary_key=True)
    run = models.UUIDField()
    name = models.CharField(max_length=16)
    place = models.PositiveIntegerField()
    data = models.BinaryField(default=bytes)
    values = SealedBytesField(null=True, bound_to=("run",))

    class Meta:
        constraints = (models.UniqueConstraint(fields=["run", "name", "place"], name="matching_part_once"),)


class Hit(models.Model):
    """That a partner has the same selector, or a person like one. A projection; read through the case.

    Fields as of `contents.HitFound`.

    Attributes:
        found_us: When it was found, microseconds UTC.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    partner = models.CharField(max_length=128)
    way = models.CharField(max_length=16)
    run = models.UUIDField(null=True)
    case = models.UUIDField(db_index=True)
    selector = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=16, choices=list(KINDS.items()))
    keys = models.PositiveSmallIntegerField(default=0)
    officer = models.UUIDField(null=True)
    tag = SealedTextField(default="")
    found_us = models.BigIntegerField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["found_us", "object_id"], name="matching_hit_found"),)

    def __str__(self) -> str:
        """With whom."""
        return self.partner

    @property
    def is_lead(self) -> bool:
        """Whether it is a person whose name is not spelled alike."""
        return self.keys > 0


class Offer(models.Model):
    """What one side offered last for a hit. A projection; own ones are read through the case, as theirs are by their hits.

    Attributes:
        object_id: The hit, for an own offer; for one of theirs the own id of their hit.
        partner: With whom.
        theirs: Whether the other side made it.
        wants: Whether it agrees to a joint case, and opens none.
        content: As of `contents.Contact`.
        time_us: When it was made, or came, microseconds UTC.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    partner = models.CharField(max_length=128)
    theirs = models.BooleanField()
    wants = models.BooleanField()
    content = SealedJSONField()
    time_us = models.BigIntegerField()
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        """With whom."""
        return self.partner


class Reference(models.Model):
    """What names a hit to both sides. A projection.

    Attributes:
        id: Sequence of the entry, and the place among those that it names.
        thing: The own hit, or the other side's offer for it.
        partner: The other side.
        reference: 16 bytes that only the two can make, hexadecimal.
    """

    id = RowIdField(primary_key=True)
    thing = models.UUIDField(db_index=True)
    partner = models.CharField(max_length=128)
    reference = models.CharField(max_length=32)

    class Meta:
        indexes = (models.Index(fields=["partner", "reference"], name="matching_named"),)
