"""Matching: comparing sets between two processes, asking who else, and standing matching; each beside its floor.

    python bench/matching_psi.py [--sizes N ...] [--million] [--tags N] [--rounds N]

The floor of a comparison is what it cannot do without: as many multiplications by the binding of libsodium as the
protocol has, two for each of its own items on either side, done bare by two processes in the same run, in turns
with it. What is beyond it is hashing into the group, sorting, comparing and sending. A node makes its points
when selectors come, for all partners: the second line of each size is what a comparison takes then. Wall time is what somebody waits;
CPU time is what both processes together spend, and says more where others use the machine. If openmined-psi is
installed it compares the same sets by ECDH over P-256; there only one side learns the hits.
"""

import argparse
import os
import platform
import resource
import secrets
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection

import numpy as np
import rbcl

from hanse.attacks.sketch import SIZE
from hanse.intel.values import Value
from hanse.matching import commitment, common_sources, group, psi, standing, tags, voprf
from hanse.matching.common_sources import Sample
from hanse.matching.points import Points
from hanse.matching.secret import RunSecret
from hanse.matching.standing import Turn
from hanse.matching.tags import TagSet

THREADS = max(1, (os.cpu_count() or 1) // 2)
EPOCH = "2026-48"
SESSION = b"bench"
FORK = get_context("fork")


def items(first: int, number: int) -> tuple[Value, ...]:
    """A side's selectors."""
    return psi.prepare(Value("phone", f"+3725{at:09}") for at in range(first, first + number))


def spent() -> float:
    """CPU seconds of this process, all threads, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def in_two(work: Callable[..., int], each: list[tuple[object, ...]]) -> tuple[float, float, list[int], int]:
    """Wall and CPU seconds of the same work in two processes, what they found, and the KiB that the larger took.

    What comes as a partial is made in the process before it begins, as each node has its own: objects of another process
    that this one was forked of would be copied, page by page, when they are counted.
    """
    results = FORK.SimpleQueue()
    ready = FORK.Barrier(3)

    def run(*args: object) -> None:
        made = [one() if isinstance(one, partial) else one for one in args]
        ready.wait()
        before = spent()
        found = work(*made)
        results.put((spent() - before, found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))

    processes = [FORK.Process(target=run, args=args) for args in each]
    for process in processes:
        process.start()
    ready.wait()
    start = time.perf_counter()
    for process in processes:
        process.join()
    wall = time.perf_counter() - start
    told = [results.get() for _ in each]
    return wall, sum(one[0] for one in told), [one[1] for one in told], max(one[2] for one in told)


def bare(number: int, scalar: bytes, points: list[bytes]) -> int:
    """So many multiplications and nothing else, on one thread."""
    times = rbcl.crypto_scalarmult_ristretto255
    for at in range(number):
        times(scalar, points[at & 1023])
    return number


def side(
    values: tuple[Value, ...], held: Points, number: int, name: str, other: str, line: Connection
) -> int:
    """One side of a comparison, from its values to its hits; points that are held are not made again."""
    secret, sent = RunSecret.fresh(), 0

    def exchanged(pool: ThreadPoolExecutor) -> Iterator[bytes]:
        nonlocal sent
        points = held.of(values, "psi", EPOCH, pool)
        for chunk in psi.masked(points, secret, pool):
            line.send_bytes(chunk)
            sent += len(chunk)
            yield line.recv_bytes()

    with ThreadPoolExecutor(THREADS) as pool:
        made = b"".join(psi.doubled(exchanged(pool), number, secret, pool))
    line.send_bytes(psi.digest(made, name, SESSION))
    said = line.recv_bytes()
    returned = b""
    for at in range(0, len(made), 1 << 15):
        line.send_bytes(made[at : at + (1 << 15)])
        returned += line.recv_bytes()
    psi.check_tokens(returned, len(values), said, other, SESSION)
    assert (sent + len(made) + 32) / len(values) < 100
    return len(psi.hits(values, secret, returned, made))


def compared(number: int, rounds: int) -> None:
    """Print how a comparison of so many on each side does beside its floor.

    The machine's speed drifts by a fifth within minutes: each run has a floor right before and one right after it,
    and is divided by their mean.
    """
    scalar = group.random_scalar()
    points = [rbcl.crypto_core_ristretto255_random() for _ in range(1024)]
    shift = number - number // 100
    one, other = items(0, number), items(shift, number)
    held = [Points(), Points()]
    for points_of, values in zip(held, (one, other), strict=True):
        points_of.keep(values, "psi", EPOCH)
    floor = [(2 * number, scalar, points)] * 2
    floors = [in_two(bare, floor)]
    ways = {"from values to hits": [Points(), Points()], "points made before": held}
    took: dict[str, list[tuple[float, float, int]]] = {words: [] for words in ways}
    beside: dict[str, list[tuple[float, float]]] = {words: [] for words in ways}
    for _ in range(rounds):
        for words, given in ways.items():
            ends = FORK.Pipe()
            wall, cpu, found, kib = in_two(
                side,
                [
                    (partial(items, 0, number), given[0], number, "ee", "lv", ends[0]),
                    (partial(items, shift, number), given[1], number, "lv", "ee", ends[1]),
                ],
            )
            assert found == [number // 100] * 2
            floors.append(in_two(bare, floor))
            around = [(floors[-2][at] + floors[-1][at]) / 2 for at in (0, 1)]
            took[words].append((wall, cpu, kib))
            beside[words].append((wall / around[0], cpu / around[1]))
    least_wall, least_cpu = (statistics.median(run[at] for run in floors) for at in (0, 1))
    print(
        f"{number:9,} a side: floor {least_wall:.1f} s, {least_cpu / 4 / number * 1e6:.1f} us CPU a multiplication; "
        f"{group.POINT + psi.TOKEN} bytes an item"
    )
    for words, runs in took.items():
        wall, cpu = (statistics.median(run[at] for run in runs) for at in (0, 1))
        longer, more = (statistics.median(ratio[at] for ratio in beside[words]) for at in (0, 1))
        print(
            f"    {words:22} {wall:7.1f} s wall {longer:5.2f}x {cpu:7.1f} s CPU {more:5.2f}x"
            f"  {runs[-1][2] // 1024} MiB a side"
        )
    cpu = statistics.median(run[1] for run in took["from values to hits"])
    before = spent()
    commitment.root(one, RunSecret.fresh())
    print(f"    commitment to the inputs, a side: {spent() - before:.2f} s CPU")
    beside_openmined(one, other, cpu)


def beside_openmined(one: tuple[Value, ...], other: tuple[Value, ...], cpu: float) -> None:
    """Print what openmined-psi spends on the same sets."""
    try:
        import private_set_intersection.python as openmined  # noqa: PLC0415
    except ImportError:
        print("    openmined-psi is not installed: not compared")
        return
    here, there = ([value.text for value in values] for values in (one, other))
    before = spent()
    client = openmined.client.CreateWithNewKey(True)
    server = openmined.server.CreateWithNewKey(True)
    setup = server.CreateSetupMessage(1e-9, len(here), there, openmined.DataStructure.RAW)
    found = client.GetIntersection(setup, server.ProcessRequest(client.CreateRequest(here)))
    took = spent() - before
    assert len(found) == len(one) // 100
    print(f"    openmined-psi, one side learning: {took:6.1f} s CPU, {took / cpu:.2f}x of this")


def both_cores(number: int = 4 * group.CHUNK) -> None:
    """Print what a second thread gives one node that computes alone."""
    points, secret, took = rbcl.crypto_core_ristretto255_random() * number, RunSecret.fresh(), []
    for threads in (1, os.cpu_count() or 1):
        with ThreadPoolExecutor(threads) as pool:
            start = time.perf_counter()
            list(psi.masked(points, secret, pool))
            took.append(time.perf_counter() - start)
    print(f"one node alone, {os.cpu_count()} threads beside one: {took[0] / took[1]:.2f}x as fast")


def median_ms(work: Callable[[], object], rounds: int = 5) -> float:
    """CPU milliseconds: median of the rounds."""
    took = []
    for _ in range(rounds):
        before = time.process_time()
        work()
        took.append(time.process_time() - before)
    return statistics.median(took) * 1e3


def who_else(number: int) -> None:
    """Print what 100 selectors against so many tags cost."""
    key = voprf.derive_key_pair(secrets.token_bytes(32), b"bench")
    values = items(0, tags.ASKED)
    held = [tags.tag_of(key, EPOCH, value) for value in values[:50]]
    column = np.sort(
        np.frombuffer(secrets.token_bytes((number - 50) * tags.TAG) + b"".join(held), f"S{tags.TAG}")
    )
    published = TagSet(EPOCH, 0, column)
    question = tags.ask(values, EPOCH)
    reply = tags.answer(key, question.blinded.points)
    assert tags.found(question, *reply, key.public, published) == list(values[:50])
    asking = median_ms(lambda: tags.ask(values, EPOCH))
    finding = median_ms(lambda: tags.found(question, *reply, key.public, published))
    looking = median_ms(lambda: published.holds(column[:: number // 100]))
    answering = median_ms(lambda: tags.answer(key, question.blinded.points))
    print(
        f"who else, 100 against {number:,} tags: the asker {finding:.1f} ms CPU a partner (looking up {looking:.2f}) and "
        f"{asking:.1f} ms once; each partner {answering:.1f} ms"
    )


def new_ones(number: int) -> None:
    """Print what so many new selectors cost in standing matching."""
    here, there, values = RunSecret.fresh(), RunSecret.fresh(), items(0, number)
    turns = [
        Turn(values[at : at + standing.ADDED], (), at // standing.ADDED + 1)
        for at in range(0, number, standing.ADDED)
    ]
    rounds = 5 if number < 1_000 else 1
    sending = median_ms(lambda: [standing.sent(turn, here, EPOCH) for turn in turns], rounds)
    sent = [standing.sent(turn, here, EPOCH) for turn in turns]
    answering = median_ms(
        lambda: [standing.answered(one.points, standing.ADDED, there) for one in sent], rounds
    )
    tokens = [standing.answered(one.points, standing.ADDED, there) for one in sent]
    theirs = {secrets.token_bytes(16) for _ in range(100_000)}

    def hear() -> None:
        for one, answer in zip(sent, tokens, strict=True):
            assert not standing.hits(standing.told(one, answer)[0], theirs & set(standing.split(answer)))

    print(
        f"standing, {number:,} new in {len(turns)} turns: {sending + (hearing := median_ms(hear, rounds)):.1f} ms CPU for who "
        f"sends (hearing the answer {hearing:.1f}), {answering:.1f} ms for who answers"
    )


def counted(number: int) -> None:
    """Print what it costs to count the common sources of two attacks, of so many each."""
    values = psi.prepare(Value("source", f"{at:016x}") for at in range(number))
    sample, one, other = Sample(values, 1.0), RunSecret.fresh(), RunSecret.fresh()
    sent = sample.points(other, EPOCH)

    def side() -> None:
        sample.said(one)
        sample.points(one, EPOCH)
        common_sources.tokens_of(sent, one)

    print(
        f"counting common sources, {number:,} of each: {median_ms(side):.0f} ms CPU a side, "
        f"{2 * number * (group.POINT + psi.TOKEN) / 1000:.0f} kB in all"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000], metavar="N")
    parser.add_argument("--million", action="store_true", help="1,000,000 a side as well: some minutes")
    parser.add_argument("--tags", type=int, default=10_000_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=1, help="of each comparison and its floor, in turns")
    chosen = parser.parse_args()
    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC; {THREADS} thread(s) a side; x: to the floor"
    )
    for number in [*chosen.sizes, *([1_000_000] if chosen.million else [])]:
        compared(number, chosen.rounds)
    both_cores()
    who_else(chosen.tags)
    for number in (100, 10_000):
        new_ones(number)
    counted(SIZE)


if __name__ == "__main__":
    main()
