"""The STIX validator, loaded when something is first validated."""

from typing import Any


def validated(text: str, **options: Any) -> Any:
    """What the OASIS validator says of STIX 2.1."""
    from stix2validator import ValidationOptions, validate_string

    return validate_string(text, ValidationOptions(version="2.1", **options))
