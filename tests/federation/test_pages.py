"""The partners' pages: who may, what is shown of each, what people decide, and sharing an attack from its page."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.html import escape

from hanse.accounts import approvals
from hanse.accounts.models import Proposal
from hanse.attacks import shared
from hanse.attacks.models import Attack
from hanse.federation import exchange, invitation, partnering, recalling, ruling, sharing, stream
from hanse.federation.contents import RecallAnswered
from hanse.federation.models import Given, Group, Link, Partner, Recalling, Received, Rule
from hanse.federation.partners import own_invitation
from hanse.federation.sharing import Audience, Sharing
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.models import Entry
from hanse.policy import service as policy
from hanse.policy.actions import ACTIONS
from hanse.recording import record
from tests.accounts.people import acting, newcomer
from tests.federation.history import invites
from tests.federation.peer import NODE, Made, Peer
from tests.node.made import earliest
from tests.web.acting import ActingClient
from tests.web.conftest import client_as  # noqa: F401 - the fixture is used by its name

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.usefixtures("founded")]

Clients = Callable[..., ActingClient]
SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
OWN = frozenset({"ee-cert"})


def person(name: str, *roles: str) -> Actor:
    """Somebody with a fresh passkey."""
    who = acting(newcomer(*roles, name=name))
    return replace(who, stepped_up_us=now_us(), roles=frozenset(roles))


@pytest.fixture
def mari() -> Actor:
    """An officer who is an analyst as well."""
    return person("Mari", "officer", "analyst")


@pytest.fixture
def client(mari: Actor, client_as: Clients) -> ActingClient:  # noqa: F811 - the fixture
    """Her browser."""
    return client_as(mari)


@pytest.fixture
def attack() -> Attack:
    """An attack on record, whose victim's organisation has a hostile name."""
    record(earliest(12), NODE)
    row = Attack.projected.earliest("start_us")
    Attack.projected.filter(pk=row.pk).update(organisation=SCRIPT)
    return Attack.projected.get(pk=row.pk)


def pulled(peer: Peer) -> None:
    """Read what a partner has, whatever is wrong with it."""
    try:
        exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)
    except stream.ConflictError:
        return


def text_of(client: ActingClient, where: str, **query: object) -> str:
    """A page's HTML, which has to be there."""
    answer = client.get(where, query)
    assert answer.status_code == 200, (where, answer.status_code)
    return answer.content.decode()


def file_of(peer: Peer) -> SimpleUploadedFile:
    """A peer's invitation as a browser sends it."""
    return SimpleUploadedFile("invitation.json", invites(peer), "application/json")


def shared_with(peer: Peer, attack: Attack, mari: Actor, *withheld: str) -> None:
    """Give a partner an attack."""
    whom = Audience(authorities=frozenset({peer.authority}))
    sharing.share(Sharing("attack", attack.pk, whom, frozenset(withheld)), mari, "They are next.")


def test_nothing_yet_says_what_to_do(client):
    """Without partners the page says how to get one."""
    text = text_of(client, "/partners/")
    assert "Send your invitation" in text
    assert "/partners/add/" in text
    assert "/partners/invitation/" in text


def test_the_invitation_is_the_nodes_own(client):
    """The file that is downloaded is an invitation of this node, and the page says what is in it."""
    answer = client.get("/partners/invitation/file/")
    assert invitation.read(answer.content) == own_invitation()
    assert "attachment" in answer["Content-Disposition"]
    assert own_invitation().verify in text_of(client, "/partners/invitation/")


