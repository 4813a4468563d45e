"""After a backup was restored: asking partners for what they kept of this ledger, before anything is served."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import msgspec

from hanse.egress.client import Client
from hanse.federation import exchange, remembering, witnessing
from hanse.federation.exchange import LinkError, RecoversError
from hanse.federation.keeping import GiveBack, GivenBack, Kept, Recover
from hanse.federation.models import Partner
from hanse.federation.partners import active
from hanse.federation.witnesses import watched
from hanse.federation.witnessing import Offer, Regain
from hanse.ledger import recovering
from hanse.ledger.recovering import Given, Recovered, RecoveryError, UnprovenError
from hanse.ledger.replay import rebuild
from hanse.ledger.witness import WitnessError

T = TypeVar("T")

Say = Callable[[str], None]
"""Is told each step, a sentence."""

KEPT_OF_OTHERS: Final = frozenset({"recover", "give-back"})
"""What a node may be asked from the first moment of its recovery: what it kept of the asker's own ledger.

The answer is what the asker signed, and has nothing of this node's ledger in it. It does not grow while both recover:
what a node keeps of another comes from that one alone, which gives nothing before it was answered. So whoever asks
has the whole answer, and need not ask again.
"""
OWN: Final = frozenset({"pull", "regain"})
"""What it may be asked once its ledger is whole again: that ledger, as it is. Neither signs or appends anything.

