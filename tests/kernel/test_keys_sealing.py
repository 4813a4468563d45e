"""Keys: ids, wrapping and rotation; sealing to a key, at rest, and the blind index."""

import hmac
from dataclasses import replace
from hashlib import scrypt, sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from hanse.kernel import keys, sealing
from hanse.kernel.keys import Keyring, KeysError, OpenKey, SealKey, SigningKey, VerifyKey
from hanse.kernel.sealing import SealingError

RING = Keyring.new()


def test_published_signature() -> None:
    """RFC 8032's first vector: that seed has that key and signs nothing with that signature."""
    key = SigningKey(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    signature = (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"
    )
    assert key.public.raw.hex() == public
    assert key.sign(b"").hex() == signature
    assert key.id == key.public.id == sha256(bytes.fromhex(public)).digest()[:16].hex()
    VerifyKey(bytes.fromhex(public)).verify(bytes.fromhex(signature), b"")


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65)])
def test_wrong_signature(signature: bytes) -> None:
    """A signature of any length that does not hold is a refusal in words."""
    with pytest.raises(KeysError, match="does not hold"):
        RING.signing.public.verify(signature, b"message")


@pytest.mark.parametrize("kind", [VerifyKey, SealKey])
@pytest.mark.parametrize("length", [0, 31, 33])
def test_no_public_key(kind: type[VerifyKey | SealKey], length: int) -> None:
    """Bytes of another length are no key."""
    with pytest.raises(KeysError):
        kind(bytes(length))


PRIME = 2**255 - 19
ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", [0, 1, PRIME - 1, PRIME, PRIME + 1, ORDER_8, PRIME - ORDER_8])
def test_key_under_which_anything_holds(y: int, sign: int) -> None:
    """A public key of small order is refused in each of its encodings: a partner could deny what it signed."""
    with pytest.raises(KeysError):
        VerifyKey((y + (sign << 255)).to_bytes(32, "little"))


def test_no_secret_is_shown() -> None:
    """No secret of a keyring, present or past, is in what `repr` or `str` show of it or its keys."""
    ring = RING.rotated()
    shown = f"{ring!r}{ring}{ring.signing!r}{ring.opening!r}{ring.signing.public!r}{ring.opening.public!r}"
    for secret in (ring.signing.secret, ring.opening.secret, ring.data, ring.index, RING.data):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
    assert ring.signing.id in shown


def test_rotation_keeps_what_was() -> None:
    """After rotating, new keys sign and seal; old signatures and old data are still read; the index stays."""
    resting = sealing.seal_rest(RING, b"place", b"text")
    ring = RING.rotated().rotated()
    assert ring.verify_key(RING.signing.id).raw == RING.signing.public.raw
    assert [key.id for key in ring.verify_keys()][::2] == [ring.signing.id, RING.signing.id]
    assert sealing.open_rest(ring, b"place", resting) == b"text"
    assert ring.index == RING.index
    assert len({ring.data, RING.data}) == len({ring.signing.id, RING.signing.id}) == 2
    with pytest.raises(KeysError):
        RING.verify_key(ring.signing.id)
    with pytest.raises(KeysError):
        sealing.open_rest(RING, b"place", sealing.seal_rest(ring, b"place", b"text"))


def test_a_guess_at_the_passphrase_costs_what_is_recommended() -> None:
    """What opens a key file is made by scrypt with 128 MiB: N 2^17, r 8, p 1, which OWASP recommends."""
    wrapped = keys.wrap(RING, "p")
    salt = wrapped[16:32]
    held = salt + scrypt(b"p", salt=salt, n=2**17, r=8, p=1, maxmem=2**28, dklen=32)
    assert keys.unwrap_with(wrapped, held).data == RING.data


def test_wrapped_keys_come_back(unstretched: None) -> None:
    """A wrapped keyring opens with its passphrase alone, with all keys, and shows no secret in its bytes."""
    ring = RING.rotated()
    wrapped = keys.wrap(ring, "correct horse ü")
    back = keys.unwrap(wrapped, "correct horse ü")
    assert (back.data, back.index, back.created_us) == (ring.data, ring.index, ring.created_us)
    assert [key.id for key in back.verify_keys()] == [key.id for key in ring.verify_keys()]
    assert back.opening.secret == ring.opening.secret
    assert back.past[0][1].secret == RING.opening.secret
    assert not any(secret in wrapped for secret in (ring.data, ring.index, ring.signing.secret))
    with pytest.raises(KeysError, match="passphrase"):
        keys.unwrap(wrapped, "correct horse u")


@pytest.fixture
def wrapped(unstretched: None) -> bytes:
    """A wrapped keyring."""
    return keys.wrap(RING, "p")


@pytest.mark.parametrize("at", [16, 43, 44, -1])
def test_wrapped_keys_cannot_be_altered(wrapped: bytes, at: int) -> None:
    """A changed salt, nonce, ciphertext or tag does not open: the header is bound to what it heads."""
    altered = bytearray(wrapped)
    altered[at] ^= 1
    with pytest.raises(KeysError):
        keys.unwrap(bytes(altered), "p")


