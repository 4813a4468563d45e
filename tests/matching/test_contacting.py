"""Who opens the joint case that both want: the authority whose id sorts first, whatever crosses, is late, or is taken back."""

import re
from dataclasses import dataclass
from html import unescape
from itertools import product
from uuid import UUID, uuid4

import pytest

from hanse.cases import working
from hanse.cases.joint import Opening
from hanse.cases.joint_entries import OPENED, JointMember, JointOpened
from hanse.cases.joint_models import JointCase
from hanse.cases.selector import read
from hanse.federation.handlers import own_id
from hanse.federation.models import Received
from hanse.intel.values import Value
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.check import check
from hanse.ledger.replay import rebuild
from hanse.ledger.service import purge
from hanse.matching import contacting, hits, waiting
from hanse.matching.agreeing import agreement_with
from hanse.matching.contents import Contact
from hanse.matching.models import Hit, Offer
from hanse.matching.offering import offered
from hanse.matching.tag_keys import matcher
from tests.cases.made import DAY_US
from tests.matching.cast import BOSS, agree
from tests.matching.partner import Comparer, turn
from tests.web.conftest import client_as

__all__ = ["client_as"]

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.usefixtures("founded")]

FIRST, LAST = "be-ncas", "gb-ncas"
"""Partners whose ids sort before this authority's, ee-cert, and after it."""
BEGINS = ("here hears there arrives", "there arrives here hears", "here there arrives hears")
"""How it begins: this side agrees and is heard first, or the other, or both before they have heard each other."""


def _opening() -> Opening:
    return Opening(
        title="Operation Pair", purpose="Find them.", legal_basis="Treaty", members=frozenset(),
        retention_us=now_us() + 90 * DAY_US,
    )  # fmt: skip


@dataclass
class There:
    """The partner's side of one hit: it speaks of what it has heard, and opens where the rule has it open.

    Attributes:
        peer: Its node.
        name: What names the hit to both.
        ours: The hit as this node names it.
        heard: What it heard of this side last.
        opened: The joint case that it opened, as it names it.
    """

    peer: Comparer
    name: str
    ours: UUID
    heard: Contact | None = None
    opened: UUID | None = None

    def __post_init__(self) -> None:
        """Have a hit of its own."""
        self.hit, self.said = uuid4(), 0

    def hears(self) -> None:
        """Read what this node addressed to it."""
        told = self.peer.addressed(contacting.CONTACT, Contact)
        self.heard = next((one for thing, one in reversed(told) if UUID(thing) == self.ours), None)

    def agrees(self) -> None:
        """Want a joint case; and open it, where both want one and it is the one that opens."""
        if self.opened is None and not (self.heard and self.heard.joint):
            if self.heard is not None and self.heard.agrees and self.peer.authority < self.peer.here:
                self.opens()
            self.says(agrees=True)

    def opens(self) -> None:
        """Found a joint case with this authority."""
        self.opened = uuid4()
        members = tuple(
            JointMember(authority=one, name=one, country="", tier="member") for one in self._both()
        )
        content = JointOpened(title="Operation Duo", purpose="Find them.", legal_basis="Act", members=members)
        marking = Marking(
            originators=frozenset({self.peer.authority}), tlp=Tlp.GREEN,
            releasable=frozenset(f"authority:{one}" for one in self._both()),
        )  # fmt: skip
        self.peer.entry(OPENED, content, object_id=self.opened, marking=marking)

    def _both(self) -> tuple[str, str]:
        return self.peer.authority, self.peer.here

    def says(self, **more: bool) -> None:
        """Offer something for the hit."""
        self.said += 1
        joint = self.opened.hex if self.opened else ""
        content = Contact(references=(self.name,), joint=joint, **more)
        self.peer.entry(contacting.CONTACT, content, object_id=self.hit, version=self.said)


