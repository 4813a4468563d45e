"""Things of sixteen bytes, by the million: put in order, told apart and found, as two numbers each.

NumPy compares strings of bytes one byte after the other, which takes three to nine times as long. All that
comes here is as good as random, so that the first of the two numbers decides nearly always; what begins alike was made
so by somebody, and is told apart all the same.
"""

from typing import TYPE_CHECKING, Final

from hanse.matching.later import np

if TYPE_CHECKING:
    import numpy.typing as npt

    Rows = npt.NDArray[np.uint64]
    """Shape (n, 2)."""
    Places = npt.NDArray[np.int64]
    Truths = npt.NDArray[np.bool_]

SIXTEEN: Final = 16


def rows_of(data: bytes) -> "Rows":
    """One row for each sixteen bytes."""
    return np.frombuffer(data, "<u8").reshape(-1, 2)


def order_of(rows: "Rows") -> "Places":
    """The places of rows in their order, by the first number and then the second."""
    order = np.argsort(rows[:, 0])
    first = rows[order, 0]
    if (first[1:] == first[:-1]).any():
        return np.lexsort((rows[:, 1], rows[:, 0]))
    return order


def are_distinct(rows: "Rows") -> bool:
    """Whether no two rows are equal."""
    ordered = rows[order_of(rows)]
    return not (ordered[1:] == ordered[:-1]).all(axis=1).any()


def places_in(rows: "Rows", held: "Rows") -> tuple["Places", "Truths"]:
    """Where each row stands among others, and whether it does.

    Args:
        rows: What is looked for.
        held: Among what: in the order of `order_of`, no two equal.

    Returns:
        A place for each row, which says nothing where the row is not there; and whether it is.
    """
    if not len(held):
        return np.zeros(len(rows), np.int64), np.zeros(len(rows), bool)
    places = np.searchsorted(held[:, 0], rows[:, 0]).clip(max=len(held) - 1)
    found = (held[places] == rows).all(axis=1)
    if (begins_alike := np.flatnonzero(~found & (held[places, 0] == rows[:, 0]))).size:
        known = {(first, second): place for place, (first, second) in enumerate(held.tolist())}
        for at in begins_alike.tolist():
            place = known.get((int(rows[at, 0]), int(rows[at, 1])))
            if place is not None:
                places[at], found[at] = place, True
    return places, found
