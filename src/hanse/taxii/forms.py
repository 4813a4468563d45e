"""Forms of the open edge: who is to come, and why somebody comes no more."""

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.kernel.markings import TIER_WORDS, TIERS


class PartnerForm(forms.Form):
    """An authority that is to come by TAXII."""

    name = forms.CharField(label=_("Authority"), max_length=200, help_text=_("What it is called."))
    authority = forms.CharField(
        label=_("Its id"), max_length=64,
        help_text=_("As markings name it when something is released to it: lower-case letters, digits, dots and dashes, such as fi-cert. It signs in with it."),
    )  # fmt: skip
    country = forms.CharField(
        label=_("Country"), max_length=2, required=False,
        help_text=_("Two letters, such as FI; empty for an organisation."),
    )  # fmt: skip
    tier = forms.ChoiceField(
        label=_("Tier"), choices=[(one, TIER_WORDS[one].capitalize()) for one in TIERS],
        help_text=_("What is released to a tier goes to all partners of that tier."),
    )  # fmt: skip
    why = forms.CharField(
        label=_("Why"), max_length=500, widget=forms.Textarea({"rows": 2}),
        help_text=_("The agreement that it rests on. The second person reads it, and it stands in each record of what is disclosed."),
    )  # fmt: skip


class RevokeForm(forms.Form):
    """Why a partner comes no more."""

    why = forms.CharField(label=_("Why"), max_length=500, widget=forms.Textarea({"rows": 2}))
