"""A real node in a process of its own, whose files are then looked through as a thief would.

`python -m tests.threats.stolen_node HOME DATABASE` makes it with a passphrase that only its operator knows, puts a
canary into everything that is encrypted at rest, uses it as people do, and backs it up.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from hanse.kernel.actors import Actor

CANARY = "Zq4-canary-Kw8"
PASSPHRASE = "only the operator knows this one"


def main(home: Path, database: str) -> None:
    """Make the node, live in it, back it up."""
    from hanse.kernel.markings import Marking
    from hanse.node.making import make
    from hanse.settings import Node

    node = Node(home, "ee-cert", "CERT Estonia", "EE", database=database)
    make(node, PASSPHRASE, keep_beside=False)
    from django.db import connection

    from hanse.accounts import approvals, consultations, openings, service
    from hanse.console import service as console
    from hanse.ledger import tree
    from hanse.node.backup import back_up
    from tests.accounts.people import acting, newcomer

    mari = acting(newcomer("analyst", "officer", "auditor", "administrator", name="Mari"))
    jaan = acting(newcomer("approver", "administrator", name="Jaan"))
    marking = replace(
        Marking.own("ee-cert"), handling=frozenset({"H1", "H3"}), handling_text=frozenset({"Ask us first."})
    )
    _coded(marking, mari)
    _case()
    console.change(console.Mail(relay="relay.example", password=CANARY), mari, CANARY)
    consultations.record(mari, "attacks.view", [], CANARY)
    consultations.record(mari, "attacks.export", [], CANARY, recipient=CANARY)
    service.grant_role(newcomer("analyst"), "investigator", CANARY, mari)
    approvals.reject(service.grant_role(newcomer("analyst"), "officer", CANARY, mari), CANARY, jaan)
    from uuid import uuid4

    openings.ask_for(uuid4(), CANARY, mari)
    tree.integrate()
    back_up(node, home / "backups" / "one.hanse")
    connection.close()


def _coded(marking: object, mari: object) -> None:
    """An attack under a handling code, and what people say of it."""
    from hanse.attacks import service as attacks
    from hanse.attacks.models import Attack
    from hanse.recording import record
    from tests.campaigns.plans import estonia
    from tests.node.made import analysis_of

    told = sorted(estonia(7).attacks, key=lambda each: each.start_us)[:3]
    record(analysis_of(estonia(7), told), mari, marking)
    for row in Attack.projected.all()[:2]:
        attacks.note(row.pk, CANARY, mari)


def _case() -> None:
    """A case in which the canary stands wherever anybody can write, and which is found by it."""
    from hanse.cases import finding, service, working
    from hanse.cases.selector import read
    from hanse.kernel.clock import now_us
    from tests.cases.made import DAY_US, investigator, opened, said

    case, kaja = opened(
        investigator(), CANARY, reference=CANARY, authority=CANARY, legal_basis=CANARY, purpose=CANARY
    )
    told = working.Told(category="suspect", name=CANARY, born="1970-12-31", note=CANARY)
    person = working.add_person(case, told, kaja)
    for kind in ("account", "name"):
        working.add_selector(case, read(kind, f"{CANARY} {kind}"), kaja, person=person, note=CANARY)
    working.add_list(case, f"kind,value,country,note\ncompany,{CANARY},EE,{CANARY}\n".encode(), kaja)
    working.set_task(case, CANARY, kaja)
    note = working.write_note(case, CANARY, kaja)
    working.remove(case, note, CANARY, kaja)
    service.change(case, said(CANARY, purpose=f"{CANARY} again"), kaja, CANARY)
    service.keep(case, now_us() + 300 * DAY_US, now_us() + DAY_US, CANARY, kaja)
    service.set_status(case, "closed", CANARY, kaja)
    assert finding.matching(f"{CANARY} account", kaja).exists()
    service.set_status(case, "open", CANARY, kaja)
    _evidence(case, kaja)


def _evidence(case: "UUID", kaja: "Actor") -> None:
    """Files of evidence full of the canary, opened and exported for court; and requests of people about themselves."""
    from hanse.accounts import approvals
    from hanse.cases import court, evidence, subject
    from hanse.cases.subject_finding import held_on
    from hanse.kernel.clock import now_us
    from tests.accounts.people import acting, newcomer
    from tests.cases.evidence_made import brought

    content = f"{CANARY} in a file. ".encode() * 10_000
    file = brought(content, name=CANARY, description=CANARY, source=CANARY, place=CANARY)
    one = evidence.add(case, file, CANARY, kaja)
    assert b"".join(evidence.take_out(one, CANARY, CANARY, kaja)[1]) == content
    evidence.handle(one, "moved", CANARY, CANARY, kaja)
    assert CANARY.encode() in b"".join(court.export(case, CANARY, CANARY, kaja)[1])
    asks = [
        subject.Request(name=CANARY, born=born, selectors=(), identity=CANARY, received_us=now_us())
        for born in ("1970-12-31", "")
    ]
    kept, gone = (subject.take(ask, kaja) for ask in asks)
    subject.answer(kept, "refused", [], "15-1-b", CANARY, kaja)
    held = [
        each for each in held_on(subject.person_of(subject.request_for(kaja, gone)), kaja) if not each.stays
    ]
    proposal = subject.propose_erasure(gone, [held[0].object_id], "16-2-8", CANARY, kaja)
    approvals.approve(proposal, acting(newcomer("approver", name="Anne")))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
