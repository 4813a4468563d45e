"""A node in a process of its own in which something is purged by hand: `python -m tests.console.purged HOME CANARY`.

It stops before the purge and before the cleaning until a line comes, so that a test can look at the files between.
"""

import sys
from dataclasses import replace
from pathlib import Path


def main() -> None:
    """Write, propose, approve, purge, clean; a word on standard output after each."""
    from hanse.bootstrap import configure, make_tables
    from hanse.kernel.keys import Keyring
    from hanse.settings import Node

    home, canary = Path(sys.argv[1]), sys.argv[2]
    configure(Node(home, "ee-cert", "CERT Estonia", "EE"), Keyring.new())
    make_tables()

    from hanse.accounts import approvals
    from hanse.attacks import service as attacks
    from hanse.console.marking import Wish, mark_anew
    from hanse.console.purging import propose_purge
    from hanse.kernel.actors import Actor
    from hanse.kernel.clock import now_us
    from hanse.kernel.markings import Marking, Tlp
    from hanse.ledger.erasing import scrub
    from hanse.ledger.tree import integrate
    from hanse.recording import record
    from tests.accounts.people import acting, newcomer
    from tests.campaigns.plans import estonia
    from tests.node.made import analysis_of, wrong

    def person(role: str) -> Actor:
        return Actor("person", f"{role}-1", role, "ee-cert", roles=frozenset({role}), stepped_up_us=now_us())

    maker = estonia(7)
    first, *others = sorted(maker.attacks, key=lambda each: each.start_us)[:18]
    named = replace(first, reasons=(f"{canary} said so.",), refuted_by=(canary,))
    record(analysis_of(maker, [named, *others]), person("analyst"))
    attack = attacks.object_of(named.id)
    attacks.note(attack, f"Ask {canary}.", person("analyst"))
    red = replace(Marking.own("ee-cert"), tlp=Tlp.RED)
    mark_anew(attack, Wish(red), f"It names {canary}.", person("officer"))
    attacks.mark_false_positive(
        attack, f"{canary} again.", replace(person("officer"), roles=frozenset({"analyst", "officer"}))
    )
    integrate()
    _say("written")
    proposal = propose_purge(attack, "The court ordered it.", acting(newcomer("officer")))
    approvals.approve(proposal, person("approver"))
    _say("purged")
    assert scrub()
    assert wrong() == []
    _say("cleaned")


def _say(word: str) -> None:
    print(word, flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
