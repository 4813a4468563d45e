"""What a TAXII 2.1 server answers, read in one meaning: envelopes of objects, collections, and where they are.

OASIS, TAXII 2.1 (10 June 2021), sections 3.7, 4.1, 4.2 and 5.1. Servers differ from it in many ways; what can be meant in
one way only is taken, and said where it is not as the standard has it.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode, urljoin

import msgspec

from hanse.intel import stix_bundle
from hanse.intel.source_marking import LEVEL_IDS, marking_ids
from hanse.kernel.errors import UsageError
from hanse.kernel.printable import printable
from hanse.kernel.strict_json import StrictJsonError, loads

ACCEPT: Final = "application/taxii+json;version=2.1"
"""What is asked for."""
LARGEST_RESOURCE_BYTES: Final = 4_000_000
"""Of an answer that says which collections there are."""
MOST_COLLECTIONS: Final = 1_000
MOST_ROOTS: Final = 20

_COLLECTION: Final = re.compile(r"(?P<url>https://[^?#]*/collections/[^/?#]+)(?:/(?:objects/?)?)?")
_LONGEST_NEXT: Final = 4_000
_LONGEST_TEXT: Final = 500
_STAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_TYPES: Final = ("application/taxii+json", "application/vnd.oasis.taxii+json", "application/stix+json",
                 "application/vnd.oasis.stix+json")  # fmt: skip
"""What answers of TAXII 2.1 and 2.0 are said to be."""


class _Envelope(msgspec.Struct):
    """The outer shape of an envelope; its objects stay bytes."""

    objects: list[msgspec.Raw] = []


class _Head(msgspec.Struct):
    """What an object says of itself and of its marking."""

    type: Any = ""
    id: Any = ""
    object_marking_refs: Any = None
    granular_markings: Any = None


class Envelope(NamedTuple):
    """One page of objects.

    Attributes:
        objects: The bytes of each object.
        digest: SHA-256 of them all, which tells a page from others.
        more: Whether the server says that there are more.
        following: Where it says that they begin, to be sent as ``next``; empty where it does not say.
    """

    objects: list[msgspec.Raw]
    digest: bytes
    more: bool
    following: str

    def bundle(self, before: Sequence[bytes] = ()) -> bytes:
        """A STIX bundle of the page's objects, behind some that it refers to."""
        return b'{"type":"bundle","objects":[%b]}' % b",".join([*before, *map(bytes, self.objects)])


class Offered(NamedTuple):
    """A collection that a server has.

    Attributes:
        url: Its address.
        title: What it is called.
        description: What is in it; may be empty.
        readable: Whether it may be read.
    """

    url: str
    title: str
    description: str
    readable: bool


def collection_url(url: str) -> str:
    """The address of a collection, without what follows it.

    Raises:
        UsageError: It is none's.
    """
    found = _COLLECTION.fullmatch(url.strip())
    if found is None:
        raise UsageError(
            "The address of a TAXII collection is https and ends in /collections/ID/, with nothing behind it. "
            "Have the server asked for its collections, and choose one."
        )
    return f"{found['url']}/"


def objects_url(collection: str, limit: int, after: str, following: str) -> str:
    """Where a page of a collection's objects is asked for.

    Args:
        collection: Its address.
        limit: Objects of a page at most.
        after: Only what was added after this time, as the server wrote it; empty for everything.
        following: Where the page begins, as the server said it; empty for the beginning.
    """
    told = {"limit": str(limit), "added_after": after, "next": following}
    return f"{collection}objects/?{urlencode({name: value for name, value in told.items() if value})}"


def object_url(collection: str, name: str) -> str:
    """Where one object of a collection is asked for."""
    return f"{collection}objects/{quote(name, safe='')}/"


def envelope(data: bytes) -> Envelope:
    """A page of objects; a STIX bundle, as TAXII 2.0 answers, counts as one that says of nothing more.

    Raises:
        UsageError: It is none, or cannot be read in one meaning.
    """
    if not data.strip():
        return Envelope([], b"", more=False, following="")
    stix_bundle.check_size(data)
    try:
        found = msgspec.json.decode(stix_bundle.masked(data), type=_Envelope)
        objects, around = stix_bundle.taken_out(data, found.objects)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"The answer is no envelope of objects: {error}.") from None
    following = around.get("next")
    if isinstance(following, int) and not isinstance(following, bool):
        following = str(following)
    usable = isinstance(following, str) and following.isprintable() and len(following) <= _LONGEST_NEXT
    digest = sha256(b",".join(map(bytes, objects))).digest() if objects else b""
    return Envelope(
        objects, digest, more=around.get("more") is True, following=str(following) if usable else ""
    )


