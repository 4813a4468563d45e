"""What belongs to a case: put on record, changed, taken out, purged with it."""

from uuid import UUID, uuid4

import pytest

from hanse.cases import also_known, finding, service, working
from hanse.cases.choosing import case_for, parts_of
from hanse.cases.models import Case, CasePerson, Happening, Link, Note, Selector, Task
from hanse.cases.selector import read
from hanse.cases.working import Told
from hanse.intel import service as intel
from hanse.intel.models import Item, Value
from hanse.intel.values import ValueProblem
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger import retention
from hanse.ledger.models import Body, Entry
from hanse.policy.guarded import NotVisibleError
from hanse.policy.models import NeedToKnow
from tests.accounts.people import acting
from tests.cases.made import DAY_US, investigator, opened
from tests.conftest import AUTHORITY
from tests.intel.test_room import bundle, indicator
from tests.ledger.made import findings

pytestmark = pytest.mark.django_db(transaction=True)

JAAN = Told(category="suspect", name="Jaan Tamm", born="1970-12-31", country="ee", note="Runs it.")


def filled() -> tuple[UUID, Actor]:
    """A case with one of each part."""
    case, kaja = opened(investigator())
    person = working.add_person(case, JAAN, kaja)
    working.add_selector(case, read("email", "boss@example.org"), kaja, person=person, note="His.")
    working.set_task(case, "Ask the bank", kaja, owner=UUID(kaja.id), due_us=now_us() + DAY_US)
    working.write_note(case, "He was seen.", kaja)
    intel.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", kaja_with_import(kaja))
    working.tie(case, "item", Item.projected.get().pk, "The same address.", kaja)
    return case, kaja


def kaja_with_import(kaja: Actor) -> Actor:
    """Somebody who brings intelligence in."""
    return investigator("analyst", name=f"{kaja.name} too")


def test_who_has_the_database_reads_no_selector_in_intelligence() -> None:
    """What a case has and intelligence too has another number in each, though who may see both is told of it."""
    case, kaja = opened(investigator("analyst"))
    working.add_selector(case, read("address", "8.8.8.8"), kaja)
    intel.bring_in(bundle(indicator(1, "8.8.8.8"), indicator(2, "8.8.8.8")), "two.json", kaja)
    (row,) = Selector.objects.filter(case=case)
    assert not Value.objects.filter(pk=row.value).exists()
    (known,) = also_known.of_selectors([row], case_for(kaja, "cases.view", case), kaja)
    assert known.item_count == 2
    other, kaja = opened(kaja, title="Another")
    working.add_selector(other, read("address", "8.8.8.8"), kaja)
    (known,) = also_known.of_selectors([row], case_for(kaja, "cases.view", case), kaja)
    assert [one.pk for one in known.cases] == [other]


def test_every_part_is_on_record_sealed_and_of_the_team() -> None:
    """Each entry of a case is encrypted, carries the case's marking, and its object belongs to the team."""
    case, kaja = filled()
    row = case_for(kaja, "cases.view", case)
    entries = Entry.objects.filter(kind__startswith="cases.")
    assert entries.count() == 7
    assert not Body.objects.filter(entry__in=entries, sealed=False).exists()
    objects = {*entries.values_list("object_id", flat=True)}
    assert {*parts_of(case), case} == objects
    assert set(NeedToKnow.objects.filter(pk__in=objects).values_list("team", flat=True)) == {row.team}
    assert NeedToKnow.objects.count() == len(objects)
    assert set(entries.values_list("retention_us", flat=True)) == {row.retention_us}
    assert findings() == []


def test_a_person_with_a_day_of_birth_is_a_selector_and_follows_when_it_changes() -> None:
    """The selector of a person is made, replaced and kept with them; categories and days that are none are refused."""
    case, kaja = opened(investigator())
    person = working.add_person(case, JAAN, kaja)
    assert Selector.objects.get().text == "1970-12-31 jaan tamm"
    working.change_person(case, person, Told(category="witness", name="Jaan Tamm", born="1971-12-31"), kaja)
    assert Selector.objects.get().text == "1971-12-31 jaan tamm"
    assert CasePerson.objects.get().category == "witness"
    before = Entry.objects.count()
    working.change_person(case, person, Told(category="witness", name="Jaan Tamm", born="1971-12-31"), kaja)
    assert Entry.objects.count() == before
    for wrong in (Told(category="villain", name="X"), Told(category="suspect", name="X", born="1.1.1970")):
        with pytest.raises((UsageError, ValueProblem)):
            working.add_person(case, wrong, kaja)
    assert findings() == []


