"""Tables of standing matching: wishes, masks and days, which are projections; turns and tokens, which are not.

What is kept of a turn holds no text: values are known by keyed hashes of this node's own (`publishing.name_of`).
"""

from django.db import models

from hanse.ledger.fields import BlindIndexField, SealedBytesField, SealedTextField

PAIR_AND_DAY = ("partner", "epoch")
"""What is kept of turns is sealed to: their numbers are not known before, and another partner's are nobody's business."""


class StandingSide(models.Model):
    """What one side of a pair wants. A projection; fields as of `standing_contents.StandingSet`.

    Attributes:
        object_id: Own id of the wish.
        partner: With whom.
        theirs: Whether it is the partner's wish.
        why: The reason; empty for the partner's.
        actor_name: Who said so; empty for the partner's.
        time_us: When, microseconds UTC.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    partner = models.CharField(max_length=128)
    theirs = models.BooleanField()
    on = models.BooleanField()
    why = models.TextField(blank=True)
    actor_name = models.TextField(blank=True)
    time_us = models.BigIntegerField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["partner", "theirs"], name="matching_standing_side"),)

    def __str__(self) -> str:
        """With whom."""
        return self.partner


class Mask(models.Model):
    """This side's mask for a partner and day. A projection; fields as of `standing_contents.MaskMade`.

    Attributes:
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    partner = models.CharField(max_length=128)
    epoch = models.CharField(max_length=10)
    secret = SealedTextField()
    sequence = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["partner", "epoch"], name="matching_mask_once"),)

    def __str__(self) -> str:
        """For whom."""
        return f"{self.partner} {self.epoch}"


class OwnTurns(models.Model):
    """This side's turns with a partner in a day. No projection: what is lost begins anew the next day.

    Attributes:
        id: Of the row.
        partner: With whom.
        epoch: The day.
        mask: This side's mask, hexadecimal id.
        theirs: The partner's, likewise, as its answers say; empty before the first.
        number: Of the turn that is next or waits for its answer; zero opens.
        slot: The slot of the schedule in which the last one was made.
        waiting: How many values wait to be sent.
        leaving: How many tokens wait to be taken back.
        answered_us: When the last turn was answered, microseconds UTC; null before the first.
        refused: Why the partner does not answer, in its words; empty where it does.
        again_us: Not put again before then, microseconds UTC.
        pending: The turn that waits for its answer; empty for none. See `standing_state.Pending`.
        queue: See `standing_state.Waiting`.
        held: Keyed hashes of the values whose tokens both sides hold, and their tokens; see `standing_state.Held`.
    """

    id = models.BigAutoField(primary_key=True)
    partner = models.CharField(max_length=128)
    epoch = models.CharField(max_length=10)
    mask = models.CharField(max_length=32)
    theirs = models.CharField(max_length=32, blank=True)
    number = models.PositiveIntegerField(default=0)
    slot = models.PositiveIntegerField(default=0)
    waiting = models.PositiveIntegerField(default=0)
    leaving = models.PositiveIntegerField(default=0)
    answered_us = models.BigIntegerField(null=True)
    refused = models.TextField(blank=True)
    again_us = models.BigIntegerField(default=0)
    pending = SealedBytesField(bound_to=PAIR_AND_DAY)
    queue = SealedBytesField(bound_to=PAIR_AND_DAY)
    held = SealedBytesField(bound_to=PAIR_AND_DAY)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["partner", "epoch"], name="matching_own_turns"),)

    def __str__(self) -> str:
        """With whom."""
        return f"{self.partner} {self.epoch}"


class TheirTurns(models.Model):
    """A partner's turns in a day. No projection: what is lost begins anew the next day.

    Attributes:
        id: Of the row.
        partner: Who.
        epoch: The day.
        mask: This side's mask, hexadecimal id.
        theirs: The partner's, likewise.
        number: Of the last turn that was answered.
        digest: SHA-256 of that turn, hexadecimal.
        answer: Its answer, to be given again.
        taken_us: When it came, microseconds UTC.
        lead: Turns of it that were answered since it last answered one of this side's.
        chain: Of all its turns that were answered, see `standing_chain.Chain`.
        looked: The last of its tokens that hits were looked for with; see `HeldToken`.
    """

    id = models.BigAutoField(primary_key=True)
    partner = models.CharField(max_length=128)
    epoch = models.CharField(max_length=10)
    mask = models.CharField(max_length=32)
    theirs = models.CharField(max_length=32)
    number = models.PositiveIntegerField(default=0)
    digest = models.CharField(max_length=64)
    answer = SealedBytesField(bound_to=PAIR_AND_DAY)
    taken_us = models.BigIntegerField()
    lead = models.PositiveSmallIntegerField(default=0)
    chain = models.JSONField()
    looked = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["partner", "epoch"], name="matching_their_turns"),)

    def __str__(self) -> str:
        """Who."""
        return f"{self.partner} {self.epoch}"


class HeldToken(models.Model):
    """A token of a partner's. No projection, as its turns are none.

    Attributes:
        id: Grows with each that comes.
        turns: The partner's turns.
        token: By which it is found: a keyed hash.
    """

    id = models.BigAutoField(primary_key=True)
    turns = models.BigIntegerField()
    token = BlindIndexField(kind="matching.token", db_index=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["turns", "token"], name="matching_held_token"),)

    def __str__(self) -> str:
        """Whose."""
        return str(self.turns)


class StandingTurn(models.Model):
    """What one turn of this side was made of, for the auditor who does it again. No projection: it is gone after thirty days.

    Attributes:
        id: Of the row.
        partner: With whom.
        epoch: The day.
        number: Of the turn; zero opens.
        slot: The slot of the schedule in which it was made.
        head: The entry that the ledger was to have next: what it had put in stood in a case before it.
        names: Keyed hashes of the selectors that went, in the order in which they were put in; of one that was purged
            since its point, and the entry that brought it. See `standing_days.Went`. Null where all were decoys.
        points: SHA-256 of the points that were sent.
        taken: SHA-256 of the tokens that were taken back.
        answer: SHA-256 of the tokens that came for them; empty before they do.
    """

    id = models.BigAutoField(primary_key=True)
    partner = models.CharField(max_length=128)
    epoch = models.CharField(max_length=10)
    number = models.PositiveIntegerField()
    slot = models.PositiveIntegerField()
    head = models.BigIntegerField()
    names = SealedBytesField(null=True, bound_to=(*PAIR_AND_DAY, "number"))
    points = models.BinaryField(max_length=32)
    taken = models.BinaryField(max_length=32)
    answer = models.BinaryField(max_length=32)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["partner", "epoch", "number"], name="matching_standing_turn"),
        )

    def __str__(self) -> str:
        """Which."""
        return f"{self.partner} {self.epoch} {self.number}"


class StandingDay(models.Model):
    """What one side put on record of the turns of a day. A projection; fields as of `standing_contents.DayOver`.

    Attributes:
        object_id: Own id of the day with the partner, or of what the partner says of it.
        theirs: Whether the partner says so.
        found: What an auditor found when doing it again, in sentences; null before that.
        reopened_us: When that was, microseconds UTC; null likewise.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    partner = models.CharField(max_length=128)
    epoch = models.CharField(max_length=10)
    theirs = models.BooleanField()
    own = models.JSONField()
    other = models.JSONField()
    record = models.CharField(max_length=64)
    found = models.JSONField(null=True)
    reopened_us = models.BigIntegerField(null=True)
    sequence = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["partner", "epoch", "theirs"], name="matching_standing_day"),
        )

    def __str__(self) -> str:
        """Which."""
        return f"{self.partner} {self.epoch}"
