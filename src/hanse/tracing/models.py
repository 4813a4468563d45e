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


class Places(models.Model):
    """In which countries the sources of one attack apparently stand. A projection; read through the trace.

    One narrow row for each attack: what adds up over thousands of attacks reads these instead of the traces.

    Attributes:
        trace: The trace; one that is not attributable has no such row.
        countries: Distinct sources by country, estimated by its share, as a JSON object; ``ZZ`` where unknown.
    """

    trace = models.OneToOneField(Trace, primary_key=True, on_delete=models.CASCADE)
    countries = models.TextField()

    def __str__(self) -> str:
        """The countries and their sources."""
        return self.countries
