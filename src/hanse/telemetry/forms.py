"""Forms of telemetry: which flows to show."""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.kernel import units
from hanse.kernel.errors import UsageError
from hanse.telemetry.flow_rows import PROTOCOLS
from hanse.telemetry.flow_search import Sought

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


def read_end(text: str) -> int:
    """The last microsecond of what was typed: of a day, of a minute, or of a second; see `read_time`.

    Raises:
        ValueError: It is no time.
    """
    plain = text.strip().removesuffix("UTC").removesuffix("Z").strip()
    moment = read_time(text)
    if len(plain) <= _DATE:
        return moment + _DAY_US - 1
    if plain.count(":") <= 1:
        return moment + 60_000_000 - 1
    return moment if "." in plain else moment + 1_000_000 - 1


_LONGEST_TIME = 40
_DATE = len("2007-05-09")
_DAY_US = 86_400_000_000


class TimeField(forms.CharField):
    """A time in UTC; its value is microseconds, or None."""

    reads = staticmethod(read_time)

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        # Django's own limit of a CharField would measure the value, which is a number by then.
        self.widget.attrs |= {
            "maxlength": _LONGEST_TIME,
            "placeholder": "2007-05-09 14:32:07",
            "autocomplete": "off",
            "spellcheck": "false",
        }

    def to_python(self, value: Any) -> Any:
        """The time that was typed."""
        text = super().to_python(value)
        if not text:
            return None
        try:
            return self.reads(text[: _LONGEST_TIME + 1])
        except (ValueError, OverflowError):
            raise forms.ValidationError(
                _("This is no time. Write it like 2007-05-09 14:32:07, in UTC.")
            ) from None

    def prepare_value(self, value: Any) -> Any:
        """Microseconds as people type them."""
        return units.second(value) if isinstance(value, int) else value


class EndField(TimeField):
    """The end of a span in UTC: a day, minute or second that is typed belongs to it as a whole."""

    reads = staticmethod(read_end)


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