def test_two_people_make_a_partner_and_see_the_fingerprint_before(client, mari):
    """Who brings an invitation is shown what to compare; a partner is there only once another person approved."""
    peer = Peer()
    sent = {"file": file_of(peer), "address": "", "reason": "They ask for it."}
    answer = client.post("/partners/add/", sent, follow=True)
    assert answer.status_code == 200
    theirs = invitation.read(invites(peer))
    assert invitation.fingerprint(theirs, own_invitation()) in answer.content.decode()
    assert not Partner.objects.exists()
    assert "Become partners" in text_of(client, "/partners/")
    approvals.approve(Proposal.objects.get().pk, person("Jaan", "approver"))
    assert peer.authority.upper() in text_of(client, "/partners/")
    assert client.get(answer.request["PATH_INFO"]).status_code == 409


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"{}", "This is no invitation"), (b"x" * 20_000, "This is no invitation"), (None, "own invitation")],
)
def test_what_is_no_invitation_is_said_beside_the_field(client, mari, data, words):
    """A file that cannot be meant is refused on the form, and nothing is proposed."""
    file = SimpleUploadedFile("x.json", data or partnering.invite(mari))
    answer = client.post("/partners/add/", {"file": file, "address": "", "reason": "They ask."})
    assert answer.status_code == 200
    assert words in str(answer.context["form"].errors["file"])
    assert not Proposal.objects.exists()


def test_an_address_that_nobody_may_approve_is_refused(client):
    """A public or disguised address is no non-public one."""
    sent = {"file": file_of(Peer()), "address": "169.254.169.254", "reason": "They ask."}
    answer = client.post("/partners/add/", sent)
    assert answer.context["form"].errors
    assert not Proposal.objects.exists()


def test_the_list_counts_what_came_what_waits_and_what_was_refused(client, peer):
    """Each number is the exchange's own."""
    peer.entry("from.tomorrow")
    peer.entry(content=Made("signed by nobody"), key=Peer().signing)
    pulled(peer)
    Link.objects.filter(pk=peer.authority).update(total=7, failing_us=now_us(), error="It does not answer.")
    row = client.get("/partners/").context["listing"].part.rows[0]
    assert (row.received, row.waiting, row.refused, row.unproven) == (2, 5, 1, 2)
    assert (row.contradictions, row.error) == (0, "It does not answer.")
    text = text_of(client, "/partners/")
    assert "It does not answer." in text
    assert client.get("/partners/", {"state": "expelled"}).context["listing"].part.rows == []


def test_a_partners_page_shows_what_was_refused_and_where_it_contradicts_itself(client, peer):
    """Why each entry was refused, both notes of a contradiction, and its keys."""
    peer.entry(content=Made("signed by nobody"), key=Peer().signing)
    peer.checkpoint()
    pulled(peer)
    peer.tree[0] = bytes(32)
    peer.tree += [bytes(32)] * 4
    peer.sign()
    pulled(peer)
    text = text_of(client, f"/partners/{peer.authority}/")
    assert escape(Received.objects.get().why) in text
    assert text.count("hanse/fi-cert") >= 2
    assert peer.signing.public.raw.hex() in text


def test_hostile_names_are_text(client, attack, mari):
    """Whatever a partner calls itself or sends, no page makes anything of it but text."""
    one = Peer()
    one.joins()
    Partner.objects.update(name=SCRIPT)
    Link.objects.create(pk=one.authority, error=SCRIPT, failing_us=1)
    Received.objects.create(
        number=1, partner=one.authority, place=0, kind=SCRIPT, state="refused", why=SCRIPT, leaf=b"", chain=b"",
        time_us=1,
    )  # fmt: skip
    shared_with(one, attack, mari)
    recalling.recall(attack.pk, mari, SCRIPT)
    pages = [
        "/partners/", f"/partners/{one.authority}/", f"/partners/{one.authority}/suspend/",
        f"/attacks/{attack.pk}/", f"/attacks/{attack.pk}/share/?tiers=member", f"/attacks/{attack.pk}/recall/",
    ]  # fmt: skip
    for where in pages:
        answer = client.get(where)
        text = answer.content.decode()
        assert answer.status_code == 200, where
        assert "<script>alert" not in text, where
        assert "<img src=x" not in text, where
        if where != f"/attacks/{attack.pk}/recall/":
            assert "&lt;script&gt;alert(1)" in text, where


