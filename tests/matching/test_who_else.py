"""Who else? Only the asker learns of a hit; the other side sees that it was asked, and when, until contact is made."""

import secrets
from uuid import UUID

import pytest

from hanse.cases import service as cases
from hanse.cases import working
from hanse.cases.models import Selector
from hanse.cases.selector import read
from hanse.federation.models import Received
from hanse.intel.values import Value
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger import retention
from hanse.ledger.check import check
from hanse.ledger.models import Body, Entry
from hanse.ledger.replay import rebuild
from hanse.ledger.service import purge
from hanse.matching import (
    agreeing,
    answering,
    asking,
    contacting,
    fetching,
    hits,
    publishing,
    tag_keys,
    tags,
    voprf,
    who_else,
    withholding,
)
from hanse.matching.contents import Contact
from hanse.matching.epochs import month, over_us
from hanse.matching.models import Hit
from hanse.matching.offering import offered
from hanse.matching.tag_models import Asking, OwnDelta, OwnSet, Question, Reply, TagKey, TheirSet
from hanse.policy.asking import RefusedError
from hanse.policy.guarded import NotVisibleError
from tests.accounts.people import acting, newcomer
from tests.cases.made import DAY_US
from tests.matching.asker import Asker, gb, turn
from tests.matching.cast import BOSS, OTHER, PHONE, agree, fresh, has
from tests.shared import as_read

__all__ = ["gb"]

pytestmark = pytest.mark.usefixtures("founded")


def selectors(case: UUID, *kinds: str) -> list[UUID]:
    """The selectors of a case, of some kinds."""
    rows = Selector.objects.filter(case=case)
    return list((rows.filter(kind__in=kinds) if kinds else rows).values_list("pk", flat=True))


def asks(gb: Asker, case, *kinds: str) -> Reply:
    """What comes of a question of Kaja's."""
    made, kaja = case
    question = who_else.ask(made, selectors(made, *kinds), ["gb-ncas"], "Case 12/2026 asks for it.", kaja)
    turn(gb)
    return who_else.replies(Question.objects.get(pk=question))[0]


def published(gb: Asker, *some, **more) -> Asker:
    """The partner, with what it has published."""
    has(gb, *some)
    gb.publishes(**more)
    return gb


# This side asks.


def test_only_the_asker_learns_of_a_hit(case, gb):
    """It is on record for who works on the case, and nobody else is told; what is sent says nothing of it."""
    made, kaja = case
    published(gb, ("email", BOSS), ("email", OTHER))
    row = asks(gb, case)
    assert (row.state, row.hits, row.why) == ("found", 1, "")
    [hit] = hits.visible_hits(kaja)
    assert (hit.way, hit.case, hit.kind, hit.keys) == ("who-else", made, "email", 0)
    [question] = who_else.visible_questions(kaja)
    assert list(who_else.hits_of(question, kaja)) == [hit]
    stranger = acting(newcomer("investigator", name="Not In It"))
    assert not who_else.visible_questions(stranger).exists()
    with pytest.raises(NotVisibleError):
        who_else.question_for(stranger, question.pk)
    assert gb.addressed("matching.contact", Contact) == []
    assert list(check()) == []


def test_a_miss_is_said_and_leaves_nothing_else(case, gb):
    """The answer is on record, and no hit."""
    row = asks(published(gb, ("email", OTHER)), case)
    assert (row.state, row.hits) == ("nothing", 0)
    assert not Hit.objects.exists()


def test_one_and_all_selectors_look_alike(case, gb):
    """The same messages of the same sizes, whether one selector is asked for or all, found or not."""
    published(gb, ("email", BOSS))
    sizes = []
    for kinds in (("phone",), ()):
        gb.heard_.clear()
        asks(gb, case, *kinds)
        sizes.append([(what, len(getattr(said, "points", b""))) for what, said in gb.heard_][-2:])
    assert sizes[0] == sizes[1] == [("tag-set", 0), ("who-else", 3_200)]
    points = [said.points for what, said in gb.heard_ if what == "who-else"]
    assert len(set(points)) == len(points)


