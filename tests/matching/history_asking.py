"""Questions and standing matching with a partner, in every state: for the node that has lived through everything."""

from dataclasses import replace

from hanse.accounts import approvals
from hanse.cases import working
from hanse.cases.models import Selector
from hanse.cases.selector import read
from hanse.intel.values import Value
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.matching import (
    agreeing,
    answering,
    asking,
    contacting,
    hits,
    publishing,
    reopening_days,
    standing_days,
    standing_on,
    who_else,
)
from hanse.matching.epochs import day, days, over_us
from hanse.matching.standing_chain import Chain
from hanse.matching.standing_contents import DayOver
from hanse.matching.tag_models import Question
from tests.accounts.people import acting, newcomer
from tests.cases.made import DAY_US, investigator, opened
from tests.matching.asker import Asker, next_slot, turn

PARTNER = "dk-ncas"


def asked_and_standing(mari: Actor, approver: Actor) -> None:
    """A partner that was asked and found, had nothing, refused and waits; that asked, was refused, and made contact; standing.

    Args:
        mari: An officer.
        approver: Somebody else, who approves.
    """
    dk = Asker(PARTNER, "DK", "member")
    dk.joins()
    terms = agreeing.Terms(
        partner=PARTNER, kinds=["email", "phone"], legal_basis="Treaty of 2003, article 2", case_class="Fraud",
        until_us=now_us() + 90 * DAY_US,
    )  # fmt: skip
    approvals.approve(agreeing.propose(terms, "As agreed.", mari), approver)
    case, kaja = opened(investigator(name="Kati Kuusk"), "The shop")
    for kind, text in (
        ("email", "pay@shop.example"),
        ("phone", "+3725987654"),
        ("email", "new@shop.example"),
    ):
        working.add_selector(case, read(kind, text), kaja)
    _asks(dk, case, kaja)
    _is_asked(dk)
    _stands(dk, mari)


def _asks(dk: Asker, case: object, kaja: Actor) -> None:
    dk.has = (Value("email", "pay@shop.example"),)
    dk.publishes()
    kinds = {"found": ("email",), "nothing": ("phone",), "refused": ("email",), "waiting": ("email",)}
    for state, some in kinds.items():
        chosen = Selector.objects.filter(case=case, kind__in=some).values_list("pk", flat=True)
        question = who_else.ask(case, list(chosen), [PARTNER], "Who else?", kaja)  # type: ignore[arg-type]
        if state == "refused":
            dk.evaluates = lambda _: answering.Evaluated(refused="Tomorrow.")
        dk.away = {"who-else"} if state == "waiting" else set()
        turn(dk)
        [reply] = who_else.replies(Question.objects.get(pk=question))
        assert reply.state == state
    hit = hits.visible_hits(kaja).filter(partner=PARTNER, way="who-else").get()
    told = contacting.Told(name="Kati Kuusk", telephone="+372 600 0000")
    contacting.offer(hit.pk, told, replace(kaja, stepped_up_us=now_us()))
    assert asking.waiting() == [PARTNER]


def _is_asked(dk: Asker) -> None:
    publishing.publish_due()
    phone = Value("phone", "+3725987654")
    dk.puts(phone)
    dk.contacts(dk.proofs[phone])
    dk.asks(answering.WHO_ELSE, answering.Put("0" * 32, "2020-01", b""), answering.Evaluated)
    turn(dk)


def _stands(dk: Asker, mari: Actor) -> None:
    standing_on.turn_on(PARTNER, "As agreed.", mari)
    dk.wants_standing()
    turn(dk)
    dk.takes_turn()
    next_slot()
    turn(dk)
    assert standing_on.is_on(PARTNER)
    epoch = day(now_us())
    assert standing_days.put_on_record(over_us(epoch), {PARTNER}) == 1
    dk.entry(standing_days.DAY, DayOver(partner=dk.here, epoch=days(now_us())[1], own=Chain(), other=Chain()))
    turn(dk)
    auditor = replace(acting(newcomer("auditor", name="Aada of standing")), stepped_up_us=now_us())
    assert reopening_days.reopen_standing(PARTNER, epoch, auditor, "As every year.") == ()
