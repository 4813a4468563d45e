"""Partners, what they sent, and how the exchange with each of them stands."""

from django.db import models

from hanse.ledger.fields import RowIdField


class Standing(models.TextChoices):
    """How an authority stands."""

    ACTIVE = "active", "partner"
    SUSPENDED = "suspended", "suspended"
    EXPELLED = "expelled", "expelled"


class Partner(models.Model):
    """An authority that became a partner. A projection.

    Attributes:
        authority: Its id.
        object_id: The object of the ledger that it is.
        name: Its name.
        country: ISO 3166 alpha-2; empty for an organisation of several states.
        tier: One of `kernel.markings.TIERS`.
        endpoint: Where its node is reached.
        address: The non-public address that its host may have; empty for none.
        state: A `Standing`.
        told: Id of the own key that it was told when it became a partner.
        since_us: When it became one, microseconds UTC.
        changed_us: When it last changed how it stands, microseconds UTC.
    """

    authority = models.CharField(max_length=128, primary_key=True)
    object_id = models.UUIDField(unique=True)
    name = models.TextField()
    country = models.CharField(max_length=2, blank=True)
    tier = models.CharField(max_length=16)
    endpoint = models.TextField()
    address = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=16, choices=Standing.choices)
    told = models.CharField(max_length=32)
    since_us = models.BigIntegerField()
    changed_us = models.BigIntegerField()

    def __str__(self) -> str:
        """Its name."""
        return self.name


class PartnerKey(models.Model):
    """A public key that a partner says to be its own. A projection.

    Anybody can say that of any key, and who says it of another's gains nothing by it: what is signed names its author,
    and is verified with what that author brought. So a key is looked up for a named partner only.

    Attributes:
        said_by: The entry that brought it last.
        partner: Whose it is.
        key: Key id of `verify`; each partner has it once.
        verify: Raw Ed25519 public key, hexadecimal.
        seal: Raw X25519 public key, hexadecimal.
        revoked_us: From when on its owner does not want it believed; null while it is.
    """

    said_by = RowIdField(primary_key=True)
    partner = models.CharField(max_length=128)
    key = models.CharField(max_length=32)
    verify = models.CharField(max_length=64)
    seal = models.CharField(max_length=64)
    revoked_us = models.BigIntegerField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["partner", "key"], name="federation_partner_key"),)


class Received(models.Model):
    """An entry that a partner sent. A projection; what it says is in the rows of the room that handles its kind.

    Attributes:
        number: Follows from the own entry that says it came, and from its place there.
        partner: Who sent it.
        place: Its place among those that the partner addressed to this authority; null where that was said before the
            partner was expelled and became one anew, and it was not sent again since.
        object_id: The own id of its object; null where it was refused.
        kind: What it is; what it said to be where it was refused.
        state: As of `contents.Taken`.
        why: Why it was refused.
        leaf: Its leaf hash.
        chain: The chain over all from the first to it.
        time_us: When it was received, microseconds UTC.
    """

    number = RowIdField(primary_key=True)
    partner = models.CharField(max_length=128)
    place = models.BigIntegerField(null=True)
    object_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=64)
    state = models.CharField(max_length=8)
    why = models.TextField(blank=True)
    leaf = models.BinaryField()
    chain = models.BinaryField()
    time_us = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["partner", "place"], name="federation_place"),)
        indexes = (
            models.Index(
                fields=["partner", "place"], condition=models.Q(state="refused"), name="federation_refused"
            ),
            models.Index(
                fields=["partner", "leaf"], condition=models.Q(place=None), name="federation_earlier"
            ),
        )


