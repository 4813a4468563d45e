"""Things and their parts. Projections."""

from django.db import models

from hanse.ledger.fields import BlindIndexField, SealedJSONField, SealedTextField


class Thing(models.Model):
    """A row with one column of each sort that rooms have."""

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=100)
    size = models.BigIntegerField()
    ratio = models.FloatField(null=True)
    flag = models.BooleanField(default=False)
    seen = models.DateTimeField(null=True)
    detail = models.JSONField(default=dict)
    secret = SealedTextField(null=True)
    secret_index = BlindIndexField(kind="secret", null=True)
    secrets = SealedJSONField(null=True)
    actor = models.CharField(max_length=64)
    said_by = models.BigIntegerField()

    class Meta:
        app_label = "things"


class Part(models.Model):
    """A row that refers to another."""

    id = models.BigIntegerField(primary_key=True)
    thing = models.ForeignKey(Thing, on_delete=models.CASCADE)
    text = models.TextField()

    class Meta:
        app_label = "things"


class Colour(models.Model):
    """What several things share; nobody needs it when the last of them is gone."""

    name = models.CharField(max_length=20, primary_key=True)

    class Meta:
        app_label = "things"
