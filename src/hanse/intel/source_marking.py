"""The marking that an item brings along: what STIX and MISP say of who may know it and what may be done with it.

Whatever is not understood never weakens a marking. What says that it is marked, in a word that is no level, may be a
slip in RED: it is not for the import's marking to stand in for it, and the thing is left out.
"""

import re
import unicodedata
from dataclasses import replace
from typing import Any, Final, NamedTuple

from hanse.intel import stix_extension
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, MarkingError, Pap, Tlp, strictest

_MARKING: Final = "marking-definition--"
TLP_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
"""OASIS, STIX 2.1 common objects: the extension that carries TLP 2.0."""
TLP_CREATED: Final = "2022-10-01T00:00:00.000Z"
"""When OASIS's marking definitions of TLP 2.0 were made; part of the published objects."""

TLP_IDS: Final = {
    Tlp.CLEAR: _MARKING + "94868c89-83c2-464b-929b-a1a8aa3c8487",
    Tlp.GREEN: _MARKING + "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Tlp.AMBER: _MARKING + "55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Tlp.AMBER_STRICT: _MARKING + "939a9414-2ddd-4d32-a0cd-375ea402b003",
    Tlp.RED: _MARKING + "e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""OASIS's marking definitions of TLP 2.0."""

_FIRST_IDS: Final = {
    _MARKING + "613f2e26-407d-48c7-9eca-b8e91df99dc9": Tlp.CLEAR,
    _MARKING + "34098fce-860f-48ae-8e50-ebd3cc5e41da": Tlp.GREEN,
    _MARKING + "f88d31f6-486f-44da-b317-01333bde0b82": Tlp.AMBER,
    _MARKING + "5e57c739-391a-4eb3-b6be-7d15ca92d5ed": Tlp.RED,
}
"""Those of TLP 1.0, which STIX 2.1 itself defines (section 7.2.1.4)."""

_BY_ID: Final = _FIRST_IDS | {one: level for level, one in TLP_IDS.items()}
LEVEL_IDS: Final = frozenset(_BY_ID)
"""Ids of all marking definitions of TLP, of both versions."""
_TAG: Final = re.compile(
    r"\b(tlp|pap)(?:[ _-]?v?[12](?:[._]0)?)?(\s*[:=_ -]\s*\"?)([^\W_]+(?:\s*[+:_ -]\s*(?:strict|chr)\b)?)\"?",
    re.IGNORECASE,
)
_SAYS: Final = frozenset({":", "=", ':"', '="'})
"""What stands between a scale and its word where no other meaning is possible: prose has a blank there."""
_OLD_WORDS: Final = {"WHITE": "CLEAR", "EX+CHR": "AMBER"}
_NARROW: Final = frozenset({"0", "4"})
"""MISP's distribution to one organisation, and to a sharing group: both end at whom they were given to."""


class Read(NamedTuple):
    """What a thing says of its handling.

    Attributes:
        marking: The marking that it is to have.
        unknown: What of it is not understood, and claims no level.
        wrong: What claims a level that is none, in words: such a thing is not to be brought in.
    """

    marking: Marking
    unknown: list[str]
    wrong: list[str]


class Told:
    """Gathers what an item says of its handling, the strictest of each kind."""

    def __init__(self) -> None:
        self.tlp: Tlp | None = None
        self.pap: Pap | None = None
        self.whole: list[Marking] = []
        self.unknown: list[str] = []
        self.wrong: list[str] = []

    def claim(self, scale: str, word: str) -> None:
        """Take a level from where nothing but one is to stand, such as a cell of a column of that name."""
        if not self._taken(scale, word):
            self._is_wrong(scale, word)

    def cell(self, scale: str, text: str) -> None:
        """Take the levels of a cell, which has the name of the scale in it or not."""
        if not self.text(text):
            self.claim(scale, _plain(text).strip())
        if self.unknown:
            self._is_wrong(scale, text)
            self.unknown.clear()

    def text(self, text: Any) -> bool:
        """Take the levels that a text names, signs that only look like others put right; whether there are any."""
        if not isinstance(text, str):
            return False
        seen = _plain(text)
        found = list(_TAG.finditer(seen))
        says = _TAG.fullmatch(seen.strip()) is not None
        for match in found:
            scale, between, word = match.groups()
            if self._taken(scale, word):
                continue
            if says or between in _SAYS:
                self._is_wrong(scale, word)
            else:
                self.unknown.append(f"{scale}:{word}")
        return bool(found)

    def _taken(self, scale: str, word: str) -> bool:
        """Take a level by its word; whether it is one."""
        written = re.sub(r"[\s:_+-]+", "+", word.upper())
        plain = _OLD_WORDS.get(written, written)
        try:
            if scale.lower() == "tlp":
                level = Tlp(plain)
                self.tlp = level if self.tlp is None else max(self.tlp, level)
            else:
                known = Pap(plain)
                self.pap = known if self.pap is None else max(self.pap, known)
        except ValueError:
            return False
        return True

    def _is_wrong(self, scale: str, word: str) -> None:
        levels = Tlp if scale.lower() == "tlp" else Pap
        known = ", ".join(
            f"{level.value} (or WHITE)" if level.value == "CLEAR" else level.value for level in levels
        )
        self.wrong.append(f"{word[:40]!r} is no level of {scale.upper()}, which are {known}")

    def marking(self, chosen: Marking) -> Marking:
        """The marking of the item: at least what was chosen for the import."""
        told = Marking(originators=chosen.originators, tlp=self.tlp or Tlp.CLEAR, pap=self.pap or Pap.CLEAR)
        own = [replace(one, originators=chosen.originators) for one in self.whole]
        return strictest([told, chosen, *own])

    def read(self, chosen: Marking) -> Read:
        """What was gathered, for an item of an import with the marking that was chosen for it."""
        return Read(self.marking(chosen), self.unknown, self.wrong)


def of_stix(raw: dict[str, Any], definitions: dict[str, dict[str, Any]], chosen: Marking) -> Read:
    """The marking of a STIX object; unknown are the ids of marking definitions that are not understood.

    Granular markings count for the whole object: what a part may not be used for, the whole may not.

    Args:
        raw: The object.
        definitions: Marking definitions of the bundle and of those known, by id.
        chosen: What the import chose at least.
    """
    told = Told()
    for one in marking_ids(raw):
        known = _BY_ID.get(one)
        if known is not None:
            told.claim("tlp", known.value)
        if not _defined(definitions.get(one), told) and known is None:
            told.unknown.append(one)
    return told.read(chosen)


def of_misp(raw: dict[str, Any], chosen: Marking) -> Read:
    """The marking of a part of a MISP event by its tags and its distribution; unknown are tags not understood.

    Args:
        raw: The part.
        chosen: What it has at least: the marking of the import, or of what it is a part of.
    """
    told = Told()
    tags = raw.get("Tag")
    for tag in tags if isinstance(tags, list) else ():
        told.text(tag.get("name") if isinstance(tag, dict) else tag)
    if str(raw.get("distribution", "")) in _NARROW:
        told.claim("tlp", Tlp.AMBER_STRICT.value)
    return told.read(chosen)


def check_originator(chosen: Marking, authority: str) -> None:
    """Refuse a marking that would have another authority answer for what one brings.

    Only an originator may weaken a marking, and nobody drops one: joined with what is on record already, a name that
    somebody made up would keep this authority from its own for good.

    Args:
        chosen: What each thing is to be marked at least.
        authority: The bringer's.

    Raises:
        UsageError: It names other originators than the bringer's authority.
    """
    if chosen.originators != {authority}:
        named = ", ".join(sorted(chosen.originators)) or "nobody"
        raise UsageError(
            f"The marking names {named} as originator. What you bring in originates here: write {authority}. What "
            "another authority sends comes from its node, signed."
        )


def definition(level: Tlp) -> dict[str, Any]:
    """OASIS's marking definition of a level of TLP 2.0, to go into a bundle."""
    extension = {"extension_type": "property-extension", "tlp_2_0": level.value.lower()}
    return {"type": "marking-definition", "spec_version": "2.1", "id": TLP_IDS[level], "created": TLP_CREATED,
            "name": f"TLP:{level}", "extensions": {TLP_EXTENSION: extension}}  # fmt: skip


def definitions_of(marking: Marking, creator: str) -> list[dict[str, Any]]:
    """The marking definitions that tell a marking: OASIS's for its TLP, and one of Hanse's for all the rest.

    Args:
        marking: What is to be told.
        creator: Id of the identity that tells it.
    """
    whole = {
        "type": "marking-definition", "spec_version": "2.1",
        "id": stix_extension.made_id("marking-definition", creator, marking.text), "created_by_ref": creator,
        "created": stix_extension.CREATED, "name": marking.banner(),
        "extensions": stix_extension.extended(marking=marking.as_json()),
    }  # fmt: skip
    return [definition(marking.tlp), whole]


def marking_ids(raw: dict[str, Any]) -> list[str]:
    """The marking definitions that an object or a part of it refers to."""
    refs = raw.get("object_marking_refs")
    granular = raw.get("granular_markings")
    parts = granular if isinstance(granular, list) else ()
    named = [
        *(refs if isinstance(refs, list) else ()),
        *(one.get("marking_ref") for one in parts if isinstance(one, dict)),
    ]
    return [one for one in named if isinstance(one, str)]


def _plain(text: str) -> str:
    """A text with the signs that only look like others, or cannot be seen, put right."""
    if text.isascii():
        return text
    return "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")


def _defined(made: dict[str, Any] | None, told: Told) -> bool:
    """Take all of a definition's words: TLP as a definition, as an extension or in words, and Hanse's own."""
    if made is None:
        return False
    words = made.get("definition")
    words = words if isinstance(words, dict) else {}
    extensions = made.get("extensions")
    carried = extensions.get(TLP_EXTENSION) if isinstance(extensions, dict) else None
    levels = (words.get("tlp"), carried.get("tlp_2_0") if isinstance(carried, dict) else None)
    understood = False
    for level in levels:
        if level is not None:
            told.claim("tlp", str(level))
            understood = True
    for text in (words.get("statement"), made.get("name")):
        understood = told.text(text) or understood
    if "marking" in (own := stix_extension.said(made)):
        try:
            told.whole.append(Marking.from_json(own["marking"]))
        except MarkingError:
            return False
        understood = True
    return understood