def test_a_partner_is_suspended_taken_in_again_and_expelled(client, peer):
    """One person suspends; two take in again or expel; what cannot be is said on the form."""
    other = person("Jaan", "approver")
    where = f"/partners/{peer.authority}/"
    assert client.post(f"{where}take-in/", {"reason": "x"}).context["form"].errors
    assert client.post(f"{where}suspend/", {"reason": ""}).context["form"].errors
    for what, state, before in (("suspend", "suspended", "suspended"), ("take-in", "active", "suspended"),
                                ("expel", "expelled", "active")):  # fmt: skip
        assert client.post(f"{where}{what}/", {"reason": "As agreed."}).status_code == 302
        assert Partner.objects.get().state == before
        for waits in Proposal.objects.filter(state="open"):
            assert "Waiting for a second person" in text_of(client, where)
            approvals.approve(waits.pk, other)
        assert Partner.objects.get().state == state
    assert "Suspend" not in text_of(client, where)


def test_a_partner_is_moved_by_two(client, peer):
    """The new address holds once another person approved it; what is no address is refused on the form."""
    where = f"/partners/{peer.authority}/move/"
    told = {"endpoint": "http://elsewhere.example/", "address": "", "reason": "They moved."}
    assert "not https" in str(client.post(where, told).context["form"].errors)
    inside = told | {"endpoint": "https://new.example/league/", "address": "169.254.169.254"}
    assert client.post(where, inside).context["form"].errors["address"]
    assert client.post(where, told | {"endpoint": "https://new.example/league/"}).status_code == 302
    approvals.approve(Proposal.objects.get().pk, person("Jaan", "approver"))
    assert Partner.objects.get().endpoint == "https://new.example/league/"


def test_only_those_who_may_see_and_do(client_as, peer, attack, mari):  # noqa: F811 - the fixture
    """An analyst sees partners and decides nothing about them; an administrator sees no attack."""
    analyst = client_as(person("Kaja", "analyst"))
    text = text_of(analyst, f"/partners/{peer.authority}/")
    assert "Expel" not in text
    assert analyst.get("/partners/add/").status_code == 403
    assert analyst.post(f"/partners/{peer.authority}/suspend/", {"reason": "x"}).status_code == 403
    shared_with(peer, attack, mari)
    admin = client_as(person("Tiit", "administrator"))
    assert admin.get(f"/attacks/{attack.pk}/share/").status_code == 403
    assert admin.get("/attacks/partners/").status_code == 403
    text = text_of(admin, f"/partners/{peer.authority}/")
    assert attack.victim not in text
    assert str(attack.pk) not in text
    assert "attack" in text


def test_what_was_given_is_named_only_to_who_may_see_it(client_as, peer, attack, mari):  # noqa: F811
    """Who may not see the thing sees that something was given; who may has looked at it, which is written down."""
    shared_with(peer, attack, mari)
    where = f"/partners/{peer.authority}/"
    logged = Entry.objects.filter(kind="accounts.consulted").count()
    assert f"/attacks/{attack.pk}/" in text_of(client_as(mari), where)
    assert Entry.objects.filter(kind="accounts.consulted").count() == logged + 1
    policy.mark(attack.pk, Marking(originators=OWN, tlp=Tlp.AMBER), "t-1", NODE, "for a test")
    text = text_of(client_as(person("Kaja", "analyst")), where)
    assert str(attack.pk) not in text
    assert attack.victim not in text
    assert Given.objects.count() == 1


def test_a_dry_run_shows_what_leaves_and_nothing_does(client, peer, attack):
    """What is withheld is nowhere in the part of the page that shows the content; nothing is on record as given."""
    where = f"/attacks/{attack.pk}/share/"
    answer = client.get(where, {"authorities": peer.authority, "withheld": ["victim", "sources"]})
    shown = answer.context["shown"]
    assert [one.partner.authority for one in shown] == [peer.authority]
    assert json.loads(answer.context["json"])["attack"]["victim"] == ""
    assert attack.victim not in json.dumps([answer.context["json"], answer.context["facts"]])
    assert dict(answer.context["facts"])["Networks of sources"] == "withheld"
    whole = client.get(where, {"authorities": peer.authority}).context["facts"]
    assert "withheld" not in dict(whole).values()
    assert (attack.victim, SCRIPT) == (dict(whole)["Victim"], dict(whole)["Organisation"])
    assert not Given.objects.exists()
    assert client.get(where, {"withheld": "victim"}).context["form"].errors
    assert client.get(where, {"authorities": "xx-none"}).context["form"].errors


