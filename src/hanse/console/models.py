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


class AllowedHost(models.Model):
    """A port of a host that the node may reach at a non-public address, because two people allowed it. A projection.

    Attributes:
        object_id: The object's UUID in the ledger.
        host: Name or address, as it is written in settings.
        port: The one TCP port.
        address: The one address that it may resolve to.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    host = models.TextField()
    port = models.PositiveIntegerField()
    address = models.TextField()
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        """Host, port and address."""
        return f"{self.host}:{self.port} at {self.address}"
