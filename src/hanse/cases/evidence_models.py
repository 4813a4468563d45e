"""Projections of evidence: the files of a case, and the chain of custody of each. What they say stands sealed."""

from django.db import models

from hanse.ledger.fields import SealedTextField
from hanse.policy.models import MarkedModel

HELD, RETURNED, DESTROYED = "held", "returned", "destroyed"

EVIDENCE_STATES = {HELD: "Held", RETURNED: "Original returned", DESTROYED: "Destroyed"}
"""How a piece of evidence stands: by key, the word on pages."""

HANDLED = {
    "received": "Received",
    "viewed": "Opened to be looked at",
    "exported": "Handed out",
    "court": "Exported for court",
    "moved": "Original moved",
    "returned": "Original returned",
    "destroyed": "Destroyed",
}
"""What can happen to a piece of evidence: by key, the words on pages."""


class Evidence(MarkedModel):
    """A piece of evidence: a file of a case. A projection.

    Its marking is its own, at least as strict as its case's; it is loaded through its case as well.

    Attributes:
        case: Id of the case.
        exhibit: Its number in the case, from 1; never given again.
        name: What the file was called.
        size: Its length in bytes.
        sha256: Of its content, hexadecimal.
        file: Under which name it lies in the store.
        description: What it is.
        source: From whom or where it came.
        place: Where the original is kept; may be empty.
        received_us: When the authority got it, microseconds UTC.
        state: One of `EVIDENCE_STATES`.
        time_us: When it was put on record, microseconds UTC.
        actor_name: By whom.
        sequence: The entry that says so.
    """

    team_stays = True

    case = models.UUIDField()
    exhibit = models.PositiveIntegerField()
    name = SealedTextField()
    size = models.BigIntegerField()
    sha256 = SealedTextField()
    file = models.CharField(max_length=64, db_index=True)
    description = SealedTextField()
    source = SealedTextField()
    place = SealedTextField()
    received_us = models.BigIntegerField()
    state = models.CharField(max_length=16, choices=list(EVIDENCE_STATES.items()))
    time_us = models.BigIntegerField()
    actor_name = models.TextField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["case", "exhibit"], name="cases_evidence_case"),)

    def __str__(self) -> str:
        """Its number and name."""
        return f"E{self.exhibit} {self.name}"


class Custody(models.Model):
    """One link of a chain of custody. A projection.

    Attributes:
        sequence: The entry that says so.
        evidence: Id of the piece of evidence.
        case: Id of its case.
        what: One of `HANDLED`.
        whom: To whom or where; may be empty.
        why: Why.
        time_us: When, microseconds UTC.
        actor_name: Who.
    """

    sequence = models.BigIntegerField(primary_key=True)
    evidence = models.UUIDField(db_index=True)
    case = models.UUIDField(db_index=True)
    what = models.CharField(max_length=16, choices=list(HANDLED.items()))
    whom = SealedTextField()
    why = SealedTextField()
    time_us = models.BigIntegerField()
    actor_name = models.TextField()

    def __str__(self) -> str:
        """What happened."""
        return str(self.get_what_display())
