"""Joint cases: each entry signed by its author's node, everything by way of the founder, nobody else has a say."""

import re
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
import pytest

from hanse.accounts.approvals import approve
from hanse.accounts.models import Team
from hanse.cases import joint, joint_projecting, subject, waiting
from hanse.cases.joint import Opening, Told
from hanse.cases.joint_entries import OPENED, SAID, JointMember, JointOpened, JointSaid
from hanse.cases.joint_models import JointCase, JointSaying
from hanse.cases.subject_finding import asked, held_on
from hanse.console.marking import Wish, mark_anew
from hanse.console.visible_entries import visible_entries
from hanse.federation import exchange, originals
from hanse.federation.contents import Card, Carried, Forwarded, Recall
from hanse.federation.handlers import own_id
from hanse.federation.models import Given, Partner, Received
from hanse.kernel import envelope
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.check import check
from hanse.ledger.models import Body, Entry
from hanse.ledger.replay import rebuild
from hanse.ledger.service import purge
from hanse.policy.asking import RefusedError
from hanse.policy.guarded import NotVisibleError
from tests.accounts.people import acting, newcomer
from tests.cases.made import DAY_US
from tests.federation.conftest import founded
from tests.federation.peer import Peer
from tests.federation.test_onward import fi, lv
from tests.federation.test_serving import Reader
from tests.shared import as_read

__all__ = ["fi", "founded", "lv"]

pytestmark = pytest.mark.usefixtures("founded")

YEAR_US = 365 * 86_400_000_000
THERE = UUID(int=4711)


@pytest.fixture
def kadri() -> Actor:
    """An investigator with a fresh passkey."""
    return replace(acting(newcomer("investigator", name="Kadri")), stepped_up_us=now_us())


def _opening(**more: object) -> Opening:
    told = {
        "title": "Operation Amber", "purpose": "Find who rents the machines.", "legal_basis": "KrMS § 470",
        "members": frozenset({"fi-cert", "lv-cert"}), "retention_us": now_us() + YEAR_US,
    }  # fmt: skip
    return Opening(**{**told, **more})


def _takes(peer: Peer) -> list[str]:
    """Take in what a partner sent; why something of it was refused."""
    exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)  # type: ignore[arg-type]
    return list(
        Received.objects.filter(partner=peer.authority, state="refused").values_list("why", flat=True)
    )


def _gets(peer: Peer, kind: str) -> list[tuple[bytes, object]]:
    """What this node addressed to a partner of a kind: the payloads, and what they say."""
    found = Reader(peer).pull(names=False).arrivals
    types = {OPENED: JointOpened, SAID: JointSaid, originals.FORWARDED: Forwarded}
    return [
        (one.item.payload, msgspec.json.decode(one.written.content, type=types[kind]))
        for one in found
        if one.head.kind == kind
    ]


def _marking(author: str, *members: str) -> Marking:
    who = frozenset(f"authority:{one}" for one in ("ee-cert", *members))
    return Marking(originators=frozenset({author}), tlp=Tlp.GREEN, releasable=who)


def _said(founder: str, there: UUID, sort: str, text: str = "", **more: str) -> JointSaid:
    return JointSaid(founder=founder, joint=there.hex, sort=sort, text=text, **more)


def _says(peer: Peer, founder: str, there: UUID, sort: str, text: str = "", **more: str) -> UUID:
    thing = uuid4()
    marking = _marking(peer.authority, "fi-cert", "lv-cert")
    peer.entry(SAID, _said(founder, there, sort, text, **more), object_id=thing, marking=marking)
    return thing


def test_each_member_is_asked_and_nobody_else_learns_of_it(fi, lv, kadri):
    """Each gets the case, marked for members alone; a partner who is none has nothing of it."""
    gb = Peer("gb-cert", "GB")
    gb.joins()
    made = joint.open_joint(_opening(), "We see the same machines.", kadri)
    for one in (fi, lv):
        [(_, told)] = _gets(one, OPENED)
        assert [each.authority for each in told.members] == ["ee-cert", "fi-cert", "lv-cert"]
    marking = JointCase.objects.get_for(kadri, "cases.view", made).marking.marking
    assert marking.releasable == {f"authority:{one}" for one in ("ee-cert", "fi-cert", "lv-cert")}
    assert not Entry.objects.filter(recipient="gb-cert", kind=OPENED).exists()


