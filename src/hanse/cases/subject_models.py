"""Projections of subject access: who asked what is held on them, what they were told, and what was erased."""

from django.db import models

from hanse.ledger.fields import BlindIndexField, SealedJSONField, SealedTextField
from hanse.policy.models import MarkedModel

OPEN = "open"

ANSWERS = {
    OPEN: "Not answered yet",
    "given": "Everything was told",
    "restricted": "Told in part",
    "refused": "Refused",
    "nothing": "Nothing is held",
}
"""How a request stands: by key, the words on pages."""

GROUNDS = {
    "15-1-a": "It would obstruct an official or legal inquiry, investigation or procedure (article 15(1)(a))",
    "15-1-b": "It would prejudice preventing, investigating or prosecuting crime, or a penalty (article 15(1)(b))",
    "15-1-c": "To protect public security (article 15(1)(c))",
    "15-1-d": "To protect national security (article 15(1)(d))",
    "15-1-e": "To protect the rights and freedoms of others (article 15(1)(e))",
    "16-3": "Kept, with its processing restricted, instead of erased (article 16(3))",
    "12-4": "The request is manifestly unfounded or excessive (article 12(4))",
}
"""Why something is not told or not erased, as Directive (EU) 2016/680 allows: by key, the words on pages."""


_LED = "Directive (EU) 2016/680"

LAWS = {
    "16-2-4": f"{_LED}, article 16(2): it infringes the principles of article 4",
    "16-2-8": f"{_LED}, article 16(2): it has no legal basis, as article 8 asks",
    "16-2-10": f"{_LED}, article 16(2): a special category of data, against article 10",
    "16-2": f"{_LED}, article 16(2): a law obliges the authority to erase it",
    "5": f"{_LED}, article 5: the time for which it may be kept is over",
}
"""By which law something is erased: by key, the words on pages and in proofs. The national provision is in the reason."""


class SubjectRequest(MarkedModel):
    """That somebody asks what is held on them. A projection.

    Attributes:
        name: Their name.
        name_index: By which earlier requests of theirs are found; null where only a selector is known.
        born: Day of birth; may be empty.
        selectors: Pairs of kind and text, as they were typed.
        identity: How it was proven that it is them.
        received_us: When the request came, microseconds UTC.
        state: One of `ANSWERS`.
        ground: One of `GROUNDS`, where something is withheld; else empty.
        why: The reasons of the answer, which are kept for the supervisory authority.
        told: Ids of the objects that they were told of, hexadecimal.
        answered_us: When, microseconds UTC; null while open.
        answered_by: By whom; may be empty.
        time_us: When it was put on record, microseconds UTC.
        actor_name: By whom.
        sequence: The last entry about it.
    """

    team_stays = True

    name = SealedTextField()
    name_index = BlindIndexField(kind="cases.name", null=True)
    born = SealedTextField()
    selectors = SealedJSONField()
    identity = SealedTextField()
    received_us = models.BigIntegerField()
    state = models.CharField(max_length=16, choices=list(ANSWERS.items()))
    ground = models.CharField(max_length=16, default="", choices=list(GROUNDS.items()))
    why = SealedTextField()
    told = SealedJSONField()
    answered_us = models.BigIntegerField(null=True)
    answered_by = models.TextField(default="")
    time_us = models.BigIntegerField()
    actor_name = models.TextField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["received_us", "object_id"], name="cases_request_received"),)

    def __str__(self) -> str:
        """Who asks."""
        return self.name or ", ".join(text for _, text in self.selectors)


class Erasure(MarkedModel):
    """That what was held on somebody was erased; it does not say on whom. A projection.

    Attributes:
        request: Id of the request, which was erased with it.
        objects_erased: How many objects were erased.
        entries_erased: How many entries lost their bodies.
        law: One of `LAWS`.
        purge: Sequence of the entry that erased them.
        time_us: When, microseconds UTC.
        actor_name: Who approved it.
        sequence: The entry that says so.
    """

    team_stays = True

    request = models.UUIDField()
    objects_erased = models.PositiveIntegerField()
    entries_erased = models.PositiveIntegerField()
    law = models.CharField(max_length=16, choices=list(LAWS.items()))
    purge = models.BigIntegerField()
    time_us = models.BigIntegerField()
    actor_name = models.TextField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["time_us", "object_id"], name="cases_erasure_time"),)

    def __str__(self) -> str:
        """Which request it was."""
        return f"Erasure for request {str(self.request)[:8]}"
