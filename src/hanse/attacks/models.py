"""Attacks as rows to list and filter, what people decided on them, and the analyses that found them."""

from django.db import models

from hanse.attacks.vectors import vector_words
from hanse.ledger.fields import SealedTextField
from hanse.policy.models import EVERY_ROW, MarkedModel


class State(models.TextChoices):
    """Where an attack stands."""

    RUNNING = "running", "running"
    OVER = "over", "over"
    FALSE_POSITIVE = "false-positive", "false positive"
    MERGED = "merged", "merged into another"
    SPLIT = "split", "to be split"


STANDING = (State.RUNNING, State.OVER)
"""States of what still counts as an attack."""


class Attack(MarkedModel):
    """One attack, as it was last found. A projection; its object also has its trace and the decisions on it.

    Attributes:
        name: The detector's stable id.
        victim: Address or prefix in text.
        victim_sort: First address of the victim, 16 bytes in hexadecimal, which sorts as addresses do.
        vector: What kind of traffic.
        start_us: First second over the threshold, microseconds UTC.
        end_us: End of the last, microseconds UTC.
        peak_bps: Highest rate over one second, bit/s.
        peak_pps: Highest rate over one second, packets/s.
        packets: Estimated packets.
        bytes: Estimated IP octets.
        sources: Distinct apparent sources.
        source_class: ``direct``, ``reflected``, ``spoofed`` or ``undetermined``.
        confidence: ``high``, ``medium`` or ``low``.
        organisation: Whose the victim was when the attack was found; empty where unknown.
        sector: Its sector; empty where unknown.
        country: Its country, ISO alpha-2; empty where unknown.
        site: What ran there; may be empty.
        prefix: The row of the constituency that said so; empty where unknown.
        campaign: The campaign that last named it, or null.
        part_of: The attack that it was found to be part of since, or null; what people merged is a `Decision`.
        state: A `State`.
        running: Whether the live detector saw it begin and not end yet.
        sequence: The entry that last said what was found, or that it is part of another.
        digest: SHA-256 of that content, hexadecimal.
        detail: The attack whole, as the content has it.
    """

    embargo_goes = EVERY_ROW

    name = models.CharField(max_length=128)
    victim = models.CharField(max_length=64)
    victim_sort = models.CharField(max_length=32)
    vector = models.CharField(max_length=64)
    start_us = models.BigIntegerField()
    end_us = models.BigIntegerField()
    peak_bps = models.FloatField()
    peak_pps = models.FloatField()
    packets = models.BigIntegerField()
    bytes = models.BigIntegerField()
    sources = models.BigIntegerField()
    source_class = models.CharField(max_length=16)
    confidence = models.CharField(max_length=8)
    organisation = models.TextField(default="")
    sector = models.CharField(max_length=64, default="")
    country = models.CharField(max_length=2, default="")
    site = models.TextField(default="")
    prefix = models.CharField(max_length=64, default="")
    campaign = models.UUIDField(null=True)
    part_of = models.UUIDField(null=True, db_index=True)
    state = models.CharField(max_length=16, choices=State.choices)
    running = models.BooleanField()
    sequence = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    detail = models.JSONField()

    class Meta:
        indexes = (
            models.Index(fields=["start_us", "object_id"], name="attacks_by_start"),
            models.Index(fields=["peak_bps", "object_id"], name="attacks_by_peak_bps"),
            models.Index(fields=["peak_pps", "object_id"], name="attacks_by_peak_pps"),
            models.Index(fields=["packets", "object_id"], name="attacks_by_packets"),
            models.Index(fields=["bytes", "object_id"], name="attacks_by_bytes"),
            models.Index(fields=["sources", "object_id"], name="attacks_by_sources"),
            models.Index(fields=["victim_sort", "object_id"], name="attacks_by_victim"),
            models.Index(fields=["vector", "object_id"], name="attacks_by_vector"),
            # With all that the names of the organisations that somebody may see are found by.
            models.Index(
                fields=["organisation", "object_id", "marking", "team"], name="attacks_by_organisation"
            ),
            models.Index(fields=["campaign", "start_us"], name="attacks_by_campaign"),
            models.Index(fields=["state", "start_us"], name="attacks_by_state"),
            # These hold all that a count of what somebody may see asks for: the rows themselves are wide.
            models.Index(fields=["marking", "team", "state", "object_id"], name="attacks_seen"),
            models.Index(
                fields=["state", "marking", "team", "victim", "start_us", "end_us", "object_id"],
                name="attacks_standing",
            ),
        )

    def __str__(self) -> str:
        """Vector and victim."""
        return f"{vector_words(self.vector)} on {self.victim}"


class Decision(models.Model):
    """What somebody decided on one attack. A projection; read through the attack, which has the marking.

    Attributes:
        sequence: The entry that says so.
        decision: Id of the decision; a merge has one row for each attack.
        attack: Object id of the attack.
        what: ``false-positive``, ``merge``, ``split`` or ``note``.
        victim: The attack's victim.
        vector: The attack's vector.
        names: The detector's ids of all attacks in the decision.
        value: What the detector learns, as of `lessons.Lesson.value`; 0 for a note.
        into: Object id of the attack that a merged one is part of; null for that one itself.
        reason: Why, in the actor's words.
        actor_id: Who decided.
        actor_name: Their name as it was then.
        time_us: When, microseconds UTC.
        withdrawn_by: The entry that withdrew it, or null.
    """

    sequence = models.BigIntegerField(primary_key=True)
    decision = models.UUIDField(db_index=True)
    attack = models.UUIDField(db_index=True)
    what = models.CharField(max_length=16)
    victim = models.CharField(max_length=64)
    vector = models.CharField(max_length=64)
    names = models.JSONField()
    value = models.FloatField()
    into = models.UUIDField(null=True, db_index=True)
    reason = SealedTextField()
    actor_id = models.CharField(max_length=128)
    actor_name = models.TextField()
    time_us = models.BigIntegerField()
    withdrawn_by = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        """What was decided."""
        return f"{self.what} on {vector_words(self.vector)} on {self.victim}"


