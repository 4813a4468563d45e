"""What was looked at is kept compactly, read back as it was, and found by any of the objects in it."""

from uuid import UUID, uuid4

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from hanse.accounts import consultations
from hanse.accounts.models import Consultation
from hanse.ledger.fields import IdsField, packed
from hanse.ledger.shadow import differences
from tests.accounts.browsing import founder
from tests.accounts.people import NODE, acting

ids = st.lists(st.uuids().map(lambda one: one.hex), max_size=20)


@given(ids)
def test_ids_are_read_back_as_they_were(told: list[str]) -> None:
    """Any list, with none, with repeats, in its order, in half the bytes of its text."""
    data = packed(told)
    assert len(data) == 16 * len(told)
    assert IdsField().from_db_value(memoryview(data), None, None) == told


@pytest.mark.parametrize("wrong", [["0" * 31], ["0" * 33, "0" * 31], ["0" * 31 + " "], ["g" * 32], [""]])
def test_what_is_no_id_is_refused(wrong: list[str]) -> None:
    """It could not be read back as it was."""
    with pytest.raises(ValueError, match="hexadecimal"):
        packed(wrong)


@pytest.mark.django_db(transaction=True)
def test_a_consultation_is_found_by_each_of_its_objects() -> None:
    """Wherever in the list it stands, and by no other id."""
    mine, other = [uuid4() for _ in range(300)], uuid4()
    consultations.record(NODE, "attacks.view", mine)
    consultations.record(NODE, "attacks.export", [other], recipient="Police")
    consultations.record(NODE, "attacks.view", [])
    for at in (0, 150, 299):
        assert [row.action for row in Consultation.objects.filter(objects_seen__names=mine[at])] == [
            "attacks.view"
        ]
    found = Consultation.objects.get(objects_seen__names=other)
    assert (found.objects_seen, found.recipient) == ([other.hex], "Police")
    assert not Consultation.objects.filter(objects_seen__names=uuid4())
    assert (
        Consultation.objects.filter(objects_seen__names=other).exclude(objects_seen__names=mine[0]).count()
        == 1
    )
    assert Consultation.objects.order_by("sequence")[0].objects_seen == [one.hex for one in mine]
    assert list(differences()) == []


@pytest.mark.django_db(transaction=True)
def test_the_page_says_what_was_done_in_words_and_leads_to_the_entry() -> None:
    """What a room of a newer version did stands there by its name."""
    browser = founder()
    for action in ("attacks.view", "future.view"):
        consultations.record(acting(browser.person), action, [uuid4()])
    text = browser.get(reverse("accounts:log")).content.decode()
    assert ">see attacks</td>" in text
    assert ">future.view</td>" in text
    for row in Consultation.objects.filter(actor_id=str(browser.person)):
        assert f'href="/ledger/{row.sequence}/"' in text


@pytest.mark.django_db(transaction=True)
def test_it_is_found_by_the_id_as_the_api_takes_it() -> None:
    """A UUID, or its digits."""
    one = uuid4()
    consultations.record(NODE, "attacks.view", [uuid4(), one])
    for asked in (one, one.hex, str(one)):
        assert Consultation.objects.filter(objects_seen__names=asked).count() == 1
    assert not Consultation.objects.filter(objects_seen__names=UUID(int=0))
