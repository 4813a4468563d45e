"""After a backup was restored: asking partners for what they kept of this ledger, before anything is served."""

from collections.abc import Callable
from typing import Final

import msgspec

from hanse.egress.client import Client
from hanse.federation import exchange, remembering, witnessing
from hanse.federation.keeping import GiveBack, GivenBack, Kept, Recover
from hanse.federation.models import Partner
from hanse.federation.partners import active
from hanse.federation.witnesses import watched
from hanse.federation.witnessing import Offer, Regain
from hanse.ledger import recovering
from hanse.ledger.recovering import Given, Recovered, RecoveryError
from hanse.ledger.replay import rebuild
from hanse.ledger.witness import WitnessError

Say = Callable[[str], None]
"""Is told each step, a sentence."""


def recover(client: Client, say: Say, without: frozenset[str] = frozenset()) -> Recovered:
    """Ask all partners for what they kept, put it back, and read what they sent meanwhile: recalls among it.

    Args:
        client: The one way out.
        say: Is told each step.
        without: Ids of partners to go on without: with these the exchange cannot go on as before.

    Raises:
        RecoveryError: What a partner kept does not join the backup.
        LinkError: A partner cannot be reached.
    """
    had = {one.authority: recovering.place_of_next(one.authority) for one in active()}
    checkpoints, shown = 0, {}
    for partner in _asked(without):
        taken, shown[partner.name] = _checkpoints_of(partner, client, say)
        checkpoints += taken
    _can_go_on(shown)
    if checkpoints:
        recovering.mend_head()
        rebuild()
    whole = 0
    for partner in _asked(without):
        whole += _entries_of(partner, had.get(partner.authority, 0), client, say)
    recovering.mend_head()
    rebuild()
    known = remembering.remember()
    if known:
        say(
            f"{known:,} copies that partners have are on record again: what is marked anew or recalled reaches them."
        )
    for partner in _asked(without):
        new = exchange.pull_all(partner, client)
        say(f"{partner.name}: {new:,} entries that it has sent since the backup are here.")
        _witness_again(partner, client, say)
    return Recovered(checkpoints, whole, sum(recovering.lost().values()))


def _witness_again(partner: Partner, client: Client, say: Say) -> None:
    """Have again what this node had as a witness of a partner's ledger, which is in no backup.

    Until then the partner takes for kept what nobody keeps: were it to lose its database too, it could not go on.
    """
    taken = 0
    while partner.authority in watched():
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


def _asked(without: frozenset[str]) -> list[Partner]:
    return [one for one in active() if one.authority not in without]


def _can_go_on(shown: dict[str, int]) -> None:
    """Refuse to go on from less than a partner has verified: whatever is signed next would contradict that."""
    size = recovering.reached()
    if further := {name: leaves for name, leaves in shown.items() if leaves > size}:
        name = max(further, key=lambda one: further[one])
        raise RecoveryError(
            f"{name} has verified {further[name]:,} leaves of this ledger, of which nobody has kept more than {size:,}. "
            "If a partner that witnesses it was left out, ask it as well. Otherwise go on without those that saw more "
            f"({', '.join(sorted(further))}); each of them has to be expelled and made a partner anew."
        )


def _checkpoints_of(partner: Partner, client: Client, say: Say) -> tuple[int, int]:
    """How many checkpoints it had kept, and leaves of the newest that it has verified."""
    taken = 0
    while True:
        size = recovering.reached()
        told = exchange.ask(partner, "recover", Recover(size), Kept, client)
        taken += recovering.take_checkpoints(told.records, partner.name)
        if not told.more or not told.records:
            break
    say(f"{partner.name}: {taken:,} checkpoints that are not in the backup.")
    return taken, told.shown


def _entries_of(partner: Partner, first: int, client: Client, say: Say) -> int:
    whole = 0
    while True:
        told = exchange.ask(partner, "give-back", GiveBack(first), GivenBack, client)
        given = [Given(*msgspec.structs.astuple(one)) for one in told.entries]
        whole += recovering.take_given_back(partner.authority, first, given)
        first += len(given)
        if not given or first >= told.total:
            break
    say(f"{partner.name}: {whole:,} entries that it was sent come back whole.")
    return whole


UNREACHED: Final = (
    "Partners keep what this ledger has written since the backup. Until each of them was asked, the node does not "
    "serve: it would contradict itself. Ask again with `hanse node recover`, or go on without one that is gone for "
    "good with `hanse node recover --without ID`; that one has to be expelled and made a partner anew."
)
