"""What a file of intelligence is, told by its content, and the items in it."""

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final, NamedTuple, Self

import msgspec

from hanse.intel import csv_list, fingerprint, misp_event, source_marking, stix_bundle
from hanse.intel.item import Heading, Item
from hanse.intel.reading import Known
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking
from hanse.kernel.strict_json import StrictJsonError, loads

LARGEST_BYTES: Final = 200_000_000
"""Of a file; above that it is to be brought in parts."""
LARGEST_WHOLE_BYTES: Final = 64_000_000
"""Of a file that is read as one piece of JSON, which takes memory: MISP events and fingerprints."""
DEEPEST: Final = 64
MOST_VALUES: Final = 2_000_000
"""Of such a file: an event of 100,000 attributes has about 1,500,000."""
_BLANK: Final = re.compile(rb"[ \t\r\n]*")
TAKEN: Final = "a STIX 2.1 bundle, MISP events, a CSV list of values or a DDoSDB fingerprint"
_PACKED: Final = {
    b"\x1f\x8b": "gzip", b"PK\x03\x04": "ZIP", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"7z\xbc\xaf": "7z",
    b"\x28\xb5\x2f\xfd": "Zstandard",
}  # fmt: skip
"""What packed files begin with, and by what they are packed."""
_LOOKED_AT_BYTES: Final = 4_096
"""Of the beginning: what is no text has a NUL among them."""


class Counted:
    """Items one after the other; `operator.length_hint` says about how many there are, 0 where that is not known.

    Args:
        stream: The items.
        about: How many they are at most, with what is left out.
    """

    def __init__(self, stream: "Generator[Marked | str]", about: int) -> None:
        self._stream = stream
        self._about = about

    def __iter__(self) -> Self:
        """It is its own iterator."""
        return self

    def __next__(self) -> "Marked | str":
        """The next one."""
        return next(self._stream)

    def close(self) -> None:
        """Let go of what they are read from."""
        self._stream.close()

    def __length_hint__(self) -> int:
        """About how many there are in all."""
        return self._about


class Marked(NamedTuple):
    """An item with the marking that it is to have.

    Attributes:
        item: The item, or its heading where `encoded` is at hand.
        marking: Its marking.
        known: What follows from it, where that has been worked out already.
        encoded: The canonical JSON that the item was read from, where it has been.
    """

    item: Heading
    marking: Marking
    known: Known | None = None
    encoded: bytes | None = None

    @property
    def whole(self) -> Item:
        """The item, with the thing itself."""
        if isinstance(self.item, Item):
            return self.item
        assert self.encoded is not None  # noqa: S101 - a heading comes with it
        return _item.decode(self.encoded)


class WrongMarking(str):
    """That something was left out because it says that it is marked in words that are no levels.

    Attributes:
        items: How many things that are: itself, and its parts.
    """

    __slots__ = ("items",)
    items: int

    def __new__(cls, words: str, items: int) -> Self:
        """Words about so many things."""
        made = super().__new__(cls, words)
        made.items = items
        return made


_item = msgspec.json.Decoder(Item)


def items(data: bytes, name: str, chosen: Marking, batch: str) -> tuple[str, Iterator[Marked | str]]:
    """The format of a file, and its items in order; a text says what was left out and why.

    Of a list and of a bundle, `operator.length_hint` of the items says about how many there are.

    Args:
        data: The file.
        name: What it is called.
        chosen: The marking that each item has at least.
        batch: Id of the import.

    Raises:
        UsageError: It is none of the formats known here, or too large.
    """
    if len(data) > LARGEST_BYTES:
        raise UsageError(
            f"{name} has {len(data):,} bytes; {LARGEST_BYTES:,} are the most. Bring it in parts."
        )
    plain = data.removeprefix(b"\xef\xbb\xbf")
    blank = _BLANK.match(plain)
    start = blank.end() if blank else 0
    _check_text(plain, start, name)
    if plain[start : start + 1] not in {b"{", b"["}:
        return "csv", Counted(_csv(plain, name, chosen, batch), plain.count(b"\n"))
    if _is_stix(plain):
        return "stix", _stix(plain, name, chosen, batch)
    try:
        document = loads(plain, limit_bytes=LARGEST_WHOLE_BYTES, depth=DEEPEST, values=MOST_VALUES)
    except StrictJsonError as error:
        raise UsageError(f"{name}: {error}") from None
    try:
        if isinstance(document, dict) and "src_ips" in document:
            return "ddosdb", iter([Marked(fingerprint.read(document, PurePath(name).stem, batch), chosen)])
        return "misp", _misp(misp_event.events(document), name, chosen, batch)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None


