"""What is told of a page: a list as TAXII has it, its bytes joined as they lie, with where it goes on."""

from collections.abc import Sequence
from typing import Any

from hanse.kernel.strict_json import canonical
from hanse.taxii.added import added_us
from hanse.taxii.kept import Answer
from hanse.taxii.reading import Page


def ids(found: Page) -> list[str]:
    """The ledger's ids of the things of a page, each once."""
    return list(dict.fromkeys(one.piece.object_id for one in found.things))


def times(found: Page) -> list[int]:
    """When each object of a page was added, microseconds UTC; definitions a moment before what needs them."""
    when = added_us(one.piece.moved for one in found.told)
    return [when.get(one.piece.moved, 1) - (at < found.definitions) for at, one in enumerate(found.told)]


def objects(found: Page) -> Answer:
    """The answer that tells the objects of a page."""
    ends = Page(found.told[:1] + found.told[-1:], definitions=min(found.definitions, 1))
    return answer(found, times(ends), "objects", b",".join([one.piece.data for one in found.told]))


def answer(found: Page, added: Sequence[int], name: str, told: bytes) -> Answer:
    """A list as TAXII tells it: empty where there is nothing, with where it goes on where it does.

    Args:
        found: The page.
        added: When its objects were added, microseconds UTC.
        name: What the list is called.
        told: What is in it, as JSON with commas between.
    """
    parts = [b"{"]
    if found.following is not None:
        parts.append(b'"more":true,"next":"%b",' % str(found.following).encode())
    if added:
        parts += [b'"%b":[' % name.encode(), told, b"]"]
    body = b"".join([*parts, b"}"])
    return Answer(body, ids(found), min(added, default=None), max(added, default=None), found.following)


def inner(values: Any) -> bytes:
    """The inside of a JSON list."""
    return canonical(values)[1:-1]
