"""The pages of passing on: a partner's attack, asking its originator, deciding what a partner asks; read receipts."""

from uuid import UUID

import pytest

from hanse.accounts.models import Proposal
from hanse.attacks import shared
from hanse.attacks.models import Attack, PartnerAttack
from hanse.federation import (
    acting,
    exchange,
    invitation,
    opening,
    partnering,
    refusing,
    releases,
    sharing,
    witnesses,
)
from hanse.federation.contents import Acted, Opened, Refusal, Refusals, ReleaseAsked, WitnessAnswered
from hanse.federation.models import Given, Partner, Release, Witness
from hanse.federation.sharing import Audience, Sharing
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger import tree
from hanse.ledger.kinds import kind_of
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import content_of
from hanse.recording import record
from tests.federation.peer import NODE, Peer
from tests.federation.test_pages import client, client_as, mari
from tests.node.made import earliest

__all__ = ["client", "client_as", "mari"]

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.usefixtures("founded")]

AMBER = Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.AMBER)
GREEN = Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.GREEN)


@pytest.fixture
def theirs(peer: Peer) -> PartnerAttack:
    """An attack that Finland shared, not to be passed on; Latvia is a partner as well."""
    record(earliest(12), NODE)
    Peer("lv-cert", "LV").joins()
    row = Attack.projected.earliest("start_us")
    content = shared.without(shared.find(None, row.pk).content, frozenset({"victim"}), UUID(int=77))
    peer.entry(shared.KIND, content, object_id=UUID(int=77), marking=AMBER)
    _pull(peer)
    return PartnerAttack.projected.get()


def _comes_again(peer: Peer, version: int, marking: Marking = GREEN) -> None:
    """A newer version of the attack comes; as it is marked by itself, it may be passed on."""
    row = Attack.projected.earliest("start_us")
    content = shared.without(shared.find(None, row.pk).content, frozenset({"victim"}), UUID(int=77))
    peer.entry(shared.KIND, content, object_id=UUID(int=77), version=version, marking=marking)
    _pull(peer)


def _pull(peer: Peer) -> None:
    exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)  # type: ignore[arg-type]


def test_looking_at_a_partners_attack_tells_its_originator_once(client, peer, theirs):
    """The page shows what it says; the first look is told, and later ones are not."""
    page = client.get(f"/attacks/partners/{theirs.pk}/").content.decode()
    assert "withheld" in page
    client.get(f"/attacks/partners/{theirs.pk}/")
    assert Entry.objects.filter(kind=opening.OPENED, recipient="fi-cert").count() == 1
    assert f"/attacks/partners/{theirs.pk}/" in client.get("/attacks/partners/").content.decode()


def test_an_originator_sees_who_opened(client, peer, mari):
    """What a partner says to have opened is shown beside what it has; of what it does not have, nothing is."""
    record(earliest(12), NODE)
    row = Attack.projected.earliest("start_us")
    to = Audience(authorities=frozenset({"fi-cert"}))
    sharing.share(Sharing("attack", row.pk, to), mari, "They are next.")
    peer.entry(opening.OPENED, Opened(sharing.shared_id(row.pk).hex))
    peer.entry(opening.OPENED, Opened(UUID(int=3).hex))
    _pull(peer)
    assert Given.objects.get().opened_us is not None


def test_a_partner_is_chosen_and_its_originator_asked(client, theirs):
    """What its marking forbids is refused with the reason; asked for, it waits, and the page says so."""
    path = f"/attacks/partners/{theirs.pk}/pass-on/"
    assert "Ask for a release" in client.get(path).content.decode()
    told = {"partner": "lv-cert", "reason": "They are next."}
    assert "Ask the originator" in client.post(path, {**told, "pass": ""}).content.decode()
    assert client.post(path, {**told, "ask": ""}).status_code == 302
    assert Release.objects.get().purpose == "They are next."
    asked = (
        client.get("/partners/fi-cert/")
        .content.decode()
        .partition('id="asked"')[2]
        .partition("</section>")[0]
    )
    assert "They are next." in asked
    assert "no answer yet" in asked
    assert "no answer yet" in client.get(f"/attacks/partners/{theirs.pk}/").content.decode()


