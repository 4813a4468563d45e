"""STIX 2.1 bundles read into items, object by object, and written from them.

A bundle of any size is read as a stream of its objects; each is read in one meaning (no key twice, no number that
changes). What is no object, or has no type or id, is told with its text and left out; everything else is kept whole.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import msgspec

from hanse.intel.item import Item
from hanse.kernel.errors import UsageError
from hanse.kernel.strict_json import StrictJsonError, canonical, loads

LARGEST_BYTES: Final = 200_000_000
"""A bundle above this is to be brought in parts."""
LARGEST_OBJECT_BYTES: Final = 4_000_000
MOST_OBJECTS: Final = 1_000_000
MOST_COMMAS: Final = 2_000_000
"""Of a bundle, besides one for every `BYTES_A_COMMA` bytes: a list of a hundred million numbers is small as a file,
and gigabytes in memory."""
BYTES_A_COMMA: Final = 20
LONGEST_ID: Final = 1_000
TOLD_CHARACTERS: Final = 10_000
"""How much of something that is no object is told."""
_TRIES: Final = 100
_BETWEEN: Final = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_STAMP: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,32}))?Z")
_KNOWN: Final = frozenset({"type", "id", "objects", "spec_version"})


class _Bundle(msgspec.Struct):
    """A bundle's outer shape; its objects stay bytes until they are looked at."""

    type: str
    objects: list[msgspec.Raw] = []
    id: str = ""


class _Head(msgspec.Struct):
    """What tells an object from others, before it is read."""

    type: str = ""
    id: str = ""
    modified: str = ""


class Opened(NamedTuple):
    """A bundle whose objects are not yet read.

    Attributes:
        objects: The bytes of each object.
        told: What else the bundle says, in words: it belongs to no object.
    """

    objects: list[msgspec.Raw]
    told: list[str]


def opened(data: bytes) -> Opened:
    """A bundle; a single object counts as a bundle of one.

    Raises:
        UsageError: It is no STIX, too large, or says a thing of itself twice.
    """
    check_size(data)
    try:
        bundle = msgspec.json.decode(masked(data), type=_Bundle)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"This is no STIX bundle: {error}.") from None
    if bundle.type != "bundle":
        return Opened([msgspec.Raw(data)], [])
    if len(bundle.objects) > MOST_OBJECTS:
        raise UsageError(f"The bundle has more than {MOST_OBJECTS:,} objects. Bring it in parts.")
    objects, around = taken_out(data, bundle.objects)
    told = [
        f"bundle: its member {name} belongs to no object. It reads: {_shortened(canonical(value))}"
        for name, value in around.items()
        if name not in _KNOWN
    ]
    return Opened(objects, told)


def check_size(data: bytes) -> None:
    """Whether a text may be read at once.

    Raises:
        UsageError: It is too large, or would take far more memory than a bundle of its size.
    """
    if len(data) > LARGEST_BYTES:
        raise UsageError(
            f"The bundle has {len(data):,} bytes; {LARGEST_BYTES:,} are the most. Bring it in parts."
        )
    if data.count(b",") > MOST_COMMAS + len(data) // BYTES_A_COMMA:
        raise UsageError("The bundle has more values than a bundle of its size can mean. It was not read.")


def read(pieces: Sequence[msgspec.Raw], batch: str = "") -> Iterator[Item | str]:
    """The items of a bundle's objects; a text says why something is none, and what it reads.

    They come in their order, but for versions of one object: these come from the oldest to the newest. Two objects of
    one id and one version that differ are both kept: the second gets a number behind its id.
    """
    seen: dict[tuple[str, str], dict[bytes, str]] = {}
    order, twice = _order(pieces)
    for place in order:
        data = bytes(pieces[place])
        try:
            raw = loads(data, limit_bytes=LARGEST_OBJECT_BYTES)
        except StrictJsonError as error:
            yield f"object {place:,}: {error} It reads: {_shortened(data)}"
            continue
        if why := _no_object(raw):
            yield f"object {place:,}: {why} It reads: {_shortened(data)}"
            continue
        version = version_of(raw.get("modified"))
        names = seen.setdefault((raw["id"], version), {})
        # Only where another object has the id does it matter whether the two say the same.
        content = blake2b(canonical(raw), digest_size=16).digest() if raw["id"] in twice else b""
        name = names.get(content)
        if name is None:
            name = names[content] = raw["id"] if not names else f"{raw['id']}#{len(names) + 1}"
            if len(names) > 1:
                yield f"object {place:,}: {raw['id']} comes again in one version with different content; both are kept."
        yield Item(
            format="stix",
            type=raw["type"],
            source_id=name,
            source_version=version,
            raw=raw,
            place=place,
            batch=batch,
        )


