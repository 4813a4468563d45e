"""What Hanse says in STIX that STIX has no words for: the extension that it publishes, and the ids that it makes.

docs/reference/stix.md explains each property; docs/reference/stix-extension.json is the schema.
"""

from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

from hanse.kernel.strict_json import canonical

_OBSERVABLES: Final = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""The namespace of the ids of cyber-observables (STIX 2.1, section 2.9)."""
_OWN: Final = UUID("6c1fbf0e-4f0b-5f2c-9a0e-6e2a1b3f7d55")
"""The namespace of the ids of Hanse's own objects."""

CREATED: Final = "2026-01-01T00:00:00.000Z"
VERSION: Final = "1.0.0"
SCHEMA: Final = (
    "The JSON schema docs/reference/stix-extension.json, which comes with every copy of Hanse; version 1.0.0 describes"
    " the members attack, trace, campaign, link, values, cites, title, marking and authority."
)


def made_id(kind: str, *names: str) -> str:
    """The id of an object that Hanse makes: the same names give the same id on every node and at any time.

    Args:
        kind: STIX type.
        names: What it is made of, such as an authority and an attack.
    """
    return f"{kind}--{uuid5(_OWN, canonical([kind, *names]).decode())}"


def observable(kind: str, contributing: dict[str, Any], **others: Any) -> dict[str, Any]:
    """A cyber-observable, with the id that its contributing properties give it (STIX 2.1, section 2.9).

    Args:
        kind: STIX type.
        contributing: The properties that make its id; texts, whole numbers, and lists and objects of them.
        others: Its other properties.
    """
    made = f"{kind}--{uuid5(_OBSERVABLES, canonical(contributing).decode())}"
    return {"type": kind, "spec_version": "2.1", "id": made, **contributing, **others}


AUTHORS: Final = made_id("identity", "hanse authors")
EXTENSION: Final = made_id("extension-definition", "hanse")


def authors() -> dict[str, Any]:
    """Who publishes the extension."""
    return {
        "type": "identity", "spec_version": "2.1", "id": AUTHORS, "created_by_ref": AUTHORS, "created": CREATED,
        "modified": CREATED, "name": "The Hanse authors", "identity_class": "organization",
    }  # fmt: skip


def definition() -> dict[str, Any]:
    """The definition of the extension, to go into every bundle that uses it."""
    return {
        "type": "extension-definition", "spec_version": "2.1", "id": EXTENSION, "created_by_ref": AUTHORS,
        "created": CREATED, "modified": CREATED, "name": "Hanse",
        "description": (
            "Attacks that exhaust networks, with their rates, evidence and what would refute them; the tests that link"
            " them to campaigns; markings beyond TLP."
        ),
        "schema": SCHEMA, "version": VERSION, "extension_types": ["property-extension"],
    }  # fmt: skip


def extended(**members: Any) -> dict[str, Any]:
    """The property `extensions` of an object that says something in Hanse's words."""
    return {EXTENSION: {"extension_type": "property-extension", **members}}


def said(raw: dict[str, Any]) -> dict[str, Any]:
    """What an object says in Hanse's words; nothing where it says nothing."""
    extensions = raw.get("extensions")
    own = extensions.get(EXTENSION) if isinstance(extensions, dict) else None
    return own if isinstance(own, dict) else {}


def identity_id(authority: str) -> str:
    """The STIX id of an authority as the creator of what it tells."""
    return made_id("identity", "authority", authority)


def identity(authority: str, name: str = "") -> dict[str, Any]:
    """An authority as the creator of what it tells.

    Args:
        authority: Its id, such as ``EE-CERT``.
        name: Its name, where it has one besides.
    """
    made = identity_id(authority)
    return {
        "type": "identity", "spec_version": "2.1", "id": made, "created_by_ref": made, "created": CREATED,
        "modified": CREATED, "name": name or authority, "identity_class": "organization",
        "extensions": extended(authority=authority),
    }  # fmt: skip


class Telling(NamedTuple):
    """Who tells something in STIX, when, and how it is marked.

    Attributes:
        authority: Id of the authority, such as ``EE-CERT``.
        created: When the thing was first recorded, as STIX writes times.
        modified: When its latest version was.
        markings: Ids of the marking definitions that it carries.
    """

    authority: str
    created: str
    modified: str
    markings: tuple[str, ...] = ()

    @property
    def creator(self) -> str:
        """Id of the authority's identity."""
        return identity_id(self.authority)

    def domain_object(self, kind: str, *names: str, **others: Any) -> dict[str, Any]:
        """A domain or relationship object.

        Args:
            kind: STIX type.
            names: What its id is made of, besides the authority.
            others: Its own properties; empty ones are left out, as STIX wants them.
        """
        head = {
            "type": kind, "spec_version": "2.1", "id": made_id(kind, self.authority, *names),
            "created_by_ref": self.creator, "created": self.created, "modified": self.modified,
            "object_marking_refs": list(self.markings),
        }  # fmt: skip
        return dict(filled({**head, **others}))

    def relation(self, source: str, kind: str, target: str, **others: Any) -> dict[str, Any]:
        """A relationship of two objects, named by their ids."""
        return self.domain_object(
            "relationship",
            source,
            kind,
            target,
            relationship_type=kind,
            source_ref=source,
            target_ref=target,
            **others,
        )


def filled(value: Any) -> Any:
    """A JSON value without members that are empty, which STIX forbids (STIX 2.1, section 2.7 and 3.2)."""
    if isinstance(value, dict):
        kept = {name: filled(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one is not None and one not in ([], {}, "")}
    if isinstance(value, list):
        return [filled(one) for one in value]
    return value
