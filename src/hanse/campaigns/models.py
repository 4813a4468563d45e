"""Campaigns and the links that hold them together, at home and across borders, as rows; which attacks are in one is `attacks.models.Membership`."""

from django.db import models

from hanse.policy.models import EVERY_ROW, MarkedModel


class Campaign(MarkedModel):
    """One campaign, as it was last found. A projection.

    Attributes:
        name: Stable id of the linker, from the ids of the attacks.
        verdict: The finding in one sentence.
        scope: ``organisation``, ``sector``, ``state``, ``several states`` or ``unknown``.
        country: ISO alpha-2 code where the scope is within one country, else empty.
        start_us: Start of its first attack, microseconds UTC.
        end_us: End of its last, microseconds UTC.
        named: Attacks that it names. How many of them still stand: `service.counts`.
        organisations: Organisations among the victims.
        sequence: The entry that last said what was found.
        version: How many times it was found anew, from 1.
        digest: SHA-256 of the content, hexadecimal.
        detail: Organisations, sectors, figures, evidence, what would refute it.
    """

    embargo_goes = EVERY_ROW

    name = models.CharField(max_length=128)
    verdict = models.TextField()
    scope = models.CharField(max_length=16)
    country = models.CharField(max_length=2, default="")
    start_us = models.BigIntegerField()
    end_us = models.BigIntegerField()
    named = models.PositiveIntegerField()
    organisations = models.PositiveIntegerField()
    sequence = models.BigIntegerField()
    version = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    detail = models.JSONField()

    class Meta:
        indexes = (
            models.Index(fields=["start_us", "object_id"], name="campaigns_by_start"),
            models.Index(fields=["end_us", "object_id"], name="campaigns_by_end"),
            models.Index(fields=["named", "object_id"], name="campaigns_by_size"),
        )

    def __str__(self) -> str:
        """The verdict."""
        return self.verdict


class Link(models.Model):
    """Two attacks and the tests that hold them together. A projection; read through the campaign.

    Attributes:
        id: The campaign's id in hexadecimal and the link's number in it.
        campaign: Object id of the campaign.
        first: Object id of one attack.
        second: Object id of the other.
        p_value: Of the strongest of its tests; 1 without any. The campaign would break first where this is largest.
        tests: Name, p-value and words of each test that both passed.
    """

    id = models.CharField(max_length=48, primary_key=True)
    campaign = models.UUIDField()
    first = models.UUIDField(db_index=True)
    second = models.UUIDField(db_index=True)
    p_value = models.FloatField()
    tests = models.JSONField()

    class Meta:
        indexes = (models.Index(fields=["campaign", "-p_value", "id"], name="campaigns_weakest"),)

    def __str__(self) -> str:
        """Its id."""
        return self.id


class CrossLink(MarkedModel):
    """Two attacks of which a partner contributed at least one, and the tests that hold them together. A projection.

    It is as strict as both of them. Whoever reads it must be able to see both as well.

    Attributes:
        first: Object id of the earlier attack.
        second: Object id of the later one.
        p_value: Of the strongest of its tests.
        tests: Name, p-value and words of each test that both passed.
        sequence: The entry that last said so.
    """

    first = models.UUIDField(db_index=True)
    second = models.UUIDField(db_index=True)
    p_value = models.FloatField()
    tests = models.JSONField()
    sequence = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["first", "second"], name="campaigns_linked_once"),)

    def __str__(self) -> str:
        """Its id."""
        return str(self.object_id)


class Replaced(models.Model):
    """That a campaign grew out of, and takes the place of, another. A projection.

    Attributes:
        id: Both ids in hexadecimal, the new one first.
        campaign: The one that stands.
        other: The one that it replaces.
    """

    id = models.CharField(max_length=64, primary_key=True)
    campaign = models.UUIDField(db_index=True)
    other = models.UUIDField(db_index=True)

    def __str__(self) -> str:
        """Both ids."""
        return self.id