def test_a_selector_is_in_a_case_once() -> None:
    """In another spelling it is the same one, and the case says that it has it."""
    case, kaja = opened(investigator())
    working.add_selector(case, read("email", "boss@example.org"), kaja)
    with pytest.raises(working.KnownError):
        working.add_selector(case, read("email", "BOSS@example.org"), kaja)
    with pytest.raises(NotVisibleError):
        working.add_selector(case, read("email", "b@example.org"), kaja, person=uuid4())


def test_what_is_taken_out_is_gone_from_the_case_and_can_come_back() -> None:
    """Each part can be taken out; a person's selectors stay as nobody's; what was taken out can be added anew."""
    case, kaja = filled()
    person = CasePerson.objects.get().pk
    for one in (person, Task.objects.get().pk, Note.objects.get().pk, Link.objects.get().pk):
        working.remove(case, one, "By mistake.", kaja)
        with pytest.raises(NotVisibleError):
            working.remove(case, one, "Again.", kaja)
    assert [model.objects.count() for model in (CasePerson, Task, Note, Link)] == [0, 0, 0, 0]
    assert set(Selector.objects.values_list("person", flat=True)) == {None}
    email = Selector.objects.get(kind="email")
    working.remove(case, email.pk, "", kaja)
    working.add_selector(case, read("email", "boss@example.org"), kaja)
    assert Happening.objects.filter(kind="cases.part_removed").count() == 5
    assert findings() == []


def test_a_part_of_another_case_is_not_there() -> None:
    """Through the address of one's own case nothing of another one is reached."""
    _, kaja = filled()
    mine, other = opened(investigator(name="Other"))
    for one in (CasePerson.objects.get(), Selector.objects.get(kind="email"), Note.objects.get()):
        with pytest.raises(NotVisibleError):
            working.remove(mine, one.pk, "", other)
    with pytest.raises(NotVisibleError):
        working.tick(mine, Task.objects.get().pk, other)
    with pytest.raises(NotVisibleError):
        working.change_person(mine, CasePerson.objects.get().pk, JAAN, other)
    assert kaja.id != other.id


def test_a_task_is_ticked_and_unticked_for_somebody_of_the_team() -> None:
    """Saying it again writes nothing, and a task is nobody's who is not in the team."""
    case, kaja = opened(investigator())
    task = working.set_task(case, "Ask the bank", kaja)
    working.tick(case, task, kaja)
    before = Entry.objects.count()
    working.tick(case, task, kaja)
    assert Entry.objects.count() == before
    assert Task.objects.get().done_by == "Kaja Kask"
    working.tick(case, task, kaja, done=False)
    assert Task.objects.get().done_us is None
    with pytest.raises(UsageError):
        working.set_task(case, "Spy", kaja, owner=UUID(investigator(name="Other").id))
    for empty in (lambda: working.set_task(case, " ", kaja), lambda: working.write_note(case, " ", kaja)):
        with pytest.raises(UsageError):
            empty()


def test_a_case_is_tied_to_what_its_member_may_see() -> None:
    """What the actor may not see, what is not there and what is tied already is refused."""
    case, kaja = filled()
    item = Item.projected.get().pk
    with pytest.raises(working.KnownError):
        working.tie(case, "item", item, "Again.", kaja)
    red = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)
    intel.bring_in(bundle(indicator(2, "8.8.4.4")), "red.json", kaja_with_import(kaja), marking=red)
    hidden = Item.projected.get(source_id__endswith="2").pk
    for sort, one in (("item", hidden), ("item", uuid4()), ("attack", item)):
        with pytest.raises(NotVisibleError):
            working.tie(case, sort, one, "Perhaps.", kaja)
    with pytest.raises(UsageError):
        working.tie(case, "planet", item, "Perhaps.", kaja)


def test_selectors_are_known_elsewhere_within_what_the_reader_may_see() -> None:
    """Items and other cases that the reader may see are named and counted, and nothing else is."""
    case, kaja = opened(investigator())
    working.add_selector(case, read("address", "8.8.8.8"), kaja)
    importer = kaja_with_import(kaja)
    intel.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", importer)
    red = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)
    intel.bring_in(bundle(indicator(2, "8.8.8.8")), "red.json", importer, marking=red)
    theirs, other = opened(investigator(name="Other"), "Their own")
    working.add_selector(theirs, read("address", "8.8.8.8"), other)
    row = case_for(kaja, "cases.view", case)
    (known,) = also_known.of_selectors(Selector.objects.filter(case=case), row, kaja)
    assert [str(one) for one in known.items] == ["Indicator 1"]
    assert (known.item_count, known.case_count, known.cases) == (1, 0, ())
    assert known.words == "In 1 item of intelligence that you may see."
    second = service.open_case(
        service.Said(title="Second", legal_basis="x", purpose="x", review_us=now_us() + DAY_US),
        now_us() + 30 * DAY_US, kaja, team=UUID(row.team),
    )  # fmt: skip
    working.add_selector(second, read("address", "8.8.8.8"), kaja)
    (known,) = also_known.of_selectors(Selector.objects.filter(case=case), row, kaja)
    assert [str(one) for one in known.cases] == ["Second"]
    assert known.words == "In 1 item of intelligence and 1 other case that you may see."


