"""The marking that an item brings along: what STIX and MISP say of who may know it and what may be done with it.

Whatever is not understood never weakens a marking: it leaves what the import chose.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from hanse.kernel.markings import Marking, Pap, Tlp, join

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
_TAG: Final = re.compile(r"(tlp|pap)[:=]\s*\"?([a-z+]+)\"?", re.IGNORECASE)
_OLD_WORDS: Final = {"WHITE": "CLEAR", "EX:CHR": "AMBER"}


class Told:
    """Gathers what an item says of its handling, the strictest of each kind."""

    def __init__(self) -> None:
        self.tlp: Tlp | None = None
        self.pap: Pap | None = None
        self.unknown: list[str] = []

    def word(self, scale: str, word: str) -> None:
        """A level by its word; one that is not known is noted."""
        plain = _OLD_WORDS.get(word.upper(), word.upper())
        try:
            if scale.lower() == "tlp":
                level = Tlp(plain)
                self.tlp = level if self.tlp is None else max(self.tlp, level)
            else:
                known = Pap(plain)
                self.pap = known if self.pap is None else max(self.pap, known)
        except ValueError:
            self.unknown.append(f"{scale}:{word}")

    def marking(self, chosen: Marking) -> Marking:
        """The marking of the item: at least what was chosen for the import."""
        told = Marking(
            originators=chosen.originators, tlp=self.tlp or Tlp.CLEAR, pap=self.pap or Pap.CLEAR
        )  # joined below, so that nothing said is no weakening
        return join(told, chosen)


def of_stix(raw: dict[str, Any], definitions: dict[str, dict[str, Any]], chosen: Marking) -> tuple[Marking, list[str]]:
    """The marking of a STIX object, and the ids of marking definitions that are not understood.

    Granular markings count for the whole object: what a part may not be used for, the whole may not.

    Args:
        raw: The object.
        definitions: Marking definitions of the bundle and of those known, by id.
        chosen: What the import chose at least.
    """
    told = Told()
    for one in _marking_ids(raw):
        if level := _BY_ID.get(one):
            told.word("tlp", level.value)
        elif not _defined(definitions.get(one), told):
            told.unknown.append(one)
    return told.marking(chosen), told.unknown


def of_misp(tags: Iterable[Any], chosen: Marking) -> tuple[Marking, list[str]]:
    """The marking of a part of a MISP event by its tags, and the tags of TLP and PAP that are not understood."""
    told = Told()
    for tag in tags:
        name = tag.get("name") if isinstance(tag, dict) else tag
        if isinstance(name, str) and (found := _TAG.fullmatch(name.strip())):
            told.word(found[1], found[2])
    return told.marking(chosen), told.unknown


def definition(level: Tlp) -> dict[str, Any]:
    """OASIS's marking definition of a level of TLP 2.0, to go into a bundle."""
    extension = {"extension_type": "property-extension", "tlp_2_0": level.value.lower()}
    return {"type": "marking-definition", "spec_version": "2.1", "id": TLP_IDS[level], "created": TLP_CREATED,
            "name": f"TLP:{level}", "extensions": {TLP_EXTENSION: extension}}  # fmt: skip


def _marking_ids(raw: dict[str, Any]) -> list[str]:
    refs = raw.get("object_marking_refs")
    found = [one for one in refs if isinstance(one, str)] if isinstance(refs, list) else []
    granular = raw.get("granular_markings")
    for one in granular if isinstance(granular, list) else ():
        if isinstance(one, dict) and isinstance(one.get("marking_ref"), str):
            found.append(one["marking_ref"])
    return found


def _defined(made: dict[str, Any] | None, told: Told) -> bool:
    """Take a definition's words: TLP as a definition or an extension, and statements that hold TLP or PAP."""
    if made is None:
        return False
    words = made.get("definition")
    words = words if isinstance(words, dict) else {}
    extensions = made.get("extensions")
    carried = extensions.get(TLP_EXTENSION) if isinstance(extensions, dict) else None
    if isinstance(carried, dict) and isinstance(carried.get("tlp_2_0"), str):
        told.word("tlp", carried["tlp_2_0"])
        return True
    if isinstance(words.get("tlp"), str):
        told.word("tlp", words["tlp"])
        return True
    texts = (words.get("statement"), made.get("name"))
    found = [match for text in texts if isinstance(text, str) for match in _TAG.finditer(text)]
    for match in found:
        told.word(match[1], match[2])
    return bool(found)