All else waits until it serves: to cosign or to compare, what it had seen as a witness must be there again; and what
other rooms answer is written into the ledger.
"""
FORGOT: Final = "recovers as well: it gives what its own backup held. What it alone had kept since is lost with its database."


class PartnersRecoverError(LinkError):
    """Some partners could not be asked yet, all of them because they recover as well."""


class Recovery:
    """The way back of one node, which goes on where it stopped until every partner was asked.

    First it has its own ledger whole again, by what partners kept of it; then it reads what they have sent since. A
    partner that recovers as well cannot say what it sent before its own ledger is whole, and what it kept does not
    wait for that. So two that recover at once answer each other's first questions at once, and the later ones once
    each has asked the first: nobody waits for somebody who waits for him.
    """

    def __init__(self, client: Client, say: Say, without: frozenset[str] = frozenset()) -> None:
        """Begin.

        Args:
            client: The one way out.
            say: Is told each step.
            without: Ids of partners to go on without: with these the exchange cannot go on as before.
        """
        self.answers = KEPT_OF_OTHERS
        """What other nodes may ask of this one meanwhile."""
        self._client, self._say, self._without = client, say, without
        self._had: dict[str, int] | None = None
        self._checkpoints, self._entries = 0, 0
        self._whole = False

    def attempt(self) -> Recovered:
        """Ask all partners; what came back.

        Raises:
            RecoveryError: What a partner kept does not join the backup.
            LinkError: Some could not be asked, and are to be asked again; it names all of them.
        """
        if not self._whole:
            self._have_own_again()
            self._whole = True
        self._read_others()
        return Recovered(self._checkpoints, self._entries, sum(recovering.lost().values()))

    def _have_own_again(self) -> None:
        """Put back what partners kept of this ledger: all checkpoints before any entry, which have their places there."""
        partners = _asked(self._without)
        if self._had is None:
            self._had = {one.authority: recovering.place_of_next(one.authority) for one in active()}
        told = _of_each(partners, self._checkpoints_of)
        _can_go_on(told)
        if self._checkpoints:
            recovering.mend_head()
            rebuild()
        _of_each(partners, self._entries_of)
        recovering.mend_head()
        rebuild()
        if known := remembering.remember():
            self._say(
                f"{known:,} copies that partners have are on record again: what is marked anew or recalled reaches them."
            )

    def _read_others(self) -> None:
        """Read what partners have sent since, recalls among it; and be their witness again.

        Partners that recover are given this ledger once all others were read: what those have recalled is given to
        nobody any more.
        """
        try:
            _of_each(_asked(self._without), self._read)
        except PartnersRecoverError:
            self.answers = KEPT_OF_OTHERS | OWN
            raise

    def _checkpoints_of(self, partner: Partner) -> Kept:
        """What it kept as a witness; the answer that had the last of it."""
        taken = 0
        while True:
            told = exchange.ask(partner, "recover", Recover(recovering.reached()), Kept, self._client)
            came = recovering.take_checkpoints(told.records, partner.name)
            taken += came
            self._checkpoints += came  # at once: they are here, also if the line breaks before the next
            if not told.more or not told.records:
                break
        self._say(f"{partner.name}: {taken:,} checkpoints that are not in the backup.")
        if told.recovers:
            self._say(f"{partner.name} {FORGOT}")
        return told

    def _entries_of(self, partner: Partner) -> None:
        """What was addressed to it. One that makes things up is asked no more; it goes on with the others."""
        try:
            self._given_back(partner)
        except UnprovenError as error:
            self._without |= {partner.authority}
            self._say(
                f"{error} This goes on without what else {partner.name} keeps, which has to be expelled and made a "
                "partner anew."
            )

    def _given_back(self, partner: Partner) -> None:
        """What it keeps, page after page. That ends: each place is of an entry that is here, proves itself, or counts."""
        first, whole = (self._had or {}).get(partner.authority, 0), 0
        while True:
            told = exchange.ask(partner, "give-back", GiveBack(first), GivenBack, self._client)
            given = [Given(*msgspec.structs.astuple(one)) for one in told.entries]
            whole += recovering.take_given_back(partner.authority, first, given)
            first += len(given)
            if not given or first >= told.total:
                break
        self._entries += whole
        self._say(f"{partner.name}: {whole:,} entries that it was sent come back whole.")

    def _read(self, partner: Partner) -> None:
        new = exchange.pull_all(partner, self._client)
        self._say(f"{partner.name}: {new:,} entries that it has sent since the backup are here.")
        _witness_again(partner, self._client, self._say)


def _of_each(partners: Iterable[Partner], ask: Callable[[Partner], T]) -> dict[str, T]:
    """Ask each, also where another could not be asked; what each said, by name.

    Raises:
        PartnersRecoverError: Some could not be asked, all of them because they recover as well.
        LinkError: Some could not be asked.
    """
    told: dict[str, T] = {}
    failed: dict[str, LinkError] = {}
    for partner in partners:
        try:
            told[partner.name] = ask(partner)
        except LinkError as error:
            failed[partner.name] = error
    if failed:
        words = " ".join(
            str(error) if name in str(error) else f"{name}: {error}" for name, error in failed.items()
        )
        only = all(isinstance(error, RecoversError) for error in failed.values())
        raise PartnersRecoverError(words) if only else LinkError(words)
    return told


def _witness_again(partner: Partner, client: Client, say: Say) -> None:
    """Have again what this node had as a witness of a partner's ledger, which is in no backup.

    Until then the partner takes for kept what nobody keeps: were it to lose its database too, it could not go on. One that
    signs ever new checkpoints keeps no node from serving: what is left is witnessed as any that comes later.
    """
    taken = 0
    for _ in range(_MOST_REGAINED):
        if partner.authority not in watched():
            break
        size = witnessing.reached(partner.authority)
        told = exchange.ask(partner, "regain", Regain(size), Offer, client)
        if not told.records or told.size != size:
            break
        try:
            witnessing.witness(partner, told)
        except WitnessError as error:
            say(f"{partner.name}: what it gave of its own ledger to witness is none of it: {error}")
            break
        if witnessing.reached(partner.authority) <= size:
            say(f"{partner.name} contradicts what it signed before. The page of partners shows both.")
            break
        taken += len(told.records)
    if taken:
        say(f"{partner.name}: {taken:,} checkpoints of its ledger are witnessed again.")


_MOST_REGAINED: Final = 2_000
"""Messages of checkpoints to witness again: of five hundred each, with one a minute, for two years."""


def _asked(without: frozenset[str]) -> list[Partner]:
    return [one for one in active() if one.authority not in without]


def _can_go_on(told: dict[str, Kept]) -> None:
    """Refuse to go on from less than a partner has verified: whatever is signed next would contradict that."""
    size = recovering.reached()
    if further := {name: one.shown for name, one in told.items() if one.shown > size}:
        name = max(further, key=lambda one: further[one])
        forgot = ", ".join(sorted(one for one, said in told.items() if said.recovers))
        raise RecoveryError(
            f"{name} has verified {further[name]:,} leaves of this ledger, of which nobody has kept more than {size:,}. "
            + (
                f"What {forgot} kept is lost with its own database, so that nobody can give it. "
                if forgot
                else ""
            )
            + "If a partner that witnesses it was left out, ask it as well. Otherwise go on without those that saw more "
            f"({', '.join(sorted(further))}) with `hanse node recover --without ID`; each of them has to be expelled "
            "and made a partner anew."
        )


WAITS: Final = (
    "Partners keep what this ledger has written since the backup. Until each of them was asked, the node does not "
    "serve: it would contradict itself. They are asked again, and those that recover as well are answered meanwhile. "
    "Ctrl-C ends that; `hanse node recover` begins it anew, and `hanse node recover --without ID` goes on without one "
    "that is gone for good: that one has to be expelled and made a partner anew."
)
