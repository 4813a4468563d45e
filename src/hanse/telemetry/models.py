"""What the node knows of its flows: partitions of Parquet, and the inputs that they came from."""

from django.db import models

from hanse.policy.models import MarkedModel


class Partition(MarkedModel):
    """One Parquet file of flows. A projection.

    Attributes:
        path: Relative to the node's folder of flows.
        sha256: Of the file, hexadecimal.
        rows: Flow records in it.
        bytes: Its size.
        start_us: First start of a flow, microseconds UTC.
        end_us: Last end of a flow, microseconds UTC.
        source: What it came from: ``import``, ``collector`` or ``exercise``.
        batch: Id of the import that it came with, hexadecimal; empty for the collector.
        vantage: Names of the vantage points in it.
        clocks: Exporters whose flows in it are dated by receipt, and how many seconds their clocks were ahead.
        stored_us: When it was recorded, microseconds UTC.
    """

    path = models.TextField(unique=True)
    sha256 = models.CharField(max_length=64)
    rows = models.BigIntegerField()
    bytes = models.BigIntegerField()
    start_us = models.BigIntegerField()
    end_us = models.BigIntegerField()
    source = models.CharField(max_length=16)
    batch = models.CharField(max_length=32, default="")
    vantage = models.TextField(default="")
    clocks = models.JSONField(default=list)
    stored_us = models.BigIntegerField()

    class Meta:
        indexes = (
            models.Index(fields=["start_us", "end_us"], name="telemetry_partition_span"),
            models.Index(fields=["batch"], name="telemetry_partition_batch"),
        )

    def __str__(self) -> str:
        """Its path."""
        return self.path


class Watched(models.Model):
    """A folder whose new files are read in and analysed. A projection; settings, which carry no marking.

    Attributes:
        object_id: The object's UUID in the ledger.
        folder: Absolute path.
        by: Who asked for it.
    """

    object_id = models.UUIDField(primary_key=True)
    folder = models.TextField()
    by = models.TextField()

    def __str__(self) -> str:
        """The folder."""
        return self.folder


class Input(MarkedModel):
    """The account of one input that was read. A projection.

    Attributes:
        name: Its name, without folders.
        sha256: Of the file as it came, hexadecimal.
        format: What its content turned out to be.
        flows: Flow records that it gave.
        packets: Packets read, or that the records stand for.
        lost: Records or packets that the exporter counted and that never arrived.
        skipped: Records or packets that were read but are no flow.
        problem_count: Problems in all.
        problems: The first of them in words.
        whole: Whether all of it could be read.
        batch: Id of the import, hexadecimal.
        read_us: When it was recorded, microseconds UTC.
    """

    name = models.TextField()
    sha256 = models.CharField(max_length=64)
    format = models.CharField(max_length=128)
    flows = models.BigIntegerField()
    packets = models.BigIntegerField()
    lost = models.BigIntegerField()
    skipped = models.BigIntegerField()
    problem_count = models.BigIntegerField()
    problems = models.JSONField()
    whole = models.BooleanField()
    batch = models.CharField(max_length=32)
    read_us = models.BigIntegerField()

    class Meta:
        indexes = (
            models.Index(fields=["read_us", "object_id"], name="telemetry_input_read"),
            models.Index(fields=["sha256"], name="telemetry_input_sha"),
        )

    def __str__(self) -> str:
        """Its name."""
        return self.name
