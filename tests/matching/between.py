"""What the process beside a node of the tests can be told to do with matching: jobs of `tests.federation.sovereign_jobs`."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from hanse.accounts import approvals
from hanse.cases import working
from hanse.cases.models import Selector
from hanse.cases.selector import read
from hanse.kernel.clock import now_us
from hanse.matching import agreeing, standing_on, who_else
from hanse.matching.models import Hit
from hanse.matching.tag_models import Asking, Question
from tests.accounts.people import acting, newcomer
from tests.cases.made import DAY_US, opened

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
    """The hits here: way and kind of each."""
    return sorted([row.way, row.kind] for row in Hit.objects.all())


def times_asked() -> int:
    """How often a partner asked."""
    return Asking.objects.filter(refused="").count()
