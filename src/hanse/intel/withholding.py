"""STIX objects without some of their parts: what a partner does not get of an item is nowhere in what it gets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from hanse.intel.stix_extension import EXTENSION, said

PARTS: Final = {
    "text": "its words: description, content, opinion; title and tags stay",
    "author": "who says it, as it names them; that this authority shares it stays",
    "references": "what it names and rests on, by id",
    "values": "the values that it names: addresses, domains, accounts",
}
"""What can be withheld of an item, in words."""

OF: Final[Mapping[str, tuple[str, ...]]] = {
    "report": ("text", "author", "references", "values"),
    "indicator": ("text", "author", "references"),
    "sighting": ("text", "author"),
    "intelligence": ("text", "author"),
}
"""Of each sort, the parts without which it still says something: an indicator is its values, a relationship its ends."""

_WORDS: Final = (
    "description", "abstract", "content", "explanation", "opinion", "body", "contents", "objective", "contact_information",
)  # fmt: skip
_OBSERVABLES: Final = frozenset({
    "artifact", "autonomous-system", "directory", "domain-name", "email-addr", "email-message", "file", "ipv4-addr", "ipv6-addr",
    "mac-addr", "mutex", "network-traffic", "process", "software", "url", "user-account", "windows-registry-key",
    "x509-certificate",
})  # fmt: skip
"""STIX's cyber-observables, whose ids follow from the values that they hold (STIX 2.1, section 2.9)."""
_NAMES: Final = frozenset({"external_id"})
"""Properties that hold an id, beside those whose names say so: of what is cited, in Hanse's words as well."""
_KEPT: Final = frozenset({"created_by_ref", "object_marking_refs", "granular_markings"})


def without(raw: dict[str, Any], withheld: frozenset[str]) -> dict[str, Any]:
    """An object without some parts.

    Args:
        raw: The object.
        withheld: Names of `PARTS`.
    """
    told = dict(raw)
    if "text" in withheld:
        told = {name: value for name, value in told.items() if name not in _WORDS}
    if "references" in withheld:
        told = _without_references(told)
        told = _saying(told, cites=None)
    if "values" in withheld:
        told = _renamed(told, lambda one: None if one.partition("--")[0] in _OBSERVABLES else one)
        told = _saying(told, values=None)
    if "author" in withheld:
        author = told.pop("created_by_ref", None)
        told.pop("authors", None)
        told = _renamed(told, lambda one: None if one == author else one)
    return told


def _without_references(value: Any) -> Any:
    """A value without every property that names other objects by their ids."""
    if isinstance(value, list):
        return [_without_references(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _without_references(one)
        for name, one in value.items()
        if name in _KEPT or not (name.endswith(("_ref", "_refs")) or name == "external_references")
    }


def _renamed(value: Any, name: Callable[[str], str | None], *, naming: bool = False) -> Any:
    """A value in which every id of another object is given a new name; one without a name goes.

    Args:
        value: The value.
        name: Gives the new name of an id, or None.
        naming: Whether texts in it are ids.
    """
    if isinstance(value, str):
        return name(value) if naming else value
    if isinstance(value, list):
        told = (_renamed(one, name, naming=naming) for one in value)
        return [one for one in told if one is not None]
    if not isinstance(value, dict):
        return value
    found = {
        key: one if key in _KEPT else _renamed(one, name, naming=key.endswith(("_ref", "_refs")) or key in _NAMES)
        for key, one in value.items()
    }  # fmt: skip
    return {key: one for key, one in found.items() if one is not None and (one or value[key] == one)}


def _saying(raw: dict[str, Any], **members: Any) -> dict[str, Any]:
    """An object whose words in Hanse's extension are others; a member that is None goes."""
    own = said(raw)
    if not own:
        return raw
    told = {name: one for name, one in {**own, **members}.items() if one is not None}
    return {**raw, "extensions": {**raw["extensions"], EXTENSION: told}}


def citing(raw: dict[str, Any]) -> list[dict[str, Any]]:
    """What an object that was written here says to rest on."""
    cites = said(raw).get("cites")
    return [one for one in cites if isinstance(one, dict)] if isinstance(cites, list) else []


def cited_as(raw: dict[str, Any], cites: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """An object that says to rest on the same things under other ids, wherever it names them.

    Args:
        raw: An object that was written here.
        cites: How each of `citing` is named instead.
    """
    names = {old["id"]: new["id"] for old, new in zip(citing(raw), cites, strict=True)}
    return _saying(_renamed(raw, lambda one: names.get(one, one)), cites=list(cites)) if cites else raw
