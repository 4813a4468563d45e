"""The pages of sharing, the same for whatever is shared: the dry run, sharing and recalling.

A room's own views load a thing through policy, say where its pages are, and leave the rest to these.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hanse.accounts import consultations
from hanse.accounts.marking_form import CopiesForm
from hanse.federation import recalling, sharing
from hanse.federation.forms import AudienceForm
from hanse.federation.sharing import Sharing, Shown, Thing
from hanse.federation.showing import holders
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, strictest
from hanse.ledger.writing import writing
from hanse.policy.asking import may_begin
from hanse.policy.decision import Subject, may
from hanse.policy.guarded import NotVisibleError
from hanse.web.forms import WhyForm
from hanse.web.page import Result, signed_in

Facts = Callable[[Any, frozenset[str]], list[tuple[str, str]]]
"""What partners get, in words, of a content without some parts; what is withheld says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A thing that was loaded on behalf of who looks, and where its pages are.

    Attributes:
        sort: As what it is shared.
        thing: Its id.
        marking: Its marking.
        above: What its page is under: words and address of each.
        title: What it is called.
        page: The address of its page.
    """

    sort: str
    thing: UUID
    marking: Marking
    above: tuple[tuple[str, str], ...]
    title: str
    page: str


@dataclass(frozen=True, slots=True)
class Beside:
    """Something that a thing names and that can be shared as well.

    Attributes:
        sort: As what it is shared.
        thing: It.
        page: The address of its page.
    """

    sort: str
    thing: Thing
    page: str


@dataclass(frozen=True, slots=True)
class BesideShown:
    """What a dry run says of it.

    Attributes:
        one: It.
        chosen: Whether it goes along.
        shown: What each partner that is meant would get.
        has: Names of the partners that have it.
    """

    one: Beside
    chosen: bool
    shown: list[Shown]
    has: list[str]

    @property
    def may(self) -> list[str]:
        """Names of those that may have it."""
        return [one.partner.name for one in self.shown if one.content is not None]

    @property
    def may_not(self) -> list[tuple[str, str]]:
        """Names of those that may not, and why."""
        return [(one.partner.name, one.decision.words) for one in self.shown if one.content is None]


def held_html(thing: UUID, actor: Actor, recall_url: str) -> str:
    """The section of a thing's page that says who has it; empty where nobody has, or the actor may not know."""
    if not may(actor, "federation.view", now_us=now_us()):
        return ""
    found = holders(thing)
    if not found:
        return ""
    may_recall = may_begin(actor, "federation.share") and any(one.row.recalled_us is None for one in found)
    return render_to_string(
        "federation/holders.html", {"holders": found, "recall_url": recall_url if may_recall else ""}
    )


def share(request: HttpRequest, place: Place, facts: Facts) -> Result:
    """With whom a thing is shared; a dry run of it; and doing it."""
    actor = signed_in(request)
    sort = sharing.shareable(place.sort)
    beside = _beside(request, place)
    told: dict[str, Any] = {
        "place": place,
        "here": request.path,
        "marking": strictest([place.marking, *(one.thing.marking for one in beside)]),
    }
    query = request.POST if request.method == "POST" else request.GET
    along = [(one.thing.object_id.hex, one.thing.title) for one in beside]
    form = AudienceForm(sort, query or None, along=along)
    if not query or not form.is_valid():
        return {**told, "form": form, "strict": CopiesForm(old=place.marking)}
    strict = CopiesForm(query if "marking_tlp" in query else None, old=place.marking)
    if strict.is_bound and not strict.is_valid():
        return {**told, "form": form, "strict": strict}
    marking = strict.cleaned_data["whole"] if strict.is_bound else None
    wanted = Sharing(place.sort, place.thing, form.audience, form.left_out, marking)
    shown = sharing.preview(wanted, actor)
    named = [_shown_beside(one, wanted, form.goes_along, actor) for one in beside]
    going = [wanted, *(_of(one.one, wanted) for one in named if one.chosen)]
    print_ = _print([shown, *(one.shown for one in named if one.chosen)])
    why = WhyForm(request.POST if request.method == "POST" else None, auto_id="share-%s")
    overtaken = request.method == "POST" and request.POST.get("seen") != print_
    if why.is_bound and not overtaken and why.is_valid():
        with writing():
            given = [sharing.share(one, actor, why.cleaned_data["reason"]) for one in going]
        _say(request, sum(one.content is not None for one in given[0]))
        return redirect(place.page)
    return {
        **told, "form": form, "strict": strict, "why": why, "overtaken": overtaken, "seen": print_, "shown": shown,
        "chosen": [(name, value) for name in query if name not in _OF_SHARING for value in query.getlist(name)],
        "gets": sum(one.content is not None for one in shown), "beside": named,
        "again": sum(one.content is not None and one.held_us is not None for one in shown),
        **_content(shown, form.left_out, facts),
    }  # fmt: skip


