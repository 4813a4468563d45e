"""Pages and files that show rows of marked things: what the law wants written down of them, and asked before.

Directive (EU) 2016/680, article 25. A page is one entry, however many rows it shows; a part of a page that asks
again by itself makes none for what the same person looked at already. That is found in the log and not taken from the
request: whoever writes their own requests can ask for any part of any page.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect, render

from hanse.accounts import consultations
from hanse.accounts.models import Consultation
from hanse.accounts.sessions import LONGEST_US
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.policy.consultation import consultation
from hanse.policy.decision import Subject
from hanse.policy.guarded import subject_of
from hanse.policy.models import StoredMarking
from hanse.web import lists
from hanse.web.lists import Listed, Rows
from hanse.web.page import Result, shown_to_nobody, signed_in

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], Result]

FILE = "a file, taken by the person who is named"
"""To whom an export is disclosed, as far as the node knows."""

_BEFORE = 20
"""Looks of before among which what a part of a page shows is sought: pages that stand open beside each other."""


def looked_at(request: HttpRequest, action: str, rows: Iterable[Any], recipient: str = "") -> None:
    """Write down that rows are shown, or leave the node where there is a recipient: one entry for all.

    Args:
        request: Of the page.
        action: What policy calls it.
        rows: Rows of guarded models, with their markings.
        recipient: To whom they go, in words.

    Raises:
        ReasonNeededError: The law wants a reason, and none was given yet.
    """
    _required(request, action, [(row.pk, subject_of(row)) for row in rows], recipient)


def looked_at_again(request: HttpRequest, action: str, rows: Iterable[Any]) -> None:
    """As `looked_at`, of what a page asks for by itself: what the person looked at lately is not written down anew.

    Args:
        request: Of the part of the page.
        action: What policy calls it.
        rows: Of guarded models. Of a query they are not read for it, only their markings, however many there are.

    Raises:
        ReasonNeededError: The law wants a reason for something that they did not look at, and none was given yet.
    """
    actor = signed_in(request)
    seen: frozenset[str] = frozenset() if actor.kind == "token" else _seen_lately(actor, action)
    _required(request, action, [(pk, subject) for pk, subject in _subjects(rows) if pk.hex not in seen])


def looked_at_by_program(request: HttpRequest, action: str, rows: Iterable[Any]) -> None:
    """Write down what a program is told by what feeds the pictures of the situation, which shows a person no single thing.

    What feeds the pictures of a page about one thing, or about chosen ones, can be asked for without that page, by a
    person as well: that is `looked_at_again`.
    """
    if signed_in(request).kind == "token":
        _required(request, action, _subjects(rows))


def listed(request: HttpRequest, declared: Listed, rows: Rows, action: str) -> Result:
    """`lists.answer`, written down: the page as a consultation of its rows, a file as a disclosure of its.

    Raises:
        ReasonNeededError: The law wants a reason for one of them, and none was given yet.
        UsageError: The address chooses something that the list does not have.
    """
    told = lists.answer(
        request, declared, rows, action,
        shown=lambda again: looked_at_again(request, action, again),
        taken=lambda leaving, keys: _taken(request, declared.export, leaving, keys),
    )  # fmt: skip
    if isinstance(told, dict):
        looked_at(request, action, told["listing"].part.rows)
    return told


def _taken(request: HttpRequest, action: str, rows: QuerySet[Any], ids: list[Any]) -> None:
    """Write down that rows leave as a file; they are not read for it, only their markings."""
    actor, why = signed_in(request), consultations.reason_in(request)
    sorts = set(rows.order_by().values_list("marking", "team").distinct())
    subjects = _by_sort(rows, sorts).values()
    needed = [consultation(actor, action, subject, now_us=now_us()) for subject in subjects]
    if not why and (asking := [one.rule for one in needed if one.reason]):
        words = "Say why you take this: the law wants the reason written down."
        raise consultations.ReasonNeededError(words, asking[0])
    if any(one.logged for one in needed):
        consultations.record(actor, action, ids, why, recipient=FILE)


def asks_why(view: View[P]) -> View[P]:
    """Let a view, below ``@page``, ask for the reason where the law wants one; what was given holds for the session."""

    @wraps(view)
    def asked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        if request.method == "GET" and "why" in request.GET:
            consultations.reason_in(request)
            kept = request.GET.copy()
            del kept["why"]
            return redirect(f"{request.path}?{kept.urlencode()}" if kept else request.path)
        try:
            return view(request, *args, **kwargs)
        except consultations.ReasonNeededError as error:
            posted = request.method == "POST"
            kept = request.POST.copy() if posted else request.GET.copy()
            kept.pop("csrfmiddlewaretoken", None)
            told = [(name, value) for name, values in kept.lists() for value in values if name != "why"]
            context = {"kept": told, "method": "post" if posted else "get", "rule": error.rule}
            return render(request, "accounts/why_first.html", context, status=403)

    return asked


def _seen_lately(actor: Actor, action: str) -> frozenset[str]:
    """Ids of what a person looked at by an action, in their last looks within the time of a session."""
    mine = Consultation.objects.filter(actor_id=actor.id, action=action, time_us__gt=now_us() - LONGEST_US)
    looks: Any = mine.order_by("-sequence").values_list("objects_seen", flat=True)[:_BEFORE]
    return frozenset(one for look in looks for one in look)


def _required(
    request: HttpRequest, action: str, subjects: list[tuple[UUID, Subject]], recipient: str = ""
) -> None:
    if shown_to_nobody(request):
        return
    why = consultations.reason_in(request)
    consultations.required(signed_in(request), action, subjects, why, recipient=recipient)


def _subjects(rows: Iterable[Any]) -> list[tuple[UUID, Subject]]:
    """Rows as policy sees them; those of a query that are alike are one subject."""
    if not isinstance(rows, QuerySet):
        return [(row.pk, subject_of(row)) for row in rows]
    found = list(rows.select_related(None).values_list("pk", "marking", "team"))
    subjects = _by_sort(rows, {(digest, team) for _, digest, team in found})
    return [(pk, subjects[digest, team]) for pk, digest, team in found]


def _by_sort(rows: QuerySet[Any], sorts: set[tuple[str, str]]) -> dict[tuple[str, str], Subject]:
    """What policy is asked about, by marking and team."""
    markings = StoredMarking.objects.in_bulk({digest for digest, _ in sorts})
    kind = rows.model.__name__.lower()
    return {(digest, team): Subject(kind, markings[digest].marking, team) for digest, team in sorts}
