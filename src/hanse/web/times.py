"""Times as people type them into forms and addresses, in UTC."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hanse.kernel import units

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_TIME = 40
_DATE = len("2007-05-09")
_DAY_US = 86_400_000_000


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
