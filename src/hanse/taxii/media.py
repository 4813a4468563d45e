"""What TAXII 2.1 says of media types and times (OASIS Standard, 10 June 2021, sections 1.6.8 and 2)."""

import re
from datetime import UTC, datetime
from typing import Final

from hanse.kernel.clock import FIRST_MOMENT_US, LAST_MOMENT_US
from hanse.kernel.errors import UsageError
from hanse.kernel.units import moment

TAXII: Final = "application/taxii+json;version=2.1"
"""Of every answer, and of every body that is sent."""
STIX: Final = ("application/stix+json;version=2.1", "application/stix+json;version=2.0")
"""What a collection's objects can be, the newest first."""

_TAXII: Final = "application/taxii+json"
_ANY: Final = frozenset({"*/*", "application/*"})
_NAMED: Final = re.compile(r'version\s*=\s*"?([0-9.]+)"?', re.IGNORECASE)
_STAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,32}))?[Zz]")


def accepted(header: str | None) -> bool:
    """Whether who sends an ``Accept`` header takes TAXII 2.1 as an answer (RFC 9110, section 12.5.1)."""
    if header is None or not header.strip():
        return True
    return any(_takes(one) for one in header.split(","))


def is_taxii(header: str | None) -> bool:
    """Whether a ``Content-Type`` says TAXII 2.1; without a version it means the latest."""
    name, version, _ = _parts(header or "")
    return name == _TAXII and version in ("", "2.1")


def stamp(us: int) -> str:
    """A time as TAXII writes it, to the microsecond: ``2007-05-09T14:32:00.000000Z``."""
    return moment(us).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_stamp(text: str) -> int:
    """Microseconds UTC of a time as RFC 3339 writes it in UTC; digits beyond the sixth are left out.

    Raises:
        UsageError: It is none.
    """
    found = _STAMP.fullmatch(text)
    try:
        if found is None:
            raise ValueError  # noqa: TRY301 - said once below
        whole = datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(
            f"{text[:40]!r} is no time. Write it in UTC, such as 2007-05-09T14:32:00.000000Z."
        ) from None
    seconds = int((whole - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return min(
        max(seconds * 1_000_000 + int((found[3] or "")[:6].ljust(6, "0")), FIRST_MOMENT_US), LAST_MOMENT_US
    )


def is_stamp(text: str) -> bool:
    """Whether a text is a time as STIX and TAXII write it."""
    return _STAMP.fullmatch(text) is not None


def version_key(text: str) -> str:
    """A version's time spelled so that the same time is the same text, and a later one sorts behind; empty for none."""
    found = _STAMP.fullmatch(text)
    return f"{found[1]}T{found[2]}.{(found[3] or '').rstrip('0')}" if found else ""


def _takes(one: str) -> bool:
    """Whether one media range of an ``Accept`` header covers TAXII 2.1, and is not ruled out by a weight of 0."""
    name, version, weight = _parts(one)
    return weight != 0 and (name in _ANY or (name == _TAXII and version in ("", "2.1")))


def _parts(text: str) -> tuple[str, str, float]:
    """Name, version and weight of a media type."""
    name, *parameters = (part.strip() for part in text.split(";"))
    version, weight = "", 1.0
    for part in parameters:
        if found := _NAMED.fullmatch(part):
            version = found[1]
        elif re.fullmatch(r"q\s*=\s*0(\.0*)?", part, re.IGNORECASE):
            weight = 0.0
    return name.lower(), version, weight