def test_what_a_member_says_reaches_the_others_as_it_signed_it(fi, lv, kadri):
    """The founder passes it round whole, to each other member, once, and not to who left."""
    made = joint.open_joint(_opening(), "We see the same machines.", kadri)
    _says(fi, "ee-cert", made, "joined")
    task = _says(fi, "ee-cert", made, "task", "Ask the hoster.", to="lv-cert")
    assert _takes(fi) == []
    told = _gets(lv, originals.FORWARDED)
    assert [content.original.payload for _, content in told] == [one.payload for one in fi.items]
    assert all(content.originator.authority == "fi-cert" for _, content in told)
    assert _gets(fi, originals.FORWARDED) == []
    row = JointCase.objects.get_for(kadri, "cases.view", made)
    assert [(one.author, one.sort, one.text) for one in joint.sayings(row)] == [
        ("fi-cert", "task", "Ask the hoster."), ("fi-cert", "joined", ""),
    ]  # fmt: skip
    assert row.standing == {"ee-cert": "joined", "fi-cert": "joined"}
    joint.say(made, Told(sort="done", about=own_id("fi-cert", task)), kadri)
    assert (_gets(lv, SAID)[-1][1].of, _gets(lv, SAID)[-1][1].about) == ("fi-cert", task.hex)
    _says(lv, "ee-cert", made, "declined")
    assert _takes(lv) == []
    joint.say(made, Told(sort="decision", text="We seize them on Monday."), kadri)
    assert len(_gets(lv, SAID)) == 1
    assert _gets(fi, SAID)[-1][1].text == "We seize them on Monday."


def test_all_members_read_it_in_one_order(fi, lv, kadri):
    """What was written first comes first, whichever of two members' remarks was taken in first here."""
    made = joint.open_joint(_opening(), "We see the same machines.", kadri)
    for one in (fi, lv):
        _says(one, "ee-cert", made, "joined")
        assert _takes(one) == []
    _says(fi, "ee-cert", made, "note", "Shall we wait?")
    _says(lv, "ee-cert", made, "note", "Yes.")
    assert _takes(lv) == []
    assert _takes(fi) == []
    row = JointCase.objects.get_for(kadri, "cases.view", made)
    assert [one.text for one in joint.sayings(row)][:2] == ["Yes.", "Shall we wait?"]


def test_a_member_takes_part_through_the_founder(fi, lv, kadri):
    """What this authority says goes to the founder alone; what a stranger to it says is proven by its signature."""
    content = JointOpened(
        title="Operation Amber", purpose="x", legal_basis="y",
        members=tuple(
            JointMember(authority=one, name=one, country="", tier="member") for one in ("fi-cert", "ee-cert", "gb-cert")
        ),
    )  # fmt: skip
    fi.entry(OPENED, content, object_id=THERE, marking=_marking("fi-cert", "fi-cert", "gb-cert"))
    fi.entry(
        SAID, _said("fi-cert", THERE, "note", "Welcome."), marking=_marking("fi-cert", "fi-cert", "gb-cert")
    )
    assert _takes(fi) == []
    own = own_id("fi-cert", THERE)
    with pytest.raises(UsageError, match="takes no part yet"):
        joint.say(own, Told(sort="note", text="Hello."), kadri)
    joint.say(own, Told(sort="joined"), kadri)
    joint.say(own, Told(sort="note", text="We saw them too."), kadri)
    assert [told.sort for _, told in _gets(fi, SAID)] == ["joined", "note"]
    assert not Entry.objects.filter(recipient="lv-cert", kind=SAID).exists()
    gb = Peer("gb-cert", "GB", here="fi-cert")
    for sort, text in (("joined", ""), ("note", "So did we.")):
        item = gb.entry(
            SAID, _said("fi-cert", THERE, sort, text), marking=_marking("gb-cert", "fi-cert", "gb-cert")
        )
        _forwards(fi, gb, item)
    assert _takes(fi) == []
    row = JointCase.objects.get_for(kadri, "cases.view", own)
    assert [(one.author, one.text) for one in joint.sayings(row)][:2] == [
        ("gb-cert", "So did we."), ("gb-cert", ""),
    ]  # fmt: skip