_OF_SHARING = frozenset({"csrfmiddlewaretoken", "seen", *WhyForm.base_fields})
"""What the second form says itself; all else is what the first one said."""


def _beside(request: HttpRequest, place: Place) -> list[Beside]:
    """What a thing names that can be shared as well; that its titles are seen is written down.

    Raises:
        ReasonNeededError: The law wants a reason for one of them, and none was given yet.
    """
    actor, found = signed_in(request), []
    for name, thing in sharing.shareable(place.sort).along(actor, place.thing):
        sort = sharing.shareable(name)
        try:
            found.append(Beside(name, sort.find(actor, thing), sort.page(thing)))
        except (NotVisibleError, UsageError):
            continue  # gone meanwhile, or too large to be shared
    for name in sorted({one.sort for one in found}):
        things = [one.thing for one in found if one.sort == name]
        subjects = [(one.object_id, Subject(name, one.marking, one.team)) for one in things]
        consultations.required(
            actor, sharing.shareable(name).view, subjects, consultations.reason_in(request)
        )
    return found


def _of(one: Beside, wanted: Sharing) -> Sharing:
    """The same for something beside it: without the parts that it has as well."""
    parts = sharing.shareable(one.sort).parts
    return replace(
        wanted,
        sort=one.sort,
        object_id=one.thing.object_id,
        withheld=frozenset(part for part in wanted.withheld if part in parts),
    )


def _shown_beside(one: Beside, wanted: Sharing, chosen: frozenset[str], actor: Actor) -> BesideShown:
    thing = one.thing.object_id
    has = [held.name for held in holders(thing) if held.row.recalled_us is None]
    return BesideShown(one, thing.hex in chosen, sharing.preview(_of(one, wanted), actor), has)


def _say(request: HttpRequest, number: int) -> None:
    if not number:
        messages.warning(request, _("Nobody may have it, so that nothing was shared."))
        return
    words = ngettext("Shared with %d partner.", "Shared with %d partners.", number)
    messages.success(request, words % number)


def _print(dry_runs: list[list[Shown]]) -> str:
    """What a person saw of dry runs, as a digest: who gets it, who does not, and under which marking."""
    seen = [
        [(one.partner.authority, one.content is not None, one.marking.as_json()) for one in shown]
        for shown in dry_runs
    ]
    return sha256(msgspec.json.encode(seen, order="deterministic")).hexdigest()


def _content(shown: list[Shown], left_out: frozenset[str], facts: Facts) -> dict[str, Any]:
    """What every partner that may have it gets: the same for each of them."""
    found = next((one for one in shown if one.content is not None), None)
    if found is None:
        return {}
    written = msgspec.json.format(msgspec.json.encode(found.content, order="sorted"), indent=1)
    return {"facts": facts(found.content, left_out), "json": written.decode(), "copies": found.marking}


class RecallForm(WhyForm):
    """From whom a thing is taken back, and why."""

    partners = forms.MultipleChoiceField(label=gettext_lazy("From"), widget=forms.CheckboxSelectMultiple)
    reason = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=4_000,
        help_text=gettext_lazy("The partners read it. It is kept in the ledger with your name."),
        widget=forms.Textarea({"rows": 3}),
    )
    field_order = ("partners", "reason")


def recall(request: HttpRequest, place: Place) -> Result:
    """Take a thing back from partners that have it: the form, and doing it."""
    have = [(one.row.recipient, one.name) for one in holders(place.thing) if one.row.recalled_us is None]
    form = RecallForm(
        request.POST if request.method == "POST" else None,
        initial={"partners": [name for name, _name in have]},
    )
    field = form.fields["partners"]
    assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - it is declared above
    field.choices = have
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        try:
            recalling.recall(place.thing, signed_in(request), told["reason"], told["partners"])
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Recalled. What each partner answers is shown under Who has it."))
            return redirect(place.page)
    return {"place": place, "form": form, "have": have, "marking": place.marking}