class Given(models.Model):
    """That a partner has something of this node. A projection.

    Attributes:
        number: Of the entry that first said so, and of the partner's place in it.
        thing: The thing, an object of this node.
        shared: The id under which it is shared.
        sort: What it is.
        recipient: Who has it.
        version: Which version of what is shared it got last.
        withheld: The parts that it did not get.
        marked: The marking that its copy has beside the thing's own, as canonical JSON; empty for none.
        given_us: When it got that, microseconds UTC.
        recalled_us: When it was told to purge it; null while it may have it.
        opened_us: When a person there first opened it, as the partner says; null before.
        acted: What the partner says to have done with it; empty for nothing yet.
        acted_words: More words of that.
        acted_us: When it said so, microseconds UTC.
        refused: Why the partner refused it, as it says; empty where it did not.
    """

    number = RowIdField(primary_key=True)
    thing = models.UUIDField(db_index=True)
    shared = models.UUIDField()
    sort = models.CharField(max_length=32)
    recipient = models.CharField(max_length=128)
    version = models.PositiveIntegerField()
    withheld = models.JSONField(default=list)
    marked = models.TextField(default="")
    given_us = models.BigIntegerField()
    recalled_us = models.BigIntegerField(null=True)
    opened_us = models.BigIntegerField(null=True)
    acted = models.CharField(max_length=16, blank=True)
    acted_words = models.TextField(blank=True)
    acted_us = models.BigIntegerField(null=True)
    refused = models.TextField(blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["shared", "recipient"], name="federation_given_once"),)


class Recalling(models.Model):
    """That a partner was told to purge something. A projection; it stays when the thing itself is purged here.

    Attributes:
        sequence: The entry that says so.
        shared: The id under which it was shared.
        recipient: Who was told.
        reason: Why.
        asked_us: When, microseconds UTC.
        answer: ``purged``, or ``unknown`` where it never came; empty for no answer yet.
        answered_us: When that came, microseconds UTC.
    """

    sequence = RowIdField(primary_key=True)
    shared = models.UUIDField()
    recipient = models.CharField(max_length=128)
    reason = models.TextField()
    asked_us = models.BigIntegerField()
    answer = models.CharField(max_length=16, blank=True)
    answered_us = models.BigIntegerField(null=True)

    class Meta:
        indexes = (models.Index(fields=["recipient", "shared"], name="federation_recalls"),)


class Release(models.Model):
    """That an originator is asked to let something be passed on. A projection, on both sides.

    Attributes:
        object_id: The request.
        partner: The other side: the originator that is asked, or the partner that asks.
        incoming: Whether the partner asks this authority.
        there: The request as the partner names it, where it is incoming; else the same as `object_id`.
        thing: What: as this authority shared it, or the own id of what it received.
        to: Id of the authority that is to have it.
        to_name: Its name.
        to_country: Its country.
        to_tier: Its tier.
        purpose: What for.
        digest: SHA-256 of the envelope that the asker has; empty until it is decided.
        state: ``open``, ``granted`` or ``refused``.
        reason: Why, once it is decided.
        decided_by: The entry that decided it; null before.
        asked_us: When it was asked, microseconds UTC.
        decided_us: When it was decided; null before.
    """

    object_id = models.UUIDField(primary_key=True)
    partner = models.CharField(max_length=128)
    incoming = models.BooleanField()
    there = models.UUIDField()
    thing = models.UUIDField(db_index=True)
    to = models.CharField(max_length=128)
    to_name = models.TextField()
    to_country = models.CharField(max_length=2, blank=True)
    to_tier = models.CharField(max_length=16)
    purpose = models.TextField()
    digest = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=8, default="open")
    reason = models.TextField(blank=True)
    decided_by = models.BigIntegerField(null=True)
    asked_us = models.BigIntegerField()
    decided_us = models.BigIntegerField(null=True)


class PassedOn(models.Model):
    """That something came by another authority than the one that originated it. A projection.

    Attributes:
        sequence: The own entry that holds it.
        object_id: The own id of what came.
        inner: The own id of the thing itself, the same by whichever way it comes.
        kind: The kind of the original.
        originator: Who originated it.
        name: The originator's name, as the one that passed it on says.
        known: Whether the originator is a partner here, so that its key is known.
        via: Who passed it on.
    """

    sequence = RowIdField(primary_key=True)
    object_id = models.UUIDField(db_index=True)
    inner = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=64)
    originator = models.CharField(max_length=128)
    name = models.TextField()
    known = models.BooleanField()
    via = models.CharField(max_length=128)


