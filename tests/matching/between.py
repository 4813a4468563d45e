"""What the process beside a node of the tests can be told to do with matching: jobs of `tests.federation.sovereign_jobs`."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from hanse.accounts import approvals
from hanse.attacks.models import Attack, PartnerAttack
from hanse.cases import working
from hanse.cases.models import Selector
from hanse.cases.selector import read
from hanse.kernel.actors import system
from hanse.kernel.clock import now_us
from hanse.ledger.identity import authority
from hanse.matching import agreeing, counting, standing_on, who_else
from hanse.matching.models import Hit, SourceCount
from hanse.matching.tag_models import Asking, Question
from tests.accounts.people import acting, newcomer
from tests.cases.made import DAY_US, opened

VICTIM = "62.65.192.78"
"""Which no other attack here has."""

_held: dict[str, Any] = {}


def agree_to_match(partner: str) -> None:
    """Two people let telephone numbers and e-mail addresses be compared."""
    one, other = (acting(newcomer(role, name=f"Matching {role}")) for role in ("officer", "approver"))
    _held["officer"] = one
    terms = agreeing.Terms(
        partner=partner, kinds=["email", "phone"], legal_basis="Treaty of 1997", case_class="Fraud",
        until_us=now_us() + 90 * DAY_US,
    )  # fmt: skip
    approvals.approve(agreeing.propose(terms, "As agreed.", one), other)


def investigate(*, selectors: list[list[str]]) -> None:
    """Put selectors into the one case here."""
    if "case" not in _held:
        _held["case"], _held["kaja"] = opened(acting(newcomer("investigator", name="Kaja")), "The shop")
    for kind, text in selectors:
        working.add_selector(_held["case"], read(kind, text), _held["kaja"])


def ask_who_else(partner: str) -> str:
    """Ask a partner about all of it; the question."""
    chosen = Selector.objects.filter(case=_held["case"]).values_list("pk", flat=True)
    return who_else.ask(_held["case"], list(chosen), [partner], "Who else?", _held["kaja"]).hex


def came_of(question: str) -> str:
    """How a question stands."""
    return who_else.replies(Question.objects.get(pk=UUID(question)))[0].state


def want_standing(partner: str) -> None:
    """Turn standing matching on."""
    officer = replace(_held["officer"], stepped_up_us=now_us())
    standing_on.turn_on(partner, "As agreed.", officer)


def matches() -> list[list[str]]:
    """The hits of the case here: way and kind of each."""
    return sorted([row.way, row.kind] for row in Hit.objects.filter(case=_held["case"]))


def times_asked() -> int:
    """How often a partner asked."""
    return Asking.objects.filter(refused="").count()


def attacked(begin: int, end: int) -> str:
    """An attack by some of three hundred hosts, the same ones on every node; its id."""
    from hanse.recording import record
    from tests.campaigns.league import sketched
    from tests.campaigns.plans import MAY_3, Maker
    from tests.node.made import analysis_of  # what analyses is large, and most nodes here do not

    maker = Maker(5)
    hosts = maker.pool(300)
    maker.add(VICTIM, MAY_3, hosts[begin:end])
    record(analysis_of(maker, sketched(maker)), system("tests", authority()))
    return Attack.projected.get(victim=VICTIM).pk.hex


def agree_to_count(partner: str) -> None:
    """Two people let sources be counted."""
    one, other = (acting(newcomer(role, name=f"Counting {role}")) for role in ("officer", "approver"))
    terms = agreeing.Terms(
        partner=partner, kinds=["phone"], legal_basis="Treaty of 1997", case_class="Attacks", sources=True,
        until_us=now_us() + 90 * DAY_US,
    )  # fmt: skip
    approvals.approve(agreeing.propose(terms, "As agreed.", one), other)


def count_with(own: str) -> None:
    """Have the sources of an own attack counted with those of the one that a partner shared without its victim."""
    analyst = acting(newcomer("analyst", name="Counting analyst"))
    [theirs] = [row.pk for row in PartnerAttack.projected.all() if not row.victim]
    counting.ask(UUID(own), theirs, "The same hosts?", analyst)


def counts() -> list[list[Any]]:
    """What was counted: who asked, how it stands, how many, and the hash of what passed."""
    return [[row.ours, row.state, row.common, row.transcript] for row in SourceCount.projected.all()]
