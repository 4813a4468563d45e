"""Comparing whole sets, from both commitments to the hits: each side fetches the other's pieces and goes on from what it has.

Nothing is pushed: a side that was away goes on where it was, from what is in its tables, and the other need not know.
What each gives depends on what it got: its tokens only once it holds the digest of the other's (`psi`, step 4).
"""

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec

from hanse.egress.client import Client
from hanse.federation import exchange
from hanse.federation.models import Partner
from hanse.federation.wire import Asked
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.identity import authority
from hanse.ledger.writing import writing
from hanse.matching import commitment, hits, parts, psi
from hanse.matching.agreeing import NoAgreementError, agreement_with
from hanse.matching.contents import RunEnded
from hanse.matching.epochs import KEPT_US
from hanse.matching.group import POINT, ProtocolError, chunks_of
from hanse.matching.models import Run, RunPart, SourceCount
from hanse.matching.offering import offered
from hanse.matching.parts import DIGEST, POINTS, TOKENS, theirs
from hanse.matching.points import OWN
from hanse.matching.quota import BlanketError
from hanse.matching.run_projecting import COMPARING, ended_there
from hanse.matching.running import PROTOCOL, check_other, finish
from hanse.matching.secret import RunSecret
from hanse.matching.withdrawing import may_tell

if TYPE_CHECKING:
    from hanse.matching.commitment import Commitment

PART: Final = "match-part"
PIECE: Final = "match-piece"


class Wanted(msgspec.Struct, frozen=True, array_like=True):
    """A piece that is asked for.

    Attributes:
        run: The run, as who opened it names it, hexadecimal.
        name: One of `parts.GIVEN`.
        place: Which.
    """

    run: str
    name: str
    place: int


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """The answer.

    Attributes:
        data: Its bytes; None where it is not ready yet: ask again.
    """

    data: bytes | None = None


def piece(asked: Asked) -> Piece:
    """What a partner that asks for a piece of a run is given.

    Raises:
        UsageError: There is no such run with it, or no such piece.
    """
    wanted = msgspec.msgpack.decode(asked.body, type=Wanted)
    try:
        row = Run.objects.filter(there=UUID(wanted.run), partner=asked.partner.authority).first()
    except ValueError:
        row = None
    if row is None or wanted.name not in parts.GIVEN or wanted.place < 0:
        raise UsageError("There is no such comparison, or no such piece of one.")
    if row.state not in {COMPARING, "finished"} or not row.other or ended_there(row):
        return Piece()
    if wanted.name == TOKENS and parts.get(row.pk, theirs(DIGEST), 0) is None:
        return Piece()
    data = parts.get(row.pk, wanted.name, wanted.place)
    if data is None and parts.count(row.pk, wanted.name) == 0 and row.state == "finished":
        raise UsageError("That comparison is over, and its pieces are gone.")
    if data is not None and wanted.name == TOKENS:
        if not may_tell(row):
            return Piece()
        parts.put(row.pk, parts.FETCHED, 0, b"")
    return Piece(data)


def step(row: Run, partner: Partner, client: Client) -> bool:
    """Take a run as far as it goes now; whether it ended.

    Raises:
        LinkError: The partner did not answer as it should; it is tried again.
    """
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="matching") as pool:
        side = _Side(row, partner, client, pool)
        try:
            check_other(row, side.own, side.other)
            return side.go_on()
        except BlanketError as error:
            finish(row, RunEnded(state="declined", why=str(error), blanket=True))
        except (NoAgreementError, ProtocolError) as error:
            finish(row, RunEnded(state="failed", why=str(error)))
        return True