class Opened(models.Model):
    """That a person here opened what a partner shared, of which the partner was told. A projection.

    Attributes:
        object_id: The own id of what came.
    """

    object_id = models.UUIDField(primary_key=True)


class ActedOn(models.Model):
    """What this authority did with what a partner shared, of which the partner was told. A projection.

    Attributes:
        object_id: The own id of what came.
        what: One of `acting.DONE`.
        text: More words; may be empty.
        time_us: When it was told, microseconds UTC.
    """

    object_id = models.UUIDField(primary_key=True)
    what = models.CharField(max_length=16)
    text = models.TextField(blank=True)
    time_us = models.BigIntegerField()


class RecallHeard(models.Model):
    """That a partner recalled something. A projection; what was passed on of it is answered for by it.

    Attributes:
        sequence: The own entry that holds the recall.
        partner: Who recalled it.
        there: The thing, as the partner names it.
        said_us: When the partner says to have recalled it, microseconds UTC.
        onward: Under which id it would have been passed on from here.
    """

    sequence = RowIdField(primary_key=True)
    partner = models.CharField(max_length=128)
    there = models.UUIDField()
    said_us = models.BigIntegerField()
    onward = models.UUIDField(db_index=True)

    class Meta:
        indexes = (models.Index(fields=["partner", "there"], name="federation_recalls_heard"),)


class Hop(models.Model):
    """What became of a recall at an authority to which a partner had passed the thing on. A projection.

    Attributes:
        id: Of the row: the entry that first said so, and its place.
        shared: The id under which it was shared.
        via: The partner that passed it on.
        at: The authority that has it.
        answer: ``asked`` for no answer yet, else as of `Recalling`.
        time_us: When that was said, microseconds UTC.
    """

    id = RowIdField(primary_key=True)
    shared = models.UUIDField()
    via = models.CharField(max_length=128)
    at = models.CharField(max_length=128)
    answer = models.CharField(max_length=16)
    time_us = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["shared", "via", "at"], name="federation_hop_once"),)


class Group(models.Model):
    """A named group of partners to share with. A projection; one that was dissolved has no row.

    Attributes:
        object_id: The group.
        name: Its name.
        members: Ids of its partners.
    """

    object_id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=100, unique=True)
    members = models.JSONField()

    def __str__(self) -> str:
        """Its name."""
        return self.name


class Rule(models.Model):
    """That things of a sort are shared by themselves. A projection; one that ended has no row.

    Attributes:
        object_id: The rule.
        sort: What is shared.
        audience: ``authorities``, ``tiers``, ``states`` and ``groups`` that get it.
        withheld: The parts that nobody gets.
        tlp: The strictest level of TLP that is shared so; empty for any that the marking lets leave.
        since: The entry from which on it holds: what was on record before is shared by hand.
    """

    object_id = models.UUIDField(primary_key=True)
    sort = models.CharField(max_length=32)
    audience = models.JSONField()
    withheld = models.JSONField()
    tlp = models.CharField(max_length=12, default="")
    since = models.BigIntegerField()


class RuleMark(models.Model):
    """Up to where a rule has looked. No projection: what it gave is on record, and giving it again changes nothing.

    Attributes:
        rule: The rule.
        through: The last sequence that it has looked at.
    """

    rule = models.UUIDField(primary_key=True)
    through = models.BigIntegerField()


