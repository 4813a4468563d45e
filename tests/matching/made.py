"""Two sides that match, without a node."""

from hashlib import sha256

from hypothesis import strategies as st

from hanse.intel.values import Value
from hanse.matching import commitment, psi
from hanse.matching.commitment import Commitment
from hanse.matching.normaliser import fingerprint
from hanse.matching.secret import RunSecret

EPOCH = "2026-48"
VALUES = st.builds(
    Value, st.sampled_from(("phone", "iban", "account")), st.text("ab1\u00e4\u0000", max_size=3)
)


class Side:
    """One authority in a run of private set intersection, step by step."""

    def __init__(self, name, values, protocol="psi", secret=None):
        self.name, self.protocol = name, protocol
        self.secret = secret or RunSecret.fresh()
        self.values = psi.prepare(values)
        self.commitment = Commitment(
            authority=name, session="6f1f8e52-6d0b-4c39-9d3c-6ac1d6d4e6a4", protocol=protocol, epoch=EPOCH,
            kinds=("account", "iban", "phone"), size=len(self.values), root=commitment.root(self.values, self.secret),
            legal_basis="Directive (EU) 2023/977", case_class="fraud", normaliser=fingerprint(),
        )  # fmt: skip
        self.points = masked(self.values, self.secret, protocol)

    def answer(self, other, session):
        """Steps 3 and 4: the tokens, and the digest that goes before them."""
        chunks = [other.points[at : at + 1024 * 32] for at in range(0, len(other.points), 1024 * 32)]
        self.received = other.points
        self.made = b"".join(psi.doubled(chunks, other.commitment.size, self.secret))
        self.tokens = psi.unordered(self.made) if self.protocol == "cardinality" else self.made
        self.digest = psi.digest(self.tokens, self.name, session)

    def learn(self, other, session):
        """Step 5: the hits, or their number."""
        returned = psi.check_tokens(other.tokens, len(self.values), other.digest, other.name, session)
        if self.protocol == "cardinality":
            return psi.overlap(returned, self.made)
        return list(psi.hits(self.values, self.secret, returned, self.made))


def masked(values, secret, protocol="psi", epoch=EPOCH):
    """What a side sends of its values."""
    return b"".join(psi.masked(b"".join(psi.points_of(values, protocol, epoch)), secret))


def run(one, other):
    """What both learn."""
    session = commitment.session_hash(one.commitment, other.commitment)
    one.answer(other, session)
    other.answer(one, session)
    return one.learn(other, session), other.learn(one, session)


def messages(*sides):
    """The hashes of what went over the wire."""
    return {
        (side.name, step): sha256(data).digest()
        for side in sides
        for step, data in (("points", side.points), ("digest", side.digest), ("tokens", side.tokens))
    }


def phones(first, number):
    """So many telephone numbers."""
    return [Value("phone", f"+3725{at:07}") for at in range(first, first + number)]