class Alert(models.Model):
    """One alert about an attack. A projection; read through the attack.

    Attributes:
        sequence: The entry that says so.
        attack: Object id of the attack.
        channel: ``page``, ``mail`` or ``webhook``.
        to: Whom or what it went to.
        delivered: Whether it was taken.
        words: What the other side said.
        time_us: When, microseconds UTC.
    """

    sequence = models.BigIntegerField(primary_key=True)
    attack = models.UUIDField(db_index=True)
    channel = models.CharField(max_length=16)
    to = models.TextField()
    delivered = models.BooleanField()
    words = models.TextField()
    time_us = models.BigIntegerField()

    def __str__(self) -> str:
        """Channel and recipient."""
        return f"{self.channel} to {self.to}"


class Membership(models.Model):
    """That a campaign names an attack. A projection, written as campaigns are found.

    Attributes:
        id: Both ids in hexadecimal, campaign first.
        campaign: Object id of the campaign.
        attack: Object id of the attack.
        place: Its place in the campaign, in order of start.
        sequence: The entry that last said so.
    """

    id = models.CharField(max_length=64, primary_key=True)
    campaign = models.UUIDField()
    attack = models.UUIDField(db_index=True)
    place = models.PositiveIntegerField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["campaign", "place"], name="attacks_membership_place"),)

    def __str__(self) -> str:
        """Both ids."""
        return self.id


class Run(MarkedModel):
    """One analysis: what was looked at and what came out. A projection.

    Attributes:
        time_us: When it was recorded, microseconds UTC.
        actor_name: Who asked for it.
        start_us: First start of a flow, microseconds UTC; null without flows.
        end_us: Last end of a flow, microseconds UTC; null without flows.
        attacks: Attacks found.
        detail: Inputs, dismissals, the address data and the parameters, as the content has them.
    """

    time_us = models.BigIntegerField()
    actor_name = models.TextField()
    start_us = models.BigIntegerField(null=True)
    end_us = models.BigIntegerField(null=True)
    attacks = models.PositiveIntegerField()
    detail = models.JSONField()

    class Meta:
        indexes = (models.Index(fields=["time_us", "object_id"], name="attacks_run_time"),)

    def __str__(self) -> str:
        """How many attacks it found."""
        return f"{self.attacks} attacks"


class RunAttack(models.Model):
    """That an analysis found an attack. A projection.

    Attributes:
        id: Both ids in hexadecimal, run first.
        run: Object id of the run.
        attack: Object id of the attack.
    """

    id = models.CharField(max_length=64, primary_key=True)
    run = models.UUIDField(db_index=True)
    attack = models.UUIDField(db_index=True)

    def __str__(self) -> str:
        """Both ids."""
        return self.id


class PartnerAttack(MarkedModel):
    """An attack that a partner shared. A projection.

    Attributes:
        partner: Who shared it.
        version: The version of it that the partner sent last.
        passed_on: Whether it came by another partner alone.
        victim: Address or prefix in text; empty where the partner withheld it.
        victim_mark: The same for one victim of that partner; empty where the victim is told.
        vector: What kind of traffic.
        start_us: First second over the threshold, microseconds UTC.
        end_us: End of the last, microseconds UTC.
        peak_bps: Highest rate over one second, bit/s.
        peak_pps: Highest rate over one second, packets/s.
        sources: Distinct apparent sources.
        source_class: ``direct``, ``reflected``, ``spoofed`` or ``undetermined``.
        organisation: Whose the victim was; may be empty.
        sector: Its sector; may be empty.
        country: Its country, ISO alpha-2; may be empty.
        state: Where it stands, as the partner says.
        received_us: When it came last, microseconds UTC.
        detail: The attack whole, as far as it was shared.
    """

    partner = models.CharField(max_length=128)
    version = models.PositiveIntegerField()
    passed_on = models.BooleanField(default=False)
    victim = models.TextField(default="")
    victim_mark = models.CharField(max_length=64, default="")
    vector = models.CharField(max_length=64)
    start_us = models.BigIntegerField()
    end_us = models.BigIntegerField()
    peak_bps = models.FloatField()
    peak_pps = models.FloatField()
    sources = models.BigIntegerField()
    source_class = models.CharField(max_length=16)
    organisation = models.TextField(default="")
    sector = models.CharField(max_length=64, default="")
    country = models.CharField(max_length=2, default="")
    state = models.CharField(max_length=16)
    received_us = models.BigIntegerField()
    detail = models.JSONField()

    class Meta:
        indexes = (
            models.Index(fields=["start_us", "object_id"], name="partner_attacks_by_start"),
            models.Index(fields=["partner", "start_us"], name="partner_attacks_of"),
        )

    def __str__(self) -> str:
        """Vector, and whose it is."""
        return f"{vector_words(self.vector)} ({self.partner})"