class Contacts:
    """Hits with one partner on both sides, and what people here do with them."""

    def __init__(self, partner: str, case: tuple, officer, approver) -> None:
        self.case, self.kaja = case
        self.peer = Comparer(partner, partner[:2].upper())
        self.peer.joins()
        agree(officer, approver, partner=partner)

    def hit(self, text: str = BOSS) -> There:
        """Both find that they have an e-mail address."""
        name = uuid4().hex
        before = set(Hit.objects.values_list("pk", flat=True))
        hits.record(
            self.peer.authority, "sets", None, offered(agreement_with(self.peer.authority)), {Value("email", text): name}
        )  # fmt: skip
        return There(self.peer, name, Hit.objects.exclude(pk__in=before).get().pk)

    def arrives(self) -> None:
        """Take in what the partner sent."""
        turn(self.peer)

    def stands(self, there: There) -> contacting.Standing:
        """How the contact stands here."""
        return contacting.standing(Hit.objects.filter(pk=there.ours))[there.ours]

    def agrees(self, there: There, opening: Opening | None = None) -> None:
        """Want a joint case here, as long as none is open."""
        if self.stands(there).joint is None:
            told = contacting.Told(agrees=True, opening=opening or _opening())
            contacting.offer(there.ours, told, self.kaja)

    def says(self, there: There, **told: bool) -> None:
        """Say something else."""
        contacting.offer(there.ours, contacting.Told(**told), self.kaja)


@pytest.fixture
def first(case, officer, approver):
    """A partner that opens."""
    return Contacts(FIRST, case, officer, approver)


@pytest.fixture
def last(case, officer, approver):
    """A partner for which this authority opens."""
    return Contacts(LAST, case, officer, approver)


def text_of(answer) -> str:
    """What a page says, without its markup."""
    assert answer.status_code == 200, answer.content.decode()[:300]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


@pytest.mark.parametrize("partner", [FIRST, LAST])
def test_both_open_one_joint_case_in_every_order(partner, case, officer, approver):
    """One side agrees first, or both at once, and either is quicker then: one case, of whose id sorts first."""
    both = Contacts(partner, case, officer, approver)
    orders = list(product(BEGINS, ("here there", "there here")))
    for at in range(len(orders)):
        working.add_selector(both.case, read("email", f"{at}@shop.example"), both.kaja)
    for at, order in enumerate(orders):
        there = both.hit(f"{at}@shop.example")
        does = {
            "here": lambda one=there: both.agrees(one), "there": there.agrees, "arrives": both.arrives,
            "hears": there.hears,
        }  # fmt: skip
        before = JointCase.projected.count()
        for step in " ".join((*order, "arrives hears", order[1], "arrives hears")).split():
            does[step]()
        stands = both.stands(there)
        [one] = JointCase.projected.order_by("sequence")[before:]
        assert (stands.joint, stands.second, one.founder) == (one.pk, None, min(partner, "ee-cert")), order
        assert (there.opened is None) == (partner == LAST), order
        assert there.heard.joint == (one.pk.hex if partner == LAST else ""), order
    assert not Received.objects.filter(state="refused").exists()
    assert list(check()) == []


def test_who_does_not_open_waits_and_its_page_says_for_whom(client_as, first):
    """However often it agrees, and though the partner is silent after agreeing; nobody is asked for a title."""
    there = first.hit()
    there.says(agrees=True)
    first.arrives()
    client = client_as(first.kaja)
    page = f"/matches/hits/{there.ours}/"
    client.get(page, {"why": "Case work"}, follow=True)
    assert "Title of the joint case" not in text_of(client.get(page))
    for _ in range(2):
        client.post(f"{page}offer/", {"agrees": "on"})
    assert not JointCase.projected.exists()
    shown = text_of(client.get(page))
    assert "Both want a joint case: the other side opens it." in shown
    assert "be-ncas opens it, because that id sorts first. The invitation comes by itself" in shown
    assert "Title of the joint case" not in shown
    assert waiting.unanswered(first.kaja).count == 0
    told = client.get(f"/api/matching/hits/{there.ours}", headers={"X-Reason": "Case work"}).json()
    assert (told["opener"], told["joint"], told["second"]) == ("be-ncas", None, None)


def test_who_opens_is_told_that_the_other_agreed(client_as, last):
    """Also long after its own agreement: the hit waits for somebody here again, with what was offered still in it."""
    there = last.hit()
    client = client_as(last.kaja)
    page = f"/matches/hits/{there.ours}/"
    client.get(page, {"why": "Case work"}, follow=True)
    client.post(f"{page}offer/", {"name": "Kaja", "agrees": "on"})
    assert waiting.unanswered(last.kaja).count == 0
    there.says(agrees=True)
    last.arrives()
    assert waiting.unanswered(last.kaja).count == 1
    shown = text_of(client.get(page))
    assert "ee-cert opens it, because that id sorts first: this authority." in shown
    assert "Title of the joint case" in shown
    assert 'value="Kaja"' in client.get(page).content.decode()
    with pytest.raises(UsageError, match="this authority opens it: give it a title"):
        contacting.offer(there.ours, contacting.Told(agrees=True), last.kaja)
    last.agrees(there)
    assert waiting.unanswered(last.kaja).count == 0
    assert JointCase.projected.get().founder == "ee-cert"


