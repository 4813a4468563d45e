"""The forms of feeds: what one is, and why it is removed."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from hanse.accounts.marking_form import MarkingForm
from hanse.intel import feeds, grading
from hanse.intel.feed_models import FORMATS, Feed
from hanse.intel.feeds import Said
from hanse.kernel.markings import Marking
from hanse.ledger.identity import authority
from hanse.web.forms import Fold, WhyForm


class FeedForm(MarkingForm):
    """What a feed is, and how its items are marked."""

    field_order = (
        "name", "format", "url", "header", "user", "secret", "every", "grade", "keep_days", "most_mb", "most_items", "marking",
        "team", "handling", "handling_text", "purposes", "releasable", "keep_until",
    )  # fmt: skip
    folds: ClassVar[tuple[Fold, ...]] = (
        Fold(_("How the node proves there who it is"), ("header", "user", "secret")),
        Fold(_("How much of it, and for how long"), ("grade", "keep_days", "most_mb", "most_items")),
        *MarkingForm.folds,
    )

    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("What it is called here."))
    format = forms.ChoiceField(label=_("What it is"), choices=list(FORMATS.items()))
    url = forms.CharField(
        label=_("Address"), max_length=8_000,
        widget=forms.TextInput({"spellcheck": "false", "autocapitalize": "off", "inputmode": "url"}),
        help_text=_(
            "Begins with https://. Of a MISP feed, the folder that holds manifest.json. Of a TAXII server, one of its "
            "collections; have it asked below which it has."
        ),
    )  # fmt: skip
    header = forms.CharField(
        label=_("Header that proves who asks"), required=False, max_length=100, initial="Authorization",
        help_text=_("Sent only where a value stands below, and only to this server."),
    )  # fmt: skip
    user = forms.CharField(
        label=_("User"), required=False, max_length=200,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
        help_text=_("Only where a user's name and password prove it, as with most TAXII servers."),
    )  # fmt: skip
    secret = forms.CharField(
        label=_("The header's value, or the user's password"), required=False, max_length=4_000, strip=True,
        # Only what was typed is shown again, so that what is sent anew does not lose it.
        widget=forms.PasswordInput({"autocomplete": "off", "spellcheck": "false"}, render_value=True),
    )  # fmt: skip
    every = forms.IntegerField(
        label=_("Minutes between two runs"),
        min_value=feeds.SOONEST_S // 60,
        max_value=feeds.LATEST_S // 60,
        initial=60,
    )
    grade = forms.ChoiceField(
        label=_("Source and information"), required=False,
        choices=lambda: [("", _t("as each item says")), *grading.choices()],
        help_text=_("How reliable the source is. Each item of the feed has it, until somebody grades it."),
    )  # fmt: skip
    keep_days = forms.IntegerField(
        label=_("Days that items are kept"), required=False, min_value=1, max_value=feeds.LONGEST_KEPT_DAYS,
        help_text=_("From when they came; then they are purged. Empty is for good."),
    )  # fmt: skip
    most_mb = forms.IntegerField(
        label=_("Megabytes of one run"), min_value=1, max_value=feeds.MOST_BYTES // 1_000_000, initial=100,
        help_text=_("A run that comes to it goes on a minute later."),
    )  # fmt: skip
    most_items = forms.IntegerField(
        label=_("New items of one run"), min_value=1, max_value=feeds.MOST_ITEMS, initial=100_000
    )

    def __init__(self, data: Any = None, *, row: Feed | None = None) -> None:
        """The form, empty or filled with a feed as it is; its secret is never filled in."""
        self._row = row
        old = Marking.own(authority()) if row is None else row.marking.marking
        initial = None if row is None else _typed(row)
        super().__init__(data, old=old, team="" if row is None else row.team, initial=initial)
        self.fields["keep_until"].widget = forms.HiddenInput()
        if row is not None and row.secret:
            self.fields["secret"].help_text = _t("Empty keeps the one that is there.")
        if row is not None:
            self.fields["format"].disabled = True

    @property
    def said(self) -> Said:
        """What was typed into a valid form."""
        told = self.cleaned_data
        secret = told["secret"] or (None if self._row is not None else "")
        return Said(
            name=told["name"], format=told["format"], url=told["url"], header=told["header"], user=told["user"], secret=secret,
            every_s=told["every"] * 60, grade=told["grade"], keep_days=told["keep_days"] or 0,
            most_bytes=told["most_mb"] * 1_000_000, most_items=told["most_items"],
        )  # fmt: skip


class RemoveForm(WhyForm):
    """Why a feed is removed."""


def _typed(row: Feed) -> dict[str, Any]:
    """A feed as it stands in its form."""
    return {
        "name": row.name, "format": row.format, "url": row.url, "header": row.header or "Authorization", "user": row.user,
        "every": row.every_s // 60, "grade": row.grade, "keep_days": row.keep_days or None,
        "most_mb": row.most_bytes // 1_000_000 or 1, "most_items": row.most_items,
    }  # fmt: skip
