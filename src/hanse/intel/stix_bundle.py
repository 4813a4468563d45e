"""STIX 2.1 bundles read into items, object by object, and written from them.

A bundle of any size is read as a stream of its objects; each is read in one meaning (no key twice, no number that
changes). What is no object, or has no type or id, is told and left out; everything else is kept whole.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import msgspec

from hanse.intel.item import Item
from hanse.kernel.errors import UsageError
from hanse.kernel.strict_json import StrictJsonError, loads

LARGEST_BYTES: Final = 200_000_000
"""A bundle above this is to be brought in parts."""
LARGEST_OBJECT_BYTES: Final = 4_000_000


class _Bundle(msgspec.Struct):
    """A bundle's outer shape; its objects stay bytes until they are looked at."""

    type: str
    objects: list[msgspec.Raw] = []
    id: str = ""


def objects(data: bytes) -> list[msgspec.Raw]:
    """The bytes of each object of a bundle; a single object counts as a bundle of one.

    Raises:
        UsageError: It is no STIX, or too large.
    """
    if len(data) > LARGEST_BYTES:
        raise UsageError(f"The bundle has {len(data):,} bytes; {LARGEST_BYTES:,} are the most. Bring it in parts.")
    try:
        bundle = msgspec.json.decode(data, type=_Bundle)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"This is no STIX bundle: {error}.") from None
    if bundle.type == "bundle":
        return bundle.objects
    return [msgspec.Raw(data)]


def read(data: Iterable[msgspec.Raw], batch: str = "") -> Iterator[Item | str]:
    """The items of a bundle's objects, in their order; a text says why something is none.

    Two objects of one id and one version that differ are both kept: the second gets a number behind its id.
    """
    seen: dict[tuple[str, str], bytes] = {}
    counts: dict[str, int] = {}
    for place, piece in enumerate(data):
        try:
            raw = loads(bytes(piece), limit_bytes=LARGEST_OBJECT_BYTES)
        except StrictJsonError as error:
            yield f"object {place:,}: {error}"
            continue
        if not isinstance(raw, dict) or not isinstance(raw.get("type"), str) or not isinstance(raw.get("id"), str):
            yield f"object {place:,}: it has no type or no id, which every STIX object has."
            continue
        name, version = raw["id"], _version(raw)
        before = seen.setdefault((name, version), bytes(piece))
        if before is not None and before != bytes(piece) and loads(before, limit_bytes=LARGEST_OBJECT_BYTES) != raw:
            counts[name] = counts.get(name, 1) + 1
            yield f"object {place:,}: {name} comes twice in one version with different content; both are kept."
            name = f"{name}#{counts[name]}"
        elif before != bytes(piece):
            continue  # the same once more, spelled otherwise
        yield Item(format="stix", type=raw["type"], source_id=name, source_version=version, raw=raw, place=place, batch=batch)


def written(raws: Iterable[dict[str, Any]], name: str) -> dict[str, Any]:
    """A bundle of objects; `name` makes its id, so that the same export is the same bundle.

    Args:
        raws: The objects, as they are to be told.
        name: What is exported, in words.
    """
    told = list(raws)
    made = f"bundle--{uuid5(NAMESPACE_URL, 'hanse:bundle:' + name)}"
    return {"type": "bundle", "id": made, **({"objects": told} if told else {})}


def _version(raw: dict[str, Any]) -> str:
    """What tells one version of an object from another: `modified`; cyber-observables have none."""
    modified = raw.get("modified")
    return modified if isinstance(modified, str) else ""
