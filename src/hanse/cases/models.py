"""Projections of cases. What a case says stands sealed; it is found by keyed hashes.

A part has no marking of its own: it is loaded through its case, which is loaded through policy.
"""

from datetime import UTC, datetime

from django.db import models

from hanse.cases.court_models import CourtExport
from hanse.cases.evidence_models import Custody, Evidence
from hanse.cases.joint_models import JointCase, JointSaying
from hanse.cases.subject_models import Erasure, SubjectRequest
from hanse.cases.words import CATEGORIES, STATES, TIED
from hanse.ledger.fields import BlindIndexField, SealedTextField
from hanse.policy.models import MarkedModel

__all__ = [
    "Case", "CasePerson", "CourtExport", "Custody", "Erasure", "Evidence", "Happening", "JointCase", "JointSaying", "Link", "Note", "Selector",
    "SubjectRequest", "Task",
]  # fmt: skip


class Case(MarkedModel):
    """One case. A projection.

    Attributes:
        number: Sequence of its first entry.
        title: What it is called.
        reference: The authority's own file number; may be empty.
        reference_index: By which the file number is found; null without one.
        authority: Who leads it.
        legal_basis: The law that it rests on.
        purpose: What it is for.
        status: One of `words.STATES`.
        status_why: Why it stands so; may be empty.
        owner: Id of the person who leads it.
        opened_us: When it was opened, microseconds UTC.
        changed_us: When anything in it changed last, microseconds UTC.
        review_us: When somebody has to decide whether it goes on, microseconds UTC.
        exhibits: The highest number that a piece of evidence was given, also of one that is erased.
        sequence: The last entry about the case itself.
        version: Of the case itself.
    """

    team_stays = True

    number = models.BigIntegerField(unique=True)
    title = SealedTextField()
    reference = SealedTextField()
    reference_index = BlindIndexField(kind="cases.reference", null=True)
    authority = SealedTextField()
    legal_basis = SealedTextField()
    purpose = SealedTextField()
    status = models.CharField(max_length=16, choices=list(STATES.items()))
    status_why = SealedTextField()
    owner = models.UUIDField()
    opened_us = models.BigIntegerField()
    changed_us = models.BigIntegerField()
    review_us = models.BigIntegerField()
    exhibits = models.PositiveIntegerField(default=0)
    sequence = models.BigIntegerField()
    version = models.PositiveIntegerField()

    class Meta:
        indexes = (
            models.Index(fields=["changed_us", "object_id"], name="cases_case_changed"),
            models.Index(fields=["review_us"], name="cases_case_review"),
        )

    def __str__(self) -> str:
        """What it is called."""
        return str(self.title)

    @property
    def retention_us(self) -> int | None:
        """When it purges itself, microseconds UTC; None without a date."""
        return self.marking.marking.retention_us

    @property
    def is_closed(self) -> bool:
        """Whether it takes nothing in any more."""
        return self.status == "closed"


class CasePerson(models.Model):
    """A person of a case. A projection; fields as of `contents.PersonSaid`.

    Attributes:
        name_index: By which the name is found, whatever case it is written in.
    """

    object_id = models.UUIDField(primary_key=True)
    case = models.UUIDField(db_index=True)
    category = models.CharField(max_length=16, choices=list(CATEGORIES.items()))
    name = SealedTextField()
    name_index = BlindIndexField(kind="cases.name")
    born = SealedTextField()
    country = SealedTextField()
    note = SealedTextField()
    time_us = models.BigIntegerField()
    actor_name = models.TextField()
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        """The name."""
        return str(self.name)


class Selector(models.Model):
    """An identifier in a case. A projection; fields as of `contents.SelectorAdded`.

    Attributes:
        value: By which equal ones are found, see `keyed.selector_id`.
        person: Who uses it; null for nobody known.
    """

    object_id = models.UUIDField(primary_key=True)
    case = models.UUIDField()
    person = models.UUIDField(null=True)
    kind = models.CharField(max_length=16)
    value = models.BigIntegerField()
    text = SealedTextField()
    written = SealedTextField()
    note = SealedTextField()
    time_us = models.BigIntegerField()
    actor_name = models.TextField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (
            models.Index(fields=["value", "case"], name="cases_selector_value"),
            models.Index(fields=["case", "sequence"], name="cases_selector_case"),
        )

    def __str__(self) -> str:
        """As it was written."""
        return str(self.written)


class Task(models.Model):
    """Something to do in a case. A projection; fields as of `contents.TaskSet`.

    Attributes:
        done_us: When it was done, microseconds UTC; null while it is not.
        done_by: Who did it; may be empty.
    """

    object_id = models.UUIDField(primary_key=True)
    case = models.UUIDField(db_index=True)
    title = SealedTextField()
    owner = models.UUIDField(null=True)
    due_us = models.BigIntegerField(null=True)
    done_us = models.BigIntegerField(null=True)
    done_by = models.TextField(default="")
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        """What is to be done."""
        return str(self.title)


class Note(models.Model):
    """A note. A projection."""

    object_id = models.UUIDField(primary_key=True)
    case = models.UUIDField(db_index=True)
    text = SealedTextField()
    time_us = models.BigIntegerField()
    actor_name = models.TextField()
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        """What it says."""
        return str(self.text)


class Link(models.Model):
    """What a case is tied to. A projection; fields as of `contents.LinkMade`.

    Attributes:
        target_index: By which the cases of a thing are found.
    """

    object_id = models.UUIDField(primary_key=True)
    case = models.UUIDField(db_index=True)
    sort = models.CharField(max_length=16, choices=list(TIED.items()))
    target = SealedTextField()
    target_index = BlindIndexField(kind="cases.target")
    why = SealedTextField()
    time_us = models.BigIntegerField()
    actor_name = models.TextField()
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        """What ties them."""
        return str(self.why)


class Happening(models.Model):
    """One entry of a case or of a part of it: the case's timeline. A projection.

    Attributes:
        sequence: The entry.
        case: The case.
        object_id: What the entry is about: the case, or the part.
        kind: What it is.
        time_us: When, microseconds UTC.
        actor_name: Who.
        reason: Why, where somebody said so.
    """

    sequence = models.BigIntegerField(primary_key=True)
    case = models.UUIDField()
    object_id = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=64)
    time_us = models.BigIntegerField()
    actor_name = models.TextField()
    reason = SealedTextField()

    class Meta:
        indexes = (models.Index(fields=["case", "sequence"], name="cases_happening_case"),)

    def __str__(self) -> str:
        """When and what."""
        return f"{datetime.fromtimestamp(self.time_us / 1e6, UTC):%Y-%m-%d %H:%M} {self.kind}"
