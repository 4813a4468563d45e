"""The pages of joint cases: all of them, one, opening one, and what is said in it."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from hanse.accounts.looking import asks_why, listed, looked_at
from hanse.cases import joint
from hanse.cases.joint import Told
from hanse.cases.joint_entries import CLOSING, JOINING
from hanse.cases.joint_forms import JointOpenForm, JointSayForm
from hanse.cases.joint_models import JointCase, JointSaying
from hanse.cases.joint_projecting import as_uuid
from hanse.federation.models import Partner
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.identity import authority
from hanse.policy.asking import may_begin
from hanse.policy.decision import may
from hanse.web import lists
from hanse.web.page import Result, page, signed_in

SHOWN: Final = 200
"""Things that were said, tasks and decisions that the page shows of each at once: the last ones, and from there page by page."""


def _url(row: JointCase) -> str:
    return reverse("cases:joint", args=[row.pk])


def _own(row: JointCase) -> str:
    stands = row.standing.get(authority())
    return str(JOINING[stands]) if stands else _("is asked")


LIST = lists.Listed(
    name="joint-cases",
    caption="Joint cases",
    order="-changed",
    columns=(
        lists.Column(key="title", label="Joint case", value=str, link=_url),
        lists.Column(key="founder", label="Founded by"),
        lists.Column(key="members", label="Asked", value=lambda row: len(row.members), format="count"),
        lists.Column(key="own", label="This authority", value=_own),
        lists.Column(key="closed", label="State", value=lambda row: _("Closed") if row.is_closed else _("Open")),
        lists.Column(key="changed", label="Changed", value="changed_us", format="when", sort="changed_us"),
        lists.Column(key="opened", label="Opened", value="opened_us", format="when", sort="opened_us", shown=False),
    ),
    filters=(),
    row_url=_url,
    export="cases.export",
    empty=lists.Empty(
        "Cases that this authority works on together with partners appear here.",
        (("Open a joint case", "/cases/joint/open/", "cases.joint_open"), ("Partners", "/partners/", "federation.view")),
    ),
)  # fmt: skip


@page("cases.view", "cases/joints.html")
@asks_why
def joints(request: HttpRequest) -> Result:
    """The joint cases that the actor may see."""
    actor = signed_in(request)
    told = listed(request, LIST, partial(JointCase.objects.for_actor, actor), "cases.view")
    may_open = {"may_open": may_begin(actor, "cases.joint_open")}
    return told | may_open if isinstance(told, dict) else told


@page("cases.joint_open", "cases/joint_open.html", methods=("GET", "POST"))
def open_joint(request: HttpRequest) -> Result:
    """Open a joint case: the form, and doing it."""
    form = JointOpenForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            made = joint.open_joint(form.told, form.cleaned_data["reason"], signed_in(request))
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Opened. Each partner is asked whether it takes part."))
            return redirect("cases:joint", made)
    return {"form": form}


@page("cases.view", "cases/joint.html")
@asks_why
def joint_case(request: HttpRequest, joint_id: UUID) -> Result:
    """One joint case."""
    row = JointCase.objects.get_for(signed_in(request), "cases.view", joint_id)
    looked_at(request, "cases.view", [row])
    return _page(row, JointSayForm(members=row.members), signed_in(request), request.GET)


@page("cases.joint", "cases/joint.html", methods=("POST",))
@asks_why
def tell(request: HttpRequest, joint_id: UUID) -> Result:
    """Write a note, set a task, or put a decision on record; what cannot be is said in the form."""
    actor = signed_in(request)
    row = JointCase.objects.get_for(actor, "cases.joint", joint_id)
    looked_at(request, "cases.view", [row])
    form = JointSayForm(request.POST, members=row.members)
    if form.is_valid():
        try:
            joint.say(row.pk, form.told, actor)
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            return redirect("cases:joint", joint_id)
    return _page(row, form, actor)


def _page(
    row: JointCase, form: JointSayForm, actor: Actor, wanted: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """What the page of a joint case shows, and what the actor may do on it."""
    may_work = bool(may(actor, "cases.joint", now_us=now_us()))
    return {
        "row": row, "marking": row.marking.marking, "form": form, "may_work": may_work, **_members(row),
        **_told(row, wanted), "may_say": may_work and not row.is_closed,
        "may_mark": may_begin(actor, "policy.mark"), "stands": row.standing.get(authority()),
        "founds": row.founder == authority(),
    }  # fmt: skip


def _members(row: JointCase) -> dict[str, Any]:
    """Who takes part."""
    known = {authority(), *Partner.objects.values_list("authority", flat=True)}
    told = [
        {**one, "stands": _stands(row, one["authority"]), "known": one["authority"] in known}
        for one in row.members
    ]
    return {"members": told}


def _told(row: JointCase, wanted: Mapping[str, str]) -> dict[str, Any]:
    """What is to be done, what was decided, and what was said: of each one page, for members say hundreds of things a day.

    Args:
        row: The case.
        wanted: Where the page of a part begins: ``said`` is a cursor after which, and ``said-before`` one before which; so
            it is with ``tasks`` and ``decisions``. The last of each without one.
    """
    names = {one["authority"]: one["name"] for one in row.members}
    done = joint.ticked(row)
    parts = {
        name: joint.page_of(
            joint.sayings(row, sorts), SHOWN, after=wanted.get(name), before=wanted.get(f"{name}-before")
        )
        for name, sorts in (("tasks", ("task",)), ("decisions", ("decision",)), ("said", ()))
    }
    tasks, decisions = reversed(parts["tasks"].rows), reversed(parts["decisions"].rows)
    return {
        "tasks": [_task(one, done.get((one.author, one.there)), names) for one in tasks],
        "decisions": [(one, names.get(one.author, one.author)) for one in decisions],
        "said": [(one, names.get(one.author, one.author), _happened(one)) for one in parts["said"].rows],
        "parts": parts,
    }


def _task(one: JointSaying, ticked: JointSaying | None, names: dict[str, str]) -> dict[str, Any]:
    """A task as the page shows it."""
    return {
        "one": one, "by": names.get(one.author, one.author), "to": names.get(one.to, one.to), "done": ticked,
        "done_by": names.get(ticked.author, ticked.author) if ticked else "",
        "late": ticked is None and one.due_us is not None and one.due_us < now_us(),
    }  # fmt: skip


def _stands(row: JointCase, member: str) -> str:
    stands = row.standing.get(member)
    return str(JOINING[stands]) if stands else _("is asked")


def _happened(one: JointSaying) -> str:
    words = {
        "note": _("Note"), "task": _("Task"), "done": _("A task was done"), "decision": _("Decision"),
        "joined": _("Takes part"), "declined": _("Declined"), "left": _("Left"),
        **{name: _(words) for name, words in CLOSING.items()},
    }  # fmt: skip
    return words[one.sort]


@page("cases.joint", "cases/joint.html", methods=("POST",))
def answer(request: HttpRequest, joint_id: UUID, sort: str) -> Result:
    """Take part, decline, leave, close or reopen; or say that a task is done."""
    about = request.POST.get("task", "")
    try:
        joint.say(joint_id, Told(sort=sort, about=as_uuid(about) if about else None), signed_in(request))
    except UsageError as error:
        messages.error(request, str(error))
    return redirect("cases:joint", joint_id)
