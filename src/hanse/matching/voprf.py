"""RFC 9497, VOPRF mode, suite ristretto255-SHA512: the asker learns a keyed hash of its input, the key holder nothing.

The key holder proves for a whole batch at once that it used the key it had published, so that it cannot answer one
asker with a key of his own and know him again by it. Names and steps are those of the RFC, sections 2.2 and 3.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha512
from typing import Final

from hanse.matching import group
from hanse.matching.group import POINT, ProtocolError, sodium
from hanse.matching.hash_to_group import Expander, Hasher

OUTPUT: Final = 64
"""Bytes of what comes out for an input."""
LONGEST: Final = 2**16 - 1
"""Bytes of an input, and number of inputs of a batch: both are counted in two bytes."""
PROOF: Final = 2 * POINT

_CONTEXT: Final = b"OPRFV1-\x01-ristretto255-SHA512"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key holder's key of one epoch.

    Attributes:
        secret: A scalar; never leaves the node.
        public: A point, published to all that may ask.
    """

    secret: bytes = field(repr=False)
    public: bytes


@dataclass(frozen=True, slots=True)
class Blinded:
    """What the asker keeps and what it sends, input by input.

    Attributes:
        inverses: Of the blinds, scalars; never leave the node.
        points: One after the other: says nothing about the inputs, whoever reads it.
    """

    inverses: tuple[bytes, ...] = field(repr=False)
    points: bytes


def derive_key_pair(seed: bytes, info: bytes) -> KeyPair:
    """The key pair of a seed and a text that says what for: the same again whenever it is asked for.

    Args:
        seed: 32 random bytes.
        info: At most `LONGEST` bytes.

    Raises:
        ValueError: One has the wrong length.
    """
    if len(seed) != 32 or len(info) > LONGEST:
        raise ValueError("A seed has 32 bytes, and what it is for is said in at most 65,535.")
    expander = Expander(b"DeriveKeyPair" + _CONTEXT)
    for counter in range(256):
        secret = _reduced(expander.expand(seed + _framed(info) + counter.to_bytes(1), 64))
        if any(secret):
            return KeyPair(secret, bytes(sodium().crypto_scalarmult_ristretto255_base(secret)))
    raise ValueError("No key comes of this seed.")  # once in 2**64,000


def blind(inputs: Sequence[bytes], blinds: Sequence[bytes] | None = None) -> Blinded:
    """Inputs made ready to be sent.

    Args:
        inputs: Each at most `LONGEST` bytes.
        blinds: As many scalars that nobody can guess; fresh ones by default. The same ones for other inputs would show
            which are equal.

    Raises:
        ValueError: An input is too long, or there are more than `LONGEST`.
    """
    _check_inputs(inputs)
    chosen = blinds if blinds is not None else [group.random_scalar() for _ in inputs]
    invert = sodium().crypto_core_ristretto255_scalar_invert  # once, for however many partners it goes to
    points = [
        group.multiply(scalar, _hasher().point(text)) for scalar, text in zip(chosen, inputs, strict=True)
    ]
    return Blinded(tuple(bytes(invert(scalar)) for scalar in chosen), b"".join(points))


def blind_evaluate(key: KeyPair, blinded: bytes, random: bytes | None = None) -> tuple[bytes, bytes]:
    """The key holder's answer to points: the evaluated points, and the proof for all of them.

    Args:
        key: That of the epoch.
        blinded: As they came; at least one point, at most `LONGEST`.
        random: A scalar, for tests; a fresh one otherwise, as the same one for two proofs would show the key.

    Raises:
        ProtocolError: A point is none, or their number is wrong.
    """
    _check_batch(blinded)
    evaluated = group.multiply(key.secret, blinded, "The question")
    return evaluated, _prove(key, blinded, evaluated, random or group.random_scalar())


def finalize(
    inputs: Sequence[bytes], blinded: Blinded, evaluated: bytes, proof: bytes, public: bytes
) -> list[bytes]:
    """The keyed hash of each input, once the proof holds.

    Args:
        inputs: As they were blinded.
        blinded: What was kept and sent.
        evaluated: The key holder's points.
        proof: Its proof.
        public: Its key, as published for the epoch and not as it came with the answer.

    Raises:
        ProtocolError: The answer is not of this key and this question; nothing of it may be used.
    """
    verify(public, blinded.points, evaluated, proof)
    made = []
    for at, (text, inverse) in enumerate(zip(inputs, blinded.inverses, strict=True)):
        point = group.multiply(inverse, evaluated[at * POINT : (at + 1) * POINT], "The answer")
        made.append(_output(text, point))
    return made