def _forwards(relay: Peer, author: Peer, item) -> None:
    card = Card(
        authority=author.authority, name=author.authority.upper(), country=author.country, tier="member",
        verify=author.signing.public.raw.hex(),
    )  # fmt: skip
    original = Carried(item.payload, item.signature, item.salt, item.body)
    both = replace(
        _marking(author.authority, "fi-cert", "gb-cert"),
        originators=frozenset({author.authority, relay.authority}),
    )
    relay.entry(originals.FORWARDED, Forwarded(originator=card, original=original), marking=both)


def _by_another_way(fi: Peer, lv: Peer, made: UUID) -> Peer:
    item = replace_here(fi, "lv-cert").entry(
        SAID, _said("ee-cert", made, "joined"), marking=_marking("fi-cert", "lv-cert")
    )
    _forwards(lv, fi, item)
    return lv


def replace_here(peer: Peer, here: str) -> Peer:
    """A partner that writes to another one."""
    return Peer(peer.authority, peer.country, signing=peer.signing, here=here)


def _before_it_takes_part(fi: Peer, _lv: Peer, made: UUID) -> Peer:
    _says(fi, "ee-cert", made, "decision", "We seize them.")
    return fi


def _no_member(_fi: Peer, _lv: Peer, made: UUID) -> Peer:
    gb = Peer("gb-cert", "GB")
    gb.joins()
    _says(gb, "ee-cert", made, "joined")
    return gb


def _closes_anothers(fi: Peer, _lv: Peer, made: UUID) -> Peer:
    _says(fi, "ee-cert", made, "joined")
    _says(fi, "ee-cert", made, "closed")
    return fi


def _unknown_case(fi: Peer, _lv: Peer, _made: UUID) -> Peer:
    _says(fi, "ee-cert", uuid4(), "joined")
    return fi


def _no_such_saying(fi: Peer, _lv: Peer, made: UUID) -> Peer:
    _says(fi, "ee-cert", made, "seized")
    return fi


def _too_much(fi: Peer, _lv: Peer, made: UUID) -> Peer:
    _says(fi, "ee-cert", made, "joined", "x" * 10_001)
    return fi


def _in_anothers_name(fi: Peer, _lv: Peer, _made: UUID) -> Peer:
    members = tuple(
        JointMember(authority=one, name=one, country="", tier="member")
        for one in ("lv-cert", "fi-cert", "ee-cert")
    )
    fi.entry(OPENED, JointOpened(title="x", purpose="x", legal_basis="x", members=members))
    return fi


def _without_this_authority(fi: Peer, _lv: Peer, _made: UUID) -> Peer:
    members = tuple(
        JointMember(authority=one, name=one, country="", tier="member") for one in ("fi-cert", "lv-cert")
    )
    fi.entry(OPENED, JointOpened(title="x", purpose="x", legal_basis="x", members=members))
    return fi


@pytest.mark.parametrize(
    "attempt",
    [
        _by_another_way, _before_it_takes_part, _no_member, _closes_anothers, _unknown_case, _no_such_saying, _too_much,
        _in_anothers_name, _without_this_authority,
    ],
)  # fmt: skip
def test_what_is_not_a_members_to_say_is_refused(fi, lv, kadri, attempt):
    """By another way than the founder, before it takes part, of no member, what only the founder says, or nonsense."""
    made = joint.open_joint(_opening(), "We see the same machines.", kadri)
    before = JointSaying.objects.filter(sort__in=["decision", "closed", "seized"]).count()
    assert len(_takes(attempt(fi, lv, made))) == 1
    assert JointSaying.objects.filter(sort__in=["decision", "closed", "seized"]).count() == before
    assert not JointCase.objects.get_for(kadri, "cases.view", made).is_closed
    assert JointCase.projected.count() == 1