def test_what_says_nothing_is_known_nowhere() -> None:
    """Private addresses and the like have nothing in common."""
    case, kaja = opened(investigator())
    working.add_selector(case, read("address", "10.0.0.1"), kaja)
    intel.bring_in(bundle(indicator(1, "10.0.0.1")), "one.json", kaja_with_import(kaja))
    assert also_known.of_selectors(Selector.objects.all(), Case.projected.get(), kaja) == []


@pytest.mark.parametrize(
    "typed", ["BOSS@example.org", "jaan  TAMM", "krk 12-7", "+372 612 3456", "EE38 2200 2210 2014 5685"]
)
def test_a_case_is_found_by_what_stands_in_it(typed: str) -> None:
    """By a selector in any spelling, a person's name, or the file number; by those of the team alone."""
    case, kaja = opened(investigator(), reference="KrK 12-7")
    working.add_person(case, JAAN, kaja)
    for kind, text in (
        ("email", "boss@example.org"),
        ("phone", "+3726123456"),
        ("iban", "EE382200221020145685"),
    ):
        working.add_selector(case, read(kind, text), kaja)
    assert [one.pk for one in finding.matching(typed, kaja)] == [case]
    assert [one.pk for one in finding.matching(str(case), kaja)] == [case]
    assert not finding.matching(typed, investigator(name="Other")).exists()
    assert not finding.matching("boss", kaja).exists()
    assert not finding.matching("", kaja).exists()


def test_on_its_date_a_case_purges_itself_with_all_that_belongs_to_it(monkeypatch) -> None:
    """Afterwards no body, row or team of it is left, on this date and not before, and a rebuild gives the same."""
    case, kaja = filled()
    other, _ = opened(investigator(name="Other"), "Another")
    service.keep(case, now_us() + 20 * DAY_US, now_us() + DAY_US, "It is nearly over.", kaja)
    assert retention.purge_due() == 0
    monkeypatch.setattr(retention, "now_us", lambda: now_us() + 21 * DAY_US)
    held = Entry.objects.filter(object_id__in=[case, *parts_of(case)])
    kept = Body.objects.exclude(entry__in=held).count()
    assert retention.purge_due() == 7
    assert not Body.objects.filter(entry__in=held).exists()
    assert Body.objects.count() == kept + 1
    assert [row.pk for row in Case.projected.all()] == [other]
    for model in (CasePerson, Selector, Task, Note, Link):
        assert not model.objects.exists()
    assert set(Happening.objects.values_list("case", flat=True)) == {other}
    assert NeedToKnow.objects.count() == 1
    assert findings() == []


def test_a_date_that_is_put_off_holds_for_every_part(monkeypatch) -> None:
    """What was put on record under the earlier date is kept as long as the case."""
    case, kaja = filled()
    service.keep(case, now_us() + 900 * DAY_US, now_us() + DAY_US, "The trial is long.", kaja)
    monkeypatch.setattr(retention, "now_us", lambda: now_us() + 500 * DAY_US)
    assert retention.purge_due() == 0
    assert Note.objects.exists()
    assert findings() == []


def test_a_person_can_be_purged_alone() -> None:
    """Erasing one person leaves the case and everybody else, and a rebuild gives the same."""
    from hanse.ledger.service import purge

    case, kaja = filled()
    purge([CasePerson.objects.get().pk], kaja, "Asked for it.", law="Directive (EU) 2016/680, article 16")
    assert not CasePerson.objects.exists()
    assert Case.projected.filter(pk=case).exists()
    assert findings() == []


def test_the_review_is_due_to_those_who_may_decide(monkeypatch) -> None:
    """A case whose review is past is due to its team, unless it is closed."""
    case, kaja = opened(investigator())
    assert not service.due_for_review(kaja).exists()
    monkeypatch.setattr(service, "now_us", lambda: now_us() + 31 * DAY_US)
    assert [row.pk for row in service.due_for_review(kaja)] == [case]
    assert not service.due_for_review(acting(UUID(investigator(name="Other").id))).exists()
    service.set_status(case, "closed", "Over.", kaja)
    assert not service.due_for_review(kaja).exists()