def _check_text(data: bytes, start: int, name: str) -> None:
    """Refuse what is none of the formats at first sight, by what it is: otherwise it would be a list with strange rows.

    Raises:
        UsageError: So it is.
    """
    if start == len(data):
        raise UsageError(f"{name} is empty. Taken are {TAKEN}.")
    for sign, packer in _PACKED.items():
        if data.startswith(sign):
            raise UsageError(f"{name} is packed by {packer}. Unpack it, and bring what is in it.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{name} is UTF-16. Save it as UTF-8.")
    if data[start : start + 1] == b"<":
        raise UsageError(f"{name} is a web page or XML, such as a sign-in page or STIX 1. Taken are {TAKEN}.")
    if b"\0" in data[:_LOOKED_AT_BYTES] or data.startswith(b"%PDF-"):
        raise UsageError(f"{name} is no text. Taken are {TAKEN}.")


class _Kind(msgspec.Struct):
    """What tells a STIX document from others."""

    type: str = ""
    id: str = ""


def _is_stix(data: bytes) -> bool:
    """Whether it is a JSON object with a STIX type and id."""
    try:
        head = msgspec.json.decode(stix_bundle.masked(data), type=_Kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return head.type == "bundle" or head.id.startswith(f"{head.type}--")


def _stix(data: bytes, name: str, chosen: Marking, batch: str) -> Iterator[Marked | str]:
    """The items of a bundle, which is opened before the first of them is asked for."""
    try:
        bundle = stix_bundle.opened(data)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
    return Counted(_stix_items(bundle, name, chosen, batch), len(bundle.objects))


def _stix_items(
    bundle: stix_bundle.Opened, name: str, chosen: Marking, batch: str
) -> Generator[Marked | str]:
    yield from bundle.told
    definitions = _definitions(bundle.objects)
    strange: set[str] = set()
    known: dict[tuple[str, ...], source_marking.Read] = {}
    for one in stix_bundle.read(bundle.objects, batch):
        if isinstance(one, str):
            yield one
            continue
        marked = tuple(source_marking.marking_ids(one.raw))
        if marked not in known:
            known[marked] = source_marking.of_stix(one.raw, definitions, chosen)
        marking, unknown, wrong = known[marked]
        if wrong:
            yield _wrong(f"{name}, object {one.place:,}, {one.source_id}", wrong)
            continue
        for other in sorted(set(unknown) - strange):
            strange.add(other)
            yield f"{other} says nothing that is understood here: what carries it is marked as this import is."
        yield Marked(one, marking)


def _definitions(pieces: Sequence[msgspec.Raw]) -> dict[str, dict[str, Any]]:
    """The marking definitions of a bundle, by id."""
    found = {}
    decoder = msgspec.json.Decoder(_Kind)
    for piece in pieces:
        try:
            if decoder.decode(piece).type != "marking-definition":
                continue
            raw = loads(bytes(piece), limit_bytes=stix_bundle.LARGEST_OBJECT_BYTES)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, StrictJsonError):
            continue  # told as what it is when the objects are read
        if isinstance(raw.get("id"), str):
            found[raw["id"]] = raw
    return found


def _misp(events: misp_event.Events, name: str, chosen: Marking, batch: str) -> Iterator[Marked | str]:
    """The items of events; a part is marked at least as strictly as what it is a part of, and left out with it."""
    yield from events.told
    for event in events.events:
        markings: dict[str, Marking] = {}
        out: dict[str, _Out] = {}
        for item in misp_event.apart(event, batch):
            if whole := out.get(item.parent):
                out[item.source_id] = whole
                whole.parts += 1
                continue
            marking, unknown, wrong = source_marking.of_misp(item.raw, markings.get(item.parent, chosen))
            if wrong:
                out[item.source_id] = _Out(f"{name}, {item.type} {item.source_id}", wrong)
                continue
            markings[item.source_id] = marking
            for other in unknown:
                yield f"{item.source_id}: the tag {other} is not understood; it changes no marking."
            yield Marked(item, marking)
        for left in {id(one): one for one in out.values()}.values():
            yield _wrong(left.where, left.wrong, left.parts)


@dataclass(slots=True)
class _Out:
    """A part of an event that is left out, what is wrong with it, and how many parts of its own go with it."""

    where: str
    wrong: list[str]
    parts: int = 0


def _wrong(where: str, wrong: Sequence[str], parts: int = 0) -> WrongMarking:
    """That something is left out because its marking cannot be told."""
    with_it = f" with its {parts:,} parts" if parts > 1 else " with its one part" if parts else ""
    return WrongMarking(
        f"{where}: {'; '.join(wrong)}. It was left out{with_it}: put the marking right, and bring it again.",
        parts + 1,
    )


def _csv(data: bytes, name: str, chosen: Marking, batch: str) -> Generator[Marked | str]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 at byte {error.start:,}. Save it as UTF-8.") from None
    try:
        rows = csv_list.read(text, batch)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
    for one in rows:
        if isinstance(one, str):
            yield one
        else:
            told = source_marking.Told()
            for scale in ("tlp", "pap"):
                if level := one.raw.get(scale):
                    told.cell(scale, level)
            if told.wrong:
                yield _wrong(f"{name}, row {one.place:,}", told.wrong)
                continue
            yield from csv_list.not_understood(one)
            yield Marked(one, told.marking(chosen))