def test_an_originator_is_asked_once_until_it_decides(client, theirs):
    """Two people there would read the same again; the refusal says since when it waits."""
    path = f"/attacks/partners/{theirs.pk}/pass-on/"
    told = {"partner": "lv-cert", "reason": "They are next.", "ask": ""}
    assert client.post(path, told).status_code == 302
    again = client.post(path, told)
    assert again.status_code == 200
    assert "has not decided yet" in again.content.decode()
    assert Release.objects.count() == 1


def test_a_thing_is_passed_on_to_a_partner_once_and_nobody_is_asked_for_what_is_allowed(client, peer, theirs):
    """Who has it stands in the table with the hour; again, or asking for it, is refused: newer versions follow by themselves."""
    path = f"/attacks/partners/{theirs.pk}/pass-on/"
    told = {"partner": "lv-cert", "reason": "They are next."}
    _comes_again(peer, 2)
    assert "pass it on. Nobody needs" in client.post(path, {**told, "ask": ""}).content.decode()
    assert client.post(path, {**told, "pass": ""}).status_code == 302
    assert Given.objects.get(recipient="lv-cert").version == 1
    assert "<time" in client.get(path).content.decode().partition("Has it since")[2].partition("</table>")[0]
    for what in ("pass", "ask"):
        assert "has it already" in client.post(path, {**told, what: ""}).content.decode()
    assert not Release.objects.exists()
    _comes_again(peer, 3)
    assert Given.objects.get(recipient="lv-cert").version == 2
    assert "has it already" in client.post(path, {**told, "pass": ""}).content.decode()
    _comes_again(peer, 4, AMBER)
    assert Given.objects.get(recipient="lv-cert").recalled_us is not None
    assert client.post(path, {**told, "ask": ""}).status_code == 302


def test_a_request_is_proposed_or_refused_from_its_page(client, peer, mari):
    """It stands on the partner's page until it is decided; one proposes, or refuses at once."""
    record(earliest(12), NODE)
    row = Attack.projected.earliest("start_us")
    to = Audience(authorities=frozenset({"fi-cert"}))
    sharing.share(Sharing("attack", row.pk, to), mari, "They are next.")
    asked = ReleaseAsked(
        object_id=sharing.shared_id(row.pk).hex, version=1, to="lv-cert", to_name="CERT Latvia", to_country="LV",
        to_tier="member", purpose="<b>The same</b> sources.",
    )  # fmt: skip
    peer.entry(releases.ASKED, asked, object_id=UUID(int=5))
    _pull(peer)
    path = f"/partners/releases/{Release.objects.get().pk}/"
    assert path in client.get("/partners/fi-cert/").content.decode()
    shown = client.get(path).content.decode()
    assert "&lt;b&gt;The same" in shown
    assert '<dd><span title="fi-cert">FI-CERT</span></dd>' in shown, "by its name"
    assert client.post(path, {"reason": "They may.", "grant": ""}).status_code == 302
    assert Proposal.objects.get().action == releases.RELEASE
    assert client.post(path, {"reason": "Not them.", "refuse": ""}).status_code == 302
    assert "Not them." in client.get(path).content.decode()


def test_witnesses_are_asked_and_answered_from_the_partners_page(client, peer):
    """Each word in the address does what its page says, and refuses what makes no sense by now."""
    for what in ("ask-witness", "end-witness", "consent-witness", "withdraw-witness"):
        assert client.get(f"/partners/fi-cert/{what}/").status_code == 200
    assert "has not asked" in client.post("/partners/fi-cert/consent-witness/").content.decode()
    assert client.post("/partners/fi-cert/ask-witness/").status_code == 302
    peer.entry(witnesses.ANSWERED, WitnessAnswered(consents=True))
    _pull(peer)
    assert "has seen" in client.get("/partners/fi-cert/").content.decode()
    tree.integrate()
    assert "0 of 1 saw" in client.get("/ledger/").content.decode()
    assert client.post("/partners/fi-cert/end-witness/").status_code == 302
    assert not Witness.objects.get().consents


