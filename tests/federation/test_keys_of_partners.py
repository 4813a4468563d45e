"""Keys of partners: whose a key is nobody else can say, and only what is material brings anything by a third hand."""

import secrets
from uuid import UUID

import pytest

from hanse.attacks import shared
from hanse.federation import exchange, originals, partnering
from hanse.federation.contents import Card, Carried, Forwarded
from hanse.federation.handlers import all_handlers
from hanse.federation.invitation import Invitation
from hanse.federation.models import Partner, PartnerKey, PassedOn, Received
from hanse.federation.partners import seal_key, verify_keys
from hanse.federation.stream import KeyChanged, KeyRevoked
from hanse.federation.witnesses import ever_keys
from hanse.kernel.keys import OpenKey, SigningKey
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.check import check
from hanse.ledger.replay import rebuild
from tests.federation.peer import Peer

pytestmark = pytest.mark.usefixtures("founded")

OPENS = OpenKey(bytes(31) + b"\x07").public.raw.hex()


@pytest.fixture
def fi() -> Peer:
    """Whose keys they are."""
    one = Peer("fi-cert", "FI")
    one.joins()
    return one


@pytest.fixture
def lv() -> Peer:
    """Who says that they are its own."""
    one = Peer("lv-cert", "LV")
    one.joins()
    return one


def _pull(peer: Peer) -> list[str]:
    exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)  # type: ignore[arg-type]
    refused = Received.objects.filter(partner=peer.authority, state="refused")
    return list(refused.values_list("why", flat=True))


def _claims(peer: Peer, verify: str, seal: str | None = None) -> None:
    """A partner says that a key is its next; where nothing else is said, what it opens with stays."""
    own = peer.openings[peer.seal].public.raw.hex()
    peer.entry("federation.key_changed", KeyChanged(verify, own if seal is None else seal))


def _forwards(relay: Peer, origin: str, kind: str, content: object) -> list[str]:
    author = Peer(origin, "FI", here=relay.authority)
    item = author.made(kind, content)
    card = Card(
        authority=origin, name=origin, country="FI", tier="member", verify=author.signing.public.raw.hex()
    )
    told = Forwarded(originator=card, original=Carried(item.payload, item.signature, item.salt, item.body))
    both = Marking(originators=frozenset({origin, relay.authority}), tlp=Tlp.GREEN)
    relay.entry(originals.FORWARDED, told, object_id=UUID(int=9), marking=both)
    return _pull(relay)


def test_who_claims_the_next_key_of_another_does_not_cut_it_off(fi, lv):
    """Both have it then, each under its own name; the owner is believed with it, and revokes only its own."""
    old = fi.signing
    new, opens = SigningKey(secrets.token_bytes(32)), OpenKey(secrets.token_bytes(32))
    _claims(lv, new.public.raw.hex())
    assert _pull(lv) == []
    _claims(fi, new.public.raw.hex(), opens.public.raw.hex())
    fi.signing = new
    fi._opens(opens)
    fi.entry()
    assert _pull(fi) == []
    fi.entry()
    assert _pull(fi) == []
    assert set(verify_keys("fi-cert")) == {old.id, new.id}
    assert seal_key("fi-cert").id == opens.id
    lv.entry("federation.key_revoked", KeyRevoked(new.id, 1))
    assert _pull(lv) == []
    assert new.id in verify_keys("fi-cert")
    assert new.id not in verify_keys("lv-cert")
    assert {key.id for key in ever_keys()["fi-cert"]} == {old.id, new.id}
    rows = list(PartnerKey.objects.order_by("pk").values())
    rebuild()
    assert list(PartnerKey.objects.order_by("pk").values()) == rows
    assert list(check()) == []


def test_who_claims_a_strangers_key_does_not_keep_it_out(lv):
    """Its invitation is signed with its key, which nobody's word outweighs."""
    fi = Peer("fi-cert", "FI")
    _claims(lv, fi.signing.public.raw.hex())
    assert _pull(lv) == []
    partnering._check_new(
        Invitation(
            authority="fi-cert", country="FI", endpoint="https://fi-cert.example/league/", name="CERT Finland",
            seal=OPENS, tier="member", verify=fi.signing.public.raw.hex(),
        )
    )  # fmt: skip
    fi.joins()
    assert list(verify_keys("fi-cert")) == [fi.signing.id]
    fi.entry()
    assert _pull(fi) == []


def test_a_key_that_its_owner_brings_again_is_there_once(fi):
    """A partner that is told its own key twice has one, and is believed with it."""
    _claims(fi, fi.signing.public.raw.hex(), OPENS)
    assert _pull(fi) == []
    assert PartnerKey.objects.get(partner="fi-cert").seal == OPENS


@pytest.mark.parametrize("origin", ["fi-cert", "zz-cert"])
def test_a_key_comes_from_nobody_but_its_owner(lv, origin):
    """What a third hand brings as another's change of keys is refused, whoever that other is said to be."""
    before = list(PartnerKey.objects.values())
    words = _forwards(lv, origin, "federation.key_changed", KeyChanged(lv.signing.public.raw.hex(), OPENS))
    assert "could be passed on" in words[0]
    assert list(PartnerKey.objects.values()) == before
    assert not PassedOn.objects.exists()


def test_only_material_goes_on():
    """Attacks, intelligence, and what is said in a joint case, which its founder passes round; nothing else."""
    assert {one.kind for one in all_handlers() if one.onward} == {
        shared.KIND,
        "cases.joint_said",
        "intel.shared",
    }


@pytest.mark.parametrize("seal", ["zz" * 32, "", "00" * 32, "00" * 31])
def test_a_key_that_nothing_can_be_sealed_to_is_refused(lv, seal):
    """With the whole change: neither that page nor a later one believes the new key."""
    known = verify_keys("lv-cert").keys()
    new = SigningKey(secrets.token_bytes(32))
    _claims(lv, new.public.raw.hex(), seal)
    lv.entry(key=new)
    words = _pull(lv)
    assert len(words) == 2
    assert "has not brought" in words[1]
    assert verify_keys("lv-cert").keys() == known
    assert seal_key("lv-cert").id == lv.seal
