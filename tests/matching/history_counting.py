"""Counts of common sources in every state: for the node that has lived through everything."""

from dataclasses import replace
from uuid import uuid4

from hanse.accounts import approvals
from hanse.attacks import shared
from hanse.attacks.attack import Attack
from hanse.attacks.models import Attack as AttackRow
from hanse.attacks.models import PartnerAttack
from hanse.federation import sharing
from hanse.federation.sharing import Audience, Sharing
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking, Tlp
from hanse.matching import agreeing, common_sources, counting
from hanse.matching.counting import Opened
from hanse.matching.quota import DAY_US
from hanse.matching.source_models import SourceCount
from hanse.recording import record
from tests.campaigns.league import sketched
from tests.campaigns.plans import MAY_3, Maker
from tests.cases.made import DAY_US as DAY
from tests.federation.peer import NODE
from tests.matching.asker import turn
from tests.matching.counter import Counter
from tests.node.made import analysis_of

PARTNER = "no-cert"


def counted(mari: Actor, approver: Actor) -> None:
    """A partner with which it was counted, that refused, that did not answer, is waited for, asked, and broke off.

    Args:
        mari: Somebody who may count, share and agree.
        approver: Somebody else, who approves.
    """
    no = Counter(PARTNER, "NO")
    no.joins()
    terms = agreeing.Terms(
        partner=PARTNER, kinds=["phone"], legal_basis="Treaty of 2003, article 4", case_class="Attacks", sources=True,
        until_us=now_us() + 90 * DAY,
    )  # fmt: skip
    approvals.approve(agreeing.propose(terms, "As agreed.", mari), approver)
    own, attack = _with_sources()
    no.sample = common_sources.sample_of(attack)
    there = uuid4()
    told = replace(attack, id=there.hex, victim="", source_sketch=b"")
    content = shared.Shared(attack=told, victim_mark="a mark", country="NO")
    marking = Marking(originators=frozenset({PARTNER}), tlp=Tlp.GREEN)
    no.entry(shared.KIND, content, object_id=there, marking=marking)
    turn(no)
    theirs = PartnerAttack.projected.get(partner=PARTNER).pk
    for state, away in (("counted", ()), ("refused", ()), ("unanswered", (counting.OPEN,))):
        no.away = set(away)
        no.opens_ = lambda it, not_now=state == "refused": Opened(refused="Tomorrow.") if not_now else it
        counting.ask(own.pk, theirs, "The same hosts?", mari)
        turn(no)
        if away:
            counting.give_up(now_us() + DAY_US + 10**6)
    counting.ask(own.pk, theirs, "And now?", mari)
    _is_asked(no, own, mari)
    assert {"counted", "refused", "unanswered", "waiting"} <= set(
        SourceCount.projected.values_list("state", flat=True)
    )


def _is_asked(no: Counter, own: AttackRow, mari: Actor) -> None:
    wanted = Sharing("attack", own.pk, Audience(frozenset({PARTNER})), frozenset({"sources"}))
    sharing.share(wanted, replace(mari, stepped_up_us=now_us()), "They count with us.")
    no.away = set()
    assert no.wants(uuid4().hex).refused
    for goes_on in (True, False):
        assert not no.wants(sharing.shared_id(own.pk).hex).refused
        if goes_on:
            no.goes_on()


def _with_sources() -> tuple[AttackRow, Attack]:
    """An own attack whose sources can be counted, on record."""
    maker = Maker(3)
    maker.add("62.65.192.77", MAY_3, maker.pool(40))
    [attack] = sketched(maker)
    before = set(AttackRow.projected.values_list("pk", flat=True))
    record(analysis_of(maker, [attack]), NODE)
    return AttackRow.projected.exclude(pk__in=before).get(), attack
