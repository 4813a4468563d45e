"""Projections of saved searches: what somebody looks for, for that person alone."""

from django.db import models

from hanse.ledger.fields import SealedJSONField, SealedTextField


class SavedSearch(models.Model):
    """A search that a person saved. A projection; read through `hanse.intel.searches` alone, which asks whose it is.

    Attributes:
        object_id: The object's UUID in the ledger.
        owner: Id of the person.
        name: What they call it; sealed, for it may name a suspect.
        query: What is looked for: the list's filters with their values, each a list of texts; sealed likewise.
        notify: Whether new hits are counted in the console.
        seen: Number up to which the person has looked at hits.
        sequence: The entry that last said so.
    """

    object_id = models.UUIDField(primary_key=True)
    owner = models.CharField(max_length=64, db_index=True)
    name = SealedTextField()
    query = SealedJSONField()
    notify = models.BooleanField(default=True)
    seen = models.BigIntegerField()
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        """What it is called."""
        return str(self.name)
