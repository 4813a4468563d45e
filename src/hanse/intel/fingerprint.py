"""DDoSDB fingerprints: what an attack looked like, as its victims describe it to each other.

A fingerprint names thousands of source addresses. It becomes one item; its addresses are values of it.
"""

from typing import Any, Final

from hanse.intel.facts import LONGEST_ID, Facts, Gathering, plain, time_us
from hanse.intel.item import Item
from hanse.kernel.errors import UsageError
from hanse.kernel.strict_json import canonical

_NEEDED: Final = ("protocol", "src_ips", "start_time")
MOST_SOURCES: Final = 1_000_000


def read(document: Any, key: str, batch: str = "") -> Item:
    """The item of a fingerprint.

    Args:
        document: The fingerprint's JSON.
        key: What its file is called, which names a fingerprint that has no key of its own.
        batch: Id of the import.

    Raises:
        UsageError: It is no fingerprint.
    """
    if (
        not isinstance(document, dict)
        or not all(name in document for name in _NEEDED)
        or not _has_sources(document)
    ):
        raise UsageError(
            f"This is no DDoSDB fingerprint: it needs {', '.join(_NEEDED)}, and src_ips is a list."
        )
    if len(document["src_ips"]) > MOST_SOURCES:
        raise UsageError(f"The fingerprint names more than {MOST_SOURCES:,} sources. Bring it in parts.")
    name = (plain(document.get("key")) or key or "fingerprint")[:LONGEST_ID]
    return Item(format="ddosdb", type="fingerprint", source_id=name, raw=document, batch=batch)


def _has_sources(document: dict[str, Any]) -> bool:
    return isinstance(document["src_ips"], list)


def facts(_: str, raw: dict[str, Any]) -> Facts:
    """What is known of a fingerprint."""
    found = Gathering()
    for one in raw["src_ips"] if isinstance(raw.get("src_ips"), list) else ():
        address = one.get("ip") if isinstance(one, dict) else one
        found.value("address", address, "source")
    start = raw.get("start_timestamp")
    began = time_us(raw.get("start_time"))
    if isinstance(start, (int, float)) and not isinstance(start, bool) and 0 <= start < 2**40:
        began = int(start * 1_000_000)
    details = raw.get("additional")
    words = f"{plain(raw.get('protocol'))} attack of {plain(raw.get('start_time'))}"
    return Facts(
        title=words,
        text=canonical(details).decode() if isinstance(details, dict) else "",
        created_us=began,
        values=tuple(found.values),
        problems=tuple(found.problems[:20]),
    )
