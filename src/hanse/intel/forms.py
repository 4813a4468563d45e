"""Forms of intelligence: how a file is brought in, and why a correlation is none."""

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.web.forms import MarkingField


class BringForm(forms.Form):
    """How a file is to be brought in; the file itself is taken by the upload."""

    marking = MarkingField(
        label=_("At least marked"),
        help_text=_("Each thing keeps its own marking where that one is stricter."),
    )


class UndoForm(forms.Form):
    """Why a value is no correlation."""

    why = forms.CharField(
        label=_("Why"), max_length=1_000, help_text=_("Such as: it is the resolver of a large provider."),
        widget=forms.Textarea({"rows": 2}),
    )  # fmt: skip
    everywhere = forms.BooleanField(
        label=_("For every item, not for this one alone"), required=False,
    )  # fmt: skip
