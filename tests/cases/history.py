"""What can happen to evidence of a case, to its exports, and to requests of people about themselves, for histories."""

from dataclasses import replace
from uuid import UUID

from hanse.accounts import approvals
from hanse.cases import court, evidence, subject, working
from hanse.cases.subject_finding import held_on
from hanse.cases.subject_models import Erasure
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from tests.accounts.people import acting, newcomer
from tests.cases.evidence_made import added, coded


def evidence_and_subjects(case: UUID, kaja: Actor) -> None:
    """Evidence that is opened, moved and destroyed, an export for court, a request that waits and one that ends in erasing."""
    fresh = replace(acting(UUID(kaja.id)), stepped_up_us=now_us())
    approver = replace(acting(newcomer("approver", name="Second to Kaja")), stepped_up_us=now_us())
    kept, gone = added(case, fresh, b"kept"), added(case, fresh, b"gone", name="gone.img")
    added(case, fresh, b"theirs", name="theirs.img", marking=coded("H1"))
    evidence.take_out(kept, "To look for wallets.", "", fresh)
    evidence.handle(kept, "moved", "Vault", "There is more room.", fresh)
    approvals.approve(evidence.propose_destruction(gone, "No longer needed.", fresh), approver)
    _, pieces = court.export(case, "Harju County Court", "Indictment 12-7", fresh)
    assert b"".join(pieces)
    working.add_person(case, working.Told(category="witness", name="Toomas Saar", born="1985-05-05"), fresh)
    _requests(fresh, approver)


def _requests(fresh: Actor, approver: Actor) -> None:
    """A request that was refused, one that was answered and whose person was erased."""
    asks = [
        subject.take(subject.Request(name=name, born=born, selectors=(), identity="Passport.", received_us=now_us()), fresh)
        for name, born in (("Jaan Tamm", "1970-12-31"), ("Toomas Saar", "1985-05-05"))
    ]  # fmt: skip
    subject.answer(asks[0], "refused", [], "15-1-b", "The case is open.", fresh)
    held = [one.object_id for one in held_on(subject.person_of(subject.request_for(fresh, asks[1])), fresh)]
    subject.answer(asks[1], "given", held, "", "", fresh)
    approvals.approve(
        subject.propose_erasure(asks[1], held, "16-2-8", "It may not be held.", fresh), approver
    )
    assert b"".join(subject.statement(Erasure.projected.get(request=asks[1]), fresh))
