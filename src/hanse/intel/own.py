"""What is written here, as one STIX 2.1 object each: a report, an indicator, a sighting; and what was typed, read back.

Values that STIX has objects for are told as such beside a report when it leaves (`observables`); all of them, and what
it cites, stand in Hanse's extension of the report itself, so that nothing that was typed is lost.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from hanse.intel import stix_pattern
from hanse.intel.facts import Gathering, time_us
from hanse.intel.stix_extension import extended, filled, observable, said
from hanse.intel.values import Value
from hanse.kernel import units
from hanse.kernel.errors import UsageError

TYPES: Final = ("report", "indicator", "sighting")
"""What can be written."""
MOST_VALUES: Final = 500
MOST_CITED: Final = 200
MOST_TAGS: Final = 100
LONGEST_TITLE: Final = 500
LONGEST_TEXT: Final = 100_000
LONGEST_TAG: Final = 300

SIGHTED: Final = frozenset({
    "attack-pattern", "campaign", "course-of-action", "grouping", "identity", "incident", "indicator", "infrastructure",
    "intrusion-set", "location", "malware", "malware-analysis", "note", "observed-data", "opinion", "report",
    "threat-actor", "tool", "vulnerability",
})  # fmt: skip
"""STIX's domain objects: what a sighting can be of (STIX 2.1, section 5.2)."""

NATURES: Final = (
    "unknown", "malicious-activity", "anomalous-activity", "compromised", "anonymization", "attribution", "benign",
)  # fmt: skip
"""What an indicator shows (STIX 2.1, indicator-type-ov)."""