def test_too_many_or_none_cannot_be_asked(case, gb):
    """Each with what to do; a hundred is the most, of one's own cases alone."""
    made, kaja = case
    for wrong, words in (
        (([], ["gb-ncas"], "Why."), "at least one selector"),
        ((selectors(made), [], "Why."), "one partner"),
        ((selectors(made), ["gb-ncas"], " "), "Say why"),
        (([UUID(int=7)], ["gb-ncas"], "Why."), "no such selector"),
    ):
        with pytest.raises(UsageError, match=words):
            who_else.ask(made, *wrong, kaja)
    working.add_list(made, b"value\n" + b"".join(b"u%d@a.example\n" % at for at in range(101)), kaja)
    with pytest.raises(UsageError, match="at most 100"):
        who_else.ask(made, selectors(made), ["gb-ncas"], "Why.", kaja)
    stranger = acting(newcomer("investigator", name="Not In It"))
    with pytest.raises(NotVisibleError):
        who_else.ask(made, selectors(made), ["gb-ncas"], "Why.", stranger)
    analyst = acting(newcomer("analyst", name="An Analyst"))
    with pytest.raises(RefusedError):
        who_else.ask(made, selectors(made), ["gb-ncas"], "Why.", analyst)


def test_what_is_kept_out_is_not_asked_for(case, gb):
    """Nor what one officer answers for, but by that officer; a closed case asks nothing."""
    made, kaja = case
    published(gb, ("email", BOSS))
    [boss] = selectors(made, "email")
    alone = newcomer("officer", name="Alone", teams=tuple(UUID(one) for one in kaja.teams))
    withholding.keep_out(made, boss, alone, "Ask her.", kaja)
    with pytest.raises(UsageError, match="cannot be asked about any"):
        who_else.ask(made, [boss], ["gb-ncas"], "Why.", kaja)
    [told] = who_else.askable(made, [], kaja)
    assert boss not in told.selectors
    cases.set_status(made, "closed", "Over.", kaja)
    with pytest.raises(UsageError, match="cannot be asked about any"):
        who_else.ask(made, selectors(made, "phone"), ["gb-ncas"], "Why.", kaja)


def test_an_answer_with_another_key_is_not_used(case, gb):
    """The published key does not prove it: it is shown as such, and no miss is believed."""
    published(gb, ("email", BOSS))
    other = voprf.derive_key_pair(bytes(32), b"other")
    gb.evaluates = lambda _: answering.Evaluated(*tags.answer(other, gb.heard_[-1][1].points))
    row = asks(gb, case)
    assert row.state == "failed"
    assert "another key than the published" in row.why
    assert not Hit.objects.exists()


@pytest.mark.parametrize("cheat", ["evaluated", "proof"])
def test_a_proof_that_does_not_hold_is_refused(case, gb, cheat):
    """Points or proof altered: nothing of the answer is used."""
    published(gb, ("email", BOSS))

    def lie(told):
        right = {"evaluated": told.evaluated, "proof": told.proof}
        right[cheat] = right[cheat][32:] + right[cheat][:32]
        return answering.Evaluated(**right)

    gb.evaluates = lie
    assert asks(gb, case).state == "failed"
    assert not Hit.objects.exists()


def test_a_partner_that_is_away_is_asked_until_a_day_is_over(case, gb):
    """Nothing is lost meanwhile; after a day it is said that it did not answer."""
    published(gb, ("email", BOSS))
    gb.away = {"who-else"}
    row = asks(gb, case)
    assert (row.state, row.told_us) == ("waiting", None)
    assert asking.waiting() == ["gb-ncas"]
    gb.away = set()
    turn(gb)
    assert Reply.objects.get(pk=row.pk).state == "found"
    gb.away = {"tag-set"}
    row = asks(gb, case)
    assert asking.give_up(now_us() + DAY_US) == 1
    assert Reply.objects.get(pk=row.pk).state == "unanswered"
    assert asking.waiting() == []


def test_a_question_whose_answer_was_lost_is_put_again_just_as_it_was(case, gb):
    """The partner sees the same name and the same points: it counts once, and nothing can be compared."""
    published(gb, ("email", BOSS))
    gb.after = {"who-else"}
    row = asks(gb, case)
    gb.after = set()
    turn(gb)
    first, second = [said for what, said in gb.heard_ if what == "who-else"]
    assert first == second
    assert Reply.objects.get(pk=row.pk).state == "found"


