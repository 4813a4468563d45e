"""RFC 3161 time stamps over checkpoints: a time that does not rest on this node's clock."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from cryptography import x509
from rfc3161_client import (
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from hanse.kernel.errors import HanseError


class TimestampError(HanseError):
    """A time stamp is not over this checkpoint, or its authority is not trusted."""


def request(checkpoint: str) -> bytes:
    """The request to post to a time-stamping authority (``application/timestamp-query``)."""
    made: bytes = (
        TimestampRequestBuilder().data(checkpoint.encode()).cert_request(cert_request=True).build().as_bytes()
    )
    return made


def stamped_us(response: bytes, checkpoint: str, roots: bytes) -> int:
    """When the checkpoint existed at the latest, microseconds UTC: the stamp's time and by how much it may be wrong.

    Args:
        response: The authority's response (DER).
        checkpoint: The signed note that was stamped.
        roots: PEM certificates of the time-stamping authorities that are trusted.

    Raises:
        TimestampError: The stamp does not hold under these roots.
    """
    try:
        builder = VerifierBuilder()
        for root in x509.load_pem_x509_certificates(roots):
            builder = builder.add_root_certificate(root)
        stamp = decode_timestamp_response(_in_order(response))
        builder.build().verify_message(stamp, checkpoint.encode())
    except (VerificationError, ValueError, x509.InvalidVersion, x509.DuplicateExtension) as error:
        raise TimestampError(f"The time stamp does not hold: {error}.") from None
    return int(stamp.tst_info.gen_time.timestamp() * 1_000_000) + _accuracy_us(stamp)


def _accuracy_us(stamp: TimeStampResponse) -> int:
    """By how much the stamp's time may be wrong, microseconds; a second where it does not say, as many name no less."""
    told = stamp.tst_info.accuracy
    if told is None:
        return 1_000_000
    return (told.seconds or 0) * 1_000_000 + (told.millis or 0) * 1_000 + (told.micros or 0)


def read(response: bytes) -> TimeStampResponse:
    """An authority's response, unverified: a stamp, or a refusal with its status.

    Raises:
        ValueError: It is none.
    """
    try:
        ordered = _in_order(response)
    except ValueError:
        ordered = response  # a refusal has no token; of anything else the parser says what is wrong
    return decode_timestamp_response(ordered)


class _Element(NamedTuple):
    """One DER element: its tag, and where its content starts and ends."""

    tag: int
    start: int
    end: int


def _in_order(response: bytes) -> bytes:
    """The response with its certificates in DER's order of sets.

    RFC 5652 (section 5.1) does not ask for that order, and authorities that run OpenSSL send the signer's
    certificate first; the parser takes DER alone. No signature covers the order.

    Raises:
        ValueError: It is no DER of the shape of a time stamp.
    """
    whole = _element(response, 0)
    content = _child(response, whole, 1, 0x30)  # status, then the token: ContentInfo
    signed = _child(response, _child(response, content, 1, 0xA0), 0, 0x30)  # its type, then SignedData
    for part in _children(response, signed):
        if part.tag == 0xA0:
            one = [start for start, _ in _spans(response, part)] + [part.end]
            certificates = sorted(response[a:b] for a, b in pairwise(one))
            return response[: part.start] + b"".join(certificates) + response[part.end :]
    return response


def _child(data: bytes, parent: _Element, place: int, tag: int) -> _Element:
    children = list(_children(data, parent))
    if len(children) <= place or children[place].tag != tag:
        raise ValueError("it is no time stamp with a token")
    return children[place]


def _children(data: bytes, parent: _Element) -> Iterator[_Element]:
    return (element for _, element in _spans(data, parent))


def _spans(data: bytes, parent: _Element) -> Iterator[tuple[int, _Element]]:
    """Where each element within another begins, header and all, and the element."""
    at = parent.start
    while at < parent.end:
        found = _element(data, at)
        if found.end > parent.end:
            raise ValueError("it is cut short")
        yield at, found
        at = found.end


def _element(data: bytes, at: int) -> _Element:
    """The element at a place; tags of several bytes and indefinite lengths do not occur in DER time stamps."""
    if at + 2 > len(data):
        raise ValueError("it is cut short")
    length, start = data[at + 1], at + 2
    if length >= 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4:
            raise ValueError("it is no DER")
        start += size
        length = int.from_bytes(data[at + 2 : start])
    if start + length > len(data):
        raise ValueError("it is cut short")
    return _Element(data[at], start, start + length)
