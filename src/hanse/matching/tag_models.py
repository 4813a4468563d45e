"""Tables of *who else?*: keys, questions and answers, which are projections; and published sets, which are not."""

from django.db import models

from hanse.ledger.fields import SealedBytesField, SealedTextField
from hanse.matching.tag_contents import STATES


class TagKey(models.Model):
    """The key of a partner and month. A projection; fields as of `contents.TagKeyMade`.

    Attributes:
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    partner = models.CharField(max_length=128)
    epoch = models.CharField(max_length=8)
    seed = SealedTextField()
    sequence = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["partner", "epoch"], name="matching_tag_key"),)

    def __str__(self) -> str:
        """Whose."""
        return f"{self.partner} {self.epoch}"


class TheirTagKey(models.Model):
    """What a partner said of its key. A projection; fields as of `contents.TagKeyTold`.

    Attributes:
        object_id: Own id of the partner's key.
        partner: Whose it is.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    partner = models.CharField(max_length=128)
    epoch = models.CharField(max_length=8)
    public = models.CharField(max_length=64)
    speaks = models.CharField(max_length=64)
    sequence = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["partner", "epoch"], name="matching_their_tag_key"),)

    def __str__(self) -> str:
        """Whose."""
        return f"{self.partner} {self.epoch}"


class Question(models.Model):
    """A question to partners. A projection; read through the case. Fields as of `contents.QuestionAsked`.

    Attributes:
        why: The reason.
        selectors: Ids of the selectors.
        officer: Who alone sees it; null for all who work on the case.
        asked_us: When, microseconds UTC.
        actor_name: Who asked.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    case = models.UUIDField(db_index=True)
    epoch = models.CharField(max_length=8)
    secret = SealedTextField()
    selectors = models.JSONField()
    officer = models.UUIDField(null=True)
    why = SealedTextField()
    asked_us = models.BigIntegerField()
    actor_name = models.TextField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["asked_us", "object_id"], name="matching_question_asked"),)

    def __str__(self) -> str:
        """When."""
        return str(self.asked_us)


class Reply(models.Model):
    """How a question stands with one partner. A projection; read through the question.

    Attributes:
        id: Of the question's entry, and the place of the partner in it.
        question: The question.
        partner: Who.
        state: One of `tag_contents.STATES`.
        why: Why there is no answer, in words.
        hits: How many of the selectors the partner has too.
        told_us: When it came to that, microseconds UTC; null while it waits.
    """

    id = models.CharField(max_length=200, primary_key=True)
    question = models.UUIDField(db_index=True)
    partner = models.CharField(max_length=128)
    state = models.CharField(max_length=16, choices=list(STATES.items()))
    why = SealedTextField(default="")
    hits = models.PositiveIntegerField(default=0)
    told_us = models.BigIntegerField(null=True)

    class Meta:
        indexes = (models.Index(fields=["partner", "state"], name="matching_reply_waits"),)

    def __str__(self) -> str:
        """Whose."""
        return self.partner


class Asking(models.Model):
    """That a partner asked. A projection; fields as of `contents.Questioned`.

    Attributes:
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    partner = models.CharField(max_length=128)
    question = models.CharField(max_length=32)
    epoch = models.CharField(max_length=8)
    digest = models.CharField(max_length=64)
    refused = models.TextField(blank=True)
    about = models.CharField(max_length=16, blank=True)
    at_us = models.BigIntegerField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (
            models.Index(fields=["partner", "at_us"], name="matching_asking_by"),
            models.Index(fields=["at_us", "object_id"], name="matching_asking_at"),
        )

    def __str__(self) -> str:
        """Who."""
        return self.partner


class OwnSet(models.Model):
    """What is published for one partner in one month. No projection: it can be made anew from the open cases and the key.

    Attributes:
        id: Of the row.
        partner: For whom.
        epoch: The month.
        serial: Names this making of it: one that was lost and made anew is fetched anew.
        version: Of the set.
        slot: The slot of the schedule in which that was made.
        base_version: The version that is given whole.
        base: That version's tags.
        kept: What is real of it, and what is published now; see `publishing.Kept`.
    """

    id = models.BigAutoField(primary_key=True)
    partner = models.CharField(max_length=128)
    epoch = models.CharField(max_length=8)
    serial = models.CharField(max_length=32)
    version = models.PositiveIntegerField(default=0)
    slot = models.PositiveIntegerField()
    base_version = models.PositiveIntegerField(default=0)
    base = SealedBytesField(bound_to=("partner", "epoch", "serial"))
    kept = SealedBytesField(bound_to=("partner", "epoch", "serial"))

    class Meta:
        constraints = (models.UniqueConstraint(fields=["partner", "epoch"], name="matching_own_set"),)

    def __str__(self) -> str:
        """For whom."""
        return f"{self.partner} {self.epoch}"


class OwnDelta(models.Model):
    """What makes a version of a published set of the one before it. No projection, as its set is none.

    Attributes:
        id: Of the row.
        serial: Of which making of a set.
        version: That it makes.
        added: Tags.
        taken: Tags.
    """

    id = models.BigAutoField(primary_key=True)
    serial = models.CharField(max_length=32)
    version = models.PositiveIntegerField()
    added = SealedBytesField(bound_to=("serial", "version"))
    taken = SealedBytesField(bound_to=("serial", "version"))

    class Meta:
        constraints = (models.UniqueConstraint(fields=["serial", "version"], name="matching_own_delta"),)

    def __str__(self) -> str:
        """Which."""
        return f"{self.serial} {self.version}"


class TheirSet(models.Model):
    """What a partner has published for this authority. No projection: it can be fetched anew.

    Attributes:
        id: Of the row.
        partner: Who.
        epoch: The month.
        serial: Which making of it.
        version: Of the set.
        tags: All of them, sorted.
    """

    id = models.BigAutoField(primary_key=True)
    partner = models.CharField(max_length=128)
    epoch = models.CharField(max_length=8)
    serial = models.CharField(max_length=32)
    version = models.PositiveIntegerField()
    tags = SealedBytesField(bound_to=("partner", "epoch"))

    class Meta:
        constraints = (models.UniqueConstraint(fields=["partner", "epoch"], name="matching_their_set"),)

    def __str__(self) -> str:
        """Whose."""
        return f"{self.partner} {self.epoch}"