def test_a_question_of_other_selectors_shares_no_point_with_the_one_before(case, gb):
    """A selector closed between two tries makes another question, or the partner saw how many were real."""
    made, kaja = case
    published(gb, ("email", BOSS))
    gb.after = {"who-else"}
    row = asks(gb, case)
    [phone] = selectors(made, "phone")
    withholding.keep_out(made, phone, None, "An informant's.", kaja)
    gb.after = set()
    turn(gb)
    first, second = [said for what, said in gb.heard_ if what == "who-else"]
    assert first.question != second.question
    assert not set(_points(first)) & set(_points(second))
    assert Reply.objects.get(pk=row.pk).state == "found"


def _points(put) -> list[bytes]:
    return [put.points[at : at + 32] for at in range(0, len(put.points), 32)]


def test_without_its_key_a_partner_is_not_asked_yet(case, gb):
    """The question waits until the key came; one that is no point, or of no month that goes on, is refused."""
    row = asks(gb, case)
    assert row.state == "waiting"
    published(gb, ("email", BOSS))
    right = {"epoch": month(now_us()), "public": gb.key.public.hex(), "speaks": "0" * 64}
    for wrong in ({"public": "ff" * 32}, {"public": "0"}, {"epoch": "2020-01"}, {"epoch": "soon"}):
        gb.entry("matching.tag_key_told", tag_keys.TagKeyTold(**{**right, **wrong}))
    turn(gb)
    assert Reply.objects.get(pk=row.pk).state == "found"
    assert Received.objects.filter(state="refused").count() == 4


def test_a_partner_that_lost_its_key_tells_another(case, gb):
    """The newest of a month counts: answers under the earlier one are not believed any more."""
    published(gb, ("email", BOSS))
    assert asks(gb, case).state == "found"
    lost = gb.key
    published(gb, ("phone", PHONE))
    assert asks(gb, case).hits == 1
    gb.key = lost
    assert asks(gb, case).state == "failed"


def test_nodes_that_normalise_differently_do_not_ask_each_other(case, gb):
    """They would miss what both have: it is said, and nothing is sent."""
    row = asks(published(gb, ("email", BOSS), speaks="0" * 64), case)
    assert (row.state, gb.heard_) == ("failed", [])
    assert "Upgrade the older" in row.why


def test_a_refusal_is_shown_with_its_reason(case, gb):
    """Such as the quota of the day at the partner."""
    published(gb, ("email", BOSS))
    gb.evaluates = lambda _: answering.Evaluated(refused="The questions of a day were asked.")
    row = asks(gb, case)
    assert (row.state, row.why) == ("refused", "gb-ncas: The questions of a day were asked.")


def test_a_set_is_kept_up_to_date_by_what_changed(case, gb):
    """Only versions are fetched; one that does not follow has the whole fetched anew."""
    published(gb, ("email", OTHER))
    assert asks(gb, case).state == "nothing"
    gb.goes_to_next_version(read("email", BOSS).value)
    gb.heard_.clear()
    assert asks(gb, case).state == "found"
    assert [said.version for what, said in gb.heard_ if what == "tag-set"] == [0]
    assert TheirSet.objects.get().version == 1
    gb.deltas.append((bytes(10_240), bytes(5_120)))
    gb.heard_.clear()
    row = asks(gb, case)
    assert row.state == "failed"
    gb.makes_set()
    assert asks(gb, case).state == "nothing"
    assert TheirSet.objects.get().version == 0


def test_a_set_that_is_none_is_not_kept(case, gb):
    """Not sorted, cut off, or larger than can be: it is said, and nothing is looked up in it."""
    published(gb, ("email", BOSS))
    whole = gb.base.tags.tobytes()
    for wrong in (whole[10:] + whole[:10], whole[:-1], b""):
        gb.gives_set = lambda wanted, wrong=wrong: publishing.Given(gb.serial, 0, len(whole), wrong)
        assert asks(gb, case).state == "failed"
    gb.gives_set = lambda wanted: publishing.Given(gb.serial, 0, 10**9, whole)
    assert asks(gb, case).state == "failed"
    assert not TheirSet.objects.exists()