def test_sharing_from_the_page_gives_what_was_shown(client, peer, attack):
    """With a reason it is given, and the attack's page says who has it; without one nothing is."""
    where = f"/attacks/{attack.pk}/share/"
    chosen = {"tiers": "member", "withheld": "victim"}
    seen = {**chosen, "seen": client.get(where, chosen).context["seen"]}
    assert client.post(where, seen).status_code == 200
    assert not Given.objects.exists()
    assert client.post(where, seen | {"reason": "They are next."}).status_code == 302
    assert Given.objects.get().withheld == ["victim"]
    text = text_of(client, f"/attacks/{attack.pk}/")
    assert "Who has it" in text
    assert peer.authority.upper() in text


def test_a_dry_run_says_who_has_it_already(client, peer, attack, mari):
    """Once given, it is counted apart and said since when; after a recall it is not had any more."""
    where, whom = f"/attacks/{attack.pk}/share/", {"authorities": peer.authority}
    assert client.get(where, whom).context["again"] == 0
    shared_with(peer, attack, mari)
    page = client.get(where, whom)
    assert page.context["again"] == 1
    assert "1 of them has it already." in page.content.decode()
    assert f"again; given it last {units.minute(Given.objects.get().given_us)}" in page.content.decode()
    told = json.dumps({"authorities": [peer.authority]})
    asked = client.post(f"/api/attacks/{attack.pk}/share/try", told, content_type="application/json")
    assert asked.json()[0]["held_us"] == Given.objects.get().given_us
    Given.objects.update(recalled_us=1)
    assert client.get(where, whom).context["again"] == 0


def test_what_changed_since_the_dry_run_is_shown_anew(client, peer, attack):
    """Nobody gets anything that the person did not see: a partner that came in between is shown first."""
    where = f"/attacks/{attack.pk}/share/"
    seen = client.get(where, {"tiers": "member"}).context["seen"]
    Peer(authority="lv-cert", country="LV").joins()
    answer = client.post(where, {"tiers": "member", "seen": seen, "reason": "They are next."})
    assert answer.context["overtaken"]
    assert not Given.objects.exists()


def test_a_dry_run_says_why_not(client, peer, attack, mari):
    """Where the marking forbids it, the page says so and offers no sharing."""
    policy.mark(attack.pk, Marking(originators=OWN, pap=Pap.RED), "", mari, "for a test")
    answer = client.get(f"/attacks/{attack.pk}/share/", {"authorities": peer.authority})
    text = answer.content.decode()
    assert escape(answer.context["shown"][0].decision.words) in text
    assert 'name="seen"' not in text


def test_a_recall_stands_out_until_it_is_answered(client, peer, attack, mari):
    """The attack's page and the partner's say that no answer came, and then what it was."""
    shared_with(peer, attack, mari)
    where = f"/attacks/{attack.pk}/recall/"
    assert client.post(where, {"partners": peer.authority, "reason": ""}).context["form"].errors
    assert client.post(where, {"partners": peer.authority, "reason": "It was wrong."}).status_code == 302
    pages = (f"/attacks/{attack.pk}/", f"/partners/{peer.authority}/")
    assert all("not answered yet" in text_of(client, one) for one in pages)
    peer.entry("federation.recall_answered", RecallAnswered(Recalling.objects.get().shared.hex, "purged"))
    pulled(peer)
    for one in pages:
        text = text_of(client, one)
        assert "not answered yet" not in text
        assert "purged" in text
    assert "nothing to recall" in text_of(client, where)


def test_who_has_an_attack_is_shown_to_who_may_see_partners(client_as, peer, attack, mari):  # noqa: F811
    """An investigator sees the attack, and not with whom it was shared."""
    shared_with(peer, attack, mari)
    text = text_of(client_as(person("Kaja", "investigator")), f"/attacks/{attack.pk}/")
    assert "Who has it" not in text
    assert peer.authority.upper() not in text
    assert "Share with partners" not in text


