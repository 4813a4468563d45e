"""Where attacks apparently come from, as rows; a trace has the object id of its attack and goes with it."""

from django.db import models

from hanse.policy.models import MarkedModel


class Trace(MarkedModel):
    """The trace of one attack. A projection.

    Attributes:
        source_class: ``direct``, ``reflected``, ``spoofed`` or ``undetermined``.
        verdict: One sentence that claims no more than the class allows.
        countries_mean: ``apparent sources``, ``location of reflectors`` or ``not attributable``.
        sources: Distinct apparent sources of the attack.
        digest: SHA-256 of the content, hexadecimal.
        detail: The trace whole, as the content has it.
    """

    source_class = models.CharField(max_length=16)
    verdict = models.TextField()
    countries_mean = models.CharField(max_length=32)
    sources = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    detail = models.JSONField()

    class Meta:
        indexes = (
            # All that the map asks of a trace: the rows themselves are wide.
            models.Index(fields=["marking", "team", "countries_mean", "object_id"], name="tracing_seen"),
        )

    def __str__(self) -> str:
        """The verdict."""
        return self.verdict


class CountryShare(models.Model):
    """One country among the apparent sources of an attack. A projection; read through the trace.

    Attributes:
        id: The attack's id in hexadecimal, a dash, and the country.
        attack: Object id of the attack.
        country: ISO alpha-2 code, ``ZZ`` where unknown.
        share: Of the attack's distinct sources, 0 to 1.
        sources: Distinct sources, estimated by the share.
    """

    id = models.CharField(max_length=48, primary_key=True)
    attack = models.UUIDField(db_index=True)
    country = models.CharField(max_length=8)
    share = models.FloatField()
    sources = models.BigIntegerField()

    class Meta:
        indexes = (
            # In the order of the sums that the map asks for, with all that they need.
            models.Index(fields=["country", "attack", "sources"], name="tracing_shares"),
        )

    def __str__(self) -> str:
        """Country and share."""
        return f"{self.country} {self.share:.0%}"
