"""Keccak-256 as crypto-currencies use it: the submission to the SHA-3 competition, which pads unlike SHA3-256.

The Keccak reference, version 3.0 (2011), sections 1.2 and 2.3. Python's standard library has FIPS 202's variant only.
"""

from typing import Final

_RATE: Final = 136
_MASK: Final = 2**64 - 1


def _constants() -> tuple[list[int], list[list[int]]]:
    """Round constants and rotation offsets, from their definitions."""
    state, rounds = 1, []
    for _ in range(24):
        constant = 0
        for power in range(7):
            if state & 1:
                constant |= 1 << (2**power - 1)
            state = (state << 1) ^ (0x171 if state & 0x80 else 0)
        rounds.append(constant)
    offsets = [[0] * 5 for _ in range(5)]
    x, y = 1, 0
    for step in range(24):
        offsets[x][y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return rounds, offsets


_ROUNDS, _OFFSETS = _constants()


def keccak256(data: bytes) -> bytes:
    """The 32-byte hash of some bytes."""
    padded = bytearray(data)
    padded.append(0x01)
    padded.extend(bytes(-len(padded) % _RATE))
    padded[-1] |= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for at in range(0, len(padded), _RATE):
        for place in range(_RATE // 8):
            lanes[place % 5][place // 5] ^= int.from_bytes(
                padded[at + 8 * place : at + 8 * place + 8], "little"
            )
        lanes = _permuted(lanes)
    return b"".join(lanes[place % 5][place // 5].to_bytes(8, "little") for place in range(4))


def _permuted(lanes: list[list[int]]) -> list[list[int]]:
    """Keccak-f[1600]."""
    for constant in _ROUNDS:
        parity = [lanes[x][0] ^ lanes[x][1] ^ lanes[x][2] ^ lanes[x][3] ^ lanes[x][4] for x in range(5)]
        mixed = [parity[x - 1] ^ _rotated(parity[(x + 1) % 5], 1) for x in range(5)]
        moved = [[0] * 5 for _ in range(5)]
        for x in range(5):
            for y in range(5):
                moved[y][(2 * x + 3 * y) % 5] = _rotated(lanes[x][y] ^ mixed[x], _OFFSETS[x][y])
        lanes = [
            [moved[x][y] ^ (~moved[(x + 1) % 5][y] & moved[(x + 2) % 5][y] & _MASK) for y in range(5)]
            for x in range(5)
        ]
        lanes[0][0] ^= constant
    return lanes


def _rotated(lane: int, bits: int) -> int:
    return (lane << bits | lane >> (64 - bits)) & _MASK if bits else lane