def test_an_agreement_that_was_taken_back_opens_nothing(last):
    """Nor one that comes after this side wants no contact any more."""
    there = last.hit()
    there.says(agrees=True)
    there.says()
    last.arrives()
    last.agrees(there)
    assert not JointCase.projected.exists()
    last.says(there, declined=True)
    there.says(agrees=True)
    last.arrives()
    assert last.stands(there).words == "Declined here"
    assert waiting.unanswered(last.kaja).count == 0
    assert not JointCase.projected.exists()


def test_an_invitation_that_crosses_what_is_taken_back_is_the_one_case(first, last):
    """Who opened it had heard the agreement; who took it back is asked there, on both sides in the same case."""
    asked = first.hit()
    first.agrees(asked)
    asked.hears()
    first.says(asked, declined=True)
    asked.agrees()
    first.arrives()
    assert first.stands(asked).joint == own_id(FIRST, asked.opened)
    assert JointCase.projected.get().standing == {FIRST: "joined"}
    with pytest.raises(UsageError, match="say it there"):
        first.says(asked, agrees=True)

    asks = last.hit()
    asks.says(agrees=True)
    last.arrives()
    asks.says()
    last.agrees(asks)
    last.arrives()
    assert last.stands(asks).joint == JointCase.projected.get(founder="ee-cert").pk


def test_a_hit_that_is_gone_opens_nothing(last):
    """It went with its selector while the other side's agreement was under way, which then is about nothing."""
    there = last.hit()
    last.agrees(there)
    purge([Hit.objects.get().selector], reason="Wrong number.", actor=matcher())
    there.hears()
    there.agrees()
    last.arrives()
    assert not Hit.objects.exists()
    assert not Offer.objects.filter(theirs=False).exists()
    assert not JointCase.projected.exists()
    assert waiting.unanswered(last.kaja).count == 0
    assert list(check()) == []


def test_what_comes_twice_opens_no_second_case(last):
    """The same entry again is refused, the same words in a new one change nothing."""
    there = last.hit()
    there.says(agrees=True)
    last.arrives()
    last.agrees(there)
    last.peer.items.append(last.peer.items[-1])
    there.says(agrees=True)
    last.arrives()
    with pytest.raises(UsageError, match="say it there"):
        contacting.offer(there.ours, contacting.Told(agrees=True, opening=_opening()), last.kaja)
    assert last.stands(there).joint == JointCase.projected.get().pk


def test_a_partner_that_opens_against_the_rule_is_taken_at_its_word(last):
    """An older node opens when it agrees second: as long as none is open here, that is the one."""
    there = last.hit()
    last.agrees(there)
    there.opens()
    there.says(agrees=True)
    last.arrives()
    last.agrees(there)
    [one] = JointCase.projected.all()
    assert (one.founder, last.stands(there).joint) == (LAST, one.pk)


def test_of_two_that_an_older_partner_brought_about_both_go_on_in_one(client_as, last):
    """That of whose id sorts first, on either side; the page names the other, to be closed."""
    there = last.hit()
    last.agrees(there)
    there.says(agrees=True)
    last.arrives()
    there.opens()
    there.says(agrees=True)  # it has not heard yet that one is open here
    last.agrees(there)
    last.arrives()
    rebuild()
    theirs, ours = JointCase.projected.get(founder=LAST), JointCase.projected.get(founder="ee-cert")
    stands = last.stands(there)
    assert (stands.joint, stands.second) == (ours.pk, theirs.pk)
    client = client_as(last.kaja)
    client.get(f"/matches/hits/{there.ours}/", {"why": "Case work"}, follow=True)
    page = client.get(f"/matches/hits/{there.ours}/")
    assert "Both sides opened one. Go on in that of ee-cert; whoever founded the other closes it." in text_of(
        page
    )
    assert f"/cases/joint/{theirs.pk}/" in page.content.decode()


def test_what_is_said_of_another_hit_of_the_partner_hides_no_joint_case(first):
    """The partner may have two cases of one selector: what it says for the second does not undo what the first opened."""
    there = first.hit()
    first.agrees(there)
    there.hears()
    there.agrees()
    other = There(first.peer, there.name, there.ours)
    other.says(declined=True)
    first.arrives()
    assert first.stands(there).joint == own_id(FIRST, there.opened)
