"""What can happen in matching, for histories: agreements, runs that ended well and otherwise, hits and contacts."""

from dataclasses import replace
from uuid import UUID

from hanse.accounts import approvals
from hanse.cases import working
from hanse.cases.joint import Opening
from hanse.cases.selector import read
from hanse.kernel.clock import now_us
from hanse.matching import agreeing, contacting, reopening, running, withholding
from hanse.matching.contents import Contact
from hanse.matching.hits import references_of
from hanse.matching.models import Hit, Run
from tests.accounts.people import acting, newcomer
from tests.cases.made import DAY_US, opened
from tests.matching.partner import Comparer, turn


def runs() -> None:
    """An agreement, what is kept out, a run with a hit and a contact to a joint case, one that was declined, one stopped."""
    officer = replace(acting(newcomer("officer", name="Olev of matching")), stepped_up_us=now_us())
    approver = replace(acting(newcomer("approver", name="Anu of matching")), stepped_up_us=now_us())
    case, kaja = opened(
        acting(newcomer("investigator", name="Kaja of matching")), "Invented gang of matching"
    )
    kaja = replace(acting(UUID(kaja.id)), stepped_up_us=now_us())
    boss = working.add_selector(case, read("email", "boss@match.example"), kaja)
    secret = working.add_selector(case, read("email", "informant@match.example"), kaja)
    withholding.keep_out(case, secret, None, "An informant's.", kaja)
    withholding.keep_out(case, boss, UUID(kaja.id), "Ask her.", kaja)
    withholding.let_in(case, boss, "No need any more.", kaja)
    gb = Comparer("gb-ncas", "GB", "associated", has=(read("email", "boss@match.example").value,))
    gb.joins()
    terms = agreeing.Terms(
        partner="gb-ncas", kinds=["email"], legal_basis="Treaty of 1997, article 5", case_class="Fraud",
        until_us=now_us() + 90 * DAY_US,
    )  # fmt: skip
    approvals.approve(agreeing.propose(terms, "As the directors agreed.", officer), approver)
    running.ask("gb-ncas", kaja, "The case asks for it.")
    turn(gb)
    gb.takes_part()
    for _ in range(3):
        turn(gb)
        gb.goes_on()
    turn(gb)
    [hit] = Hit.objects.all()
    auditor = replace(acting(newcomer("auditor", name="Audrey of matching")), stepped_up_us=now_us())
    assert reopening.reopen(Run.objects.get().pk, auditor, "As every year.") == ()
    contacting.offer(hit.pk, contacting.Told(name="Kaja", telephone="+372 612 3456", agrees=True), kaja)
    gb.entry(contacting.CONTACT, Contact(references=references_of(hit), name="John", agrees=True))
    turn(gb)
    opening = Opening(
        title="Operation Pair", purpose="Find who they are.", legal_basis="Treaty of 1997", members=frozenset(),
        retention_us=4_102_444_800_000_000,
    )  # fmt: skip
    contacting.offer(hit.pk, contacting.Told(name="Kaja", agrees=True, opening=opening), kaja)
    for name in ("other", "theirs", "tokens", "digest", "their_digest", "returned"):
        delattr(gb, name)
    gb.cases = 0
    gb.opens()
    turn(gb)
    stopped = running.ask("gb-ncas", kaja, "The case asks for it again.")
    turn(gb)
    running.stop(stopped, kaja, "The judge forbade it.")
    assert set(Run.objects.values_list("state", flat=True)) == {"finished", "declined", "failed"}
