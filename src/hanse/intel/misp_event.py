"""MISP events taken apart into items, and put together again as they came (MISP core format).

A part that is an item of its own leaves an empty list where it stood, so that a list that was empty, one that was
missing, and the order of the keys come back as they were.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from hanse.intel.facts import LONGEST_ID, LONGEST_NUMBER, whole
from hanse.intel.item import Item
from hanse.kernel.errors import UsageError
from hanse.kernel.strict_json import canonical

PARTS: Final = {"Attribute": "attribute", "Object": "object", "EventReport": "report"}
"""The lists whose members are items of their own, and the type of these."""


class Events(NamedTuple):
    """What a MISP document holds.

    Attributes:
        events: Its events.
        told: What else it says, in words: it belongs to no event.
    """

    events: list[dict[str, Any]]
    told: list[str]


def events(document: Any) -> Events:
    """The events of what MISP exports: one, a list, or a search's response.

    Raises:
        UsageError: It is none of these.
    """
    told: list[str] = []
    while isinstance(document, dict) and isinstance(document.get("response"), (list, dict)):
        told += _beside(document, "response")
        document = document["response"]
    found = []
    for one in document if isinstance(document, list) else [document]:
        event = one.get("Event") if isinstance(one, dict) else None
        if not isinstance(event, dict):
            raise UsageError(
                "This JSON is neither a STIX bundle nor a DDoSDB fingerprint, and no MISP event: that is an object with a "
                "member Event, or a list of them."
            )
        told += _beside(one, "Event")
        found.append(event)
    if not found:
        raise UsageError("This is no MISP event: the list is empty.")
    return Events(found, told)


def apart(event: dict[str, Any], batch: str = "") -> Iterator[Item]:
    """The items of an event: itself first, each part after what it is a part of."""
    yield from _taken(event, "event", "", 0, _Names(), batch)


def together(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Events made of their items, in the order of the events; a part whose whole is missing is left out."""
    held = list(items)
    made = {
        item.source_id: {
            key: list(value) if _splits(key, value) else value for key, value in item.raw.items()
        }
        for item in held
    }
    lists = {kind: name for name, kind in PARTS.items()}
    for item in sorted(held, key=lambda one: one.place):
        if item.parent in made and item.type in lists:
            made[item.parent].setdefault(lists[item.type], []).append(made[item.source_id])
    return [{"Event": made[item.source_id]} for item in held if item.type == "event"]


def untagged(raw: dict[str, Any]) -> dict[str, Any]:
    """A part without its tags and galaxies, which change without its time of change."""
    return {name: value for name, value in raw.items() if name not in {"Tag", "Galaxy"}}


class _Names:
    """Gives each part a name of its own: its UUID, or one made of what it says; a second of one name gets a number."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def of(self, raw: dict[str, Any], kind: str, parent: str) -> str:
        """The name of a part."""
        told = raw.get("uuid")
        usable = isinstance(told, str) and told and len(told) <= LONGEST_ID and "\0" not in told
        name = (
            str(told).lower()
            if usable
            else str(uuid5(NAMESPACE_URL, f"{kind}:{parent}:{canonical(raw).decode()}"))
        )
        self._seen[name] = self._seen.get(name, 0) + 1
        return name if self._seen[name] == 1 else f"{name}#{self._seen[name]}"


def _taken(
    raw: dict[str, Any], kind: str, parent: str, place: int, names: _Names, batch: str
) -> Iterator[Item]:
    """A part and, after it, its parts."""
    name = names.of(raw, kind, parent)
    own = {key: [] if _splits(key, value) else value for key, value in raw.items()}
    yield Item(
        format="misp", type=kind, source_id=name, source_version=_version(raw), raw=own, parent=parent, place=place,
        batch=batch,
    )  # fmt: skip
    for key, of in PARTS.items():
        if _splits(key, raw.get(key)):
            for number, part in enumerate(raw[key]):
                yield from _taken(part, of, name, number, names, batch)


def _splits(key: str, value: Any) -> bool:
    """Whether a member is a list of parts; one that holds anything else stays whole, so that its order is kept."""
    return key in PARTS and isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _version(raw: dict[str, Any]) -> str:
    """What tells versions of a part apart: its time of change in seconds, with zeros before so that texts sort by it."""
    stamp = whole(raw.get("timestamp"), 10**LONGEST_NUMBER)
    return "" if stamp is None else str(stamp).zfill(12)


def _beside(wrapper: dict[str, Any], wanted: str) -> list[str]:
    """What stands beside the member that is taken, in words."""
    return [
        f"the member {name[:80]} beside {wanted} belongs to no event. It reads: {canonical(value).decode()[:10_000]}"
        for name, value in wrapper.items()
        if name != wanted
    ]
