"""What is compared with whom: people, a case, an agreement, a partner's selectors, and a run to its end."""

from dataclasses import replace
from uuid import UUID

from hanse.accounts import approvals
from hanse.cases import working
from hanse.cases.selector import read
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.matching import agreeing, running
from hanse.matching.models import Run
from tests.accounts.people import acting, newcomer
from tests.cases.made import DAY_US, opened
from tests.matching.partner import Comparer, turn

PHONE, BOSS, OTHER = "+3725123456", "boss@shop.example", "nobody@else.example"
"""Selectors: the first two are of the case of these tests."""


def fresh(actor: Actor) -> Actor:
    """The same person with a passkey proved just now."""
    return replace(actor, stepped_up_us=now_us())


def person(role: str, name: str) -> Actor:
    """Somebody with a role and a passkey proved just now."""
    return fresh(acting(newcomer(role, name=name)))


def made_case(kaja: Actor) -> tuple[UUID, Actor]:
    """A case of Kaja's with three selectors; she as a member of its team."""
    made, kaja = opened(kaja)
    person = working.add_person(
        made, working.Told(category="suspect", name="Ivan Petrov", born="1980-02-01"), kaja
    )
    for kind, text in (("email", BOSS), ("phone", PHONE)):
        working.add_selector(made, read(kind, text), kaja, person=person)
    return made, fresh(kaja)


def terms(**more):
    """What is agreed with the partner, but for what is said otherwise."""
    told = {
        "partner": "gb-ncas", "kinds": ["email", "phone", "person"], "legal_basis": "Treaty of 1997, article 5",
        "case_class": "Fraud by Internet", "until_us": now_us() + 90 * DAY_US,
    }  # fmt: skip
    return agreeing.Terms(**{**told, **more})


def agree(officer, approver, **more):
    """Agree on it, as two people do."""
    approvals.approve(agreeing.propose(terms(**more), "As the directors agreed.", officer), approver)


def has(gb: Comparer, *some, **more) -> None:
    """Let the partner have selectors, and be otherwise than usual."""
    gb.has = tuple(read(kind, text, **born).value for kind, text, born in ((*one, {})[:3] for one in some))
    for name, value in more.items():
        setattr(gb, name, value)


def compare(gb: Comparer, kaja) -> Run:
    """A run that this side opens, to its end."""
    run = running.ask("gb-ncas", kaja, "Case 12/2026 asks for it.")
    turn(gb)
    gb.takes_part()
    finish(gb)
    return Run.objects.get(pk=run)


def finish(gb: Comparer) -> None:
    """Let both sides go on until the end."""
    for _ in range(3):
        turn(gb)
        gb.goes_on()
    turn(gb)


def peer_again(gb: Comparer) -> Comparer:
    """The same partner, without what it knows of the last run."""
    for name in ("other", "theirs", "tokens", "digest", "their_digest", "returned"):
        if hasattr(gb, name):
            delattr(gb, name)
    gb.learnt = None
    return gb


def compare_without_learning(gb: Comparer, kaja) -> Run:
    """A run in which the partner fetches nothing: the node does its part."""
    run = running.ask("gb-ncas", kaja, "Case 12/2026 asks for it.")
    turn(gb)
    gb.takes_part()
    for _ in range(2):
        turn(gb)
    return Run.objects.get(pk=run)
