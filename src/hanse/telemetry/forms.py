"""Forms of telemetry: which flows to show."""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.kernel import units
from hanse.telemetry.flow_rows import PROTOCOLS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BY_NAME = {name.lower(): number for number, name in PROTOCOLS.items()}


def read_time(text: str) -> int:
    """A time as people type it, in UTC: ``2007-05-09 14:32``, with seconds, with ``T``, with ``Z`` or ``UTC``.

    Returns:
        Microseconds UTC.

    Raises:
        ValueError: It is none.
    """
    plain = text.strip().removesuffix("UTC").removesuffix("Z").strip()
    moment = datetime.fromisoformat(plain)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return (moment - _EPOCH) // timedelta(microseconds=1)


class TimeField(forms.CharField):
    """A time in UTC; its value is microseconds, or None."""

    def __init__(self, **more: Any) -> None:
        super().__init__(max_length=40, **more)
        self.widget.attrs |= {"placeholder": "2007-05-09 14:32:07", "autocomplete": "off", "spellcheck": "false"}

    def to_python(self, value: Any) -> Any:
        """The time that was typed."""
        text = super().to_python(value)
        if not text:
            return None
        try:
            return read_time(text)
        except (ValueError, OverflowError):
            raise forms.ValidationError(
                _("This is no time. Write it like 2007-05-09 14:32:07, in UTC.")
            ) from None

    def prepare_value(self, value: Any) -> Any:
        """Microseconds as people type them."""
        return units.second(value) if isinstance(value, int) else value


class FlowsForm(forms.Form):
    """Which flows to show. All fields narrow; an empty form shows nothing yet."""

    since = TimeField(label=_("From"), required=False)
    until = TimeField(label=_("To"), required=False, help_text=_("In UTC."))
    address = forms.CharField(
        label=_("Address or network"),
        required=False,
        max_length=64,
        help_text=_("As source or destination: 192.0.2.7, 192.0.2.0/24, 2001:db8::/32."),
    )
    port = forms.IntegerField(
        label=_("Port"), required=False, min_value=0, max_value=65_535, help_text=_("At either end.")
    )
    protocol = forms.CharField(
        label=_("Protocol"), required=False, max_length=16, help_text=_("Such as ICMP, TCP, UDP or a number.")
    )

    def clean_address(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
        """The network that was typed."""
        text = self.cleaned_data["address"].strip()
        if not text:
            return None
        try:
            return ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise forms.ValidationError(
                _("This is no address or network. Write it like 192.0.2.7 or 192.0.2.0/24.")
            ) from None

    def clean_protocol(self) -> int | None:
        """The number of the protocol that was typed."""
        text = self.cleaned_data["protocol"].strip().lower()
        if not text:
            return None
        number = _BY_NAME.get(text, int(text) if text.isascii() and text.isdigit() else -1)
        if not 0 <= number <= 255:  # noqa: PLR2004 - the field has eight bits (RFC 791)
            raise forms.ValidationError(_("This is no protocol. Name it, or give its number from 0 to 255."))
        return number

    def clean(self) -> dict[str, Any]:
        """Refuse a span that ends before it begins."""
        told = super().clean() or {}
        since, until = told.get("since"), told.get("until")
        if since is not None and until is not None and until < since:
            self.add_error("until", _("The end is before the start. Swap them."))
        return told
