"""Sets of millions of tags: they are written and read as seldom as can be, and nothing of them is lost by that."""

import secrets

import msgspec
import pytest

from hanse.cases import working
from hanse.cases.selector import read
from hanse.federation.models import Received
from hanse.intel.values import Value
from hanse.matching import offering, publishing, tag_keys, tags
from hanse.matching.models import Hit
from hanse.matching.publishing import Given
from hanse.matching.tag_models import OwnSet, TheirSet
from tests.cases.made import opened
from tests.matching.asker import Asker, gb, turn
from tests.matching.cast import BOSS, OTHER, PHONE, person
from tests.matching.test_who_else import asks, published

__all__ = ["gb"]

pytestmark = pytest.mark.usefixtures("founded")


@pytest.fixture
def behind(case, gb: Asker, monkeypatch) -> list[int]:
    """A partner of which a set is here, and that is three versions ahead, one to an answer; the versions saved, as they are."""
    published(gb, ("email", OTHER))
    assert asks(gb, case).state == "nothing"
    for number, value in enumerate((BOSS, "a@else.example", "b@else.example")):
        gb.goes_to_next_version(read("email", value).value)
        assert len(gb.deltas) == number + 1
    gb.gives_set = lambda wanted: Given(
        gb.serial, wanted.version + 1, deltas=(gb.deltas[wanted.version],), more=wanted.version < 2
    )
    saved, save = [], TheirSet.save
    monkeypatch.setattr(TheirSet, "save", lambda row, **more: saved.append(row.version) or save(row, **more))
    return saved


def test_a_set_that_is_behind_is_saved_once(case, gb, behind):
    """However many answers it takes to bring it up to date: each saving writes all of its 100 MB."""
    assert asks(gb, case).state == "found"
    assert behind == [3]
    assert TheirSet.objects.get().version == 3


def test_what_came_before_the_partner_was_silent_is_kept(case, gb, behind):
    """The next fetch goes on from there."""
    gives = gb.gives_set

    def silent_after_two(wanted):
        if wanted.version == 1:
            gb.away = {"tag-set"}
        return gives(wanted)

    gb.gives_set = silent_after_two
    row = asks(gb, case)
    assert row.state == "waiting"
    gb.away, gb.gives_set = set(), gives
    gb.heard_.clear()
    turn(gb)
    first = next(said.version for what, said in gb.heard_ if what == "tag-set")
    assert first == TheirSet.objects.get().version - 1 == 2
    assert behind == [2, 3]


def test_wrong_contacts_have_an_own_set_read_once(case, gb, monkeypatch):
    """A page of a thousand would lock the ledger while all of it is read and decrypted for each."""
    publishing.publish_due()
    read_, decode = [], msgspec.msgpack.decode

    def counted(data, **more):
        if more.get("type") is publishing.Kept:
            read_.append(len(data))
        return decode(data, **more)

    monkeypatch.setattr(publishing.msgspec.msgpack, "decode", counted)
    gb.puts(Value("email", BOSS), Value("phone", PHONE))
    for _ in range(5):
        gb.contacts(gb.proofs[Value("email", BOSS)][:10] + secrets.token_bytes(16))
    turn(gb)
    assert Received.objects.filter(state="refused").count() == 5
    gb.contacts(gb.proofs[Value("phone", PHONE)])
    turn(gb)
    assert Hit.objects.get().kind == "phone"
    assert len(read_) == 1


def test_wrong_contacts_without_a_set_have_the_proofs_worked_out_once(case, gb, monkeypatch):
    """As a month begins, or after a database was lost: each proof is a multiplication, and there are a hundred thousand."""
    publishing.publish_due()
    gb.puts(Value("email", BOSS), Value("phone", PHONE))
    OwnSet.objects.all().delete()
    made, proof_of = [], tags.proof_of
    monkeypatch.setattr(tags, "proof_of", lambda *some: made.append(some) or proof_of(*some))
    for _ in range(5):
        gb.contacts(secrets.token_bytes(26))
    gb.contacts(gb.proofs[Value("email", BOSS)])
    turn(gb)
    assert Received.objects.filter(state="refused").count() == 5
    assert Hit.objects.get().kind == "email"
    assert len(made) == len({one[2] for one in made})


def test_a_contact_is_found_in_the_last_version(case, gb):
    """What was read of the one before does not stand for it."""
    made, kaja = case
    publishing.publish_due()
    gb.puts(Value("email", BOSS))
    gb.contacts(secrets.token_bytes(26))
    turn(gb)
    OwnSet.objects.update(slot=0)
    working.add_selector(made, read("email", "new@shop.example"), kaja)
    assert publishing.publish_due() == 1
    key = tag_keys.key_of("gb-ncas", gb.epoch_)
    gb.contacts(tags.proof_of(key, gb.epoch_, Value("email", "new@shop.example")))
    turn(gb)
    assert Hit.objects.count() == 1


def _opened(monkeypatch) -> list[str]:
    """Selectors that are opened to be compared from here on, as they are."""
    some, made = [], offering.Offered
    monkeypatch.setattr(offering, "Offered", lambda *all_: some.append(all_[3].text) or made(*all_))
    return some


def test_a_contact_opens_what_it_is_about_and_no_other_selector(case, gb, monkeypatch):
    """The ledger is locked meanwhile, and a hundred thousand may be offered."""
    publishing.publish_due()
    gb.puts(Value("email", BOSS))
    gb.contacts(gb.proofs[Value("email", BOSS)])
    looked = _opened(monkeypatch)
    turn(gb)
    assert Hit.objects.get().kind == "email"
    assert set(looked) == {BOSS}


def test_a_contact_finds_the_selectors_that_came_after_the_last_version(case, gb, monkeypatch):
    """Another case has the same by now: whoever works on it learns of the hit as well, and nothing else is opened for it."""
    publishing.publish_due()
    gb.puts(Value("email", BOSS))
    looked = _opened(monkeypatch)
    made, kaja = case
    working.add_selector(made, read("email", "new@shop.example"), kaja)
    other, who = opened(person("investigator", "Juku"))
    working.add_selector(other, read("email", BOSS), who)
    gb.contacts(gb.proofs[Value("email", BOSS)])
    turn(gb)
    assert set(Hit.objects.values_list("case", flat=True)) == {made, other}
    assert set(looked) == {BOSS, "new@shop.example"}
