"""Projections of the open edge: who may come, what they sent, and what could not be told them."""

from django.db import models

from hanse.ledger.fields import SealedJSONField, SealedTextField


class Partner(models.Model):
    """An authority that comes by TAXII. A projection; of its secret only the hash is kept.

    Attributes:
        object_id: Its UUID in the ledger.
        authority: Id of the authority, by which markings name it and by which it signs in.
        name: What it is called.
        country: ISO 3166, two capital letters; empty where it has none.
        tier: One of `hanse.kernel.markings.TIERS`.
        digest: SHA-256 of its secret, hexadecimal.
        why: What for, as the one who proposed it wrote; sealed.
        made_us: When its secret was made, microseconds UTC.
        revoked_us: When it was revoked; null while it may come.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    authority = models.CharField(max_length=128)
    name = models.CharField(max_length=200)
    country = models.CharField(max_length=2, default="")
    tier = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, db_index=True)
    why = SealedTextField(default="")
    made_us = models.BigIntegerField()
    revoked_us = models.BigIntegerField(null=True)
    sequence = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["authority"], condition=models.Q(revoked_us=None), name="taxii_one_of_an_authority"
            ),
        )

    def __str__(self) -> str:
        """What it is called."""
        return self.name


class Receipt(models.Model):
    """What came of one sending of a partner. A projection.

    Attributes:
        object_id: Its UUID, which the partner's status resource names.
        partner: The partner's UUID.
        time_us: When it was done, microseconds UTC.
        asked_us: When it was sent, microseconds UTC.
        total: Objects that were sent.
        taken: Of those, how many are on record.
        failures: Those that are not: id, version and why of each; sealed. It may name fewer than there are.
        account: Address of the page that tells it; empty where nothing was taken in.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    partner = models.UUIDField(db_index=True)
    time_us = models.BigIntegerField()
    asked_us = models.BigIntegerField()
    total = models.PositiveIntegerField()
    taken = models.PositiveIntegerField()
    failures = SealedJSONField()
    account = models.CharField(max_length=200, default="")
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        """How much was taken."""
        return f"{self.taken} of {self.total}"


class Day(models.Model):
    """How much a partner sent on the last day on which it sent anything; it is of no account after that day.

    Attributes:
        partner: The partner's UUID.
        day: Days since 1970, UTC.
        bytes: Bytes that were kept to be taken in.
    """

    partner = models.UUIDField(primary_key=True)
    day = models.BigIntegerField()
    bytes = models.BigIntegerField()

    def __str__(self) -> str:
        """How much."""
        return f"{self.bytes} bytes"


class LeftOut(models.Model):
    """An object that is told to no partner, because it cannot be told as STIX. A projection.

    Attributes:
        object_id: The thing's UUID in the ledger.
        why: What is wrong with it, in words; sealed.
        moved: At which place in the list it was noticed; changed since, it is tried anew.
        time_us: When it was noticed, microseconds UTC.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    why = SealedTextField()
    moved = models.BigIntegerField()
    time_us = models.BigIntegerField()
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        """Which one."""
        return self.object_id.hex
