"""Signed notes and checkpoints: how a log says its size and root (C2SP signed-note, tlog-checkpoint, tlog-cosignature).

A note is text, an empty line, and signature lines ``— name base64(key hash || signature)``. The key hash is the
first four bytes of SHA-256 over the name, a line feed, the algorithm byte and the public key: 0x01 is Ed25519
over the text, 0x04 a witness's cosignature, which adds the time.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha256

from hanse.kernel.clock import LAST_MOMENT_US
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import KeysError, SigningKey, VerifyKey

ED25519 = 0x01
COSIGNATURE = 0x04
_DASH = "\N{EM DASH} "
_HASH_BYTES = 4
_SIGNATURE_BYTES = 64
_SIZE_DIGITS = 18
"""More leaves than any log has, within 64 bits."""


class NoteError(HanseError):
    """The text is no note or checkpoint, or no signature of the wanted key holds."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's head.

    Attributes:
        origin: The log's name.
        size: Leaves.
        root: Root hash, 32 bytes.
        extensions: Further lines, opaque to those who do not know them.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The note's text."""
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def key_hash(name: str, key: VerifyKey, algorithm: int = ED25519) -> bytes:
    """The four bytes by which a signature line names its key."""
    return sha256(f"{name}\n".encode() + bytes([algorithm]) + key.raw).digest()[:_HASH_BYTES]


def verifier_key(name: str, key: VerifyKey) -> str:
    """A public key as people exchange it: ``name+hash+base64``."""
    return f"{name}+{key_hash(name, key).hex()}+{b64encode(bytes([ED25519]) + key.raw).decode()}"


def parse_verifier_key(text: str) -> tuple[str, VerifyKey]:
    """Name and key of a verifier key.

    Raises:
        NoteError: It is none, or its hash is of another key.
    """
    name, _, rest = text.partition("+")
    wanted, _, encoded = rest.partition("+")
    try:
        raw = b64decode(encoded, validate=True)
        key = VerifyKey(raw[1:])
    except (ValueError, KeysError):
        raise NoteError(f"{text[:60]!r} is no verifier key (name+hash+base64).") from None
    if raw[0] != ED25519 or key_hash(name, key).hex() != wanted:
        raise NoteError(f"The verifier key of {name} does not have the hash that it says.")
    return name, key


def sign(text: str, name: str, key: SigningKey) -> str:
    """The note of a text, signed under a name."""
    return f"{text}\n{_line(name, key_hash(name, key.public) + key.sign(text.encode()))}"


def cosign(note: str, name: str, key: SigningKey, time_s: int) -> str:
    """The note with a witness's cosignature added, which says that it saw this checkpoint by a time, s UTC."""
    text, _ = parse(note)
    signature = key.sign(_cosigned(text, time_s))
    return note + _line(name, key_hash(name, key.public, COSIGNATURE) + time_s.to_bytes(8) + signature)


def parse(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The text, and of each signature line the name, the key hash and the rest.

    Raises:
        NoteError: It is no note.
    """
    text, found, lines = note.rpartition("\n\n")
    if not found or not lines.endswith("\n"):
        raise NoteError("This is no signed note: the empty line before the signatures is missing.")
    signatures = []
    for line in lines[:-1].split("\n"):
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        try:
            raw = b64decode(encoded, validate=True)
        except (Base64Error, ValueError):
            raw = b""
        if not line.startswith(_DASH) or not name or len(raw) <= _HASH_BYTES:
            raise NoteError("A signature line of the note is malformed.")
        signatures.append((name, raw[:_HASH_BYTES], raw[_HASH_BYTES:]))
    return text + "\n", signatures


def by(note: str, name: str) -> str:
    """The note with the signature lines of one name only.

    Raises:
        NoteError: It is no note.
    """
    text, signatures = parse(note)
    return f"{text}\n{''.join(_line(signer, hashed + rest) for signer, hashed, rest in signatures if signer == name)}"


def normal(note: str) -> str:
    """The note in the form that `sign` writes: base64 has several texts for the same bytes.

    Raises:
        NoteError: It is no note.
    """
    text, signatures = parse(note)
    return f"{text}\n{''.join(_line(name, hashed + rest) for name, hashed, rest in signatures)}"


def verify(note: str, name: str, key: VerifyKey) -> str:
    """The note's text, if a signature of this key under this name holds.

    Raises:
        NoteError: None does.
    """
    text, signatures = parse(note)
    wanted = key_hash(name, key)
    for signer, hashed, signature in signatures:
        if (signer, hashed) == (name, wanted):
            try:
                key.verify(signature, text.encode())
            except KeysError as error:
                raise NoteError(f"The note's signature by {name} does not hold: {error}") from None
            return text
    raise NoteError(f"The note is not signed by {name} with key {key.id}.")


def verify_cosignature(note: str, name: str, key: VerifyKey) -> int:
    """When a witness saw the checkpoint, s UTC, if its cosignature holds.

    Raises:
        NoteError: There is none that holds, or it names a time that no calendar has.
    """
    text, signatures = parse(note)
    wanted = key_hash(name, key, COSIGNATURE)
    for signer, hashed, rest in signatures:
        if (signer, hashed) == (name, wanted) and len(rest) == 8 + _SIGNATURE_BYTES:
            time_s = int.from_bytes(rest[:8])
            if time_s > LAST_MOMENT_US // 1_000_000:
                raise NoteError(f"The cosignature of {name} is of a time that no calendar has.")
            try:
                key.verify(rest[8:], _cosigned(text, time_s))
            except KeysError as error:
                raise NoteError(f"The cosignature of {name} does not hold: {error}") from None
            return time_s
    raise NoteError(f"The checkpoint is not cosigned by {name}.")


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note's text.

    Raises:
        NoteError: It is none.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise NoteError("This is no checkpoint: origin, size and root are its first three lines.")
    origin, size, encoded = lines[:3]
    try:
        root = b64decode(encoded, validate=True)
    except (Base64Error, ValueError):
        root = b""
    numeral = size.isascii() and size.isdigit() and str(int(size[:_SIZE_DIGITS])) == size
    if not numeral or len(root) != 32:
        raise NoteError("The size or the root of the checkpoint is malformed.")
    return Checkpoint(origin, int(size), root, tuple(lines[3:-1]))


def open_checkpoint(note: str, origin: str, key: VerifyKey) -> Checkpoint:
    """The checkpoint of a log, if the log's key signed it.

    Raises:
        NoteError: It did not, or the checkpoint is another log's.
    """
    checkpoint = parse_checkpoint(verify(note, origin, key))
    if checkpoint.origin != origin:
        raise NoteError(f"The checkpoint is of {checkpoint.origin}, not of {origin}.")
    return checkpoint


def _cosigned(text: str, time_s: int) -> bytes:
    """What a witness signs."""
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def _line(name: str, raw: bytes) -> str:
    return f"{_DASH}{name} {b64encode(raw).decode()}\n"
