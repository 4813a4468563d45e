"""The one secret of a run, from which all its masks, salts and orders come.

It is sealed into the ledger when the run is over: who opens it later can do the run again, bit by bit, and see whether
the inputs were those that had been committed to. Until then it leaves the node in no form.
"""

import secrets
from hashlib import shake_256
from typing import TYPE_CHECKING, Final

from hanse.matching.group import sodium
from hanse.matching.later import np

if TYPE_CHECKING:
    import numpy.typing as npt

LENGTH: Final = 32
SALT: Final = 32


class RunSecret:
    """What one node alone knows of a run.

    Args:
        raw: 32 random bytes.

    Raises:
        ValueError: Another number of them.
    """

    def __init__(self, raw: bytes) -> None:
        if len(raw) != LENGTH:
            raise ValueError(f"A run's secret has {LENGTH} bytes, not {len(raw)}.")
        self._raw = raw

    @classmethod
    def fresh(cls) -> "RunSecret":
        """One that was never used."""
        return cls(secrets.token_bytes(LENGTH))

    def __repr__(self) -> str:
        """Nothing that could get into a log."""
        return "RunSecret(...)"

    def sealed(self) -> bytes:
        """The bytes, to be sealed into the ledger and for nothing else."""
        return self._raw

    def mask(self) -> bytes:
        """The scalar that this side's and the other's points are multiplied by; never zero."""
        scalar = bytes(sodium().crypto_core_ristretto255_scalar_reduce(self._stream("mask", 64)))
        return scalar if any(scalar) else self._never()

    def salts(self, number: int) -> bytes:
        """A salt of `SALT` bytes for each of so many inputs, one after the other."""
        return self._stream("salts", number * SALT)

    def order(self, number: int) -> "npt.NDArray[np.int64]":
        """So many places, shuffled.

        Two of the keys that are sorted are equal once in 2^25 runs of a million; the two stay in their order then.
        """
        keys = np.frombuffer(self._stream("order", number * 8), "<u8")
        return np.argsort(keys, kind="stable")

    def part(self, *names: bytes) -> "RunSecret":
        """A secret of its own for a part of what is done: who has it knows nothing of the others."""
        named = b"".join(len(one).to_bytes(4) + one for one in names)
        return RunSecret(self._stream("part", LENGTH, named))

    def fill(self, number: int) -> list[bytes]:
        """So many inputs that nobody has."""
        data = self._stream("fill", number * LENGTH)
        return [data[at : at + LENGTH] for at in range(0, len(data), LENGTH)]

    def blinds(self, number: int) -> list[bytes]:
        """So many scalars that hide inputs, one for each; never zero."""
        data, reduce = self._stream("blinds", number * 64), sodium().crypto_core_ristretto255_scalar_reduce
        scalars = [bytes(reduce(data[at : at + 64])) for at in range(0, len(data), 64)]
        return scalars if all(map(any, scalars)) else [self._never()]

    def _stream(self, what: str, length: int, of: bytes = b"") -> bytes:
        """So many bytes that nobody can tell from random ones without the secret, for one purpose."""
        name = what.encode()
        text = b"HANSE-V01 run secret" + len(name).to_bytes(1) + name + self._raw + of
        return shake_256(text).digest(length)

    def _never(self) -> bytes:
        raise ValueError("This secret gives no mask: take another.")  # once in 2**252
