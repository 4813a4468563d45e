"""By which equal selectors of cases are found: a keyed hash of their own, so that tables tell nothing of them."""

from hanse.intel.values import Value
from hanse.kernel import sealing
from hanse.ledger import keyring


def selector_id(value: Value) -> int:
    """The number of a selector's value in cases: 63 bits of its keyed hash.

    Not the one that intelligence has for the same value: beside that one, its text stands in the clear, and whoever has
    the database alone would read the selectors of cases there.
    """
    hashed = sealing.blind(keyring.current().index, "cases.selector", f"{value.kind}\0{value.text}")
    return int.from_bytes(hashed[:8]) >> 1
