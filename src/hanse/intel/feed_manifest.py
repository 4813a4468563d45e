"""The manifest of a MISP feed: which events there are, in which version, and where each is fetched.

Format: https://www.misp-project.org/datamodels, manifest.json beside one JSON file per event, named by its UUID.
"""

import re
from typing import Any, Final, NamedTuple

from hanse.intel.facts import whole
from hanse.kernel.errors import UsageError
from hanse.kernel.strict_json import StrictJsonError, loads

LARGEST_BYTES: Final = 32_000_000
MOST_EVENTS: Final = 100_000
_MOST_VALUES: Final = 4_000_000
_DEEPEST: Final = 16
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NAME: Final = "manifest.json"


class Listed(NamedTuple):
    """An event that a manifest names.

    Attributes:
        name: Its UUID as the manifest spells it, which its file is called by.
        version: Its time of change; empty where the manifest says none.
    """

    name: str
    version: str


class Manifest(NamedTuple):
    """What a manifest holds.

    Attributes:
        events: Its events, those changed last first.
        told: What in it is none, in words.
    """

    events: list[Listed]
    told: list[str]


def addresses(url: str) -> tuple[str, str]:
    """Address of the manifest, and the one before the names of the events' files.

    Args:
        url: The feed's: its folder or its manifest.
    """
    folder, mark, query = url.partition("?")
    folder = folder.removesuffix(_NAME)
    folder += "" if folder.endswith("/") else "/"
    return f"{folder}{_NAME}{mark}{query}", folder


def file_of(url: str, event: Listed) -> str:
    """Address of an event's file; what stands behind the question mark of the feed's address stands behind it too."""
    _, mark, query = url.partition("?")
    return f"{addresses(url)[1]}{event.name}.json{mark}{query}"


def read(data: bytes) -> Manifest:
    """The events of a manifest.

    Raises:
        UsageError: It is none.
    """
    try:
        document = loads(data, limit_bytes=LARGEST_BYTES, depth=_DEEPEST, values=_MOST_VALUES)
    except StrictJsonError as error:
        raise UsageError(f"The manifest cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise UsageError("The manifest is no JSON object of events by their UUIDs. Check the feed's address.")
    if len(document) > MOST_EVENTS:
        raise UsageError(
            f"The manifest names {len(document):,} events; {MOST_EVENTS:,} are the most. Ask its operator to split it."
        )
    events, told = [], []
    for name, said in document.items():
        if not _UUID.fullmatch(name):
            told.append(f"the manifest names {name[:60]!r}, which is no UUID of an event.")
        else:
            events.append(Listed(name, _version(said)))
    if document and not events:
        raise UsageError("The manifest names no event by its UUID. Check the feed's address.")
    return Manifest(sorted(events, key=lambda one: (one.version, one.name), reverse=True), told)


def _version(said: Any) -> str:
    """The time of change of an event, in seconds, with zeros before so that texts sort by it."""
    stamp = whole(said.get("timestamp"), 10**12) if isinstance(said, dict) else None
    return "" if stamp is None else str(stamp).zfill(12)
