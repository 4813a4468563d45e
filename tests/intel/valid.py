"""The STIX validator, loaded when something is first validated."""

import sys
from typing import Any

_IRI = "rfc3987_syntax"
"""A grammar of international addresses, which takes some three seconds to load; no schema of STIX asks for one."""


def validated(text: str, **options: Any) -> Any:
    """What the OASIS validator says of STIX 2.1."""
    left_out = sys.modules.setdefault(_IRI, None) is None  # type: ignore[arg-type]  # None makes its import fail
    from stix2validator import ValidationOptions, validate_string

    if left_out:
        del sys.modules[_IRI]
    return validate_string(text, ValidationOptions(version="2.1", **options))
