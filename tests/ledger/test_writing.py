"""Appending: order, versions, recipients, transactions, and what is refused."""

from contextlib import AbstractContextManager
from uuid import uuid4

import msgspec
import pytest
from django.db import connection, transaction
from msgspec import json

from hanse.kernel import envelope
from hanse.kernel.markings import Marking
from hanse.kernel.strict_json import canonical
from hanse.ledger import keyring
from hanse.ledger.kinds import KindError, kind_of
from hanse.ledger.models import Body, Entry, Head
from hanse.ledger.numbering import VersionError
from hanse.ledger.reading import Who, Written, around, content_of, opened, recorded_of, written
from hanse.ledger.writing import ContentError, Draft, append, append_many, writing
from tests.ledger.made import AUTHORITY, MARI, findings, found, thing
from tests.ledger.things.models import Thing
from tests.ledger.things.service import Dropped, Made, Secret

pytestmark = pytest.mark.django_db(transaction=True)


def _said(sequence: int) -> envelope.Envelope:
    return envelope.decode(bytes(Entry.objects.get(pk=sequence).payload))


def test_an_entry_is_signed_as_it_is_stored() -> None:
    """The stored bytes are the envelope's one form, signed by the node's key, and commit to the stored body."""
    found()
    recorded = thing(name="a", reason="because")
    row = Entry.objects.get(pk=recorded.sequence)
    said = envelope.verify(bytes(row.payload), bytes(row.signature), keyring.current().signing.public)
    body = Body.objects.get(pk=recorded.sequence)
    assert (said.origin, said.seq, said.kind, said.version) == (AUTHORITY, 1, "things.made", 1)
    assert said.object == recorded.object_id.hex
    assert said.commitment == envelope.commit(bytes(body.salt), bytes(body.data))
    assert findings() == []


def test_entries_of_one_call_share_signatures() -> None:
    """128 entries of a call share a signature; each is verified alone, and the whole ledger holds."""
    found()
    made = append_many([Draft("things.made", Made()) for _ in range(140)], MARI)
    key = keyring.current().signing.public
    rows = Entry.objects.filter(pk__gte=made[0].sequence)
    for row in rows:
        assert envelope.verify(bytes(row.payload), bytes(row.signature), key).seq == row.sequence
    assert len({bytes(row.signature)[2:66] for row in rows}) == 2
    assert findings() == []


def test_no_recipient_learns_of_another_by_a_signature() -> None:
    """Entries to different recipients never share a signature, also when they are written in one call."""
    found()
    recipients = ["fi-cert", "gb-cert", "fi-cert", "", "fi-cert", "fi-cert"]
    made = append_many([Draft("things.made", Made(), recipient=one) for one in recipients], MARI)
    sizes = [len(bytes(Entry.objects.get(pk=one.sequence).signature)) for one in made]
    assert sizes == [64, 64, 64, 64, 98, 98]


def test_who_and_why_are_in_the_body_alone() -> None:
    """Actor, reason and content are in the body, never in the envelope."""
    recorded = thing(name="a name to hide", reason="a reason to hide")
    row = Entry.objects.get(pk=recorded.sequence)
    said = written(row, Body.objects.get(pk=recorded.sequence))
    assert (said.actor.id, said.actor.name, said.reason) == ("mari", "Mari Maasikas", "a reason to hide")
    for hidden in (b"mari", b"Mari", b"to hide"):
        assert hidden not in bytes(row.payload)


def test_sequences_and_versions_count_without_gaps() -> None:
    """Sequences count from 0 over all objects, versions from 1 within each, also inside one call."""
    one, other = uuid4(), uuid4()
    drafts = [Draft("things.made", Made(), object_id) for object_id in (one, other, one, one)]
    made = [*append_many(drafts, MARI), thing(object_id=other)]
    assert [row.sequence for row in made] == [0, 1, 2, 3, 4]
    assert [row.version for row in made] == [1, 1, 2, 3, 2]
    assert Head.objects.get().next_sequence == 5