def test_an_invitation_is_a_picture_and_its_text_is_taken(client, mari):
    """The QR code holds the whole file in its one form; the form takes that text in place of a file."""
    page = client.get("/partners/invitation/").content.decode()
    assert page.count("<svg") > 1
    data = invitation.write(*_foreign())
    whole = invitation.compact(data)
    assert invitation.read(whole) == invitation.read(data)
    assert client.post("/partners/add/", {"text": whole.decode(), "reason": "They ask."}).status_code == 302
    assert Proposal.objects.get().action == partnering.ADD
    assert "Choose the file" in client.post("/partners/add/", {"reason": "They ask."}).content.decode()


def _foreign():
    """Another authority's invitation, and its key."""
    one = Peer("lv-cert", "LV")
    told = invitation.Invitation(
        authority="lv-cert", country="LV", endpoint="https://lv-cert.example/league/", name="CERT Latvia",
        seal=one.openings[one.seal].public.raw.hex(), tier="member", verify=one.signing.public.raw.hex(),
    )  # fmt: skip
    return told, one.signing


def test_what_was_done_is_told_to_who_shared_it(client, peer, theirs, mari):
    """The page offers it and shows what was told last; the originator's page says so of its own."""
    address = f"/attacks/partners/{theirs.pk}/"
    assert client.post(f"{address}acted/", {"what": "blocked", "text": "At the border."}).status_code == 302
    assert "blocked sources of it" in client.get(address).content.decode()
    assert b"Select a valid choice" in client.post(f"{address}acted/", {"what": "seized"}).content
    entry = Entry.objects.get(kind=acting.ACTED, recipient="fi-cert")
    assert content_of(entry, Body.objects.get(pk=entry.sequence), kind_of(acting.ACTED)) == Acted(
        UUID(int=77).hex, "blocked", "At the border."
    )
    row = Attack.projected.earliest("start_us")
    sharing.share(
        Sharing("attack", row.pk, Audience(authorities=frozenset({"fi-cert"}))), mari, "They are next."
    )
    peer.entry(acting.ACTED, Acted(sharing.shared_id(row.pk).hex, "warned", "Two banks."))
    _pull(peer)
    page = client.get(f"/attacks/{row.pk}/").content.decode()
    assert "warned those concerned" in page
    assert "Two banks." in page
    told = client.get(f"/api/attacks/{row.pk}/holders").json()
    assert [(one["acted"], one["acted_words"], one["refused"]) for one in told] == [
        ("warned", "Two banks.", "")
    ]


def test_what_a_partner_refuses_is_shown_until_it_is_given_anew(client, peer, mari):
    """A copy that was not taken is no copy; a refusal of what was given before then changes nothing."""
    record(earliest(12), NODE)
    row = Attack.projected.earliest("start_us")
    wanted = Sharing("attack", row.pk, Audience(authorities=frozenset({"fi-cert"})))
    sharing.share(wanted, mari, "They are next.")
    sent = Entry.objects.filter(kind=shared.KIND, recipient="fi-cert").latest("sequence")
    refusal = Refusals(
        (Refusal(sharing.shared_id(row.pk).hex, shared.KIND, sent.time_us, "It is not for us."),)
    )
    peer.entry(refusing.REFUSED, refusal)
    _pull(peer)
    assert "It is not for us." in client.get(f"/attacks/{row.pk}/").content.decode()
    sharing.share(wanted, mari, "Once more.")
    assert Given.objects.get().refused == ""
    peer.entry(refusing.REFUSED, refusal)
    _pull(peer)
    assert Given.objects.get().refused == ""


def test_a_partner_is_told_what_was_refused_once_for_a_page(peer):
    """With the object as it named it and why; a refusal that is refused is told to nobody."""
    peer.entry(shared.KIND, {"attack": "none"}, object_id=UUID(int=5))
    peer.entry(refusing.REFUSED, Refusals((Refusal("nothing", "x", 1, "y"),)))
    _pull(peer)
    entry = Entry.objects.get(kind=refusing.REFUSED)
    told = content_of(entry, Body.objects.get(pk=entry.sequence), kind_of(refusing.REFUSED))
    assert [(one.object_id, one.kind) for one in told.refused] == [(UUID(int=5).hex, shared.KIND)]
    assert told.refused[0].why
