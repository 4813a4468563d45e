"""RFC 3161 time stamps over checkpoints: a time that does not rest on this node's clock."""

from cryptography import x509
from rfc3161_client import (
    TimestampRequestBuilder,
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
    """When the checkpoint existed at the latest, microseconds UTC.

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
        stamp = decode_timestamp_response(response)
        builder.build().verify_message(stamp, checkpoint.encode())
    except (VerificationError, ValueError) as error:
        raise TimestampError(f"The time stamp does not hold: {error}.") from None
    return int(stamp.tst_info.gen_time.timestamp() * 1_000_000)