def written(raws: Iterable[dict[str, Any]], name: str) -> dict[str, Any]:
    """A bundle of objects; `name` makes its id, so that the same export is the same bundle.

    Args:
        raws: The objects, as they are to be told.
        name: What is exported, in words.
    """
    told = list(raws)
    made = f"bundle--{uuid5(NAMESPACE_URL, 'hanse:bundle:' + name)}"
    return {"type": "bundle", "id": made, **({"objects": told} if told else {})}


def version_of(modified: Any) -> str:
    """What tells versions of an object apart: its time of change, spelled so that later ones sort behind as texts.

    Empty where there is none (cyber-observables), and for what is no time as STIX writes it.
    """
    found = _STAMP.fullmatch(modified) if isinstance(modified, str) else None
    return f"{found[1]}.{(found[2] or '').rstrip('0')}" if found else ""


def _no_object(raw: Any) -> str:
    """Why a JSON value is no STIX object; empty for one that is."""
    if not isinstance(raw, dict):
        return "it is no JSON object."
    kind, name = raw.get("type"), raw.get("id")
    if not (isinstance(kind, str) and isinstance(name, str) and kind and name):
        return "it has no type or no id, which every STIX object has."
    if len(kind) > LONGEST_ID or len(name) > LONGEST_ID or "\0" in kind + name:
        return f"its type or id holds NUL, or has more than {LONGEST_ID:,} characters."
    return ""


def _order(pieces: Sequence[msgspec.Raw]) -> tuple[list[int], set[str]]:
    """Numbers of the objects in the order of reading, versions of one id in their places by age; ids that come again."""
    heads: dict[str, list[tuple[str, int]]] = {}
    decoder = msgspec.json.Decoder(_Head)
    for place, piece in enumerate(pieces):
        try:
            head = decoder.decode(piece)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        heads.setdefault(head.id, []).append((version_of(head.modified), place))
    order, twice = list(range(len(pieces))), set()
    for name, versions in heads.items():
        if len(versions) > 1:
            twice.add(name)
            places = [place for _, place in versions]
            for at, (_, place) in zip(places, sorted(versions), strict=True):
                order[at] = place
    return order, twice


def masked(data: bytes) -> bytes:
    """A JSON text of the same length in which no half of a surrogate pair keeps a parser from the rest.

    Whoever holds one is refused when it is read itself.
    """
    return _SURROGATE.sub(rb"\\u0020", data) if _SURROGATE.search(data) else data


def taken_out(data: bytes, pieces: Sequence[msgspec.Raw]) -> tuple[list[msgspec.Raw], dict[str, Any]]:
    """The objects of a bundle as they are, and what it says besides them, read in one meaning.

    The objects are cut out by their bytes; only if nothing but an empty list is left where they stood, they were the
    bundle's one list of objects, and not another's of the same name.

    Args:
        data: The bundle.
        pieces: Its objects, `masked`.

    Raises:
        UsageError: It cannot be read in one meaning.
    """
    problem = "its objects cannot be told apart from the rest"
    for spans in islice(_places(masked(data), pieces), _TRIES):
        rest = data[: spans[0][0]] + data[spans[-1][1] :] if spans else data
        try:
            around = loads(rest)
        except StrictJsonError as error:
            problem = str(error).rstrip(".")
            continue
        if isinstance(around, dict) and around.get("objects", []) == []:
            return [msgspec.Raw(memoryview(data)[start:end]) for start, end in spans], around
    raise UsageError(f"This is no STIX bundle: {problem}.")


def _places(data: bytes, pieces: Sequence[msgspec.Raw]) -> Iterator[list[tuple[int, int]]]:
    """Where all the pieces stand one after the other in a text, with nothing but commas between: start and end."""
    if not pieces:
        yield []
        return
    first = bytes(pieces[0])
    start = data.find(first)
    while start >= 0:
        spans = [(start, start + len(first))]
        for piece in islice(pieces, 1, None):
            comma = _BETWEEN.match(data, spans[-1][1])
            plain = bytes(piece)
            if comma is None or not data.startswith(plain, comma.end()):
                break
            spans.append((comma.end(), comma.end() + len(plain)))
        else:
            yield spans
        start = data.find(first, start + 1)


def _shortened(data: bytes) -> str:
    """What something that is left out reads, so that nothing goes unseen."""
    text = data.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    if len(text) <= TOLD_CHARACTERS:
        return text
    return f"{text[:TOLD_CHARACTERS]} ({len(text):,} characters in all)"