def test_a_set_comes_in_pieces(case, gb, monkeypatch):
    """As many as it takes; one that is exchanged while it is fetched is fetched from its beginning."""
    published(gb, ("email", BOSS))
    monkeypatch.setattr(publishing, "PIECE_BYTES", 4_000)
    monkeypatch.setattr(fetching, "PIECE_BYTES", 4_000)
    given = gb.gives_set

    def exchanged(wanted):
        if wanted.place == 1 and not hasattr(gb, "done"):
            gb.done = True
            gb.makes_set()
        return given(wanted)

    gb.gives_set = exchanged
    assert asks(gb, case).state == "found"
    places = [said.place for what, said in gb.heard_ if what == "tag-set"]
    assert places[:5] == [0, 1, 0, 1, 2]


# This side is asked.


@pytest.fixture
def asked(case, gb):
    """The partner, for which this side has published what the case has."""
    publishing.publish_due()
    return gb


def test_the_asked_side_sees_that_it_was_asked_and_when(case, asked, officer):
    """The partner finds what is here; the entry says nothing else, whatever was asked and found."""
    asked.puts(Value("email", BOSS), Value("email", "only@gb.example"))
    assert asked.learnt == [Value("email", BOSS)]
    one = Entry.objects.filter(kind="matching.questioned").get()
    asked.puts(*(Value("phone", f"+44207946{at:04}") for at in range(100)))
    assert asked.learnt == []
    other = Entry.objects.filter(kind="matching.questioned").latest("sequence")
    bodies = [bytes(Body.objects.get(entry=at).data) for at in (one, other)]
    assert len(bodies[0]) == len(bodies[1])
    assert [row.refused for row in who_else.askings(officer)] == ["", ""]
    assert not Hit.objects.exists()
    with pytest.raises(RefusedError):
        who_else.askings(acting(newcomer("analyst", name="An Analyst")))
    assert list(check()) == []


def test_what_is_not_offered_is_not_in_the_set(case, asked):
    """Victims, what is kept out, kinds that are not agreed: a question finds none of them."""
    made, kaja = case
    victim = working.add_person(made, working.Told(category="victim", name="Eha"), kaja)
    working.add_selector(made, read("email", "victim@home.example"), kaja, person=victim)
    working.add_selector(made, read("iban", "EE382200221020145685"), kaja)
    _versions(1)
    asked.puts(Value("email", "victim@home.example"), Value("iban", "EE382200221020145685"))
    assert asked.learnt == []
    asked.puts(Value("person", "1980-02-01 ivan petrov"), Value("phone", PHONE))
    assert [one.kind for one in asked.learnt] == ["person", "phone"]


def _versions(number: int) -> None:
    """Let so many versions be due, one after the other."""
    for _ in range(number):
        OwnSet.objects.update(slot=0)
        assert publishing.publish_due() == 1


def test_versions_come_by_the_clock_and_have_one_size(case, asked):
    """A new selector is found after the next version, a closed one after it no more; a delta is as long as another."""
    made, kaja = case
    before = asked.fetches()
    assert publishing.publish_due() == 0
    new = working.add_selector(made, read("email", "new@shop.example"), kaja)
    _versions(1)
    asked.serial = OwnSet.objects.get().serial
    given = asked.asks("tag-set", publishing.Wanted(month(now_us()), asked.serial, 0), publishing.Given)
    [(added, taken)] = given.deltas
    assert (len(added), len(taken), given.size) == (10_240, 5_120, 0)
    delta = tags.Delta(before.epoch, 1, publishing.column(added), publishing.column(taken))
    after = tags.applied(before, delta)
    key = tag_keys.key_of("gb-ncas", month(now_us()))
    tag = tags.packed([tags.tag_of(key, month(now_us()), Value("email", "new@shop.example"))])
    assert (before.holds(tag).any(), after.holds(tag).all()) == (False, True)
    withholding.keep_out(made, new, None, "An informant's.", kaja)
    _versions(1)
    last = OwnDelta.objects.latest("version")
    assert (len(last.added), len(last.taken)) == (10_240, 5_120)
    assert tag[0] in set(publishing.column(bytes(last.taken)))