@pytest.mark.parametrize("who", ["relay", "author"])
@pytest.mark.parametrize("together", [False, True])
def test_what_was_said_is_taken_back_by_nobody(fi, lv, kadri, who, together):
    """Neither by the founder, who passed it round, nor by its author, who is a partner as well, also in one page."""
    gb = Peer("gb-cert", "GB")
    gb.joins()
    members = tuple(
        JointMember(authority=one, name=one, country="", tier="member") for one in ("fi-cert", "ee-cert", "gb-cert")
    )  # fmt: skip
    content = JointOpened(title="Operation Amber", purpose="x", legal_basis="y", members=members)
    fi.entry(OPENED, content, object_id=THERE, marking=_marking("fi-cert", "fi-cert", "gb-cert"))
    author = Peer("gb-cert", "GB", signing=gb.signing, here="fi-cert")
    thing = uuid4()
    said_ = _said("fi-cert", THERE, "decision", "We seize them on Monday.")
    marking = _marking("gb-cert", "fi-cert", "gb-cert")
    _forwards(fi, author, author.entry(SAID, said_, object_id=thing, marking=marking))
    passed = envelope.decode(fi.items[-1].payload).object
    if not together:
        assert _takes(fi) == []
    if who == "relay":
        fi.entry("federation.recalled", Recall(passed, "Never said."))
        assert len(_takes(fi)) == (0 if together else 1)
    else:
        assert _takes(fi) == []
        gb.entry("federation.recalled", Recall(thing.hex, "Never said."))
        assert len(_takes(gb)) == 1
    row = JointCase.objects.get_for(kadri, "cases.view", own_id("fi-cert", THERE))
    assert [one.text for one in joint.sayings(row)] == ["We seize them on Monday."]
    assert list(check()) == []


def test_a_closed_one_takes_nothing_in_until_it_is_reopened(fi, lv, kadri):
    """Its founder closes it; everybody is told."""
    made = joint.open_joint(_opening(), "We see the same machines.", kadri)
    joint.say(made, Told(sort="closed"), kadri)
    with pytest.raises(UsageError, match="closed"):
        joint.say(made, Told(sort="note", text="One more."), kadri)
    with pytest.raises(UsageError, match="stands so"):
        joint.say(made, Told(sort="closed"), kadri)
    joint.say(made, Told(sort="reopened"), kadri)
    joint.say(made, Told(sort="note", text="One more."), kadri)
    assert [told.sort for _, told in _gets(fi, SAID)] == ["closed", "reopened", "note"]


def test_a_closed_one_takes_nothing_in_from_a_member_either(fi, lv, kadri):
    """What a member says after that is refused, which it is told; its founder passes nothing round."""
    made = joint.open_joint(_opening(), "We see the same machines.", kadri)
    _says(fi, "ee-cert", made, "joined")
    assert _takes(fi) == []
    joint.say(made, Told(sort="closed"), kadri)
    before = len(_gets(lv, originals.FORWARDED))
    _says(fi, "ee-cert", made, "decision", "We seize them.")
    _says(lv, "ee-cert", made, "joined")
    [why] = _takes(fi)
    assert "That joint case is closed" in why
    assert len(_takes(lv)) == 1
    assert len(_gets(lv, originals.FORWARDED)) == before
    assert not JointSaying.objects.filter(joint=made, sort="decision").exists()
    joint.say(made, Told(sort="reopened"), kadri)
    _says(fi, "ee-cert", made, "decision", "We seize them.")
    assert len(_takes(fi)) == 1
    assert JointSaying.objects.filter(joint=made, sort="decision").exists()
    assert list(check()) == []