def evaluate(key: KeyPair, text: bytes) -> bytes:
    """The keyed hash of an input of the key holder's own.

    Raises:
        ValueError: It is too long.
    """
    _check_inputs((text,))
    return _output(text, group.multiply(key.secret, _hasher().point(text)))


def verify(public: bytes, blinded: bytes, evaluated: bytes, proof: bytes) -> None:
    """Find out whether each evaluated point is the blinded one times the key of the public point (section 2.2.2).

    Raises:
        ProtocolError: It is not, or something is no point or no scalar.
    """
    # 1. Everything has its form; points are checked where they are multiplied.
    _check_batch(blinded)
    if len(evaluated) != len(blinded) or len(proof) != PROOF or len(public) != POINT:
        raise ProtocolError(
            "The answer has another number of points than the question, or is no proof with a key."
        )
    challenge, response = (group.check_scalar(one, "The proof") for one in (proof[:POINT], proof[POINT:]))
    # 2. The batch as one pair of points.
    weights = _weights(public, blinded, evaluated)
    composite, mapped = _sum(weights, blinded, "The question"), _sum(weights, evaluated, "The answer")
    # 3. What the prover must have committed to, if it knows the key.
    base = bytes(sodium().crypto_scalarmult_ristretto255_base(response))
    first = _add(base, group.multiply(challenge, public, "The key"))
    second = _add(group.multiply(response, composite), group.multiply(challenge, mapped))
    # 4. The challenge is that commitment's.
    if _challenge(public, composite, mapped, first, second) != challenge:
        raise ProtocolError(
            "The proof does not hold: the answer was made with another key than the published."
        )


def _prove(key: KeyPair, blinded: bytes, evaluated: bytes, random: bytes) -> bytes:
    """The proof (section 2.2.1): the challenge and the response, a scalar each."""
    lib = sodium()
    composite = _sum(_weights(key.public, blinded, evaluated), blinded, "The question")
    mapped = group.multiply(key.secret, composite)
    first = lib.crypto_scalarmult_ristretto255_base(group.check_scalar(random))
    challenge = _challenge(key.public, composite, mapped, first, group.multiply(random, composite))
    response = lib.crypto_core_ristretto255_scalar_sub(
        random, lib.crypto_core_ristretto255_scalar_mul(challenge, key.secret)
    )
    return challenge + bytes(response)


def _weights(public: bytes, blinded: bytes, evaluated: bytes) -> list[bytes]:
    """The scalars by which a batch is put together; nobody can choose points to suit them."""
    seed = sha512(_framed(public) + _framed(b"Seed-" + _CONTEXT)).digest()
    return [
        _scalar(
            _framed(seed) + at.to_bytes(2)
            + _framed(blinded[at * POINT : (at + 1) * POINT]) + _framed(evaluated[at * POINT : (at + 1) * POINT])
            + b"Composite"
        )
        for at in range(len(blinded) // POINT)
    ]  # fmt: skip


def _challenge(public: bytes, *points: bytes) -> bytes:
    return _scalar(b"".join(map(_framed, (public, *points))) + b"Challenge")


def _sum(weights: Sequence[bytes], points: bytes, what: str) -> bytes:
    """The sum of the points, each times its weight."""
    total = b""
    for at, weight in enumerate(weights):
        part = group.multiply(weight, points[at * POINT : (at + 1) * POINT], what)
        total = _add(total, part) if at else part
    return total


def _add(left: bytes, right: bytes) -> bytes:
    return bytes(sodium().crypto_core_ristretto255_add(left, right))


def _output(text: bytes, point: bytes) -> bytes:
    return sha512(_framed(text) + _framed(point) + b"Finalize").digest()


def _scalar(message: bytes) -> bytes:
    """HashToScalar (section 4.1)."""
    return _reduced(_scalars().expand(message, 64))


def _reduced(uniform: bytes) -> bytes:
    return bytes(sodium().crypto_core_ristretto255_scalar_reduce(uniform))


def _framed(data: bytes) -> bytes:
    """With its length before it, in two bytes."""
    return len(data).to_bytes(2) + data


@cache
def _hasher() -> Hasher:
    return Hasher(b"HashToGroup-" + _CONTEXT)


@cache
def _scalars() -> Expander:
    return Expander(b"HashToScalar-" + _CONTEXT)


def _check_inputs(inputs: Sequence[bytes]) -> None:
    if len(inputs) > LONGEST or any(len(text) > LONGEST for text in inputs):
        raise ValueError(f"A batch has at most {LONGEST:,} inputs of at most {LONGEST:,} bytes.")


def _check_batch(points: bytes) -> None:
    if not 0 < len(points) // POINT <= LONGEST:
        raise ProtocolError(f"A question has 1 to {LONGEST:,} points, not {len(points) // POINT:,}.")