def test_who_is_far_behind_gets_the_whole_set(case, asked, monkeypatch):
    """Versions are kept for a day or two; a set that was lost and made anew is another one."""
    monkeypatch.setattr(publishing, "BASE_EVERY", 2)
    serial = OwnSet.objects.get().serial
    _versions(5)
    wanted = publishing.Wanted(month(now_us()), serial, 0)
    given = asked.asks("tag-set", wanted, publishing.Given)
    assert (given.version, given.size, len(given.deltas)) == (4, (1024 + 4 * 512) * 10, 0)
    close = asked.asks("tag-set", publishing.Wanted(month(now_us()), serial, 3), publishing.Given)
    assert (close.version, len(close.deltas), close.more) == (5, 2, False)
    OwnSet.objects.all().delete()
    publishing.publish_due()
    assert asked.asks("tag-set", wanted, publishing.Given).serial != serial
    assert asked.fetches().version == 0


def test_a_question_that_comes_twice_counts_once(case, asked):
    """The same points under the same name are answered again; other points under that name are refused."""
    name = secrets.token_hex(16)
    asked.puts(Value("email", BOSS), name=name)
    asked.puts(name=name, again=asked.question)
    assert asked.learnt == [Value("email", BOSS)]
    assert Asking.objects.count() == 1
    told = asked.puts(Value("phone", PHONE), name=name)
    assert "Another question" in told.words
    assert Asking.objects.count() == 1


def test_an_enumerating_partner_is_stopped_noticed_and_learns_no_more_than_is_agreed(
    gb, case, officer, approver
):
    """Two questions a day: it guesses the rest in vain, and it stands on record that it did."""
    agree(officer, approver, per_day=200)
    publishing.publish_due()
    guesses = [Value("email", f"{name}@shop.example") for name in ("boss", *range(399))]
    learnt = []
    for at in range(300, -1, -100):
        gb.puts(*guesses[at : at + 100])
        learnt += gb.learnt
    assert learnt == []
    assert answering.put_in_a_day("gb-ncas") == 2
    [refused] = who_else.askings(officer, "gb-ncas").exclude(refused="")
    assert "Ask again tomorrow" in refused.refused


def test_no_key_of_another_month_no_agreement_no_question(case, asked, officer):
    """Each is refused with a reason, and on record once."""
    asked.question = tags.ask([Value("email", BOSS)], "2020-01")
    points = asked.question.blinded.points
    for epoch, sent, words in (
        ("2020-01", points, "no month that can be asked for"),
        (month(now_us()), points[:-32], "no question of a hundred"),
        (month(now_us()), points[:-32] + bytes(32), "no question of a hundred"),
    ):
        put = answering.Put(secrets.token_hex(16), epoch, sent)
        assert words in asked.asks("who-else", put, answering.Evaluated).refused
    agreeing.end("gb-ncas", "It ran out.", officer)
    assert "Nothing is agreed" in asked.puts(Value("email", BOSS)).refused
    assert "Nothing is agreed" in asked.puts(Value("email", BOSS)).refused
    assert Asking.objects.exclude(refused="").count() == 3
    publishing.publish_due()
    assert not OwnSet.objects.exists()


def test_contact_shows_the_asked_side_its_hit(case, asked):
    """Only then, and of this one selector: both have it by the same name, and both can answer."""
    made, kaja = case
    asked.puts(Value("email", BOSS), Value("phone", PHONE))
    asked.contacts(asked.proofs[Value("email", BOSS)])
    turn(asked)
    [hit] = hits.visible_hits(kaja)
    assert (hit.case, hit.kind, hit.way, hit.tag) == (made, "email", "who-else", "")
    stands = contacting.standing([hit])[hit.pk]
    assert stands.other.name == "Ann Other"
    contacting.offer(hit.pk, contacting.Told(name="Kaja Kask", agrees=True), fresh(kaja))
    [(_, told)] = asked.addressed("matching.contact", Contact)
    assert told.references == stands.other.references
    assert list(check()) == []