def test_what_was_said_is_not_said_otherwise_under_its_name(fi, lv, kadri):
    """A newer version would stand in place of the old one, as if that had never been said."""
    made = joint.open_joint(_opening(), "We see the same machines.", kadri)
    _says(fi, "ee-cert", made, "joined")
    thing = _says(fi, "ee-cert", made, "decision", "We seize them on Monday.")
    assert _takes(fi) == []
    marking = _marking("fi-cert", "fi-cert", "lv-cert")
    for version, text in ((2, "We seize them on Tuesday."), (3, "We seize them on Monday.")):
        content = _said("ee-cert", made, "decision", text)
        fi.entry(SAID, content, object_id=thing, version=version, marking=marking)
    [why] = _takes(fi)
    assert "beside the old one" in why
    row = JointCase.objects.get_for(kadri, "cases.view", made)
    assert [one.text for one in joint.sayings(row) if one.sort == "decision"] == ["We seize them on Monday."]
    assert list(check()) == []


def test_each_says_only_so_much_in_a_day(fi, lv, kadri, monkeypatch):
    """Its founder sends every word to each other member: one of a hundred could have it send without an end."""
    for module in (joint, joint_projecting):
        monkeypatch.setattr(module, "PER_DAY", 3)
    made = joint.open_joint(_opening(), "We see the same machines.", kadri)
    _says(fi, "ee-cert", made, "joined")
    for at in range(3):
        _says(fi, "ee-cert", made, "note", f"Note {at}.")
    [why] = _takes(fi)
    assert "3 things" in why
    assert "Go on tomorrow" in why
    for at in range(3):
        joint.say(made, Told(sort="note", text=f"Note {at}."), kadri)
    with pytest.raises(UsageError, match="3 things"):
        joint.say(made, Told(sort="note", text="One more."), kadri)
    later = now_us() + DAY_US
    monkeypatch.setattr(joint_projecting, "now_us", lambda: later)
    joint.say(made, Told(sort="note", text="One more."), kadri)
    _says(fi, "ee-cert", made, "note", "One more.")
    assert len(_takes(fi)) == 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"title": " "}, "title"), ({"members": frozenset()}, "partners"), ({"members": frozenset({"xx"})}, "active partner"),
        ({"legal_basis": ""}, "law"), ({"purpose": "x" * 10_001}, "for"),
    ],
)  # fmt: skip
def test_what_cannot_be_opened_is_refused(fi, lv, kadri, more, says):
    """Nothing leaves then."""
    with pytest.raises(UsageError, match=says):
        joint.open_joint(_opening(**more), "We see the same machines.", kadri)
    assert not Entry.objects.filter(kind=OPENED).exists()


def test_who_may_not_does_not(fi, lv, kadri):
    """Opening takes a fresh passkey and the role; an analyst sees no joint case."""
    with pytest.raises(RefusedError):
        joint.open_joint(_opening(), "x", replace(kadri, stepped_up_us=None))
    made = joint.open_joint(_opening(), "We see the same machines.", kadri)
    with pytest.raises(NotVisibleError):
        joint.say(made, Told(sort="note", text="x"), acting(newcomer("analyst", name="Mari")))


def test_a_rebuild_gives_the_same(fi, lv, kadri):
    """Cases and what was said, own and others'."""
    made = joint.open_joint(_opening(), "We see the same machines.", kadri)
    _says(fi, "ee-cert", made, "joined")
    _says(fi, "ee-cert", made, "note", "We saw them too.")
    _takes(fi)
    joint.say(made, Told(sort="task", text="Ask the hoster.", to="fi-cert", due_us=now_us()), kadri)
    joint.say(made, Told(sort="closed"), kadri)

    def state():
        return [as_read(JointCase.projected.all()), as_read(JointSaying.objects.order_by("pk"))]

    before = state()
    rebuild()
    assert state() == before
    assert list(check()) == []


