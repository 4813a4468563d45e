"""Decisions of policy per second on one core, reasons included.

Run: ``python bench/decisions.py``. Each figure is the median of five rounds. The promise is 20,000 a second.
"""

import statistics
import time

from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Pap, Tlp, strictest
from hanse.policy.decision import Subject, may

NOW = 1_178_150_400_000_000
ROUNDS, DECISIONS = 5, 50_000
PROMISED = 20_000

ACTOR = Actor("person", "p-1", "N", "ee-cert", "EE", "member", frozenset({"analyst"}), frozenset({"alpha"}))
OWN = Marking.own("ee-cert")
PARTNERS = Marking(
    originators=frozenset({"lv-cert"}),
    tlp=Tlp.RED,
    pap=Pap.RED,
    handling=frozenset({"H1", "H2"}),
    purposes=frozenset({"prosecution"}),
    releasable=frozenset({"state:LV", "tier:organisation"}),
    retention_us=NOW - 1,
)

CASES = {
    "allowed: own attack": Subject("attack", OWN, "alpha"),
    "allowed: partner's, releasable": Subject(
        "attack",
        Marking(
            originators=frozenset({"lv-cert"}),
            pap=Pap.GREEN,
            purposes=frozenset({"defence"}),
            releasable=frozenset({"state:EE", "state:LV"}),
            retention_us=NOW,
        ),
    ),
    "refused: seven reasons": Subject("attack", strictest([OWN, PARTNERS]), "beta"),
}


def per_second(subject: Subject) -> float:
    """Decisions on one thing per second: median of the rounds."""
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(DECISIONS):
            may(ACTOR, "attacks.export", subject, now_us=NOW)
        rates.append(DECISIONS / (time.perf_counter() - start))
    return statistics.median(rates)


def main() -> None:
    """Print a line for each case."""
    for words, subject in CASES.items():
        decision = may(ACTOR, "attacks.export", subject, now_us=NOW)
        rate = per_second(subject)
        print(
            f"{words:32} {len(decision.reasons)} reasons {rate:10,.0f} decisions/s ({rate / PROMISED:.0f} x promised)"
        )
        assert rate > PROMISED


if __name__ == "__main__":
    main()
