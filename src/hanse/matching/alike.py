"""What else is compared of a selector whose name may be spelled otherwise: its keys."""

from collections.abc import Callable, Mapping
from typing import Final

from hanse.intel.values import Value
from hanse.matching import company_names, names

_KEYS: Final[Mapping[str, Callable[[Value], frozenset[Value]]]] = {
    "person": names.keys_of,
    "company": company_names.keys_of,
}
KEY_KINDS: Final[Mapping[str, str]] = {"person": names.KIND, "company": company_names.KIND}
"""By the kind of selector, that of its keys."""


def keys_of(value: Value) -> frozenset[Value]:
    """The keys of a person or a company; none of anything else, which is spelled in one way alone."""
    made = _KEYS.get(value.kind)
    return made(value) if made is not None else frozenset()
