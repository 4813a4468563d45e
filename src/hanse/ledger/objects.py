"""Ids and digests by which a room knows that it says the same of the same thing again."""

from functools import lru_cache
from hashlib import sha1, sha256
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from hanse.ledger.identity import authority

_UUID5, _FREE = 0x5000_8000_0000_0000_0000, ~0xF000_C000_0000_0000_0000
"""The bits that say which sort of UUID it is, and all others (RFC 9562, section 5.5)."""

C = TypeVar("C", bound=msgspec.Struct)


def named(sort: str, name: str) -> UUID:
    """The id of an object that has a stable name of its own, such as an attack: the same on every run.

    It is a UUID5 (RFC 9562, section 5.5) of this authority, the sort of thing and its name, so that two
    authorities never give one id to two things.
    """
    # As `uuid.uuid5` makes it, which takes six times as long: an import asks for the id of each of its items.
    hashed = _begun(authority()).copy()
    hashed.update(f"{sort}:{name}".encode())
    return UUID(int=int.from_bytes(hashed.digest()[:16]) & _FREE | _UUID5)


@lru_cache(maxsize=8)
def _begun(of: str) -> Any:
    """The hash of all ids that an authority gives by name, begun."""
    return sha1(namespace(of).bytes, usedforsecurity=False)


@lru_cache(maxsize=8)
def namespace(of: str) -> UUID:
    """What the ids that an authority gives by name begin with."""
    return uuid5(NAMESPACE_URL, f"hanse:{of}")


def settled(content: C) -> C:
    """Content as it is read back from the ledger: tuples for lists, 3.0 for 3 where a number may have a fraction.

    A projection must get this, never what was only made in memory, or a replay would differ from it.
    """
    kind = type(content)
    return msgspec.json.decode(msgspec.json.encode(content), type=kind)


def digest(content: msgspec.Struct) -> str:
    """SHA-256 of settled content, hexadecimal: equal content has an equal digest."""
    return sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()
