"""What a file of intelligence is, told by its content, and the items in it."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, NamedTuple

import msgspec

from hanse.intel import csv_list, fingerprint, misp_event, source_marking, stix_bundle
from hanse.intel.item import Item
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking
from hanse.kernel.strict_json import StrictJsonError, loads

LARGEST_BYTES = 200_000_000
"""Of a file; above that it is to be brought in parts."""
DEEPEST = 64
MOST_VALUES = 20_000_000


class Marked(NamedTuple):
    """An item with the marking that it is to have."""

    item: Item
    marking: Marking


def items(data: bytes, name: str, chosen: Marking, batch: str) -> tuple[str, Iterator[Marked | str]]:
    """The format of a file, and its items in order; a text says what was left out and why.

    Args:
        data: The file.
        name: What it is called.
        chosen: The marking that each item has at least.
        batch: Id of the import.

    Raises:
        UsageError: It is none of the formats known here, or too large.
    """
    if len(data) > LARGEST_BYTES:
        raise UsageError(f"{name} has {len(data):,} bytes; {LARGEST_BYTES:,} are the most. Bring it in parts.")
    plain = data.removeprefix(b"\xef\xbb\xbf")
    if plain.lstrip()[:1] not in {b"{", b"["}:
        return "csv", _csv(plain, name, chosen, batch)
    if _is_stix(plain):
        return "stix", _stix(plain, chosen, batch)
    try:
        document = loads(plain, limit_bytes=LARGEST_BYTES, depth=DEEPEST, values=MOST_VALUES)
    except StrictJsonError as error:
        raise UsageError(f"{name}: {error}") from None
    if isinstance(document, dict) and "src_ips" in document:
        return "ddosdb", iter([Marked(fingerprint.read(document, PurePath(name).stem, batch), chosen)])
    return "misp", _misp(misp_event.events(document), chosen, batch)


class _Kind(msgspec.Struct):
    """What tells a STIX document from others."""

    type: str = ""
    id: str = ""


def _is_stix(data: bytes) -> bool:
    """Whether it is a JSON object with a STIX type and id."""
    try:
        head = msgspec.json.decode(data, type=_Kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return head.type == "bundle" or head.id.startswith(f"{head.type}--")


def _stix(data: bytes, chosen: Marking, batch: str) -> Iterator[Marked | str]:
    pieces = stix_bundle.objects(data)
    definitions = _definitions(pieces)
    for one in stix_bundle.read(pieces, batch):
        if isinstance(one, str):
            yield one
        else:
            marking, _ = source_marking.of_stix(one.raw, definitions, chosen)
            yield Marked(one, marking)


def _definitions(pieces: list[msgspec.Raw]) -> dict[str, dict[str, Any]]:
    """The marking definitions of a bundle, by id."""
    found = {}
    for piece in pieces:
        if b"marking-definition" in bytes(piece):
            try:
                raw = loads(bytes(piece))
            except StrictJsonError:
                continue
            if isinstance(raw, dict) and raw.get("type") == "marking-definition" and isinstance(raw.get("id"), str):
                found[raw["id"]] = raw
    return found


def _misp(events: list[dict[str, Any]], chosen: Marking, batch: str) -> Iterator[Marked | str]:
    """The items of events; a part is marked at least as strictly as what it is a part of."""
    for event in events:
        markings: dict[str, Marking] = {}
        for item in misp_event.apart(event, batch):
            tags = item.raw.get("Tag")
            above = markings.get(item.parent, chosen)
            marking, _ = source_marking.of_misp(tags if isinstance(tags, list) else (), above)
            markings[item.source_id] = marking
            yield Marked(item, marking)


def _csv(data: bytes, name: str, chosen: Marking, batch: str) -> Iterator[Marked | str]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 at byte {error.start:,}. Save it as UTF-8.") from None
    for one in csv_list.read(text, batch):
        if isinstance(one, str):
            yield one
        else:
            told = source_marking.Told()
            if tlp := one.raw.get("tlp"):
                told.word("tlp", str(tlp).upper().removeprefix("TLP:"))
            yield Marked(one, told.marking(chosen))
