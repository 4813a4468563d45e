"""What is no longer to be compared once a comparison is put together does not go out with it, not even once."""

from dataclasses import replace

import msgspec
import pytest

from hanse.cases import service, working
from hanse.cases.models import Case, CasePerson, Selector
from hanse.cases.selector import read
from hanse.intel.values import Value
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Pap
from hanse.ledger.service import next_entry, purge
from hanse.matching import agreeing, offering, padding, publishing, running, standing_on, turning, withholding
from hanse.matching.agreeing import agreement_with
from hanse.matching.models import Run
from hanse.matching.offering import offered, still_offered
from hanse.matching.publishing import Kept, name_of
from hanse.matching.standing_models import OwnTurns
from hanse.matching.standing_state import pending_of
from hanse.matching.tag_models import OwnSet
from tests.cases.made import DAY_US, opened
from tests.matching.asker import Asker, turn
from tests.matching.cast import PHONE, agree

pytestmark = pytest.mark.usefixtures("founded")


@pytest.fixture
def gb():
    """A partner that speaks all ways of matching, with the agreement that `agreed` makes."""
    made = Asker("gb-ncas", "GB", "associated")
    made.joins()
    return made


@pytest.fixture
def agreed(officer, approver, gb):
    """Something is agreed with the partner."""
    agree(officer, approver)
    return gb


def phone_out(made, kaja):
    """The telephone number is compared with nobody from now on."""
    selector = Selector.objects.get(case=made, kind="phone").pk
    withholding.keep_out(made, selector, None, "An informant's.", kaja)


def held():
    """The keyed hashes of what is real in the published set."""
    return set(msgspec.msgpack.decode(OwnSet.objects.get().kept, type=Kept).named())


def during(monkeypatch, module, name, change):
    """Let something happen once, the first time that a function of a module is called."""
    left, real = [change], getattr(module, name)

    def does(*some, **more):
        if left:
            left.pop()()
        return real(*some, **more)

    monkeypatch.setattr(module, name, does)


def test_a_run_does_not_commit_to_what_was_kept_out_meanwhile(agreed, case, monkeypatch):
    """It is begun at the next look, without it."""
    made, kaja = case
    during(monkeypatch, running.psi, "prepare", lambda: phone_out(made, kaja))
    run = running.ask("gb-ncas", kaja, "Case 12/2026 asks for it.")
    running.begin(Run.objects.get(pk=run))
    assert Run.objects.get(pk=run).own == ""
    running.begin(Run.objects.get(pk=run))
    assert PHONE not in {one.text for one in running.parts.values(run)}


def test_a_run_is_declined_where_the_agreement_ended_meanwhile(agreed, case, officer, monkeypatch):
    """Nothing of it was sent under terms that hold no longer."""
    _, kaja = case
    during(monkeypatch, running.psi, "prepare", lambda: agreeing.end("gb-ncas", "The treaty ended.", officer))
    run = running.ask("gb-ncas", kaja, "Case 12/2026 asks for it.")
    for state in ("wanted", "declined"):
        running.begin(Run.objects.get(pk=run))
        assert Run.objects.get(pk=run).state == state


def test_a_turn_does_not_hold_what_was_kept_out_meanwhile(agreed, case, officer, monkeypatch):
    """The opening of standing matching is made anew, without it."""
    made, kaja = case
    monkeypatch.setattr(padding, "LEAST", 128)
    standing_on.turn_on("gb-ncas", "As the directors agreed.", officer)
    agreed.wants_standing()
    during(monkeypatch, turning.standing, "opening", lambda: phone_out(made, kaja))
    turn(agreed)
    assert not OwnTurns.objects.get().pending
    agreed.away.add(turning.TURN)
    turn(agreed)
    pending = pending_of(OwnTurns.objects.get())
    assert pending is not None
    assert name_of(Value("phone", PHONE)) not in pending.places