def test_a_rule_is_shown_on_the_page_of_whom_it_means(client, peer, mari):
    """And on no other partner's."""
    Peer(authority="lv-cert", country="LV").joins()
    proposal = ruling.propose("attack", Audience(states=frozenset({"FI"})), frozenset(), "As agreed.", mari)
    approvals.approve(proposal, person("Jaan", "approver"))
    assert "Rules by which" in text_of(client, f"/partners/{peer.authority}/")
    assert "Rules by which" not in text_of(client, "/partners/lv-cert/")


def test_partners_attacks_are_listed_as_far_as_one_may_see_them(client_as, peer, attack, mari):  # noqa: F811
    """With what is withheld said to be; what is marked for nobody here is not there; looking is written down."""
    content = shared.without(shared.find(None, attack.pk).content, frozenset({"victim"}), UUID(int=5))
    peer.entry(shared.KIND, content, object_id=UUID(int=5))
    pulled(peer)
    before = Entry.objects.filter(kind="accounts.consulted").count()
    text = text_of(client_as(mari), "/attacks/partners/")
    assert "withheld" in text
    assert peer.authority in text
    assert Entry.objects.filter(kind="accounts.consulted").count() == before + 1


def test_the_api_does_what_the_pages_do(client_as, peer, attack, mari):  # noqa: F811 - the fixture
    """Each operation answers with what was done; a dry run gives nothing."""
    browser = client_as(mari)
    token = client_as(replace(mari, kind="token", scopes=frozenset(ACTIONS)))

    def post(who: ActingClient, where: str, **told: object):
        answer = who.post(f"/api{where}", json.dumps(told), content_type="application/json")
        return answer.status_code, answer.json() if answer.content else None

    assert token.get("/api/federation/partners").json()["items"][0]["authority"] == peer.authority
    assert token.get(f"/api/federation/partners/{peer.authority}").json()["keys"]
    assert token.get("/api/federation/partners/xx-none").status_code == 404
    assert (
        invitation.read(json.dumps(token.get("/api/federation/invitation").json()).encode())
        == own_invitation()
    )
    whom = {"authorities": [peer.authority], "withheld": ["victim"]}
    status, told = post(token, f"/attacks/{attack.pk}/share/try", **whom)
    assert (status, told[0]["gets"], told[0]["content"]["attack"]["victim"]) == (200, True, "")
    assert post(token, f"/attacks/{attack.pk}/share", **whom, reason="x")[0] == 403
    assert not Given.objects.exists()
    status, told = post(browser, f"/attacks/{attack.pk}/share", **whom, reason="They are next.")
    assert (status, told[0]["gets"]) == (200, True)
    has = token.get(f"/api/attacks/{attack.pk}/holders").json()
    assert [(one["authority"], one["withheld"], one["answer"]) for one in has] == [
        (peer.authority, ["victim"], "")
    ]
    assert post(browser, f"/attacks/{attack.pk}/recall", reason="It was wrong.") == (201, {"told": 1})
    where = f"/federation/partners/{peer.authority}"
    assert post(browser, f"{where}/suspend", why="Their key is lost.")[0] == 204
    assert post(browser, f"{where}/standing", state="active", why="It was found.")[0] == 201
    assert post(browser, f"{where}/move", endpoint="https://new.example/league/", why="They moved.")[0] == 201
    new = Peer(authority="lv-cert", country="LV")
    status, told = post(
        browser, "/federation/partners", invitation=invites(new).decode(), why="They ask for it."
    )
    assert (status, len(told["fingerprint"])) == (201, 23)
    assert post(token, f"{where}/suspend", why="x")[0] == 403