@pytest.mark.urls("hanse.urls")
@pytest.mark.django_db(transaction=True)
def test_the_pages_open_one_and_work_on_it(fi, lv, client_as, kadri):
    """Open it, set a task that a partner does, decide, close it; what cannot be is said beside the form."""
    client = client_as(kadri)
    assert "Cases that this authority works on" in client.get("/cases/joint/").content.decode()
    day = datetime.fromtimestamp(now_us() / 1e6 + 86_400 * 30, UTC).date().isoformat()
    posted = {"title": "Amber <b>", "members": ["fi-cert", "lv-cert"], "purpose": "Find them.", "legal_basis": "KrMS",
              "retention": day, "reason": "We see the same."}  # fmt: skip
    assert b"This field is required" in client.post("/cases/joint/open/", {**posted, "members": []}).content
    assert client.post("/cases/joint/open/", posted).status_code == 302
    made = JointCase.projected.get().pk
    where = f"/cases/joint/{made}/"
    assert "Amber &lt;b&gt;" in client.get(where).content.decode()
    assert (
        client.post(
            f"{where}tell/", {"sort": "task", "text": "Ask the hoster.", "to": "fi-cert", "due": day}
        ).status_code
        == 302
    )
    assert b"Say something" in client.post(f"{where}tell/", {"sort": "note", "text": " "}).content
    task = JointSaying.objects.get(sort="task")
    _says(fi, "ee-cert", made, "joined")
    _says(fi, "ee-cert", made, "done", of="ee-cert", about=task.there.hex)
    assert _takes(fi) == []
    text = client.get(where).content.decode()
    assert 'class="over"' in text
    assert "FI-CERT" in text
    assert client.post(f"{where}closed/").status_code == 302
    assert "takes nothing in any more" in client.get(where).content.decode()
    assert "stands so already" in client.post(f"{where}closed/", follow=True).content.decode()
    assert client.get("/cases/joint/", {"as": "csv", "why": "For the file."}, follow=True).status_code == 200


def test_a_task_for_others_is_not_due_on_a_day_that_is_past(fi, lv, client_as, kadri):
    """What was said cannot be taken back: a mistyped year stays in the form, and is told."""
    made = joint.open_joint(_opening(), "We see the same machines.", kadri)
    where = f"/cases/joint/{made}/tell/"
    told = client_as(kadri).post(where, {"sort": "task", "text": "Ask the hoster.", "due": "2020-01-01"})
    assert "That day is past" in told.content.decode()
    assert not JointSaying.objects.exists()


def test_who_is_asked_is_shown_as_waiting(fi, kadri):
    """Until it answers, the console says that a joint case asks for this authority."""
    content = JointOpened(
        title="Amber", purpose="x", legal_basis="y",
        members=tuple(JointMember(authority=one, name=one, country="", tier="member") for one in ("fi-cert", "ee-cert")),
    )  # fmt: skip
    fi.entry(OPENED, content, object_id=THERE, marking=_marking("fi-cert", "fi-cert"))
    assert _takes(fi) == []
    assert waiting.joint(kadri).count == 1
    joint.say(own_id("fi-cert", THERE), Told(sort="joined"), kadri)
    assert waiting.joint(kadri).count == 0
    assert waiting.joint(acting(newcomer("analyst", name="Mari"))) is None


def _readable(data: bytes) -> bytes:
    """Some bytes, and what stands in them as base64, as partners' entries and what is passed on do."""
    inside = [b64decode(one + b"=" * (-len(one) % 4)) for one in re.findall(rb"[A-Za-z0-9+/]{40,}", data)]
    return b"\n".join([data, *map(_readable, inside)])


def test_nothing_of_it_rests_in_the_clear(fi, lv, kadri):
    """A thief of the database reads neither what this authority says in one nor what partners say, as it came and as passed on."""
    made = joint.open_joint(_opening(title="Operation Merevaik"), "Same.", kadri)
    _says(fi, "ee-cert", made, "joined")
    _says(fi, "ee-cert", made, "note", "The renter is known to us as Tuhkur.")
    fi.entry("cases.from_tomorrow", {"note": "What Tuhkur will say."})
    assert _takes(fi) == []
    assert _gets(lv, originals.FORWARDED)
    there = b"\n".join(_readable(bytes(data)) for data in Body.objects.values_list("data", flat=True) if data)
    assert b"Merevaik" not in there
    assert b"Tuhkur" not in there
    assert [str(one) for one in check()] == []


