"""Whose time stamps are believed: RFC 3161, section 2.3, and RFC 5280."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hanse.ledger import timestamp
from tests.ledger.test_proof import _openssl, _stamped, authority

__all__ = ["authority"]

NOTE = "hanse/ee-cert\n16\nAAAA\n"
USAGE = ExtendedKeyUsageOID
ROOT, INNER, SIGNER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
TIME_STAMP = "1.2.840.113549.1.9.16.1.4"
"""The type of what a stamp signs."""


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey, *,
    usages: tuple[x509.ObjectIdentifier, ...] = (), critical: bool = True, is_authority: bool = False,
    days: int = 9, serial: int = 0,
) -> x509.Certificate:  # fmt: skip
    """A certificate that ends after some days."""
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer)]
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        names[1], names[0], key.public_key(), serial or x509.random_serial_number(), now - timedelta(days=20),
        now + timedelta(days=days),
    )  # fmt: skip
    made = made.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    if usages:
        made = made.add_extension(x509.ExtendedKeyUsage(usages), critical=critical)
    return made.sign(signer, hashes.SHA256())


def _pem(*chain: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in chain)


TRUSTED = _certificate("root", ROOT, "root", ROOT, is_authority=True)
GOOD = _certificate("signer", SIGNER, "root", ROOT, usages=(USAGE.TIME_STAMPING,))


@pytest.fixture(scope="module")
def stamped(authority: Path) -> bytes:
    """What a stamp over the note signs, made by openssl a moment ago."""
    _stamped(authority, NOTE)
    _openssl(authority, "ts", "-reply", "-in", "answer", "-token_out", "-out", "token")
    _openssl(authority, "cms", "-verify", "-noverify", "-inform", "DER", "-in", "token", "-out", "info")
    return (authority / "info").read_bytes()


def _signed(info: bytes, folder: Path, *chain: x509.Certificate) -> bytes:
    """The answer of a time-stamping authority whose certificate is the first of these, the others with it."""
    (folder / "info").write_bytes(info)
    (folder / "signer.pem").write_bytes(_pem(chain[0]))
    (folder / "signer.key").write_bytes(
        SIGNER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    words = [
        "cms",
        "-sign",
        "-binary",
        "-nodetach",
        "-econtent_type",
        TIME_STAMP,
        "-in",
        "info",
        "-outform",
        "DER",
    ]
    words += ["-signer", "signer.pem", "-inkey", "signer.key", "-md", "sha256", "-out", "token"]
    if chain[1:]:
        (folder / "others.pem").write_bytes(_pem(*chain[1:]))
        words += ["-certfile", "others.pem"]
    _openssl(folder, *words)
    content = bytes.fromhex("3003020100") + (folder / "token").read_bytes()
    return b"\x30\x82" + len(content).to_bytes(2) + content


def _inner(**told: object) -> tuple[x509.Certificate, x509.Certificate]:
    """A signer for time stamps under another certificate, and that one, under the root."""
    below = _certificate("signer", SIGNER, "inner", INNER, usages=(USAGE.TIME_STAMPING,))
    return below, _certificate("inner", INNER, "root", ROOT, **told)  # type: ignore[arg-type]  # as they are named


@pytest.mark.parametrize("chain", [(GOOD,), _inner(is_authority=True)], ids=["root", "between"])
def test_a_stamp_by_a_certificate_for_stamps_is_believed(
    chain: tuple[x509.Certificate, ...], stamped: bytes, tmp_path: Path
) -> None:
    """Directly under the trusted root, or under an authority between."""
    assert timestamp.stamped_us(_signed(stamped, tmp_path, *chain), NOTE, _pem(TRUSTED)) > 0


def _other(*usages: x509.ObjectIdentifier, critical: bool = True) -> x509.Certificate:
    return _certificate("signer", SIGNER, "root", ROOT, usages=usages, critical=critical)


WEB = _other(USAGE.SERVER_AUTH)
UNFIT = {
    "for_web_servers": (WEB,),
    "for_mail": (_other(USAGE.EMAIL_PROTECTION, critical=False),),
    "for_anything": (_other(USAGE.ANY_EXTENDED_KEY_USAGE),),
    "for_nothing_said": (_other(),),
    "not_critical": (_other(USAGE.TIME_STAMPING, critical=False),),
    "for_more_than_stamps": (_other(USAGE.TIME_STAMPING, USAGE.SERVER_AUTH),),
    "with_a_twin_for_stamps": (
        WEB,
        _certificate(
            "signer", SIGNER, "root", SIGNER, usages=(USAGE.TIME_STAMPING,), serial=WEB.serial_number
        ),
    ),
    "expired": (_certificate("signer", SIGNER, "root", ROOT, usages=(USAGE.TIME_STAMPING,), days=-3),),
    "by_itself": (_certificate("signer", SIGNER, "signer", SIGNER, usages=(USAGE.TIME_STAMPING,)),),
    "under_a_root_of_the_same_name": (
        _certificate("signer", SIGNER, "root", INNER, usages=(USAGE.TIME_STAMPING,)),
        _certificate("root", INNER, "root", INNER, is_authority=True),
    ),
    "under_what_is_no_authority": _inner(is_authority=False),
    "under_an_expired_authority": _inner(is_authority=True, days=-3),
}


@pytest.mark.parametrize("chain", UNFIT.values(), ids=UNFIT)
def test_a_stamp_by_any_other_certificate_is_not(
    chain: tuple[x509.Certificate, ...], stamped: bytes, tmp_path: Path
) -> None:
    """Whoever has any other certificate under a trusted root, or one of its own making, dates nothing back with it."""
    with pytest.raises(timestamp.TimestampError, match="does not hold"):
        timestamp.stamped_us(_signed(stamped, tmp_path, *chain), NOTE, _pem(TRUSTED))


def test_a_stamp_is_as_late_as_it_may_be(stamped: bytes, tmp_path: Path) -> None:
    """By when the checkpoint existed is the stamp's time and by how much that may be wrong; here a second."""
    answer = _signed(stamped, tmp_path, GOOD)
    said = timestamp.read(answer).tst_info.gen_time
    assert timestamp.stamped_us(answer, NOTE, _pem(TRUSTED)) == int(said.timestamp() + 1) * 1_000_000


def test_damaged_certificates_fail_in_words(stamped: bytes, tmp_path: Path) -> None:
    """A certificate of a version that there is not is an error of the stamp, not of the program."""
    answer = _signed(stamped, tmp_path, GOOD)
    version = bytes.fromhex("a003020102")
    assert version in answer
    with pytest.raises(timestamp.TimestampError):
        timestamp.stamped_us(answer.replace(version, version[:-1] + b"\x30"), NOTE, _pem(TRUSTED))
