"""Projections of joint cases. What one says stands sealed."""

from uuid import UUID

from django.db import models

from hanse.ledger.fields import SealedTextField
from hanse.policy.models import MarkedModel


class JointCase(MarkedModel):
    """A case that several authorities share. A projection.

    Attributes:
        founder: Who founded it, and by whom everything goes.
        there: The case as its founder names it.
        title: What it is called.
        purpose: What it is for.
        legal_basis: The law that its founder opened it under.
        members: Id, name, country and tier of those who are asked, the founder first.
        standing: How each stands, by its id: one of `joint_entries.JOINING`; who is left out is asked.
        is_closed: Whether it takes nothing in any more.
        opened_us: When it was opened, or came, microseconds UTC.
        changed_us: When anything was said in it last, microseconds UTC.
        sequence: The own entry that says so.
    """

    team_stays = True

    founder = models.CharField(max_length=128)
    there = models.UUIDField()
    title = SealedTextField()
    purpose = SealedTextField()
    legal_basis = SealedTextField()
    members = models.JSONField()
    standing = models.JSONField(default=dict)
    is_closed = models.BooleanField(default=False)
    opened_us = models.BigIntegerField()
    changed_us = models.BigIntegerField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["changed_us", "object_id"], name="cases_joint_changed"),)

    def __str__(self) -> str:
        """What it is called."""
        return str(self.title)

    @classmethod
    def follow_marking(cls, object_id: UUID, sequence: int) -> None:
        """Give what was said in it to the team that has it now."""
        from hanse.cases import joint_projecting  # noqa: PLC0415 - which needs these tables

        joint_projecting.follow_marking(object_id, sequence)


class JointSaying(models.Model):
    """Something that an authority said in a joint case. A projection; read through the case.

    Attributes:
        object_id: The own id of it.
        joint: The case.
        author: Who said it.
        there: It, as its author names it.
        sort: One of `joint_entries.SORTS`.
        text: What is said.
        to: Whom a task is for; empty for everybody.
        due_us: Until when a task is to be done, microseconds UTC.
        of: Whose task is done, and
        about: the task, as that authority names it.
        written_us: When its author says to have written it, microseconds UTC.
        sequence: The own entry that holds it.
    """

    object_id = models.UUIDField(primary_key=True)
    joint = models.UUIDField()
    author = models.CharField(max_length=128)
    there = models.UUIDField()
    sort = models.CharField(max_length=16)
    text = SealedTextField()
    to = models.CharField(max_length=128, blank=True)
    due_us = models.BigIntegerField(null=True)
    of = models.CharField(max_length=128, blank=True)
    about = models.UUIDField(null=True)
    written_us = models.BigIntegerField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (
            models.Index(fields=["joint", "sequence"], name="cases_joint_said"),
            models.Index(fields=["joint", "written_us", "object_id"], name="cases_joint_written"),
        )

    def __str__(self) -> str:
        """Its sort."""
        return self.sort
