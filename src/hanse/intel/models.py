"""Projections of what is known: items, the values that they name, and what refers to what.

What an item says stands in the ledger alone; these tables hold what it is found and listed by.
"""

from collections.abc import Iterable
from typing import ClassVar, Self
from uuid import UUID

from django.db import models

from hanse.intel.feed_models import Feed, FeedPart, FeedRun
from hanse.intel.search_models import SavedSearch
from hanse.ledger.fields import RowIdField, SealedJSONField
from hanse.policy.guarded import Guarded
from hanse.policy.models import MarkedModel, StoredMarking

__all__ = [
    "Batch", "Feed", "FeedPart", "FeedRun", "Holding", "Item", "Posting", "Reference", "SavedSearch", "Span", "Undone", "Value",
]  # fmt: skip


class Item(MarkedModel):
    """One item. A projection.

    Attributes:
        number: Sequence of its first entry, by which postings name it in eight bytes.
        format: One of `hanse.intel.item.FORMATS`.
        type: What it is.
        source_id: Its id where it comes from.
        source_version: Which version it is there.
        title: What it is called; empty where a handling code keeps it sealed.
        creator: Who says so, as the item has it.
        created_us: When it was made, microseconds UTC.
        modified_us: When it was changed last, microseconds UTC.
        valid_until_us: Until when it holds, microseconds UTC.
        parent: `source_id` of what it is a part of; empty for a thing of its own.
        place: Its number among the parts of its parent.
        revoked: Whether its creator has taken it back.
        confidence: 0 to 100, as its source has it, or null.
        grade: Scale, source and information, such as ``admiralty B2``, as its source has it; may be empty.
        graded: The grade that somebody here gave it; empty where nobody has.
        graded_confidence: The confidence that somebody here gave it, or null.
        graded_sequence: The entry that says so; null where nobody has graded it here.
        sealed: Whether a handling code keeps it out of titles, full text and values in the clear.
        problems: How many of its parts could not be understood.
        batch: Id of the import that brought it, hexadecimal; may be empty.
        sequence: The entry that says so.
        version: The object's version.
        digest: Of its content.
        holding: Id of the `Holding` that it is one of.
        moved: Sequence of the last entry that said it or marked it: the order in which it is offered to partners.
        origin: Id of the authority that shared and signed it; empty for what did not come from a partner's node.
        first_hand: Whether that authority is the one that the item names as its creator.
        passed_on: Whether it came by another partner than that.
        embargoed: Whether its marking has an embargo, also one that is over.
    """

    embargo_goes = models.Q(origin="")

    # Without index: all that asks which markings there are asks the holdings, and to check it would read all items.
    marking = models.ForeignKey(
        StoredMarking, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    number = models.BigIntegerField(unique=True)
    format = models.CharField(max_length=8)
    type = models.CharField(max_length=100)
    source_id = models.TextField()
    source_version = models.TextField(default="")
    title = models.TextField(default="")
    creator = models.TextField(default="")
    created_us = models.BigIntegerField(null=True)
    modified_us = models.BigIntegerField(null=True)
    valid_until_us = models.BigIntegerField(null=True)
    parent = models.TextField(default="")
    place = models.PositiveIntegerField(default=0)
    revoked = models.BooleanField(default=False)
    confidence = models.PositiveSmallIntegerField(null=True)
    grade = models.CharField(max_length=24, default="")
    graded = models.CharField(max_length=24, default="")
    graded_confidence = models.PositiveSmallIntegerField(null=True)
    graded_sequence = models.BigIntegerField(null=True)
    sealed = models.BooleanField(default=False)
    problems = models.PositiveIntegerField(default=0)
    batch = models.CharField(max_length=32, default="")
    sequence = models.BigIntegerField()
    version = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    holding = models.BigIntegerField()
    moved = models.BigIntegerField()
    origin = models.CharField(max_length=128, default="")
    first_hand = models.BooleanField(default=False)
    passed_on = models.BooleanField(default=False)
    embargoed = models.BooleanField(default=False)

    class Meta:
        indexes = (
            models.Index(fields=["source_id"], name="intel_item_source"),
            models.Index(
                fields=["parent", "place"], condition=~models.Q(parent=""), name="intel_item_parent"
            ),
            models.Index(fields=["batch", "number"], condition=~models.Q(batch=""), name="intel_item_batch"),
            models.Index(fields=["type", "number"], name="intel_item_type"),
            models.Index(
                fields=["holding", "moved", "type"],
                condition=models.Q(format__in=("stix", "own")),
                name="intel_item_offered",
            ),
            models.Index(
                fields=["type", "sequence"], condition=models.Q(format="own"), name="intel_item_written"
            ),
            # Which of many items came from partners, without reading them.
            models.Index(fields=["number"], condition=models.Q(format="partner"), name="intel_item_partner"),
            # What is under an embargo, which is little, without reading the rest.
            models.Index(
                fields=["marking", "origin"], condition=models.Q(embargoed=True), name="intel_item_embargoed"
            ),
        )

    def __str__(self) -> str:
        """What it is called."""
        return self.title or f"{self.type} {self.source_id}"

    @classmethod
    def carriers(cls) -> "models.QuerySet[Holding]":
        """The holdings: each item is in one, of its marking and team."""
        return Holding.projected.all()

    @classmethod
    def under_embargo(cls, markings: Iterable[str]) -> "models.QuerySet[Self]":
        """As of `MarkedModel`."""
        return super().under_embargo(markings).filter(embargoed=True)

    @classmethod
    def follow_marking(cls, object_id: UUID, sequence: int) -> None:
        """Move the item and its postings to the holding that it now is one of."""
        from hanse.intel import projecting  # noqa: PLC0415 - which needs these tables

        projecting.follow_marking(object_id, sequence)

    @property
    def standing_grade(self) -> str:
        """The grade that counts: the one given here, or its source's."""
        return self.grade if self.graded_sequence is None else self.graded

    @property
    def standing_confidence(self) -> int | None:
        """The confidence that counts: the one given here, or its source's."""
        return self.confidence if self.graded_sequence is None else self.graded_confidence


class Holding(models.Model):
    """The items of one marking and one team: whoever may see one of them may see all. A projection.

    Postings name it, so that what a reader may not see takes no part in a look-up, not even of its time.

    Attributes:
        id: 47 bits of the keyed hash of marking and team, so that a replay gives the same.
        marking: Of each of the items.
        team: Of each of the items.
        items: How many there are.
    """

    id = RowIdField(primary_key=True)
    marking = models.ForeignKey(StoredMarking, on_delete=models.PROTECT, related_name="+")
    team = models.CharField(max_length=64, default="", blank=True)
    items = models.BigIntegerField()

    objects: ClassVar[Guarded[Self]] = Guarded()
    projected: ClassVar[models.Manager[Self]] = models.Manager()

    def __str__(self) -> str:
        """How many items of what."""
        return f"{self.items} items of {self.marking_id[:8]}"

    @classmethod
    def carriers(cls) -> "models.QuerySet[Self]":
        """As of `MarkedModel`."""
        return cls.projected.all()


class Value(models.Model):
    """A value that items name. A projection.

    Attributes:
        id: The first 63 bits of the keyed hash of kind and text.
        kind: One of `hanse.intel.values.KINDS`.
        text: Its normal form; null as long as only sealed items name it, and always for masked kinds.
    """

    id = RowIdField(primary_key=True)
    kind = models.CharField(max_length=16)
    text = models.TextField(null=True)  # noqa: DJ001 - null is sealed, and no text is empty

    class Meta:
        indexes = (
            models.Index(fields=["text"], condition=models.Q(text__isnull=False), name="intel_value_text"),
        )


class Posting(models.Model):
    """That an item names a value. A projection.

    Attributes:
        id: The item's number and the place among its rows, so that a replay gives the same and the
            rows of an item stand beside each other.
        value: Id of the value.
        item: Number of the item.
        role: By which part of the item.
        holding: Id of the `Holding` of the item.
    """

    id = RowIdField(primary_key=True)
    value = models.BigIntegerField()
    item = models.BigIntegerField()
    role = models.CharField(max_length=80)
    holding = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["value", "holding", "item"], name="intel_posting_value"),)