class Witness(models.Model):
    """How an authority and this one witness each other's ledger. A projection.

    Attributes:
        partner: The other authority.
        named: Whether this one asks it to witness.
        consents: Whether it consented.
        asks: Whether it asks this one to witness.
        agreed: Whether this one consented.
        fellows: Ids of those who witness its ledger beside this one, as it says.
    """

    partner = models.CharField(max_length=128, primary_key=True)
    named = models.BooleanField(default=False)
    consents = models.BooleanField(default=False)
    asks = models.BooleanField(default=False)
    agreed = models.BooleanField(default=False)
    fellows = models.JSONField(default=list)


class Witnessed(models.Model):
    """A checkpoint of a partner's ledger that this node has seen. No projection: it is a page of the partner's ledger.

    Attributes:
        id: Of the row.
        partner: Whose ledger it is.
        size: Leaves.
        peaks: Hashes of the complete subtrees over them, one after the other.
        note: The note, signed by the partner.
        leaves: The leaf hashes that the checkpoint added.
        sealed: What only the partner can open.
        seen_us: When it was seen, microseconds UTC.
    """

    id = models.BigAutoField(primary_key=True)
    partner = models.CharField(max_length=128)
    size = models.BigIntegerField()
    peaks = models.BinaryField()
    note = models.TextField()
    leaves = models.BinaryField()
    sealed = models.BinaryField()
    seen_us = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["partner", "size"], name="federation_seen_once"),)


class Contradiction(models.Model):
    """That a partner contradicts itself. A projection.

    Attributes:
        sequence: The entry that says so.
        partner: Who.
        words: What was found.
        before: The note that was believed.
        now: The note that contradicts it.
        found_by: Who found it.
        time_us: When, microseconds UTC.
    """

    sequence = models.BigIntegerField(primary_key=True)
    partner = models.CharField(max_length=128, db_index=True)
    words = models.TextField()
    before = models.TextField(blank=True)
    now = models.TextField(blank=True)
    found_by = models.CharField(max_length=128)
    time_us = models.BigIntegerField()


class Link(models.Model):
    """How the exchange with a partner stands. No projection: it is about the line between two machines.

    What matters in it, the receipt and the checkpoint, is signed by the partner.

    Attributes:
        partner: Who.
        heard: Number of its last message: an earlier one is a repetition.
        said: Number of the own last message to it.
        receipt: Its last pull as it came: signed, it says what it has.
        has: How many of the entries addressed to it it has, by that receipt.
        at_place: A place in its order, and
        at_sequence: the sequence of that entry, from where the next page is read.
        checkpoint: The last verified note of its ledger.
        proven: How many of its entries are proven to be in its tree.
        total: How many it says to have addressed to this authority.
        day: Days since 1970 of the last page that was taken, UTC, and
        day_bytes: bytes of entries that came on it.
        hinted_us: When it last said that there is something new, microseconds UTC.
        hint_said: The own sequence up to which it was told that there is something.
        cosigned: Leaves of the last own checkpoint that it saw as a witness.
        witness_error: What was wrong the last time that something was to be witnessed; empty for nothing.
        tried_us: When it was last asked, microseconds UTC.
        answered_us: When it last answered as it should, microseconds UTC.
        failing_us: Since when it does not; null while it does.
        error: What was wrong the last time; empty for nothing.
    """

    partner = models.CharField(max_length=128, primary_key=True)
    heard = models.BigIntegerField(default=0)
    said = models.BigIntegerField(default=0)
    receipt = models.BinaryField(default=bytes)
    has = models.BigIntegerField(default=0)
    at_place = models.BigIntegerField(default=-1)
    at_sequence = models.BigIntegerField(default=-1)
    checkpoint = models.TextField(default="")
    proven = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    day = models.IntegerField(default=0)
    day_bytes = models.BigIntegerField(default=0)
    hinted_us = models.BigIntegerField(default=0)
    hint_said = models.BigIntegerField(default=-1)
    cosigned = models.BigIntegerField(default=0)
    witness_error = models.TextField(default="")
    tried_us = models.BigIntegerField(default=0)
    answered_us = models.BigIntegerField(default=0)
    failing_us = models.BigIntegerField(null=True)
    error = models.TextField(default="")
