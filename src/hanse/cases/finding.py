"""Cases by what somebody typed: an id, a file number, a selector, a name, the hash of evidence. Exactly, by keyed hash."""

import re
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Q

from hanse.cases import evidence
from hanse.cases.choosing import visible
from hanse.cases.evidence_models import Evidence
from hanse.cases.keyed import selector_id
from hanse.cases.models import Case, CasePerson, Selector
from hanse.cases.selector import KINDS, name_key, read
from hanse.intel.values import ValueProblem
from hanse.kernel.actors import Actor

if TYPE_CHECKING:
    from django.db.models import QuerySet

_SHA256 = re.compile("[0-9a-fA-F]{64}")

_ALONE = ("person", "company")
"""Kinds that need more than one text."""


def matching(text: str, actor: Actor) -> "QuerySet[Case]":
    """The cases that a text finds and that an actor may see, the last changed first."""
    wanted = Q(pk__in=Selector.objects.filter(value__in=_values(text)).values("case"))
    if text.strip():
        wanted |= Q(reference_index=text.strip().casefold())
    with suppress(ValueError):
        wanted |= Q(pk=UUID(text))
    if _SHA256.fullmatch(text.strip()):
        name = evidence.store().name_of(text.strip().lower())
        wanted |= Q(pk__in=Evidence.objects.for_actor(actor, "cases.view").filter(file=name).values("case"))
    with suppress(ValueProblem):
        wanted |= Q(pk__in=CasePerson.objects.filter(name_index=name_key(text)).values("case"))
    return visible(actor).filter(wanted).order_by("-changed_us", "pk")


def _values(text: str) -> list[int]:
    """Numbers of the selectors that a text can be."""
    found = []
    for kind in KINDS:
        if kind not in _ALONE:
            with suppress(ValueProblem):
                found.append(selector_id(read(kind, text).value))
    return found