def test_a_recipient_cannot_count_what_it_does_not_get() -> None:
    """What is addressed to a recipient is numbered for it alone, and has the object's version, whoever else got it."""
    one = uuid4()
    for _ in range(3):
        thing(object_id=one)
    to = {name: [thing(object_id=one, recipient=name)] for name in ("fi-cert", "lv-cert")}
    thing(object_id=one)
    to["fi-cert"].append(thing(object_id=one, recipient="fi-cert"))
    for recorded in to.values():
        assert [_said(row.sequence).seq for row in recorded] == list(range(len(recorded)))
    assert [row.version for row in to["fi-cert"]] == [3, 4]
    assert [row.version for row in to["lv-cert"]] == [3]
    assert findings() == []


def test_one_entry_per_version_and_recipient() -> None:
    """The same version is not told twice to one recipient: two tellings could contradict each other."""
    one = thing().object_id
    thing(object_id=one, recipient="fi-cert")
    with pytest.raises(VersionError, match="new version first"):
        thing(object_id=one, recipient="fi-cert")
    assert Head.objects.get().next_sequence == 2


def test_an_object_that_only_a_recipient_has_counts_for_itself() -> None:
    """A message, which has no own entry, has versions of its own."""
    one = uuid4()
    assert [thing(object_id=one, recipient="fi-cert").version for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("inside", [False, True])
def test_the_callers_transaction_is_the_entrys(inside: bool) -> None:
    """An entry and its rows come with the caller's transaction or not at all, and leave no gap behind."""
    before = thing().sequence
    with pytest.raises(ZeroDivisionError):
        _write_and_fail(writing() if inside else transaction.atomic())
    assert (Entry.objects.count(), Body.objects.count(), Thing.objects.count()) == (1, 1, 1)
    assert thing().sequence == before + 1
    assert findings() == []


def test_a_failing_projection_takes_its_entry_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a row cannot be made, there is no entry, even where the caller catches the error and goes on."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no row")

    with writing():
        thing(name="first")
        with monkeypatch.context() as patch:
            patch.setattr(Thing.objects, "update_or_create", fail)
            with pytest.raises(RuntimeError):
                thing(name="second")
        thing(name="third")
    assert [row.sequence for row in Entry.objects.order_by("sequence")] == [0, 1]
    assert findings() == []


def test_rows_are_made_of_what_will_be_read_back() -> None:
    """Content made in memory (a list for a tuple, 3 for 3.0) is projected as a replay will see it."""
    recorded = append("things.made", Made(ratio=3, parts=["a", "b"]), actor=MARI)  # type: ignore[arg-type]  # meant
    assert Thing.objects.get(pk=recorded.object_id).ratio == 3.0
    assert findings() == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (Made(size="ten"), "could not be read back"),
        (Made(size=None), "could not be read back"),
        (Made(name="half \ud83d a character"), "could not be read back"),
        (Made(name="a\0b"), "NUL"),
        (Made(parts=("\\\\\0",)), "NUL"),
        (Dropped(), "holds Made, not Dropped"),
    ],
)
def test_what_could_not_be_read_back_is_refused(content: object, words: str) -> None:
    """An entry that no replay could project is never written: it would stop every rebuild for good."""
    with pytest.raises(ContentError, match=words):
        append("things.made", content, actor=MARI)
    assert not Entry.objects.exists()


def test_a_backslash_before_u0000_is_no_nul() -> None:
    """The six characters of an escape, written out, are a text like any other."""
    assert thing(name="\\u0000").sequence == 0
    assert findings() == []


def test_kinds_that_nobody_brought_are_refused() -> None:
    """An entry of an unknown kind is never written here."""
    with pytest.raises(KindError, match=r"no kind 'things\.unheard'"):
        append("things.unheard", Made(), actor=MARI)


@pytest.mark.parametrize("sort", ["kind", "handling"])
def test_bodies_are_sealed_where_kind_or_marking_ask(sort: str) -> None:
    """A sealed kind's body, and any body with a handling code, is unreadable in the database and opens here."""
    if sort == "kind":
        recorded = append("things.secret", Secret("the canary"), actor=MARI)
    else:
        marking = Marking(originators=frozenset({AUTHORITY}), handling=frozenset({"H1"}))
        recorded = thing(name="the canary", marking=marking)
    body = Body.objects.get(pk=recorded.sequence)
    assert body.sealed
    assert b"canary" not in bytes(body.data)
    opened = written(Entry.objects.get(pk=recorded.sequence), body)
    assert "the canary" in json.decode(opened.content).values()
    assert findings() == []


