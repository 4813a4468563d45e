"""What an object said in the clear before it got a handling code rests sealed from then on."""

import pytest

from hanse.kernel import sealing
from hanse.kernel.markings import Marking
from hanse.ledger import erasing, keyring
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import written
from tests.conftest import AUTHORITY
from tests.ledger.made import findings, thing

pytestmark = pytest.mark.django_db(transaction=True)

H1 = Marking(originators=frozenset({AUTHORITY}), handling=frozenset({"H1"}))


def rests(sequence: int) -> bytes:
    """A body as the database holds it."""
    return bytes(Body.objects.get(pk=sequence).data)


def test_earlier_bodies_of_a_thing_are_sealed_with_it() -> None:
    """The marking anew seals all that the thing said before, and of others nothing; all of it opens and proves as before."""
    first, other = thing(name="the canary"), thing(name="the canary of another")
    second = thing(name="the canary again", object_id=first.object_id)
    assert b"canary" in rests(first.sequence)
    before = [
        written(Entry.objects.get(pk=one.sequence), Body.objects.get(pk=one.sequence))
        for one in (first, second)
    ]
    third = thing(name="the canary, restricted", object_id=first.object_id, marking=H1)
    for one in (first, second, third):
        assert Body.objects.get(pk=one.sequence).sealed
        assert b"canary" not in rests(one.sequence)
    assert b"canary" in rests(other.sequence)
    after = [
        written(Entry.objects.get(pk=one.sequence), Body.objects.get(pk=one.sequence))
        for one in (first, second)
    ]
    assert after == before
    assert findings() == []
    # Taken back, which takes two people: what comes then is no more restricted, and what was sealed stays so.
    thing(name="open again", object_id=first.object_id)
    assert Body.objects.get(pk=first.sequence).sealed
    assert findings() == []


def test_a_body_that_rests_in_the_clear_is_found() -> None:
    """Whoever puts the old text back into the table is told by the check, though the text is what was signed."""
    first = thing(name="the canary")
    thing(name="restricted", object_id=first.object_id, marking=H1)
    body = Body.objects.get(pk=first.sequence)
    plain = sealing.open_rest(
        keyring.current(), bytes(Entry.objects.get(pk=first.sequence).payload), bytes(body.data)
    )
    Body.objects.filter(pk=first.sequence).update(data=plain, sealed=False)
    said = f"entry {first.sequence}: its body is not sealed as its object's handling codes ask for."
    assert said in findings()


def test_the_files_are_cleaned_of_the_old_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealing asks for the cleaning that a purge asks for, once; an entry that seals nothing earlier asks for none."""
    cleaned: list[str] = []
    monkeypatch.setattr(erasing, "_sqlite", lambda _: cleaned.append("sqlite"))
    monkeypatch.setattr(erasing, "_postgresql", lambda _: cleaned.append("postgresql"))
    first = thing(name="the canary")
    thing(name="restricted from the start", marking=H1)
    assert not erasing.scrub()
    thing(name="restricted", object_id=first.object_id, marking=H1)
    assert erasing.scrub()
    thing(name="restricted still", object_id=first.object_id, marking=H1)
    assert not erasing.scrub()
    assert len(cleaned) == 1