def test_an_opener_opens_its_file_alone(wrapped: bytes) -> None:
    """A stretched passphrase opens the file that it was made for, and none that was wrapped anew under the same one."""
    held = keys.opener(wrapped, "p")
    assert keys.unwrap_with(wrapped, held).data == RING.data
    assert RING.data not in held
    anew = keys.wrap(RING, "p")
    assert (keys.fits(wrapped, held), keys.fits(anew, held)) == (True, False)
    for wrong in (keys.opener(anew, "p"), held[:16] + bytes(32), held[:16], held[:-1], b""):
        with pytest.raises(KeysError):
            keys.unwrap_with(wrapped, wrong)


@pytest.mark.parametrize("data", [b"", b"hanse-keyring-1\n", b"hanse-keyring-2\n" + bytes(100)])
def test_no_key_file(data: bytes) -> None:
    """A file of another kind or version is refused before a passphrase is tried."""
    with pytest.raises(KeysError, match="no key file"):
        keys.unwrap(data, "p")


def labelled(suite: bytes, salt: bytes, label: bytes, given: bytes) -> bytes:
    """LabeledExtract of RFC 9180, section 4."""
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + given, "sha256")


def expanded(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """LabeledExpand of RFC 9180, section 4, for at most one block of SHA-256."""
    told = length.to_bytes(2) + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, told + b"\x01", "sha256")[:length]


def opened_as_defined(secret: bytes, info: bytes, sealed: bytes) -> bytes:
    """Base mode of RFC 9180 with X25519 (0x0020), HKDF-SHA256 (0x0001) and AES-256-GCM (0x0002)."""
    private = X25519PrivateKey.from_private_bytes(secret)
    sent, public = sealed[:32], private.public_key().public_bytes_raw()
    shared = private.exchange(X25519PublicKey.from_public_bytes(sent))
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"
    agreed = expanded(kem, labelled(kem, b"", b"eae_prk", shared), b"shared_secret", sent + public, 32)
    context = b"\x00" + labelled(suite, b"", b"psk_id_hash", b"") + labelled(suite, b"", b"info_hash", info)
    start = labelled(suite, agreed, b"secret", b"")
    key = expanded(suite, start, b"key", context, 32)
    return AESGCM(key).decrypt(expanded(suite, start, b"base_nonce", context, 12), sealed[32:], b"")


@given(st.binary(max_size=64), st.binary(max_size=200))
def test_sealed_as_specified(info: bytes, text: bytes) -> None:
    """What is sealed opens with its key, also by RFC 9180 written out; it is sealed anew each time."""
    sealed = sealing.hpke_seal(RING.opening.public, info, text)
    assert sealing.hpke_open(RING.opening, info, sealed) == text
    assert opened_as_defined(RING.opening.secret, info, sealed) == text
    assert len(sealed) == 32 + len(text) + 16
    assert sealing.hpke_seal(RING.opening.public, info, text) != sealed


@pytest.mark.parametrize("cut", [0, 10, 32, 47, 48])
def test_sealed_for_something_else(cut: int) -> None:
    """Another key, another purpose, or a missing or altered byte: it does not open, and says so."""
    sealed = sealing.hpke_seal(RING.opening.public, b"purpose", b"text")
    wrong = [
        (OpenKey(bytes(range(32))), b"purpose", sealed),
        (RING.opening, b"other", sealed),
        (RING.opening, b"purpose", sealed[:cut]),
        (RING.opening, b"purpose", sealed[:cut] + bytes([sealed[cut] ^ 1]) + sealed[cut + 1 :]),
    ]
    for key, info, given_bytes in wrong:
        with pytest.raises(SealingError):
            sealing.hpke_open(key, info, given_bytes)


@pytest.mark.parametrize("raw", [bytes(32), b"\x01" + bytes(31)])
def test_key_that_agrees_on_nothing(raw: bytes) -> None:
    """A key of small order, to which everybody can open, is refused in words."""
    with pytest.raises(SealingError):
        sealing.hpke_seal(SealKey(raw), b"purpose", b"text")


@given(st.binary(max_size=64), st.binary(max_size=200))
def test_rest_is_bound_to_its_place(place: bytes, text: bytes) -> None:
    """At rest, a text opens at its own place only, and no byte of it can be another."""
    sealed = sealing.seal_rest(RING, place, text)
    assert sealing.open_rest(RING, place, sealed) == text
    assert sealing.seal_rest(RING, place, text) != sealed
    with pytest.raises(SealingError):
        sealing.open_rest(RING, place + b"x", sealed)
    for at in (4, 15, 16, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(SealingError):
            sealing.open_rest(RING, place, bytes(changed))


@pytest.mark.parametrize("length", range(0, 32, 3))
def test_rest_cut_short(length: int) -> None:
    """A text at rest that was cut off is an error in words, wherever."""
    with pytest.raises((SealingError, KeysError)):
        sealing.open_rest(RING, b"place", sealing.seal_rest(RING, b"place", b"")[:length])


@given(st.text(max_size=30))
def test_blind_index_binds_kind_and_key(value: str) -> None:
    """Equal values of a kind are equal; of another kind or under another key they tell nothing."""
    blinded = sealing.blind(RING.index, "email", value)
    assert len(blinded) == 16
    assert blinded == sealing.blind(RING.index, "email", value)
    assert blinded != sealing.blind(RING.index, "phone", value)
    assert blinded != sealing.blind(replace(RING, index=bytes(32)).index, "email", value)
    assert blinded == hmac.digest(RING.index, b"email\0" + value.encode(), "sha256")[:16]