def test_contact_of_this_side_carries_what_shows_that_it_asked(case, gb):
    """The tag that it found, with what follows it in the hash; nothing of the others."""
    _, kaja = case
    published(gb, ("email", BOSS), ("phone", PHONE))
    asks(gb, case)
    hit = hits.visible_hits(kaja).get(kind="email")
    contacting.offer(hit.pk, contacting.Told(name="Kaja Kask"), fresh(kaja))
    [(_, told)] = gb.addressed("matching.contact", Contact)
    proof = tags.proof_of(gb.key, gb.epoch_, Value("email", BOSS))
    assert told.tag == proof.hex()
    assert told.references == (asking.reference("gb-ncas", "ee-cert", gb.epoch_, proof),)


def test_a_tag_that_was_only_read_is_no_contact(case, asked):
    """Who takes it from the published set, or makes one up, is refused, and nobody here sees anything."""
    asked.puts(Value("email", BOSS))
    right = asked.proofs[Value("email", BOSS)]
    asked.contacts(right[:10])
    asked.contacts(right[:10] + secrets.token_bytes(16))
    asked.contacts(secrets.token_bytes(26))
    asked.contacts(right, references=("0" * 32,))
    turn(asked)
    assert not Hit.objects.exists()
    assert Received.objects.filter(state="refused").count() == 4


def test_tags_that_were_only_read_have_no_selector_opened(case, asked, monkeypatch):
    """All tags are published: a page of a thousand such contacts would lock the ledger while all of them are opened each time."""
    opened = []
    monkeypatch.setattr(
        publishing, "offered", lambda *some, **more: opened.append(some) or offered(*some, **more)
    )
    for tag in asked.fetches().tags[:20]:
        asked.contacts(bytes(tag).ljust(10, b"\0") + secrets.token_bytes(16))
    asked.puts(Value("email", BOSS))
    proof = asked.proofs[Value("email", BOSS)]
    asked.contacts(proof[:10] + secrets.token_bytes(16))
    turn(asked)
    assert Received.objects.filter(state="refused").count() == 21
    assert opened == []
    asked.contacts(proof)
    turn(asked)
    assert Hit.objects.count() == 1


def test_a_second_contact_for_one_hit_is_no_second_hit(case, asked):
    """Also after the month, when the key is destroyed: both know by then what it is about."""
    asked.puts(Value("email", BOSS))
    proof = asked.proofs[Value("email", BOSS)]
    asked.contacts(proof)
    turn(asked)
    purge([TagKey.objects.get().pk], reason="Over.", actor=tag_keys.matcher())
    asked.contacts(proof, agrees=True)
    turn(asked)
    assert Hit.objects.count() == 1
    assert Received.objects.filter(state="refused").count() == 0


def test_the_key_destroys_itself_with_its_month(asked, monkeypatch):
    """Its retention is in its marking; after it nothing is answered, and the set goes."""
    key = TagKey.objects.get()
    entry = Entry.objects.get(kind="matching.tag_key_made")
    assert entry.retention_us == over_us(key.epoch)
    later = over_us(key.epoch) + 1
    for module in (tag_keys, publishing, retention):
        monkeypatch.setattr(module, "now_us", lambda: later)
    assert tag_keys.key_of("gb-ncas", key.epoch) is None
    assert retention.purge_due() == 1
    assert not TagKey.objects.exists()
    publishing.publish_due()
    assert [row.epoch for row in OwnSet.objects.all()] == [month(later)]
    assert list(check()) == []


def test_questions_go_with_their_case_and_a_rebuild_makes_the_rest_again(case, gb):
    """Tables follow from the entries; what is purged is asked and answered nowhere any more."""
    made, kaja = case
    asks(published(gb, ("email", BOSS)), case)
    publishing.publish_due()
    gb.puts(Value("email", BOSS))
    tables = (Question, Reply, TagKey, Asking, Hit)
    before = [as_read(one.objects.order_by("pk")) for one in tables]
    rebuild()
    assert [as_read(one.objects.order_by("pk")) for one in tables] == before
    assert OwnSet.objects.count() == 1
    purge([made], reason="Over.", actor=kaja)
    assert not Question.objects.exists()
    assert not Reply.objects.exists()
    assert list(check()) == []
