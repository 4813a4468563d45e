"""The forms of webhooks: who is told where and of what, and why one is removed."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.taxii.models import Partner
from hanse.web.forms import WhyForm
from hanse.webhooks import hooks, notices


class HookForm(forms.Form):
    """A webhook that is to be."""

    partner = forms.ChoiceField(
        label=_("Edge partner"), help_text=_("It is told no more than it may fetch by TAXII.")
    )
    url = forms.CharField(
        label=_("Address"), max_length=2_000,
        widget=forms.TextInput({"spellcheck": "false", "autocapitalize": "off", "inputmode": "url"}),
        help_text=_("Begins with https://. The second person reads it whole; after that, pages show its host alone."),
    )  # fmt: skip
    events = forms.MultipleChoiceField(label=_("Told of"), widget=forms.CheckboxSelectMultiple)
    way = forms.ChoiceField(
        label=_("Signed by"), choices=list(hooks.WAYS.items()),
        help_text=_("A key pair is better: who reads the receiver's settings can then sign nothing."),
    )  # fmt: skip
    why = forms.CharField(
        label=_("Why"), max_length=500, widget=forms.Textarea({"rows": 2}),
        help_text=_("The agreement that it rests on. The second person reads it, and it stands in each record of what is disclosed."),
    )  # fmt: skip

    def __init__(self, data: Any = None) -> None:
        """The form, with the partners and events that there are."""
        super().__init__(data)
        coming = Partner.objects.filter(revoked_us=None).order_by("name")
        partner, events = self.fields["partner"], self.fields["events"]
        assert isinstance(partner, forms.ChoiceField)  # noqa: S101 - as declared above
        assert isinstance(events, forms.ChoiceField)  # noqa: S101 - as declared above
        partner.choices = [(str(row.pk), f"{row.name} ({row.authority})") for row in coming]
        events.choices = [(name, f"{name}: {words}") for name, words in notices.events().items()]


class RemoveForm(WhyForm):
    """Why a webhook is removed."""