def test_sealed_columns_are_found_by_their_blind_index() -> None:
    """A sealed column is unreadable in the database, differs each time, and is found by its keyed hash alone."""
    one, other = (
        thing(secret="EE382200221020145685").object_id,
        thing(secret="EE382200221020145685").object_id,
    )
    thing(secret="another")
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret, secrets, secret_index FROM things_thing WHERE secret IS NOT NULL")
        stored = [bytes(value) for row in cursor.fetchall() for value in row]
    assert not any(b"EE3822" in value for value in stored)
    assert len(set(stored)) == 3 * 3 - 1, "only the hash of equal values is equal"
    rows = Thing.objects.filter(secret_index="EE382200221020145685")
    assert {row.id for row in rows} == {one, other}
    assert {row.secret for row in rows} == {"EE382200221020145685"}
    assert findings() == []


def _write_and_fail(transaction_of_the_caller: AbstractContextManager[object]) -> None:
    with transaction_of_the_caller:
        thing()
        Thing.objects.update(size=1 // 0)


def test_an_own_new_object_is_named_by_the_time_and_one_for_a_partner_by_chance() -> None:
    """Own ids stay in the order of their indexes and say what the entry's own time says; a partner's say nothing."""
    found()
    recipients = ["", "", "fi-cert"]
    first, second, away = append_many(
        [Draft("things.made", Made(), recipient=one) for one in recipients], MARI
    )
    for one in (first, second):
        assert one.object_id.version == 7
        assert one.object_id.int >> 80 == one.time_us // 1_000
    assert len({first.object_id, second.object_id}) == 2
    assert away.object_id.version == 4
    assert away.object_id.int >> 80 != away.time_us // 1_000


def test_a_large_call_of_all_sorts_reads_back_as_drafts_say() -> None:
    """Kinds, markings, reasons, recipients and old objects in turns, by the hundred: each entry has its own."""
    found()
    old = [thing(size=at).object_id for at in range(3)]
    strict = Marking(originators=frozenset({AUTHORITY}), handling=frozenset({"H1"}), retention_us=2**52)
    drafts = [
        Draft(
            "things.made",
            Made(name=f"thing {at} õ", size=at),
            old[at % 3] if at % 50 == 7 else None,
            (None, strict)[at // 60 % 2],
            f"reason {at // 90}",
            ("", "fi-cert")[at // 75 % 2] if at % 50 != 7 else "",
        )
        for at in range(400)
    ]
    made = append_many(drafts, MARI)
    assert [one.sequence for one in made] == list(range(4, 404))
    rows = Entry.objects.select_related("body").filter(pk__gte=4).order_by("pk")
    for row, draft, recorded in zip(rows, drafts, made, strict=True):
        head = envelope.verify(bytes(row.payload), bytes(row.signature), keyring.current().signing.public)
        assert recorded_of(row, row.body) == recorded
        assert envelope.commit(bytes(row.body.salt), opened(row, row.body)) == head.commitment
        assert content_of(row, row.body, kind_of(row.kind)) == draft.content
        assert (recorded.reason, recorded.recipient) == (draft.reason, draft.recipient)
        assert recorded.marking == (draft.marking or Marking.own(AUTHORITY))
        if recorded.object_id not in old:  # earlier versions of what became stricter are sealed after it
            assert row.body.sealed is bool(recorded.marking.handling)
        assert row.retention_us == recorded.marking.retention_us
    assert findings() == []


@pytest.mark.parametrize("text", ["", "õ", '"', "\\\n", "A reason."])
def test_a_body_is_its_one_form_however_it_is_put_together(text: str) -> None:
    """What is encoded once for many bodies gives the bytes that each has alone."""
    who, content = Who(text, "person", f"{text} x"), canonical({"text": text})
    body = content.join(around(who, text))
    assert body == canonical(Written(who, msgspec.Raw(content), text))
