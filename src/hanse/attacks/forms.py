"""Forms of decisions: each says why, each can be withdrawn."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.attacks.service import What
from hanse.web.forms import WhyForm
from hanse.web.times import TimeField

LONGEST = 4_000
"""Characters of a reason: two pages."""


class SplitForm(WhyForm):
    """Where an attack is cut, and why."""

    at = TimeField(
        label=_("The second attack begins at"), help_text=_("In UTC, to the second, inside the attack.")
    )
    field_order = ("at", "reason")


class NoteForm(WhyForm):
    """A note."""

    reason = forms.CharField(
        label=_("Note"),
        max_length=LONGEST,
        help_text=_(
            "Everybody who may see this attack can read it; it is kept in the ledger with your name."
        ),
        widget=forms.Textarea({"rows": 4}),
    )


FORMS: dict[What, type[WhyForm]] = {"false-positive": WhyForm, "split": SplitForm, "note": NoteForm}
"""The form of each decision on one attack; merging is decided on several."""


def form_of(what: What, data: Any = None, **initial: Any) -> WhyForm:
    """The form of a decision; its fields' ids begin with the decision's name, so that a page can hold them all."""
    return FORMS[what](data, initial=initial, auto_id=f"{what}-%s")