def test_a_rule_is_proposed_shown_and_ended(client: ActingClient, mari: Actor) -> None:
    """Two people make it, the partners' page shows it with what waits, one person ends it; nobody is no audience."""
    Peer().joins()
    address = "/partners/rules/new/attack/"
    assert b"Choose partners" in client.post(address, {"reason": "As agreed."}).content
    posted = {"tiers": ["member"], "withheld": ["victim"], "reason": "As agreed."}
    assert client.post(address, posted).status_code == 302
    assert b"Share each attack as it is found" in client.get("/partners/").content
    approvals.approve(Proposal.objects.get(state="open").pk, person("Jaan", "approver"))
    rule = Rule.objects.get()
    assert (rule.audience["tiers"], rule.withheld) == (["member"], ["victim"])
    assert f"/partners/rules/{rule.pk}/end/" in client.get("/partners/").content.decode()
    assert client.post(f"/partners/rules/{rule.pk}/end/", {"reason": "It is over."}).status_code == 302
    assert not Rule.objects.exists()
    assert client.get(f"/partners/rules/{rule.pk}/end/").status_code == 404


def test_a_group_is_made_shown_changed_and_dissolved(client: ActingClient, mari: Actor) -> None:
    """One person makes it; to let somebody in waits for another; where things are shared it can be chosen."""
    Peer().joins()
    Peer(authority="lv-cert", country="LV").joins()
    assert "A group is a name" in client.get("/partners/").content.decode()
    posted = {"name": "Amber", "members": ["fi-cert"], "reason": "They are next."}
    assert b"This field is required" in client.post("/partners/groups/new/", {"name": "Amber"}).content
    assert client.post("/partners/groups/new/", posted).status_code == 302
    assert b"There is a group called Amber already" in client.post("/partners/groups/new/", posted).content
    group = Group.objects.get()
    address = f"/partners/groups/{group.pk}/"
    assert f'<a href="{address}">' in client.get("/partners/").content.decode()
    assert "Amber (fi-cert)" in client.get("/partners/rules/new/attack/").content.decode()
    both = {"members": ["fi-cert", "lv-cert"], "reason": "They are next as well."}
    assert client.post(address, both).status_code == 302
    assert Group.objects.get().members == ["fi-cert"]
    approvals.approve(Proposal.objects.get(state="open").pk, person("Jaan", "approver"))
    assert Group.objects.get().members == ["fi-cert", "lv-cert"]
    assert client.post(f"{address}dissolve/", {"reason": "It is over."}).status_code == 302
    assert client.get(address).status_code == 404


def test_copies_are_shared_under_an_embargo(client: ActingClient, attack: Attack, peer: Peer) -> None:
    """What the first form says of the copies is in the dry run, and in what is then shared; what cannot be is said."""
    where = f"/attacks/{attack.pk}/share/"
    asked = {"authorities": peer.authority, "embargo": "2030-12-01T04:00", "embargo_for": "Kari Virtanen",
             "marking_tlp": "GREEN", "marking_pap": "AMBER"}  # fmt: skip
    text = client.get(where, asked).content.decode()
    assert "EMBARGO 2030-12-01 04:00 UTC" in text
    told = dict(re.findall(r'type="hidden" name="([a-z_]+)" value="([^"]*)"', text))
    assert told.items() >= asked.items()
    assert client.post(where, {**told, "reason": "The action day."}).status_code == 302
    assert "Kari Virtanen" in Given.objects.get().marked
    wrong = client.get(where, {**asked, "embargo": ""}).content.decode()
    assert "names the people of an embargo, and no embargo" in wrong
    assert "Dry run" in wrong


def test_an_authority_whose_id_is_a_page_of_this_room_is_refused(mari: Actor) -> None:
    """It would have no page of its own."""
    with pytest.raises(invitation.InvitationError, match="another id"):
        partnering.propose(invites(Peer(authority="rules")), "", "They ask for it.", mari)


def test_tiers_and_an_authority_of_no_country_are_said_in_words(client):
    """An associated state is called so on its page and in the list; an organisation has no country, and it is said why."""
    Peer(authority="gb-cert", country="GB", tier="associated").joins()
    Peer(authority="nato-cert", country="", tier="organisation").joins()
    assert "associated state" in text_of(client, "/partners/gb-cert/")
    assert "none: it is an organisation of several states" in text_of(client, "/partners/nato-cert/")
    listed = text_of(client, "/partners/")
    assert "associated state" in listed
    assert "gb-cert" in text_of(client, "/partners/?tier=associated&columns=authority")
    assert "nato-cert" not in text_of(client, "/partners/?tier=associated&columns=authority")
