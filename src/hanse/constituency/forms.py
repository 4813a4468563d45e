"""Forms of the constituency: one row, and a registry file."""

import ipaddress
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.constituency.registry import SHORTEST, Target, too_wide
from hanse.constituency.sectors import HIGH_CRITICALITY, OTHER_CRITICAL
from hanse.kernel import addresses
from hanse.web.forms import MarkingField

SECTOR_CHOICES = (
    ("", _("Choose one")),
    (_("High criticality (NIS2, Annex I)"), [(one, one) for one in HIGH_CRITICALITY]),
    (_("Other critical (NIS2, Annex II)"), [(one, one) for one in OTHER_CRITICAL]),
)
"""The sectors under the headings of the directive."""


class RowForm(forms.Form):
    """Whose a host or network is."""

    network = forms.CharField(
        label=_("Host or network"),
        max_length=64,
        help_text=_("Like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32."),
    )
    organisation = forms.CharField(label=_("Organisation"), max_length=500, help_text=_("Who runs it."))
    sector = forms.ChoiceField(label=_("Sector"), choices=SECTOR_CHOICES)
    country = forms.CharField(
        label=_("Country"), min_length=2, max_length=2, help_text=_("Two letters of ISO 3166, such as EE.")
    )
    site = forms.CharField(
        label=_("Site"),
        max_length=500,
        required=False,
        help_text=_("What runs there, such as a domain name."),
    )
    contact = forms.CharField(
        label=_("Contact"),
        max_length=500,
        required=False,
        help_text=_("Whom to call or write to when it is hit: it stands on the pages of its attacks."),
    )
    reason = forms.CharField(
        label=_("Why"),
        max_length=4_000,
        required=False,
        help_text=_("It is kept in the ledger with your name."),
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for name in ("network", "country", "site", "contact"):
            self.fields[name].widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}

    def clean_network(self) -> str:
        """The network that was typed, as the registry writes it."""
        text = self.cleaned_data["network"]
        try:
            network = addresses.network(text)
        except ValueError:
            raise forms.ValidationError(_advice(text)) from None
        if network.prefixlen < SHORTEST[network.version]:
            raise forms.ValidationError(too_wide(network))
        return str(network)

    def clean_country(self) -> str:
        """The code in capitals."""
        code: str = self.cleaned_data["country"].upper()
        if not (code.isascii() and code.isalpha()):
            raise forms.ValidationError(_("This is no country code. Use ISO 3166 alpha-2, such as EE."))
        return code

    @property
    def target(self) -> Target:
        """The row that was typed; the form is valid."""
        told = self.cleaned_data
        named = (told[name] for name in ("network", "organisation", "sector", "country", "site", "contact"))
        return Target(*named)


class ImportForm(forms.Form):
    """A registry file and how it is marked; the file itself is taken by `hanse.web.uploads`."""

    marking = MarkingField(help_text=_("Of all rows of the file."))


class ApplyForm(ImportForm):
    """A registry file that was tried, to be applied now."""

    csv = forms.CharField(widget=forms.HiddenInput, strip=False)
    name = forms.CharField(widget=forms.HiddenInput, max_length=200)
    version = forms.IntegerField(widget=forms.HiddenInput)


def _advice(text: str) -> Any:
    """What the writer of a wrong network may have meant."""
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return _("This is no address or network. Write it like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32.")
    return (
        _("Its address has bits beyond the mask. The network around it is %s; write that, or the host alone.")
        % meant
    )
