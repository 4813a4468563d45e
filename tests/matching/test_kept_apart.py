"""What is kept of one partner opens for no other, whoever puts it there: of these tables fsck compares nothing."""

from uuid import UUID, uuid4

import pytest
from django.db import connection

from hanse.kernel.sealing import SealingError
from hanse.ledger.check import check
from hanse.ledger.replay import rebuild
from hanse.matching import parts
from hanse.matching.models import RunPart
from hanse.matching.standing_models import OwnTurns, TheirTurns
from hanse.matching.tag_models import OwnDelta, OwnSet, TheirSet

pytestmark = pytest.mark.usefixtures("founded")

MADE = {
    OwnSet: ({"epoch": "2026-11", "slot": 0}, ("base", "kept")),
    TheirSet: ({"epoch": "2026-11", "serial": "s" * 32, "version": 1}, ("tags",)),
    OwnTurns: ({"epoch": "2026-11-28", "mask": "m"}, ("pending", "queue", "held")),
    TheirTurns: (
        {"epoch": "2026-11-28", "mask": "m", "theirs": "t", "digest": "d", "taken_us": 1, "chain": []},
        ("answer",),
    ),
}
"""Tables that have a row for each partner, with what a row needs, and what is sealed of it."""


def make(model):
    """Two rows, of two partners."""
    told, names = MADE[model]
    for partner in ("gb-ncas", "no-cert"):
        more = {"serial": partner.ljust(32, "-")} if model is OwnSet else {}
        sealed = {name: f"{partner} {name}".encode() for name in names}
        model.objects.create(partner=partner, **{**told, **more, **sealed})


def sql(query: str, *values: object) -> None:
    """As somebody who can write to the database."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)


@pytest.mark.parametrize("model", MADE)
def test_what_is_kept_of_one_partner_is_given_to_no_other(model) -> None:
    """Neither moved into another's row, nor with its row called another's; fsck names the row, and a rebuild removes it."""
    make(model)
    table, names = model._meta.db_table, MADE[model][1]
    for name in names:
        assert getattr(model.objects.get(partner="no-cert"), name) == f"no-cert {name}".encode()
    assert list(check()) == []
    for name in names:
        sql(
            f"UPDATE {table} SET {name} = (SELECT {name} FROM {table} WHERE partner = 'gb-ncas')"  # noqa: S608 - names of tables
            " WHERE partner = 'no-cert'"
        )
        with pytest.raises(SealingError, match=rf"{table}, row no-cert .*, {name}: .*hanse node fsck"):
            getattr(model.objects.get(partner="no-cert"), name)
    sql(f"UPDATE {table} SET partner = 'mine' WHERE partner = 'gb-ncas'")  # noqa: S608 - as above
    with pytest.raises(SealingError):
        getattr(model.objects.get(partner="mine"), names[0])
    told = [str(one) for one in check()]
    assert len(told) == 2
    assert all(
        one.startswith(f"{table} ") and names[0] in one and "hanse node rebuild" in one for one in told
    )
    rebuild()
    assert not model.objects.exists()
    assert list(check()) == []


def test_versions_of_one_partners_set_are_given_to_no_other() -> None:
    """Its making is theirs: neither the versions nor the set itself can be called another's."""
    make(OwnSet)
    mine, theirs = (partner.ljust(32, "-") for partner in ("no-cert", "gb-ncas"))
    OwnDelta.objects.create(serial=theirs, version=1, added=b"theirs", taken=b"")
    sql("UPDATE matching_owndelta SET serial = %s", mine)
    with pytest.raises(SealingError, match="matching_owndelta"):
        _ = OwnDelta.objects.get().added
    sql("UPDATE matching_owndelta SET serial = %s", theirs)
    sql("UPDATE matching_ownset SET serial = %s WHERE partner = 'no-cert'", theirs)
    assert OwnDelta.objects.get().added == b"theirs"
    with pytest.raises(SealingError, match="matching_ownset"):
        _ = OwnSet.objects.get(partner="no-cert").kept


def test_what_is_compared_in_one_run_is_taken_for_no_others() -> None:
    """The values of a run, called another's."""
    parts.put_values(run := uuid4(), ())
    assert parts.values(run) == ()
    other: UUID = uuid4()
    RunPart.objects.update(run=other)
    with pytest.raises(SealingError, match="matching_runpart"):
        parts.values(other)
    assert [one.place.split()[0] for one in check()] == ["matching_runpart"]
