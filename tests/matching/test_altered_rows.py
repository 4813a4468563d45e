"""What was altered in the database keeps nothing else from being compared, and is named in the log."""

from uuid import uuid4

import pytest

from hanse.federation.models import Partner
from hanse.kernel.sealing import SealingError
from hanse.ledger.fields import sealed
from hanse.matching import clock, publishing
from hanse.matching.models import Agreement
from hanse.matching.offering import offered
from hanse.matching.tag_models import OwnSet
from tests.matching.asker import gb
from tests.matching.cast import PHONE

__all__ = ["gb"]

pytestmark = pytest.mark.usefixtures("founded")


def copied(row, **told: object) -> None:
    """A row once more, for another partner."""
    for name, value in told.items():
        setattr(row, name, value)
    row._state.adding = True
    row.save()


def test_a_set_that_was_altered_stops_no_other_partners(case, gb, caplog):
    """Each partner's set is published on its own; that which does not open is named, each time anew."""
    copied(Partner.objects.get(), authority="ag-other", object_id=uuid4())
    copied(Agreement.objects.get(), object_id=uuid4(), partner="ag-other")
    assert publishing.publish_due() == 2
    first = OwnSet.objects.get(partner="ag-other")
    values = sealed(OwnSet, ("gb-ncas", first.epoch, first.serial), kept=b"")
    OwnSet.objects.filter(pk=first.pk).update(**values)
    OwnSet.objects.update(slot=0)
    assert publishing.publish_due() == 1
    assert OwnSet.objects.get(partner="gb-ncas").version == 1
    assert "ag-other" in caplog.text
    assert "matching_ownset" in caplog.text
    assert "hanse node fsck" in caplog.text


def test_a_selector_that_was_altered_stops_no_other(case, gb, caplog):
    """The others of its case and of all cases are offered; it is named."""
    from hanse.cases.models import Selector

    agreement = Agreement.objects.get()
    email, phone = Selector.objects.order_by("sequence").filter(kind__in=("email", "phone"))
    Selector.objects.filter(pk=email.pk).update(**sealed(Selector, phone.pk, text="x"))
    values = [one.value.text for one in offered(agreement)]
    assert PHONE in values
    assert email.text not in values
    assert f"cases_selector, row {email.pk.hex}, text" in caplog.text


def test_what_does_not_open_stops_nothing_else_with_the_partner(case, gb, caplog, monkeypatch):
    """Turns that were altered keep no question from being put, and no run over its day from being given up."""

    def altered(*_: object) -> None:
        raise SealingError("matching_ownturns, row 1, queue: It was altered.")

    put, given_up = [], []
    monkeypatch.setattr(clock.turning, "step", altered)
    monkeypatch.setattr(clock.asking, "step", lambda *_: put.append("asked"))
    clock.turn("gb-ncas", None)
    assert put == ["asked"]
    monkeypatch.setattr(clock.running, "give_up", altered)
    monkeypatch.setattr(clock.asking, "give_up", lambda _: given_up.append("asked"))
    monkeypatch.setattr(clock.Matching, "_have", lambda *_: None)
    clock.Matching().look()
    assert given_up == ["asked"]
    assert caplog.text.count("matching_ownturns, row 1") == 2
