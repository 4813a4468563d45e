"""Encryption: to a partner's key (HPKE, RFC 9180), at rest under the node's data key, and the blind index."""

import hmac
import secrets
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from hanse.kernel.errors import HanseError
from hanse.kernel.keys import Keyring, OpenKey, SealKey

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_ID_BYTES = 4
_NONCE_BYTES = 12
BLIND_BYTES = 16


class SealingError(HanseError):
    """Something sealed does not open: it was altered, or is bound to another place or key."""


def hpke_seal(key: SealKey, info: bytes, text: bytes) -> bytes:
    """Seal to a public key (base mode, one message); `info` binds what it is for and must be the same to open it.

    Raises:
        SealingError: The key is of small order: everybody could open it.
    """
    try:
        sealed: bytes = _SUITE.encrypt(text, key.key, info=info)
    except ValueError:
        raise SealingError(f"Nothing can be sealed to key {key.id}. Ask its owner for another.") from None
    return sealed


def hpke_open(key: OpenKey, info: bytes, sealed: bytes) -> bytes:
    """Open what was sealed to this key.

    Raises:
        SealingError: It does not open.
    """
    try:
        text: bytes = _SUITE.decrypt(sealed, key.key, info=info)
    except (InvalidTag, ValueError):
        raise SealingError(f"It was not sealed to key {key.id}, or it was altered.") from None
    return text


@lru_cache(maxsize=64)
def _cipher(key: bytes) -> tuple[bytes, AESGCM]:
    """The id and the cipher of a data key."""
    return sha256(key).digest()[:_ID_BYTES], AESGCM(key)


def seal_rest(keyring: Keyring, bound: bytes, text: bytes) -> bytes:
    """Encrypt for rest with AES-256-GCM: key id, nonce, ciphertext; `bound` names the place it belongs to."""
    name, cipher = _cipher(keyring.data)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return name + nonce + cipher.encrypt(nonce, text, bound)


def open_rest(keyring: Keyring, bound: bytes, sealed: bytes) -> bytes:
    """Decrypt what rests.

    Raises:
        SealingError: It was altered, or lies in another place than it was sealed for.
        KeysError: Its key is none of the node's.
    """
    _, cipher = _cipher(keyring.data_key(sealed[:_ID_BYTES]))
    start = _ID_BYTES + _NONCE_BYTES
    try:
        return cipher.decrypt(sealed[_ID_BYTES:start], sealed[start:], bound)
    except (InvalidTag, ValueError):
        raise SealingError(
            "It was altered, or put there from another place. Run `hanse node fsck`."
        ) from None


def seal_for_recovery(keyring: Keyring, bound: bytes, text: bytes) -> bytes:
    """Encrypt what others keep for this node until it has lost its database, as `seal_rest` does.

    The key follows from the one that no rotation changes: a backup of the keys opens what was sealed after it.
    """
    return seal_rest(_recovering(keyring), bound, text)


def open_for_recovery(keyring: Keyring, bound: bytes, sealed: bytes) -> bytes:
    """Decrypt what `seal_for_recovery` encrypted; errors as of `open_rest`."""
    return open_rest(_recovering(keyring), bound, sealed)


def _recovering(keyring: Keyring) -> Keyring:
    return replace(keyring, data=hmac.digest(keyring.index, b"hanse/recovery/1", "sha256"), past=())


def blind(key: bytes, kind: str, value: str) -> bytes:
    """Keyed hash of a value, 16 bytes: equal values of a kind are found without being readable (HMAC-SHA-256)."""
    return hmac.digest(key, kind.encode() + b"\0" + value.encode(), "sha256")[:BLIND_BYTES]
