"""Projection of exports for court: which archives of a case were given out, to whom, and their hashes."""

from typing import ClassVar

from django.db import models

from hanse.ledger.fields import SealedTextField


class CourtExport(models.Model):
    """An archive that was given out. A projection.

    Attributes:
        object_id: The export.
        case: Id of the case.
        manifest: SHA-256 of its manifest, hexadecimal: it tells the archive from all others.
        files: How many files are in it.
        exhibits: How many of them are evidence.
        whom: To whom it went.
        why: Why.
        time_us: When, microseconds UTC.
        actor_name: Who gave it out.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    case = models.UUIDField(db_index=True)
    manifest = models.CharField(max_length=64)
    files = models.PositiveIntegerField()
    exhibits = models.PositiveIntegerField()
    whom = SealedTextField()
    why = SealedTextField()
    time_us = models.BigIntegerField()
    actor_name = models.TextField()
    sequence = models.BigIntegerField()

    objects: ClassVar[models.Manager["CourtExport"]] = models.Manager()

    def __str__(self) -> str:
        """To whom it went."""
        return str(self.whom)
