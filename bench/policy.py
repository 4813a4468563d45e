"""Policy: decisions per second on one core, over a mix of people, actions and markings.

    python bench/policy.py [--small]

`decisions.py` beside it measures the bare decision. Here each figure is the median of five rounds over a mix of
actors, actions and markings as pages ask for them, so that no cache has just the one answer; reasons are made for
every refusal. The promise is 20,000 a second. A ratio to one SHA-256 of a kilobyte says how fast the machine is.
"""

import argparse
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from hashlib import sha256

from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Pap, Tlp, strictest
from hanse.policy.actions import ACTIONS
from hanse.policy.decision import Subject, may

NOW = 1_178_150_400_000_000
PROMISED = 20_000
ROUNDS = 5
ROLES = ("analyst", "investigator", "officer", "approver", "auditor", "administrator")


def actors(rng: random.Random) -> list[Actor]:
    """People with one to three roles and teams, programs with scopes, and a partner."""
    people = [
        Actor("person", f"p-{at}", "N", "ee-cert", "EE", "member", frozenset(rng.sample(ROLES, rng.randint(1, 3))),
              frozenset(rng.sample(("alpha", "beta", "gamma"), rng.randint(0, 2))), stepped_up_us=NOW - 1_000_000)
        for at in range(40)
    ]  # fmt: skip
    tokens = [
        Actor("token", f"t-{at}", "N", "ee-cert", "EE", "member", frozenset({"analyst"}),
              scopes=frozenset(rng.sample(sorted(ACTIONS), 5)))
        for at in range(10)
    ]  # fmt: skip
    return [*people, *tokens, Actor("partner", "lv", "N", "lv-cert", "LV", "member", frozenset({"analyst"}))]


def subjects(rng: random.Random) -> list[Subject]:
    """Things as weakly and as strictly marked as there are, some derived of several."""
    made = [_marking(rng) for _ in range(300)]
    made += [strictest(rng.sample(made, 3)) for _ in range(100)]
    return [Subject("attack", one, rng.choice(("", "", "alpha", "beta"))) for one in made]


def _marking(rng: random.Random) -> Marking:
    return Marking(
        originators=frozenset({rng.choice(("ee-cert", "ee-cert", "lv-cert"))}),
        tlp=rng.choice(list(Tlp)),
        pap=rng.choice(list(Pap)),
        handling=frozenset(rng.sample(("H0", "H1", "H2"), rng.randint(0, 2))),
        purposes=rng.choice((None, None, frozenset({"defence"}), frozenset({"prosecution"}))),
        releasable=rng.choice((None, None, frozenset({"state:EE"}), frozenset({"tier:organisation"}))),
        retention_us=rng.choice((None, None, NOW + 86_400_000_000, NOW - 1)),
    )


def rate(work: Callable[[], int]) -> float:
    """How often per second: median of the rounds. The work says how often it did it."""
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        times = work()
        rates.append(times / (time.perf_counter() - start))
    return statistics.median(rates)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a short run")
    number = 5_000 if parser.parse_args().small else 100_000
    rng = random.Random(2007)
    who, what, names = actors(rng), subjects(rng), sorted(ACTIONS)
    asked = [(rng.choice(who), rng.choice(names), rng.choice(what)) for _ in range(number)]
    content = [each for each in asked if each[1] in {"attacks.view", "attacks.export", "campaigns.view"}]
    allowed = sum(bool(may(actor, action, subject, now_us=NOW)) for actor, action, subject in asked)
    kilobyte = bytes(1_024)

    def decide(those: list[tuple[Actor, str, Subject]]) -> int:
        for actor, action, subject in those:
            may(actor, action, subject, now_us=NOW)
        return len(those)

    def menu() -> int:
        for actor, action, _ in asked:
            may(actor, action, now_us=NOW)
        return len(asked)

    def hashes() -> int:
        for _ in range(number):
            sha256(kilobyte).digest()
        return number

    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, "
          f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC; {allowed / number:.0%} of the decisions are a yes")  # fmt: skip
    base = rate(hashes)
    print(f"{'what':44} {'a second':>12} {'of promised':>12} {'to one hash':>12}")
    print(f"{'SHA-256 of 1,024 bytes, for comparison':44} {base:12,.0f}")
    for words, work in (
        ("any action, any thing, anybody", lambda: decide(asked)),
        ("looking at and exporting attacks, campaigns", lambda: decide(content)),
        ("what a menu shows (no thing)", menu),
    ):
        found = rate(work)
        print(f"{words:44} {found:12,.0f} {found / PROMISED:11.1f}x {base / found:11.1f}x")
        assert found > PROMISED, f"{words}: {found:,.0f} a second are fewer than {PROMISED:,}"


if __name__ == "__main__":
    main()
