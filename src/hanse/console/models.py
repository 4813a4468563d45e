"""What people set for the node as a whole."""

from django.db import models

from hanse.ledger.fields import SealedJSONField


class Setting(models.Model):
    """One group of settings, as it was last set. A projection; sealed, for it may hold a relay's password.

    Attributes:
        name: The group; see `service.GROUPS`.
        value: Its fields.
        sequence: The entry that last set it.
    """

    name = models.CharField(max_length=32, primary_key=True)
    value = SealedJSONField()
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        """The group."""
        return self.name