def test_a_team_here_keeps_it_to_itself(fi, lv, kadri):
    """How it is marked is its founder's to say; who may know it here is this authority's."""
    made = joint.open_joint(_opening(), "We see the same machines.", kadri)
    row = JointCase.projected.get()
    officer = replace(acting(newcomer("officer", name="Mari")), stepped_up_us=now_us())
    with pytest.raises(UsageError, match="stays marked"):
        mark_anew(made, Wish(replace(row.marking.marking, tlp=Tlp.RED)), "No.", officer)
    team = Team.objects.create(object_id=UUID(int=77), name="Amber", said_by=0).pk.hex
    mark_anew(made, Wish(row.marking.marking, team), "Need to know.", officer)
    with pytest.raises(NotVisibleError):
        JointCase.objects.get_for(kadri, "cases.view", made)
    assert JointCase.objects.get_for(replace(kadri, teams=frozenset({team})), "cases.view", made)


def test_what_is_said_in_it_is_the_teams_as_well(fi, lv, kadri):
    """The ledger shows nobody else what was said before it was given to the team, nor after, by whomever and however it came."""
    made = joint.open_joint(_opening(), "We see the same machines.", kadri)
    _says(fi, "ee-cert", made, "joined")
    before = _says(fi, "ee-cert", made, "note", "We have a man inside.")
    assert _takes(fi) == []
    officer = replace(acting(newcomer("officer", name="Mari")), stepped_up_us=now_us())
    marking = JointCase.projected.get().marking.marking
    team = Team.objects.create(object_id=UUID(int=77), name="Amber", said_by=0).pk.hex
    ours = joint.say(made, Told(sort="note", text="So have we."), kadri)
    mark_anew(made, Wish(marking, team), "Need to know.", officer)
    after = _says(fi, "ee-cert", made, "note", "He comes on Monday.")
    assert _takes(fi) == []
    inside = replace(kadri, teams=frozenset({team}))
    late = joint.say(made, Told(sort="note", text="Good."), inside)
    said_ = {ours, late, own_id("fi-cert", before), own_id("fi-cert", after)}
    passed = set(Given.objects.filter(thing__in=said_).values_list("shared", flat=True))
    assert passed
    about = said_ | passed
    assert (
        set(
            visible_entries(inside, "ledger.view")
            .filter(object_id__in=about)
            .values_list("object_id", flat=True)
        )
        == about
    )
    for one in (kadri, officer):
        assert not visible_entries(one, "ledger.view").filter(object_id__in=about).exists()
    rebuild()
    assert not visible_entries(kadri, "ledger.view").filter(object_id__in=about).exists()
    assert list(check()) == []
    purge([made], officer, "Over.")
    assert not JointSaying.objects.exists()
    assert not Body.objects.filter(entry__object_id__in=about).exists()
    assert list(check()) == []


def test_what_is_said_of_somebody_is_held_on_them(fi, lv, kadri):
    """Whoever asks what is held on them, and has it erased: that goes for joint cases too, whoever said it."""
    name = "Zebedeus Kuusk"
    made = joint.open_joint(_opening(), "We see the same machines.", kadri)
    _says(fi, "ee-cert", made, "joined")
    _says(fi, "ee-cert", made, "note", f"{name} rents them.")
    assert _takes(fi) == []
    joint.say(made, Told(sort="note", text=f"We know {name}."), kadri)
    joint.say(made, Told(sort="note", text="Nobody else."), kadri)
    held = held_on(asked(name, "", []), kadri)
    assert [one.sort for one in held] == ["joint", "joint"]
    assert held_on(asked(name, "", []), replace(kadri, roles=frozenset({"analyst"}))) == []
    wish = subject.Request(name=name, born="", selectors=(), identity="Passport shown.", received_us=now_us())
    one = subject.take(wish, kadri)
    proposal = subject.propose_erasure(one, [each.object_id for each in held], "16-2-8", "Not theirs.", kadri)
    approve(proposal, replace(acting(newcomer("approver", name="Jaan")), stepped_up_us=now_us()))
    assert held_on(asked(name, "", []), kadri) == []
    assert [one.text for one in joint.sayings(JointCase.projected.get()) if one.text] == ["Nobody else."]
    rebuild()
    assert [str(one) for one in check()] == []