class Span(models.Model):
    """The addresses that a value covers. A projection.

    Attributes:
        value: Id of the value, an address or a network.
        first: First address, 16 bytes (IPv4 as ::ffff:a.b.c.d) in hexadecimal, which sorts as addresses do.
        last: Last address, likewise.
    """

    value = RowIdField(primary_key=True)
    first = models.CharField(max_length=32)
    last = models.CharField(max_length=32)

    class Meta:
        indexes = (models.Index(fields=["first", "last"], name="intel_span_bounds"),)


class Reference(models.Model):
    """That an item names another. A projection.

    Attributes:
        id: The item's number and the place among its rows, so that a replay gives the same and the
            rows of an item stand beside each other.
        item: Number of the item that names.
        target: `projecting.reference_id` of the `source_id` of the one that is named, which may not be here.
        role: By which part.
    """

    id = RowIdField(primary_key=True)
    item = models.BigIntegerField()
    target = models.BigIntegerField()
    role = models.CharField(max_length=80)

    class Meta:
        indexes = (models.Index(fields=["target"], name="intel_reference_target"),)


class Batch(MarkedModel):
    """The account of one import. A projection.

    Attributes:
        name: What was brought: a file's name, a feed's.
        format: What it turned out to be.
        time_us: When, microseconds UTC.
        actor_name: Who brought it.
        fresh: Items that were new.
        newer: Items that were newer than what was here.
        known: Items that were here already.
        older: Items that were older than what was here.
        clashes: Items that say something else under the same id and version; they were not taken.
        left_out: What was no item.
        wrong_marking: Items that were left out because their marking is none, parts among them.
        detail: The clashes and what was left out, with the reason and the text of each.
        sequence: The entry that says so.
    """

    name = models.TextField()
    format = models.CharField(max_length=8)
    time_us = models.BigIntegerField()
    actor_name = models.TextField()
    fresh = models.PositiveIntegerField()
    newer = models.PositiveIntegerField()
    known = models.PositiveIntegerField()
    older = models.PositiveIntegerField()
    clashes = models.PositiveIntegerField()
    left_out = models.PositiveIntegerField()
    wrong_marking = models.PositiveIntegerField()
    detail = SealedJSONField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["time_us", "object_id"], name="intel_batch_time"),)

    def __str__(self) -> str:
        """What was brought."""
        return self.name


class Undone(models.Model):
    """That a value, everywhere or in one item, is no correlation: somebody said so. A projection.

    Attributes:
        object_id: The decision in the ledger.
        value: Id of the value.
        item: Number of the item; null is everywhere.
        why: The reason.
        actor_name: Who.
        time_us: When, microseconds UTC.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    value = models.BigIntegerField(db_index=True)
    item = models.BigIntegerField(null=True)
    why = models.TextField()
    actor_name = models.TextField()
    time_us = models.BigIntegerField()
    sequence = models.BigIntegerField()