def markings(objects: Sequence[msgspec.Raw]) -> tuple[dict[str, bytes], set[str]]:
    """The marking definitions among objects, by id, and the ids of those that the objects refer to and are not there.

    TLP's own are known to everybody and are not among these.
    """
    decoder, defined, named = msgspec.json.Decoder(_Head), {}, set()
    for piece in objects:
        try:
            head = decoder.decode(piece)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue  # told as what it is when it is read itself
        if head.type == "marking-definition" and isinstance(head.id, str):
            defined[head.id] = bytes(piece)
        named |= set(
            marking_ids(
                {
                    "object_marking_refs": head.object_marking_refs,
                    "granular_markings": head.granular_markings,
                }
            )
        )
    return defined, {
        one for one in named - defined.keys() - LEVEL_IDS if one.startswith("marking-definition--")
    }


def added_us(stamp: str) -> int | None:
    """Microseconds UTC of a time as ``X-TAXII-Date-Added-Last`` has it; None for what is none."""
    found = _STAMP.fullmatch(stamp)
    try:
        whole = datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC) if found else None
    except ValueError:
        return None
    if found is None or whole is None:
        return None
    return int(whole.timestamp()) * 1_000_000 + int((found[3] or "")[:6].ljust(6, "0"))


def later(one: str, other: str) -> str:
    """The later of two such times, as it was written; what is none is before all."""
    first, second = (-1 if (us := added_us(text)) is None else us for text in (one, other))
    if first < 0 and second < 0:
        return ""
    # Digits beyond the sixth count where all others are the same.
    return one if (first, _fine(one)) >= (second, _fine(other)) else other


def _fine(stamp: str) -> str:
    return stamp.rstrip("Z").partition(".")[2].ljust(9, "0")


def is_expected(content_type: str) -> bool:
    """Whether an answer is said to be what was asked for."""
    return content_type.partition(";")[0].strip().lower() in _TYPES


def resource(data: bytes) -> dict[str, Any]:
    """An answer that is one resource.

    Raises:
        UsageError: It is none.
    """
    try:
        found = loads(data, limit_bytes=LARGEST_RESOURCE_BYTES, depth=16, values=200_000)
    except StrictJsonError as error:
        raise UsageError(f"The answer is none of a TAXII server: {error}") from None
    if not isinstance(found, dict):
        raise UsageError("The answer is none of a TAXII server: it is no JSON object. Check the address.")
    return found


def roots(said: Mapping[str, Any], url: str) -> list[str]:
    """Addresses of the API roots that a discovery resource names, each once; empty where it is another resource.

    Args:
        said: The resource.
        url: Where it came from.
    """
    named = said.get("api_roots")
    found = [one for one in (named if isinstance(named, list) else ()) if isinstance(one, str)]
    whole = (urljoin(url, one if one.endswith("/") else f"{one}/") for one in found[:MOST_ROOTS])
    return list(dict.fromkeys(whole))


def offered(said: Mapping[str, Any], root: str) -> list[Offered]:
    """The collections that an API root has.

    Args:
        said: Its resource of collections.
        root: Address of the API root.
    """
    named = said.get("collections")
    found = []
    for one in (named if isinstance(named, list) else [])[:MOST_COLLECTIONS]:
        if isinstance(one, dict) and isinstance(one.get("id"), str) and 0 < len(one["id"]) <= _LONGEST_TEXT:
            url = f"{root}collections/{quote(one['id'], safe='')}/"
            title, description = (_text(one.get(name)) for name in ("title", "description"))
            found.append(Offered(url, title or one["id"], description, one.get("can_read") is True))
    return found


def _text(said: Any) -> str:
    return printable(" ".join(said.split()))[:_LONGEST_TEXT] if isinstance(said, str) else ""