def test_a_published_set_does_not_hold_what_was_kept_out_meanwhile(agreed, case, monkeypatch):
    """Neither the first version of it nor one after it."""
    made, kaja = case
    during(monkeypatch, publishing.tags, "publish", lambda: phone_out(made, kaja))
    assert publishing.publish_due() == 0
    assert publishing.publish_due() == 1
    assert name_of(Value("phone", PHONE)) not in held()
    selector = Selector.objects.get(case=made, kind="phone").pk
    withholding.let_in(made, selector, "The informant retired.", kaja)
    now = now_us() + publishing.EVERY_US
    monkeypatch.setattr(publishing, "now_us", lambda: now)
    during(monkeypatch, publishing.tags, "changed", lambda: phone_out(made, kaja))
    assert publishing.publish_due() == 0
    assert publishing.publish_due() == 1
    assert name_of(Value("phone", PHONE)) not in held()


def test_what_comes_meanwhile_keeps_nothing_back(agreed, case, monkeypatch):
    """Else a busy node would never send anything: more may be compared next time."""
    made, kaja = case
    email = read("email", "late@shop.example")
    during(monkeypatch, running.psi, "prepare", lambda: working.add_selector(made, email, kaja))
    run = running.ask("gb-ncas", kaja, "Case 12/2026 asks for it.")
    running.begin(Run.objects.get(pk=run))
    assert Run.objects.get(pk=run).own


def closes(made, kaja, _officer):
    """The case is closed."""
    service.set_status(made, "closed", "Solved.", kaja)


def suspends(made, kaja, _officer):
    """The case rests."""
    service.set_status(made, "suspended", "Waits for the court.", kaja)


def marks(made, kaja, _officer):
    """The case is marked so that nothing of it leaves."""
    marking = Case.projected.get(pk=made).marking.marking
    marked = replace(marking, pap=Pap.RED)
    dates = now_us() + 300 * DAY_US, now_us() + 100 * DAY_US
    service.keep(made, *dates, "Nobody may know.", kaja, marked)


def removes(made, kaja, _officer):
    """A selector is taken out of the case."""
    working.remove(made, Selector.objects.get(case=made, kind="phone").pk, "It is another's.", kaja)


def is_a_victim(made, kaja, _officer):
    """Whom the selectors are of is of a category that is not agreed."""
    one = CasePerson.objects.get(case=made)
    told = working.Told(category="victim", name=one.name, born=one.born)
    working.change_person(made, one.pk, told, kaja)


def purges(made, kaja, _officer):
    """A selector is purged."""
    purge([Selector.objects.get(case=made, kind="phone").pk], kaja, "It was a victim's.")


def keeps_out(made, kaja, _officer):
    """The whole case is kept out."""
    withholding.keep_out(made, None, None, "An action day.", kaja)


def ends(_made, _kaja, officer):
    """Nothing is agreed any more."""
    agreeing.end("gb-ncas", "The treaty ended.", officer)


@pytest.mark.parametrize("change", [closes, suspends, marks, removes, is_a_victim, purges, keeps_out, ends])
def test_whatever_takes_something_out_is_seen(agreed, case, officer, change):
    """Closed, suspended, marked stricter, taken out, of a victim, or no longer agreed."""
    made, kaja = case
    agreement, since = agreement_with("gb-ncas"), next_entry()
    own = offered(agreement)
    assert still_offered(agreement, own, since)
    change(made, kaja, officer)
    assert not still_offered(agreement, own, since)


def test_nothing_is_looked_at_where_nothing_of_it_was_written(agreed, case, monkeypatch):
    """The ledger is locked meanwhile. Nor where something was written of other cases alone, or of other things."""
    _, kaja = case
    agreement, since = agreement_with("gb-ncas"), next_entry()
    own = offered(agreement)
    monkeypatch.setattr(offering, "_let", lambda *_: pytest.fail("selectors were looked at"))
    assert still_offered(agreement, own, since)
    opened(kaja, "Another gang")
    assert next_entry() > since
    assert still_offered(agreement, own, since)
