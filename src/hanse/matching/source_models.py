"""Counts of the sources that two attacks have in common, as rows."""

from django.db import models

from hanse.ledger.fields import SealedTextField
from hanse.policy.models import MarkedModel


class SourceCount(MarkedModel):
    """How many sources an own attack and a partner's have in common. A projection, as strict as both attacks.

    Fields as of `source_contents`.

    Attributes:
        who: Who asked, as the ledger has it; empty where the partner did.
        reason: Why, in the words of who asked here.
        sequence: The last entry about it.
    """

    partner = models.CharField(max_length=128)
    ours = models.BooleanField()
    question = models.CharField(max_length=32)
    own = models.UUIDField(db_index=True)
    theirs = models.UUIDField(null=True, db_index=True)
    epoch = models.CharField(max_length=16)
    secret = SealedTextField()
    who = models.TextField(blank=True)
    reason = SealedTextField()
    state = models.CharField(max_length=16)
    why = models.TextField(blank=True)
    common = models.PositiveIntegerField(default=0)
    own_size = models.PositiveIntegerField(default=0)
    own_share = models.FloatField(default=1.0)
    other_size = models.PositiveIntegerField(default=0)
    other_share = models.FloatField(default=1.0)
    transcript = models.CharField(max_length=64, blank=True)
    asked_us = models.BigIntegerField()
    told_us = models.BigIntegerField(null=True)
    sequence = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["partner", "ours", "question"], name="matching_counted_once"),
        )
        indexes = (
            models.Index(fields=["partner", "ours", "asked_us"], name="matching_counts_of"),
            models.Index(fields=["asked_us", "object_id"], name="matching_counts_by_time"),
            models.Index(
                fields=["partner"], condition=models.Q(state="waiting"), name="matching_counts_wait"
            ),
        )

    def __str__(self) -> str:
        """With whom."""
        return self.partner

    @property
    def estimate(self) -> tuple[float, float]:
        """Sources in common, and those of the attack that has fewer, estimated from what was compared."""
        fewer = min(self.own_size / self.own_share, self.other_size / self.other_share)
        return min(self.common / min(self.own_share, self.other_share), fewer), fewer
