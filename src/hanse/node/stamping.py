"""Fetching an RFC 3161 time stamp over a checkpoint, through the one way out of a node."""

from collections.abc import Iterable
from hashlib import new as new_hash

from rfc3161_client import PKIStatus

from hanse.egress.client import Client
from hanse.egress.rules import AllowedEndpoint
from hanse.kernel.errors import HanseError
from hanse.ledger.timestamp import read, request

LIMIT_BYTES = 100_000
"""A stamp with its chain of certificates has some 6,000 bytes."""
OK = 200


class StampError(HanseError):
    """The time-stamping authority gave no stamp over this checkpoint."""


def fetch(checkpoint: str, url: str, client: Client, allow: Iterable[AllowedEndpoint] = ()) -> bytes:
    """The response of a time-stamping authority over a checkpoint (DER), of the right text and granted.

    Many authorities are reached over http; that is allowed, because the stamp is signed. Whether its signer is to
    be trusted is for whoever verifies the proof, with roots of their own.

    Args:
        checkpoint: The signed note.
        url: The authority's address.
        client: The way out.
        allow: Non-public addresses that two people allowed.

    Raises:
        StampError: It refused, or the answer is no stamp over this text.
        EgressError: It may not be reached, or did not answer.
    """
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    answer = client.post(
        url, body=request(checkpoint), headers=headers, limit_bytes=LIMIT_BYTES, allow=allow, http=True
    )
    if answer.status != OK:
        raise StampError(f"{url}: HTTP status {answer.status}. Check the address with its operator.")
    try:
        stamp = read(answer.body)
        granted = (
            stamp.status == PKIStatus.GRANTED
        )  # with changes, it is not what was asked for: no proof takes it
        imprint = stamp.tst_info.message_imprint if granted else None
    except ValueError as error:
        raise StampError(f"{url}: the answer is no time stamp ({error}). Check the address.") from None
    if imprint is None:
        raise StampError(f"{url}: no stamp was granted ({', '.join(stamp.status_string)}).")
    if imprint.message != new_hash("sha512", checkpoint.encode()).digest():
        raise StampError(f"{url}: the stamp is over another text. Try again, or use another authority.")
    return answer.body
