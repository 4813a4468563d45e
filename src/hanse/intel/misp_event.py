"""MISP events taken apart into items, and put together again as they came (MISP core format).

A part that is an item of its own leaves an empty list where it stood, so that a list that was empty, one that was
missing, and the order of the keys come back as they were.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from hanse.intel.item import Item
from hanse.kernel.errors import UsageError
from hanse.kernel.strict_json import canonical

_PARTS: Final = (("Attribute", "attribute"), ("Object", "object"), ("EventReport", "report"))


def events(document: Any) -> list[dict[str, Any]]:
    """The events of what MISP exports: one, a list, or a search's response.

    Raises:
        UsageError: It is none of these.
    """
    if isinstance(document, dict) and isinstance(document.get("response"), list):
        document = document["response"]
    listed = document if isinstance(document, list) else [document]
    found = [one.get("Event") if isinstance(one, dict) else None for one in listed]
    if not found or not all(isinstance(one, dict) for one in found):
        raise UsageError("This is no MISP event: an object with a member Event was expected, or a list of them.")
    return [one for one in found if isinstance(one, dict)]


def apart(event: dict[str, Any], batch: str = "") -> Iterator[Item]:
    """The items of an event: itself first, each part after what it is a part of."""
    names = _Names()
    yield from _taken(event, "event", "", 0, names, batch)


def together(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Events made of their items, in the order of the events; a part whose whole is missing is left out."""
    held = list(items)
    made = {item.source_id: {key: list(value) if key in dict(_PARTS) else value for key, value in item.raw.items()}
            for item in held}  # fmt: skip
    lists = {kind: name for name, kind in _PARTS}
    for item in sorted(held, key=lambda one: one.place):
        if item.parent in made and item.type in lists:
            made[item.parent].setdefault(lists[item.type], []).append(made[item.source_id])
    return [{"Event": made[item.source_id]} for item in held if item.type == "event"]


class _Names:
    """Gives each part a name of its own: its UUID, or one made of what it says; a second of one name gets a number."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def of(self, raw: dict[str, Any], parent: str) -> str:
        """The name of a part."""
        told = raw.get("uuid")
        name = told.lower() if isinstance(told, str) and told else str(uuid5(NAMESPACE_URL, parent + canonical(raw).decode()))
        self._seen[name] = self._seen.get(name, 0) + 1
        return name if self._seen[name] == 1 else f"{name}#{self._seen[name]}"


def _taken(
    raw: dict[str, Any], kind: str, parent: str, place: int, names: _Names, batch: str
) -> Iterator[Item]:
    """A part and, after it, its parts."""
    name = names.of(raw, parent)
    parts = [(key, of) for key, of in _PARTS if isinstance(raw.get(key), list)]
    own = {key: [one for one in value if not isinstance(one, dict)] if key in dict(parts) else value
           for key, value in raw.items()}  # fmt: skip
    yield Item(
        format="misp", type=kind, source_id=name, source_version=str(raw.get("timestamp", "")), raw=own, parent=parent,
        place=place, batch=batch,
    )  # fmt: skip
    for key, of in parts:
        for number, part in enumerate(raw[key]):
            if isinstance(part, dict):
                yield from _taken(part, of, name, number, names, batch)
