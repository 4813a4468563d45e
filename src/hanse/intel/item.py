"""One thing that an authority knows, as it came: a STIX object, a part of a MISP event, a row, a fingerprint."""

from typing import Any, Final

import msgspec

FORMATS = ("stix", "misp", "csv", "ddosdb", "own", "partner")
"""The formats that an item can have; `hanse.intel.reading` knows what reads which.

``own`` is STIX that was written here, ``partner`` STIX that a partner shared and signed.
"""

STIX: Final = ("stix", "own", "partner")
"""Those that are STIX: things of these with one id are one thing, by whichever way each came."""


class Heading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an item is found and listed by, read out of its text without the thing itself.

    Attributes:
        format: One of `FORMATS`.
        type: What it is: a STIX type; ``event``, ``attribute``, ``object`` or ``report`` of MISP.
        source_id: Its id where it comes from.
        source_version: Which version it is there; versions sort as texts.
        parent: `source_id` of what it is a part of; empty for a thing of its own.
        place: Its number among the parts of its parent.
        grade: What its source is worth, as `hanse.intel.grading` reads it, such as ``admiralty B2``; empty leaves it to
            what the item itself says.
        team: Id of the need-to-know team that it belongs to; empty for none.
        batch: Id of the import that brought it, hexadecimal; empty where it was written here.
    """

    format: str
    type: str
    source_id: str
    source_version: str = ""
    parent: str = ""
    place: int = 0
    grade: str = ""
    team: str = ""
    batch: str = ""


class Item(Heading, frozen=True, kw_only=True, omit_defaults=True):
    """An item whole. What is shown and found of it follows from `raw`.

    Attributes:
        raw: The thing as it came, without the parts that are items of their own.
    """

    raw: dict[str, Any] = {}