class _Side:
    """This side of a run, as far as it is."""

    def __init__(self, row: Run, partner: Partner, client: Client, pool: Executor) -> None:
        self.row, self.partner, self.client, self.pool = row, partner, client, pool
        self.own: Commitment = commitment.read(row.own.encode())
        self.other: Commitment = commitment.read(row.other.encode())
        self.session = commitment.session_hash(self.own, self.other)
        self.secret = RunSecret(bytes.fromhex(row.secret))

    def go_on(self) -> bool:
        """Each step begins where the one before left off, also in another process."""
        self._make_points()
        if not self._fetch(POINTS, self.other.size * POINT):
            return False
        self._make_tokens()
        if not self._fetch(DIGEST, sha256().digest_size):
            return False
        if not may_tell(self.row):
            return not Run.objects.filter(pk=self.row.pk, state=COMPARING).exists()
        if not self._fetch(TOKENS, self.own.size * psi.TOKEN):
            return False
        self._learn()
        return True

    def _make_points(self) -> None:
        if parts.count(self.row.pk, POINTS) == parts.needed(self.own.size * POINT):
            return
        values = parts.values(self.row.pk)
        points = OWN.of(values, PROTOCOL, self.own.epoch, self.pool)
        parts.put_all(self.row.pk, POINTS, psi.masked(points, self.secret, self.pool))

    def _make_tokens(self) -> None:
        """Tokens of the other's points, piece by piece; their digest last, by which the other may fetch them."""
        if parts.get(self.row.pk, DIGEST, 0) is not None:
            return
        received = psi.check_distinct(parts.whole(self.row.pk, theirs(POINTS)))
        doubled = psi.doubled(chunks_of(received), self.other.size, self.secret, self.pool)
        parts.put_all(self.row.pk, TOKENS, doubled)
        digest = psi.digest(parts.whole(self.row.pk, TOKENS), authority(), self.session)
        parts.put(self.row.pk, DIGEST, 0, digest)

    def _fetch(self, name: str, size_bytes: int) -> bool:
        """Fetch what is missing of a sort; whether all of it is there."""
        number = parts.needed(size_bytes)
        for place in range(parts.count(self.row.pk, theirs(name)), number):
            wanted = Wanted(self.row.there.hex, name, place)
            data = exchange.ask(self.partner, PART, wanted, Piece, self.client).data
            if data is None:
                return False
            due = min(parts.PART_BYTES, size_bytes - place * parts.PART_BYTES)
            if len(data) != due:
                # Of tokens as many are due as this side put in, which is not for everybody who reads why a run ended.
                raise ProtocolError(
                    f"{self.partner.authority} sent {len(data):,} bytes of {name}, another number than was due: it does not "
                    "have as many selectors as it committed to, or says another number than it sends."
                )
            parts.put(self.row.pk, theirs(name), place, data)
        return True

    def _learn(self) -> None:
        """The hits, on record in the transaction that ends the run."""
        run, values = self.row.pk, parts.values(self.row.pk)
        made = parts.whole(run, TOKENS)
        said = parts.whole(run, theirs(DIGEST))
        returned = parts.whole(run, theirs(TOKENS))
        tokens = psi.check_tokens(returned, self.own.size, said, self.partner.authority, self.session)
        found = psi.hits(values, self.secret, tokens, made)
        references = {value: hits.reference(self.session, token) for value, token in found.items()}
        agreement = agreement_with(self.partner.authority)
        met = {one.selector for one in offered(agreement) if hits.common(one, references)}
        with writing():
            if Run.objects.get(pk=run).state != COMPARING:
                return
            own = offered(agreement_with(self.partner.authority), selectors=met)
            own = [one for one in own if one.value.kind in self.own.kinds]
            same = hits.record(self.partner.authority, "sets", run, own, references)
            sent = transcript_of(run, self.partner.authority, self.session)
            finish(self.row, RunEnded(state="finished", transcript=sent, hits=same))


def transcript_of(run: UUID, partner: str, session: bytes) -> str:
    """Hash of what both sent, as it is kept; the same on both sides unless one lies, or somebody between altered something."""
    told = {}
    for name in parts.GIVEN:
        told[authority(), name] = sha256(parts.whole(run, name)).digest()
        told[partner, name] = sha256(parts.whole(run, theirs(name))).digest()
    return commitment.transcript_hash(session, told).hex()


def tidy() -> int:
    """Keep nothing of runs whose pieces nobody can need any more; how many.

    What was sent stays for thirty days, for the auditor who does the run again.
    """
    over = Run.objects.filter(ended_us__lt=now_us() - KEPT_US, pk__in=RunPart.objects.values("run"))
    counted = SourceCount.projected.filter(
        told_us__lt=now_us() - KEPT_US, pk__in=RunPart.objects.values("run")
    )
    known = Run.objects.values("pk").union(SourceCount.projected.values("pk"))
    lost = RunPart.objects.exclude(run__in=known).values_list("run", flat=True).distinct()
    rows = [*over.values_list("pk", flat=True), *counted.values_list("pk", flat=True), *lost]
    for run in rows:
        parts.drop(run)
    return len(rows)