_ID: Final = re.compile(
    r"[a-z][a-z0-9-]{2,249}--[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)
_PATHS: Final = {
    "domain": "domain-name:value", "url": "url:value", "email": "email-addr:value", "mac": "mac-addr:value",
    "file-name": "file:name", "registry-key": "windows-registry-key:key", "mutex": "mutex:name",
    "account": "user-account:account_login", "md5": "file:hashes.MD5", "sha1": "file:hashes.'SHA-1'",
    "sha256": "file:hashes.'SHA-256'", "sha512": "file:hashes.'SHA-512'",
    "imphash": "file:extensions.'windows-pebinary-ext'.imphash",
    "user-agent": "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'",
}  # fmt: skip
"""Where a pattern finds a value of each kind; addresses, networks and operators have paths of their own."""
_OBJECTS: Final = {
    "domain": ("domain-name", "value"), "url": ("url", "value"), "email": ("email-addr", "value"),
    "mac": ("mac-addr", "value"), "file-name": ("file", "name"), "registry-key": ("windows-registry-key", "key"),
    "mutex": ("mutex", "name"), "account": ("user-account", "account_login"),
}  # fmt: skip
_HASHES: Final = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512"}


class Cite(NamedTuple):
    """Something that is cited.

    Attributes:
        sort: What it is here, such as ``attack``.
        object: Its id here, hexadecimal.
        id: Its id in STIX, or where it came from.
    """

    sort: str
    object: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What somebody writes.

    Attributes:
        type: One of `TYPES`.
        title: What it is called; a sighting without one is named after what was seen.
        text: What it says; plain text with line breaks.
        values: The values that it names; an indicator is about any of them.
        cites: What it rests on.
        of: The STIX id of what was sighted; empty for all but sightings.
        tags: Tags, such as ``tlp:amber`` or ``misp-galaxy:threat-actor="..."``.
        confidence: 0 to 100; None is unsaid.
        from_us: Since when an indicator holds, or when the thing was first seen, microseconds UTC; None is unsaid.
        until_us: Until when it holds, or when it was last seen.
        count: How often the thing was seen.
        nature: What an indicator shows, one of `NATURES`.
    """

    type: str
    title: str = ""
    text: str = ""
    values: tuple[Value, ...] = ()
    cites: tuple[Cite, ...] = ()
    of: str = ""
    tags: tuple[str, ...] = ()
    confidence: int | None = None
    from_us: int | None = None
    until_us: int | None = None
    count: int = 1
    nature: str = "unknown"


class Version(NamedTuple):
    """Who writes which version of what.

    Attributes:
        id: The object's STIX id.
        creator: Id of the authority's identity.
        created: When its first version was written, as STIX writes times.
        modified: When this one was.
    """

    id: str
    creator: str
    created: str
    modified: str


def made(written: Written, version: Version) -> dict[str, Any]:
    """The STIX object of what was written.

    Raises:
        UsageError: It is not complete, too long, or cannot be said in STIX.
    """
    _check(written)
    external = [
        {"source_name": f"hanse {one.sort}", "external_id": one.id}
        for one in written.cites
        if not is_stix_id(one.id)
    ]
    named = written.values if written.type == "report" else ()
    extension = filled({
        "cites": [{"sort": one.sort, "object": one.object, "id": one.id} for one in written.cites],
        "title": written.title.strip() if written.type == "sighting" else "",
        "values": [{"kind": one.kind, "value": one.text} for one in named],
    })  # fmt: skip
    head = {
        "type": written.type, "spec_version": "2.1", "id": version.id, "created_by_ref": version.creator,
        "created": version.created, "modified": version.modified, "confidence": written.confidence,
        "labels": list(dict.fromkeys(written.tags)), "external_references": external,
        "description": written.text.strip(), "extensions": extended(**extension) if extension else {},
    }  # fmt: skip
    own = {"report": _report, "indicator": _indicator, "sighting": _sighting}[written.type]
    return dict(filled({**head, **own(written, version)}))


def typed(raw: dict[str, Any]) -> Written:
    """What was typed of an object that `made` made."""
    own = said(raw)
    found = Gathering()
    stix_pattern.gather(raw.get("pattern", ""), found)
    values = [Value(one["kind"], one["value"]) for one in own.get("values", ())]
    begins, ends = {"indicator": ("valid_from", "valid_until")}.get(raw["type"], ("first_seen", "last_seen"))
    return Written(
        type=raw["type"],
        title=raw.get("name") or own.get("title", ""),
        text=raw.get("description", ""),
        values=tuple(values or dict.fromkeys(value for value, _ in found.values)),
        cites=tuple(Cite(one["sort"], one["object"], one["id"]) for one in own.get("cites", ())),
        of=raw.get("sighting_of_ref", ""),
        tags=tuple(raw.get("labels", ())),
        confidence=raw.get("confidence"),
        from_us=time_us(raw.get(begins)),
        until_us=time_us(raw.get(ends)),
        count=raw.get("count", 1),
        nature=next(iter(raw.get("indicator_types", ())), "unknown"),
    )


def pattern(values: Sequence[Value]) -> str:
    """The STIX pattern of anything that shows one of some values.

    Raises:
        UsageError: There are none, or STIX has no pattern for one of them.
    """
    if not values:
        raise UsageError("An indicator needs a value that shows the thing. Write one per line.")
    return " OR ".join(f"[{_compared(one)}]" for one in dict.fromkeys(values))


def observables(values: Iterable[Value]) -> list[dict[str, Any]]:
    """The cyber-observables of values that STIX has some for, each once."""
    told = (_observable(one) for one in values)
    return list({one["id"]: one for one in told if one is not None}.values())


def is_stix_id(text: str) -> bool:
    """Whether a text can stand where STIX wants the id of an object (STIX 2.1, section 2.9)."""
    return _ID.fullmatch(text) is not None


def _report(written: Written, version: Version) -> dict[str, Any]:
    """A report names what it cites and its values; one that names nothing is about who wrote it."""
    named = [one.id for one in written.cites if is_stix_id(one.id)]
    named += [one["id"] for one in observables(written.values)]
    return {
        "name": written.title.strip(), "published": version.created, "report_types": ["threat-report"],
        "object_refs": list(dict.fromkeys(named)) or [version.creator],
    }  # fmt: skip


def _indicator(written: Written, version: Version) -> dict[str, Any]:
    since = version.created if written.from_us is None else units.iso(written.from_us)
    until = None if written.until_us is None else units.iso(written.until_us)
    if until is not None and until <= since:
        raise UsageError("It would end before it begins. Put the end behind the beginning.")
    told = pattern(written.values)
    return {
        "name": written.title.strip() or f"{written.values[0].kind} {written.values[0].text}"[:LONGEST_TITLE],
        "pattern": told, "pattern_type": "stix", "pattern_version": "2.1", "valid_from": since,
        "valid_until": until, "indicator_types": [written.nature],
    }  # fmt: skip


def _sighting(written: Written, version: Version) -> dict[str, Any]:
    if not is_stix_id(written.of) or written.of.partition("--")[0] not in SIGHTED:
        raise UsageError(
            "A sighting is of an indicator, a report or another thing with a STIX id. Write an indicator of the value "
            "first, and the sighting of that."
        )
    told = [units.iso(us) for us in (written.from_us, written.until_us) if us is not None] or [
        version.created
    ]
    first, last = told[0], told[-1]
    if last < first:
        raise UsageError(
            "It was last seen before it was first seen. Put the end behind the beginning, or leave one out."
        )
    return {
        "sighting_of_ref": written.of, "first_seen": first, "last_seen": last, "count": written.count,
        "where_sighted_refs": [version.creator],
    }  # fmt: skip


def _check(written: Written) -> None:
    """Refuse what is not complete or too long.

    Raises:
        UsageError: So it is.
    """
    if written.type not in TYPES:
        raise UsageError(
            f"{written.type[:40]!r} cannot be written. A report, an indicator or a sighting can be."
        )
    if written.type == "report" and not written.title.strip():
        raise UsageError("A report needs a title. Say in one line what it is about.")
    for what, number, most in (
        ("title", len(written.title), LONGEST_TITLE),
        ("text", len(written.text), LONGEST_TEXT),
        ("list of values", len(written.values), MOST_VALUES),
        ("list of what is cited", len(written.cites), MOST_CITED),
        ("list of tags", len(written.tags), MOST_TAGS),
        ("longest tag", max(map(len, written.tags), default=0), LONGEST_TAG),
    ):
        if number > most:
            raise UsageError(f"The {what} has {number:,}; {most:,} are the most. Write several reports.")
    if any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in written.title + written.text):
        raise UsageError("The text holds a character that cannot be kept: NUL, or half of one. Remove it.")
    if any(not tag.strip() or not tag.isprintable() for tag in written.tags):
        raise UsageError("A tag is empty or holds invisible characters. Write one tag per line.")
    if written.nature not in NATURES:
        raise UsageError(
            f"{written.nature[:40]!r} is nothing that an indicator shows. It is one of {', '.join(NATURES)}."
        )
    if written.confidence is not None and not 0 <= written.confidence <= 100:
        raise UsageError(f"The confidence is {written.confidence:,}. It is a number from 0 to 100.")
    if not 1 <= written.count <= 999_999_999:
        raise UsageError(f"It was seen {written.count:,} times? Write a number from 1 to 999,999,999.")


def _compared(value: Value) -> str:
    """One comparison of a pattern."""
    kind, text = value
    if kind in {"address", "network"}:
        version = ipaddress.ip_network(text, strict=False).version
        return f"ipv{version}-addr:value {'=' if kind == 'address' else 'ISSUBSET'} '{text}'"
    if kind == "asn":
        return f"autonomous-system:number = {text.removeprefix('AS')}"
    if kind not in _PATHS:
        raise UsageError(
            f"STIX has no pattern for a value of kind {kind}, so that it cannot be an indicator. Name it in a report."
        )
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"{_PATHS[kind]} = '{escaped}'"


def _observable(value: Value) -> dict[str, Any] | None:
    """A value as a cyber-observable; None where STIX has none for it."""
    kind, text = value
    if kind in {"address", "network"}:
        version = ipaddress.ip_network(text, strict=False).version
        return observable(f"ipv{version}-addr", {"value": text})
    if kind == "asn":
        return observable("autonomous-system", {"number": int(text.removeprefix("AS"))})
    if kind in _HASHES:
        return observable("file", {"hashes": {_HASHES[kind]: text}})
    if kind in _OBJECTS:
        made_of, name = _OBJECTS[kind]
        return observable(made_of, {name: text})
    return None
