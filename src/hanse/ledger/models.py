"""The ledger's tables: entries as signed, their bodies, and the tree above them."""

from django.db import models

from hanse.ledger.fields import RowIdField


class Head(models.Model):
    """The one row that every append locks.

    Attributes:
        next_sequence: Sequence of the next entry; the first entry has 0.
        chain: SHA-256 chain over the leaf hashes of all entries in order of sequence.
        key: Id of the key that signs the next entry; empty before the first.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    next_sequence = models.BigIntegerField(default=0)
    chain = models.BinaryField(default=bytes(32))
    key = models.CharField(max_length=32, default="")


class Entry(models.Model):
    """One signed entry. Every column but `position` repeats what `payload` says, for searching.

    Attributes:
        sequence: Place in this node's own order, without gaps.
        payload: The envelope's exact bytes, as signed.
        signature: Ed25519 over the payload's DSSE pre-authentication encoding, alone or with others (`kernel.envelope`).
        key: Id of the signing key.
        kind: What it is, such as ``attacks.found``.
        object_id: The object that it creates or changes.
        version: The object's version, from 1.
        recipient: The authority it is addressed to; empty for the node itself.
        time_us: When it was written, microseconds UTC.
        marking: Number of its marking, a `CarriedMarking`.
        retention_us: The retention date of its marking, microseconds UTC; null for none.
        position: Leaf in the tree; null while provisional.
    """

    sequence = RowIdField(primary_key=True)
    payload = models.BinaryField()
    signature = models.BinaryField()
    key = models.CharField(max_length=32)
    kind = models.CharField(max_length=64)
    object_id = models.UUIDField()
    version = models.PositiveIntegerField()
    recipient = models.CharField(max_length=128, default="")
    time_us = models.BigIntegerField()
    marking = models.BigIntegerField(default=-1)
    retention_us = models.BigIntegerField(null=True)
    position = models.BigIntegerField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["object_id", "version", "recipient"], name="ledger_version"),
            models.UniqueConstraint(
                fields=["position"],
                condition=models.Q(position__isnull=False),
                name="ledger_position",
            ),
        )
        indexes = (
            models.Index(fields=["kind", "sequence"], name="ledger_kind"),
            models.Index(
                fields=["recipient", "sequence"], condition=~models.Q(recipient=""), name="ledger_addressed"
            ),
            models.Index(
                fields=["retention_us"],
                condition=models.Q(retention_us__isnull=False),
                name="ledger_retention",
            ),
        )


class Lost(models.Model):
    """An entry that was lost with a database, of which the tree has the hash.

    Attributes:
        sequence: Its place in the node's own order.
        position: Leaf in the tree; null while provisional.
        recipient: The authority that it was addressed to; empty for the node itself.
        hashed: Its leaf hash.
    """

    sequence = RowIdField(primary_key=True)
    position = models.BigIntegerField(null=True)
    recipient = models.CharField(max_length=128, default="")
    hashed = models.BinaryField()


class CarriedMarking(models.Model):
    """A marking that entries carry, stored once.

    Attributes:
        number: Sequence of the first entry that carries it.
        digest: SHA-256 of `text`, hexadecimal.
        text: The marking's canonical JSON, as the envelopes have it.
    """

    number = models.BigIntegerField(primary_key=True)
    digest = models.CharField(max_length=64, unique=True)
    text = models.TextField()


class Body(models.Model):
    """What an entry commits to: actor, reason and content. The row goes when the entry is purged.

    Attributes:
        entry: The entry.
        salt: 32 random bytes under the commitment.
        data: Canonical JSON, or its sealed form.
        sealed: Whether `data` is encrypted at rest.
    """

    # Not held by the database: both are written by one statement after the other, PostgreSQL would look each entry up
    # again at commit and write it anew, and `hanse node fsck` finds a body without its entry.
    entry = models.OneToOneField(
        Entry, on_delete=models.PROTECT, primary_key=True, db_column="sequence", db_constraint=False
    )
    salt = models.BinaryField()
    data = models.BinaryField()
    sealed = models.BooleanField(default=False)


class Purged(models.Model):
    """An entry whose body was purged, and the entry that says so. A projection."""

    sequence = models.BigIntegerField(primary_key=True)
    by = models.BigIntegerField(help_text="Sequence of the entry that purged it.")


class Scrubbed(models.Model):
    """The one row that says up to which entry the database's files were cleaned of what was purged or sealed.

    Attributes:
        through: Sequence of the last purge or sealing before the cleaning; -1 before the first.
        sealed: Sequence of the last entry for which earlier ones were sealed; -1 before the first.
        time_us: When the cleaning ended, microseconds UTC.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    through = models.BigIntegerField(default=-1)
    sealed = models.BigIntegerField(default=-1)
    time_us = models.BigIntegerField(default=0)


class Checkpoint(models.Model):
    """The signed head of the tree at one size.

    Attributes:
        size: Leaves, padding included.
        first: Position of its first new leaf.
        entries: Entries in the tree, without padding.
        time_us: When it was signed, microseconds UTC.
        note: The signed note (C2SP tlog-checkpoint), cosignatures of witnesses included.
        tallies: JSON that opens the note's recipients' line: each recipient's count, chain and salt.
    """

    size = models.BigIntegerField(primary_key=True)
    first = models.BigIntegerField()
    entries = models.BigIntegerField()
    time_us = models.BigIntegerField()
    note = models.TextField()
    tallies = models.TextField()


class Tile(models.Model):
    """Up to 256 neighbouring hashes of one level (C2SP tlog-tiles); the last of a level may be partial."""

    name = models.CharField(max_length=32, primary_key=True, help_text="level/index")
    hashes = models.BinaryField()


class NodeKey(models.Model):
    """A public key of this node. A projection.

    Attributes:
        id: Key id of `verify`.
        verify: Raw Ed25519 public key, hexadecimal.
        seal: Raw X25519 public key, hexadecimal.
        since_us: When it came into use, microseconds UTC.
        until_us: When the next one replaced it; null while in use.
        revoked_us: From when on it is not to be believed; null while it is.
        said_by: Sequence of the entry that brought it.
    """

    id = models.CharField(max_length=32, primary_key=True)
    verify = models.CharField(max_length=64)
    seal = models.CharField(max_length=64)
    since_us = models.BigIntegerField()
    until_us = models.BigIntegerField(null=True)
    revoked_us = models.BigIntegerField(null=True)
    said_by = models.BigIntegerField()
