"""Forms of telemetry: which flows to show."""

import ipaddress
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.kernel.errors import UsageError
from hanse.telemetry.protocols import PROTOCOLS
from hanse.telemetry.sought import Sought
from hanse.web.times import EndField, TimeField

_BY_NAME = {name.lower(): number for number, name in PROTOCOLS.items()}


class NetworkField(forms.CharField):
    """An address or network; its value is the network, or None."""

    def __init__(self, **more: Any) -> None:
        super().__init__(required=False, **more)
        self.widget.attrs |= {"maxlength": 64, "autocomplete": "off", "spellcheck": "false"}

    def to_python(self, value: Any) -> Any:
        """The network that was typed."""
        text = (super().to_python(value) or "").strip()
        if not text:
            return None
        try:
            return ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise forms.ValidationError(
                _("This is no address or network. Write it like 192.0.2.7 or 192.0.2.0/24.")
            ) from None


class PortField(forms.IntegerField):
    """A port, or None."""

    def __init__(self, **more: Any) -> None:
        super().__init__(required=False, min_value=0, max_value=65_535, **more)


class SpanForm(forms.Form):
    """A span of time, in UTC."""

    since = TimeField(label=_("From"), required=False)
    until = EndField(label=_("To"), required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse a span that ends before it begins."""
        told = super().clean() or {}
        since, until = told.get("since"), told.get("until")
        if since is not None and until is not None and until < since:
            self.add_error("until", _("The end is before the start. Swap them."))
        return told


class FlowsForm(SpanForm):
    """Which flows to show. All fields narrow; an empty form shows nothing yet."""

    address = NetworkField(label=_("Address"), help_text=_("Or network, at either end."))
    source = NetworkField(label=_("Source"), help_text=_("Address or network."))
    destination = NetworkField(label=_("Destination"), help_text=_("Address or network."))
    port = PortField(label=_("Port"), help_text=_("At either end."))
    source_port = PortField(label=_("Source port"))
    destination_port = PortField(label=_("Destination port"))
    protocol = forms.CharField(
        label=_("Protocol"), required=False, max_length=16, help_text=_("ICMP, TCP, UDP or a number.")
    )
    by = forms.ChoiceField(
        label=_("Rank by"),
        required=False,
        choices=[("bytes", _("volume")), ("packets", _("packets")), ("flows", _("flow records"))],
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["since"].help_text = _("Flows that were seen in this time. In UTC.")
        self.fields["until"].help_text = _("A day or minute counts to its end.")

    def clean_protocol(self) -> int | None:
        """The number of the protocol that was typed."""
        text = self.cleaned_data["protocol"].strip().lower()
        if not text:
            return None
        number = _BY_NAME.get(text, int(text) if text.isascii() and text.isdigit() else -1)
        if not 0 <= number <= 255:
            raise forms.ValidationError(_("This is no protocol. Name it, or give its number from 0 to 255."))
        return number

    @property
    def asked(self) -> bool:
        """Whether anything was typed that narrows."""
        return any(str(self.data.get(name) or "").strip() for name in self.fields if name != "by")

    @property
    def sought(self) -> Sought:
        """What was asked for; the form is valid."""
        told = self.cleaned_data
        return Sought(
            since_us=told["since"],
            until_us=told["until"],
            address=told["address"],
            source=told["source"],
            target=told["destination"],
            port=told["port"],
            source_port=told["source_port"],
            target_port=told["destination_port"],
            protocol=told["protocol"],
        )


class ColumnsField(forms.CharField):
    """Which column of a table means what, in words; empty lets Hanse find out."""

    def __init__(self, **more: Any) -> None:
        super().__init__(max_length=4_000, required=False, **more)
        self.widget.attrs |= {
            "autocomplete": "off",
            "spellcheck": "false",
            "placeholder": "start=ts,src=source_ip",
        }

    def clean(self, value: Any) -> str:
        """The mapping, if it is one."""
        from hanse.telemetry.columns import stated  # noqa: PLC0415 - loads numba, which an idle node does without

        text: str = super().clean(value).strip()
        try:
            return stated(text) if text else ""
        except UsageError as error:
            told = str(error).removeprefix("--columns: ")
            raise forms.ValidationError(told[0].upper() + told[1:]) from None


class UploadForm(forms.Form):
    """What goes with uploaded files."""

    columns = ColumnsField(
        label=_("Columns"),
        help_text=_(
            "Only for CSV and Parquet whose columns have unusual names: field=column, with commas between. "
            "Fields are start, end, src, dst, src_port, dst_port, protocol, packets, bytes and others."
        ),
    )


class AgainForm(SpanForm):
    """Which stored flows to look for attacks in again."""

    gap_s = forms.IntegerField(
        label=_("Quiet time that ends an attack, s"), min_value=1, max_value=86_400, required=False,
        help_text=_("300 by default."),
    )  # fmt: skip


class FolderForm(forms.Form):
    """A folder to watch."""

    folder = forms.CharField(
        label=_("Folder"), max_length=4_000, help_text=_("Its absolute path on the node's machine.")
    )
