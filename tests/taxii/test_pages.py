"""The pages about edge partners: who comes and what became of it, making one in two, revoking one alone."""

import pytest

from hanse.accounts import approvals
from hanse.accounts.models import Proposal
from hanse.kernel.actors import is_authority_id
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.markings import Marking
from hanse.taxii import kept, partners
from hanse.taxii.models import Partner
from tests.accounts.people import acting, newcomer
from tests.taxii.edge import WHY, Edge, brought, indicator
from tests.taxii.working import done

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_kept():
    """Answers of other tests are not kept."""
    kept.clear()


def test_the_list_says_who_comes_and_what_became_of_it(client_as, actor):
    """Who comes, what each last fetched and sent, and what was left out, with the address that a partner enters."""
    edge = Edge()
    brought(actor("analyst"), indicator(1), {"type": "indicator", "id": "indicator--bad"})
    edge.ids()
    edge.ask("collections/inbox/objects/", "POST", '{"objects": [{}]}')
    done()
    page = client_as(edge.people[0]).get("/edge/").content.decode()
    for words in (
        "CERT FI",
        "fi-cert",
        WHY,
        "1 thing",
        "is no id of a STIX object",
        "http://localhost:8007/taxii2/",
    ):
        assert words in page
    assert edge.secret not in page


def test_making_one_takes_two_and_shows_the_secret_once(client_as):
    """A proposal makes no partner; who approves it is shown the secret, which no page shows again."""
    mari, jaan = acting(newcomer("administrator")), acting(newcomer("approver", name="Jaan Tamm"))
    told = {"name": "CERT Latvia", "authority": "lv-cert", "country": "lv", "tier": "member", "why": WHY}
    assert client_as(mari).post("/edge/new/", told).status_code == 302
    assert not Partner.objects.exists()
    assert "waits for a second person" in client_as(mari).get("/edge/").content.decode()
    secret = approvals.approve(Proposal.objects.get().pk, jaan)
    assert secret.startswith("hanse-edge_")
    assert Partner.objects.get().country == "LV"
    page = client_as(mari).get("/edge/").content.decode()
    assert "may come" in page
    assert secret not in page
    again = client_as(mari).post("/edge/new/", told).content.decode()
    assert "comes already" in again
    wrong = client_as(mari).post("/edge/new/", {**told, "authority": "a b"}).content.decode()
    assert "letters, digits, dots and dashes" in wrong


def test_revoking_takes_one_and_a_reason(client_as):
    """One person revokes a partner, says why, and sees it among those who come no more."""
    edge = Edge()
    client = client_as(edge.people[0])
    assert client.post(f"/edge/{edge.row.pk}/revoke/", {"why": ""}).status_code == 200
    assert edge.ask("collections/").status_code == 200
    assert client.post(f"/edge/{edge.row.pk}/revoke/", {"why": "It has a node now."}).status_code == 302
    assert edge.ask("collections/").status_code == 401
    assert "revoked" in client.get("/edge/").content.decode()
    assert client.get(f"/edge/{edge.row.pk}/revoke/").status_code == 404


def test_who_decides_sees_what_is_decided_on(client_as):
    """An approver who administers nothing reads the country, and may open the page that the words name."""
    mari, jaan = acting(newcomer("administrator")), acting(newcomer("approver", name="Jaan Tamm"))
    partners.propose_partner("fi-cert", "CERT Finland", "FI", "member", WHY, mari)
    page = client_as(jaan).get("/people/approvals/").content.decode()
    assert "fi-cert, Finland, member state" in page
    assert 'href="/edge/"' in page
    shown = client_as(jaan).get("/edge/")
    assert shown.status_code == 200
    assert "http://localhost:8007/taxii2/" in shown.content.decode()
    assert client_as(jaan).get("/webhooks/").status_code == 200
    for closed in ("/edge/new/", "/webhooks/new/", "/settings/"):
        assert f'href="{closed}"' not in shown.content.decode()
        assert client_as(jaan).get(closed).status_code == 403


@pytest.mark.parametrize(
    ("country", "tier", "why"),
    [("FN", "member", "is no country"), ("ZZ", "member", "is no country"), ("Finland", "member", "is no country"),
     ("", "member", "Only an organisation has none"), ("", "private", "Only an organisation has none")],
)  # fmt: skip
def test_a_country_that_is_none_is_refused(country, tier, why):
    """What is released to a state would never reach it, and nobody would learn why."""
    with pytest.raises(UsageError, match=why):
        partners.propose_partner(
            "fi-cert", "CERT Finland", country, tier, WHY, acting(newcomer("administrator"))
        )
    partners.propose_partner("nato", "NATO", "", "organisation", WHY, acting(newcomer("administrator")))


@pytest.mark.parametrize("authority", ["FI-CERT", "fi-Cert", "fi_cert", "-fi", "fi:cert", "f" * 65, ""])
def test_an_id_of_an_authority_is_the_same_everywhere(authority):
    """At the open edge, of a node and in markings: two ids never differ in capitals alone, or in what cannot be seen."""
    with pytest.raises(UsageError, match="has lower-case letters, digits, dots and dashes"):
        partners.propose_partner(authority, "CERT", "FI", "member", WHY, acting(newcomer("administrator")))
    assert not is_authority_id(authority)
    with pytest.raises(HanseError, match=r"releasability|names no authority"):
        Marking(originators=frozenset({"ee-cert"}), releasable=frozenset({f"authority:{authority}"}))


def test_a_wrong_secret_is_told_to_be_possible():
    """Whoever sent one reads more than to send one; the words are the same for all, so that nobody learns what was right."""
    edge = Edge()
    said = {
        edge.ask("/taxii2/", HTTP_AUTHORIZATION=header).json()["description"]
        for header in ("", f"Bearer {edge.secret}x", "Bearer hanse-edge_wrong", edge.basic[:-4])
    }
    assert len(said) == 1
    assert "mistyped, or you were revoked" in said.pop()
