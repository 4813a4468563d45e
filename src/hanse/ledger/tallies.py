"""What a checkpoint says to each recipient: how many entries are addressed to it, and a hash chain over them.

The checkpoint commits to one tally per recipient, salted, among random-looking leaves, in an order that follows
from the hashes: a recipient can be shown its own tally and learns nothing of the others, and an entry withheld
from it shows. Pure, so that whoever is shown a tally can check it without a node.
"""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from hanse.kernel import merkle, notes
from hanse.kernel.errors import HanseError

LEAST = 16
"""Leaves at least: one recipient looks like sixteen."""


class TallyError(HanseError):
    """There is no tally of that recipient in the checkpoint."""


class Tally(msgspec.Struct, frozen=True):
    """What is addressed to one recipient up to a checkpoint; the node itself is the recipient of everything.

    Attributes:
        recipient: The authority; empty for all entries of the ledger.
        count: How many entries.
        chain: SHA-256 chain over their leaf hashes in order, hexadecimal.
        salt: 16 random bytes, hexadecimal: without them nobody can try out who the recipients are.
    """

    recipient: str
    count: int
    chain: str
    salt: str

    def leaf(self) -> bytes:
        """The leaf hash that a checkpoint commits to."""
        return merkle.leaf_hash(msgspec.json.encode(self, order="sorted"))


class Opening(msgspec.Struct, frozen=True):
    """A recipient's own tally, and its way up to the line in the checkpoint.

    Attributes:
        tally: What is said to the recipient.
        index: Its place among the leaves.
        width: How many leaves there are, with the padding.
        path: Audit path (RFC 9162, section 2.1.3).
    """

    tally: Tally
    index: int
    width: int
    path: tuple[bytes, ...]


def line(tallies: Sequence[Tally]) -> str:
    """The extension line of a checkpoint that commits to tallies."""
    return _line(merkle.root(_leaves(tallies)))


def opening(tallies: Sequence[Tally], recipient: str) -> Opening:
    """What one recipient is shown.

    Raises:
        TallyError: Nothing was addressed to it yet.
    """
    for tally in tallies:
        if tally.recipient == recipient:
            leaves = _leaves(tallies)
            index = leaves.index(tally.leaf())
            path = merkle.inclusion_proof(index, len(leaves), merkle.reader_of(leaves))
            return Opening(tally, index, len(leaves), tuple(path))
    raise TallyError(f"Nothing is addressed to {recipient} up to this checkpoint.")


def holds(shown: Opening, checkpoint: notes.Checkpoint) -> bool:
    """Whether a checkpoint commits to the tally that is shown; the checkpoint's signature is checked elsewhere."""
    root = merkle.root_of_path(shown.index, shown.width, shown.tally.leaf(), shown.path)
    return root is not None and _line(root) in checkpoint.extensions


def next_chain(chain: bytes, leaf: bytes) -> bytes:
    """A hash chain, one leaf hash further."""
    return sha256(chain + leaf).digest()


def _leaves(tallies: Sequence[Tally]) -> list[bytes]:
    """Leaf hashes, padded to a power of two and sorted; the padding follows from the salts, which are secret."""
    leaves = [tally.leaf() for tally in tallies]
    wanted = max(LEAST, 1 << (len(leaves) - 1).bit_length())
    secret = b"".join(bytes.fromhex(tally.salt) for tally in tallies)
    padding = (
        sha256(b"hanse/padding/1" + secret + at.to_bytes(4)).digest() for at in range(len(leaves), wanted)
    )
    return sorted([*leaves, *padding])


def _line(root: bytes) -> str:
    return f"recipients {b64encode(root).decode()}"
