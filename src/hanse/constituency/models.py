"""Whom the authority protects, row by row."""

from django.db import models

from hanse.policy.models import MarkedModel


class Protected(MarkedModel):
    """One host or network and whose it is. A projection.

    Attributes:
        prefix: Network in CIDR form.
        first: First address, 16 bytes (IPv4 as ::ffff:a.b.c.d) in hexadecimal, which sorts as addresses do.
        last: Last address, likewise.
        length: Leading bits that are fixed, in the space of 128.
        organisation: Who runs it.
        sector: One of `sectors.SECTORS`.
        country: ISO 3166 alpha-2 code.
        site: What runs there; may be empty.
        contact: Whom to call or write to when it is hit; may be empty.
    """

    prefix = models.CharField(max_length=64)
    first = models.CharField(max_length=32)
    last = models.CharField(max_length=32)
    length = models.PositiveSmallIntegerField()
    organisation = models.TextField()
    sector = models.CharField(max_length=64)
    country = models.CharField(max_length=2)
    site = models.TextField(default="")
    contact = models.TextField(default="")

    class Meta:
        indexes = (
            models.Index(fields=["first", "length"], name="constituency_place"),
            models.Index(fields=["sector"], name="constituency_sector"),
            models.Index(fields=["country"], name="constituency_country"),
        )

    def __str__(self) -> str:
        """Prefix and organisation."""
        return f"{self.prefix} ({self.organisation})"
