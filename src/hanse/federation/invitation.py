"""Invitations: what one authority hands another so that both become partners, and the fingerprint that they compare.

An invitation is signed by the key that it brings, which proves that who made it holds the key; that the key is the
authority's is what two people find out by telephone, comparing one fingerprint that both nodes show.
"""

from base64 import b32encode
from hashlib import sha256
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import msgspec
import segno

from hanse.kernel import strict_json
from hanse.kernel.actors import is_authority_id
from hanse.kernel.countries import STATES
from hanse.kernel.errors import UsageError
from hanse.kernel.keys import KeysError, SealKey, SigningKey, VerifyKey
from hanse.kernel.markings import TIERS

LIMIT_BYTES: Final = 8_192
"""An invitation has some 600 bytes."""
_PREFIX: Final = b"hanse/invitation/1\n"
_GROUPS, _GROUP = 4, 5


class InvitationError(UsageError):
    """The file is no invitation, or cannot be one of a partner."""


class Invitation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who invites.

    Attributes:
        authority: The authority's id, such as ``ee-cert``.
        country: ISO 3166 alpha-2; empty for an organisation of several states.
        endpoint: Where its node is reached by other nodes, such as ``https://hanse.example/league/``.
        name: The authority's name.
        seal: Raw X25519 public key, hexadecimal.
        tier: One of `kernel.markings.TIERS`.
        verify: Raw Ed25519 public key, hexadecimal.
    """

    authority: str
    country: str
    endpoint: str
    name: str
    seal: str
    tier: str
    verify: str


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file: the invitation, and its signature in hexadecimal."""

    hanse_invitation: Invitation
    signature: str


def write(invitation: Invitation, key: SigningKey) -> bytes:
    """The invitation as a file."""
    signature = key.sign(_PREFIX + strict_json.canonical(invitation)).hex()
    return msgspec.json.format(
        strict_json.canonical(_File(hanse_invitation=invitation, signature=signature)), indent=1
    )


def compact(data: bytes) -> bytes:
    """A file that `write` made, in its shortest form."""
    return strict_json.canonical(msgspec.json.decode(data))


def picture(data: bytes) -> str:
    """A file that `write` made as a QR code (ISO/IEC 18004): an SVG element, black on white, with its quiet zone."""
    code = segno.make(compact(data), error="l", mode="byte", micro=False)
    svg: str = code.svg_inline(scale=3, dark="#000", light="#fff")
    return svg


def read(data: bytes) -> Invitation:
    """The invitation in a file, its parts checked and its signature verified.

    Raises:
        InvitationError: It is none; says what is wrong.
    """
    try:
        told: _File = strict_json.decode(data, _File, limit_bytes=LIMIT_BYTES, depth=4)
        invitation = told.hanse_invitation
        key = VerifyKey(bytes.fromhex(invitation.verify))
        SealKey(bytes.fromhex(invitation.seal))
        key.verify(bytes.fromhex(told.signature), _PREFIX + strict_json.canonical(invitation))
    except (strict_json.StrictJsonError, KeysError, ValueError) as error:
        raise InvitationError(f"This is no invitation: {error} Ask for the file again.") from None
    _check(invitation)
    return invitation


def _check(one: Invitation) -> None:
    """Refuse what cannot be a partner's."""
    if not is_authority_id(one.authority):
        raise InvitationError(f"{one.authority[:80]!r} is no id of an authority.")
    if not 0 < len(one.name.strip()) <= 200 or not one.name.isprintable():
        raise InvitationError("The invitation names nobody, or with signs that cannot be shown.")
    if one.tier not in TIERS:
        raise InvitationError(f"{one.tier[:40]!r} is no tier; the tiers are {', '.join(TIERS)}.")
    if one.country not in STATES and (one.country or one.tier != "organisation"):
        raise InvitationError(f"{one.country[:10]!r} is no country that this node knows.")
    check_endpoint(one.endpoint)


def check_endpoint(url: str) -> None:
    """Refuse an address that no node is reached at: not https, unless it is this very machine.

    Raises:
        InvitationError: It is so.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if len(url) > 500 or not host or parts.query or parts.fragment or parts.username or not url.endswith("/"):
        raise InvitationError(
            f"{url[:100]!r} is no address of a node. It is like https://hanse.example/league/."
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise InvitationError(f"{url[:100]!r} is not https. Only a node on this machine may do without.")


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine: names under localhost are (RFC 6761, section 6.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def fingerprint(one: Invitation, other: Invitation) -> str:
    """What both compare by telephone, the same whoever asks: 100 bits over both invitations, as four groups of five.

    Over both at once: who stands between the two and shows each a key of their own would have to find two keys with
    one fingerprint, some 2**50 tries for each invitation that they want to replace within the minutes of a call.
    """
    digests = sorted(sha256(_PREFIX + strict_json.canonical(each)).digest() for each in (one, other))
    text = b32encode(sha256(b"hanse/fingerprint/1\n" + b"".join(digests)).digest()).decode()
    return "-".join(text[at : at + _GROUP] for at in range(0, _GROUPS * _GROUP, _GROUP))
