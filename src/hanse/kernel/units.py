"""Times, durations, rates and counts as people read them (docs: the console's words)."""

from datetime import UTC, datetime

THIN_SPACE = "\u2009"


def moment(us: int) -> datetime:
    """An aware UTC datetime from microseconds since the epoch."""
    return datetime.fromtimestamp(us // 1_000_000, UTC).replace(microsecond=us % 1_000_000)


def iso(us: int) -> str:
    """ISO 8601 UTC with ``Z``, to the millisecond: ``2007-05-09T14:32:00.000Z``."""
    return moment(us).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def minute(us: int) -> str:
    """``2007-05-09 14:32 UTC``."""
    text = moment(us).isoformat()
    return f"{text[:10]} {text[11:16]} UTC"


def second(us: int) -> str:
    """``2007-05-09 14:32:07`` in UTC."""
    return moment(us).strftime("%Y-%m-%d %H:%M:%S")


def count(number: float) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{round(number):,}".replace(",", THIN_SPACE)


def duration(seconds: float) -> str:
    """``45 s``, ``12 min 5 s``, ``10 h 30 min``, ``2 d 4 h``: the two largest units."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    left = round(seconds)
    parts = []
    for size, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        whole, left = divmod(left, size)
        if whole:
            parts.append(f"{whole} {name}")
    return " ".join(parts[:2])


def _scaled(number: float, unit: str) -> str:
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.1f} {prefix}{unit}"
    return f"{number:.0f} {unit}"


def bit_rate(bits_per_second: float) -> str:
    """``92.4 Mbit/s``."""
    return _scaled(bits_per_second, "bit/s")


def packet_rate(packets_per_second: float) -> str:
    """``12.3 kpackets/s``."""
    return _scaled(packets_per_second, "packets/s")


def quota(octets: float) -> str:
    """``50 GiB`` (binary, as room on disks is set)."""
    number = f"{octets / 2**30:,.2f}".rstrip("0").rstrip(".").replace(",", THIN_SPACE)
    return f"{number} GiB"


def volume(octets: float) -> str:
    """``1.2 GB`` (decimal, as data rates are)."""
    return _scaled(octets, "B")
