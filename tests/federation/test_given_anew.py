"""What a partner refused for a key of this node that is in force no more is named, and given anew by one action."""

from uuid import UUID

import pytest

from hanse.attacks import shared
from hanse.attacks.models import Attack
from hanse.federation import anew, exchange, refusing, sharing
from hanse.federation.contents import Refusal, Refusals
from hanse.federation.models import Given, Partner
from hanse.federation.sharing import Audience, Sharing
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.ledger import keyring
from hanse.ledger import service as ledger
from hanse.ledger.models import Entry
from hanse.node import doctor
from hanse.policy.asking import RefusedError
from hanse.recording import record
from tests.accounts.people import acting, newcomer
from tests.cases.evidence_made import node
from tests.federation.peer import NODE, Peer
from tests.federation.test_pages import client, client_as, mari
from tests.node.made import earliest

__all__ = ["client", "client_as", "mari", "node"]

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.usefixtures("founded", "unstretched")]

WHY = "It is signed with key 00, which ee-cert has not brought."


def _given(peer: Peer, mari: Actor, number: int = 1) -> list[UUID]:
    """Attacks that the partner was given, by id."""
    record(earliest(12), NODE)
    things = list(Attack.projected.order_by("start_us").values_list("pk", flat=True)[:number])
    for one in things:
        sharing.share(
            Sharing("attack", one, Audience(authorities=frozenset({peer.authority}))), mari, "They are next."
        )
    return things


def _refuses(peer: Peer, things: list[UUID]) -> None:
    """The partner says that it refused what it has of some things."""
    told = []
    for one in map(sharing.shared_id, things):
        sent = Entry.objects.filter(object_id=one, recipient=peer.authority).latest("sequence")
        told.append(Refusal(one.hex, shared.KIND, sent.time_us, WHY))
    peer.entry(refusing.REFUSED, Refusals(tuple(told)))
    exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)  # type: ignore[arg-type]


def _rotates(node: object) -> str:
    """The node gets new keys; the id of those before."""
    before = keyring.current().signing.id
    ledger.rotate(node.home, "for tests", NODE, "The laptop is gone.")
    ledger.revoke(before, NODE, "It was stolen.")
    return before


def _signed_with(thing: UUID) -> str:
    sent = Entry.objects.filter(object_id=sharing.shared_id(thing), recipient="fi-cert", kind=shared.KIND)
    return sent.latest("sequence").key


def test_what_was_refused_for_a_past_key_is_given_anew_under_the_key_in_force(peer, mari, node):
    """All of it by one action, and nothing else; what is refused for another reason is not sent again and again."""
    one, other, taken = _given(peer, mari, 3)
    _refuses(peer, [one])
    assert anew.refused_by("fi-cert") == [], "the key that signed it is in force"
    before = _rotates(node)
    _refuses(peer, [other])
    assert [row.thing for row in anew.refused_by("fi-cert")] == [one, other]
    assert anew.refused() == {"fi-cert": 2}
    assert anew.give_anew(Partner.objects.get(), mari, "It was signed with the stolen key.") == (2, 0)
    assert {_signed_with(one), _signed_with(other)} == {keyring.current().signing.id}
    assert _signed_with(taken) == before
    assert anew.refused() == {}
    assert not Given.objects.exclude(refused="").exists()
    _refuses(peer, [one])
    assert anew.refused_by("fi-cert") == []


def test_what_may_not_be_given_any_more_stays(peer, mari, node):
    """A thing that is gone is not given; that keeps the others from nothing."""
    one, other = _given(peer, mari, 2)
    _rotates(node)
    _refuses(peer, [one, other])
    ledger.purge([one], NODE, "Retention.")
    left = len(anew.refused_by("fi-cert"))
    given, kept = anew.give_anew(Partner.objects.get(), mari, "Anew.")
    assert (given, kept) == (1, left - 1)
    assert _signed_with(other) == keyring.current().signing.id


def test_only_who_may_share_gives_anew_and_says_why(peer, mari, node):
    """It goes out once more: as sharing it the first time."""
    _refuses(peer, _given(peer, mari)[:1])
    row = Partner.objects.get()
    with pytest.raises(UsageError, match="refused nothing"):
        anew.give_anew(row, mari, "Anew.")
    _rotates(node)
    with pytest.raises(UsageError, match="Say why"):
        anew.give_anew(row, mari, " ")
    with pytest.raises(RefusedError):
        anew.give_anew(row, acting(newcomer("auditor")), "Anew.")


def test_the_page_says_which_and_gives_them_anew(client, peer, mari, node):
    """The partner's page says that there are some, and the page behind it names them; then neither does."""
    [one] = _given(peer, mari)
    where = "/partners/fi-cert/"
    assert "give-anew" not in client.get(where).content.decode()
    _rotates(node)
    _refuses(peer, [one])
    text = client.get(where).content.decode()
    assert "It refused 1 thing that it was given" in text
    assert f"{where}give-anew/" in text
    assert WHY in text
    listed = client.get(f"{where}give-anew/").content.decode()
    assert f"/attacks/{one}/" in listed
    assert WHY in listed
    [told] = client.get("/api/federation/partners/fi-cert/refused-there").json()
    assert (told["thing"], told["sort"], told["refused"]) == (str(one), "attack", WHY)
    answer = client.post(f"{where}give-anew/", {"reason": "It was signed with the stolen key."}, follow=True)
    assert "Given anew: 1 thing" in answer.content.decode()
    assert "give-anew" not in client.get(where).content.decode()
    assert client.get("/api/federation/partners/fi-cert/refused-there").json() == []


def test_the_api_gives_anew_once_for_one_key(client, peer, mari, node):
    """Asked again with the same key it is not given a third time."""
    [one] = _given(peer, mari)
    _rotates(node)
    _refuses(peer, [one])
    for _ in range(2):
        answer = client.post(
            "/api/federation/partners/fi-cert/give-anew", {"why": "Anew."}, content_type="application/json",
            headers={"Idempotency-Key": "one"},
        )  # fmt: skip
        assert (answer.status_code, answer.json()) == (200, {"given": 1, "kept_back": 0})
    assert Entry.objects.filter(object_id=sharing.shared_id(one), kind=shared.KIND).count() == 2


def test_the_doctor_says_which_partner_refused_how_many(peer, mari, node):
    """With what to do about it."""
    things = _given(peer, mari, 2)
    _refuses(peer, things)
    assert doctor._partners(node)[0] == "well"
    _rotates(node)
    state, words = doctor._partners(node)
    assert state == "warn"
    assert "fi-cert 2" in words
    assert "give" in words
