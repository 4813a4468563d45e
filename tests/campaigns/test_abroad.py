"""Which attacks of several authorities are linked, and which must not be, whatever a partner sends."""

import random
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.campaigns.abroad import KEPT, Abroad, Counted
from hanse.campaigns.compared import SAMPLE, seen
from hanse.matching import common_sources
from tests.campaigns.league import abroad, by_state, compared, id_of, links, parts, sketched
from tests.campaigns.plans import DAY_S, MAY_3, Maker, estonia
from tests.campaigns.test_link import botnet_campaign


@pytest.mark.parametrize("seed", range(2))
def test_attacks_on_three_states_are_one(seed: int) -> None:
    """Seen by three authorities that withhold victims, all but the spoofed attacks are linked into one."""
    attacks = sketched(estonia(seed))
    held = abroad(compared(attacks))
    (whole,) = parts(held, links(held))
    direct = {id_of(one.id) for one in attacks if one.source_class != "spoofed"}
    assert direct <= whole


def test_without_sketches_the_other_tests_carry_it() -> None:
    """Where sources are withheld attacks are linked by look and start, between all three, and by nothing else."""
    attacks = sketched(estonia(0))
    found = links(abroad(compared(attacks, sketches=False)))
    states = {id_of(one.id): state for state, some in by_state(attacks).items() for one in some}
    between = {frozenset((states[one.first], states[one.second])) for one in found}
    assert {frozenset(two) for two in (("EE", "FI"), ("EE", "GB"), ("FI", "GB"))} <= between
    assert {test.name for one in found for test in one.tests} == {"fingerprint", "concurrency"}


def test_every_link_rests_on_two_independent_tests_and_on_a_partner() -> None:
    """Each names at least two tests that hold, and no link is between two attacks of the own authority."""
    attacks = sketched(estonia(1))
    own = {id_of(one.id) for one in by_state(attacks)["EE"]}
    found = links(abroad(compared(attacks)))
    assert all(len({test.name for test in one.tests}) >= 2 for one in found)
    assert all(0 < test.p_value <= 0.05 for one in found for test in one.tests)
    assert not any({one.first, one.second} <= own for one in found)


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_arrival_changes_nothing(seed: int) -> None:
    """Attacks that come one by one, in any order, some of them twice, are linked as if all had come at once."""
    maker = Maker(12)
    botnet_campaign(maker, [f"10.0.0.{n}" for n in range(6)], range(3), 1028, "icmp_flood")
    maker.unrelated(12)
    attacks = list(compared(sketched(maker)))
    wanted = links(abroad(attacks))
    assert wanted
    chance = random.Random(seed)
    again = chance.sample(attacks, len(attacks)) + chance.sample(attacks, 5)
    held = Abroad("ee")
    for one in again:
        held.put([one])
        held.judge(one.object_id)
    held.drop([id_of("none of them")])
    assert links(held) == wanted


def test_what_is_recalled_links_nothing_and_others_still_do() -> None:
    """Without some attacks everything is as if they had never come."""
    attacks = list(compared(sketched(estonia(2))))
    held = abroad(attacks)
    gone = {one.object_id for one in attacks[::3]}
    held.drop(gone)
    assert links(held) == links(abroad(one for one in attacks if one.object_id not in gone))


@pytest.mark.parametrize("number", [12, 60])
def test_unrelated_attacks_stay_alone(number: int) -> None:
    """Under the null at most 1% of runs link anything, as at home; 20 runs of each size allow one by chance."""
    runs = 0
    for seed in range(20):
        maker = Maker(20_000 + seed)
        maker.unrelated(number)
        runs += bool(links(abroad(compared(sketched(maker)))))
    assert runs <= 1


@pytest.mark.soak
def test_unrelated_attacks_stay_alone_over_many_seeds() -> None:
    """Under the null at least 99% of 1,000 runs link nothing, with sketches and without."""
    for sketches in (True, False):
        runs = 0
        for seed in range(1_000):
            maker = Maker(60_000 + seed)
            maker.unrelated(60)
            runs += bool(links(abroad(compared(sketched(maker), sketches=sketches))))
        assert runs <= 10


def test_two_campaigns_on_the_same_states_stay_apart() -> None:
    """Two botnets that attack the same three states on overlapping days are two campaigns."""
    maker = Maker(3)
    one = botnet_campaign(maker, [f"10.0.0.{n}" for n in range(1, 7)], range(4), 1028, "icmp_flood")
    two = botnet_campaign(maker, [f"10.0.0.{n}" for n in range(6, 12)], range(2, 6), 540, "udp_flood")
    maker.unrelated(15, days=6)
    held = abroad(compared(sketched(maker)))
    found = parts(held, links(held))
    assert found == {frozenset(map(id_of, one)), frozenset(map(id_of, two))}


def test_one_attack_seen_from_two_places_does_not_start_together_by_chance() -> None:
    """Of one vector, concurrency speaks only between victims that are known to differ."""
    maker = Maker(4)
    maker.unrelated(30)
    one = maker.add("192.0.2.1", MAY_3 + 5 * DAY_S, maker.pool(50), packet_sizes=((1111, 0.9),))
    others = [seen(each, id_of(each.id), "ee", "g", "EE") for each in maker.attacks]
    told = {
        "the address": replace(one, victim="192.0.2.9"), "the state": replace(one, victim=""),
        "nothing": replace(one, victim=""), "the same address": one,
    }  # fmt: skip
    linked = {}
    for what, attack in told.items():
        theirs = seen(attack, id_of(what), "fi", "g", "FI" if what == "the state" else "EE", "a mark")
        held = abroad([*others, theirs])
        linked[what] = bool(held.judge(theirs.object_id))
    assert linked == {"the address": True, "the state": True, "nothing": False, "the same address": False}


def liar(attacks: list, number: int) -> list:
    """Invented attacks of one look that start together, a thousand to the hour, sketches copied from ours."""
    pattern = [one for one in attacks if one.contributor == "ee"]
    return [
        replace(
            pattern[at % len(pattern)], object_id=id_of(f"invented {at}"), contributor="ru", country="RU",
            start_us=pattern[at % len(pattern)].start_us + at * 1_000, victim=f"invented {at}", withheld_by="ru",
        )
        for at in range(number)
    ]  # fmt: skip


@pytest.mark.parametrize("sketches", [True, False])
def test_a_lying_partner_neither_makes_nor_breaks_links_between_others(sketches: bool) -> None:
    """However many attacks one invents and copies, the links between all others stay what they are; it adds its own."""
    attacks = list(compared(sketched(estonia(3)), sketches=sketches))
    # A partner with one attack of no interest, so that the number of authorities is the same.
    dull = replace(
        attacks[0], object_id=id_of("dull"), contributor="ru", start_us=0, victim="dull", people=0.0
    )
    before = {(one.first, one.second) for one in links(abroad([*attacks, dull]))}
    invented = liar(attacks, 600)
    false = {one.object_id for one in invented}
    after = links(abroad([*attacks, *invented]))
    assert {(one.first, one.second) for one in after if not {one.first, one.second} & false} == before
    if sketches:
        assert any({one.first, one.second} & false for one in after)


def test_a_sketch_that_cannot_be_read_counts_as_withheld() -> None:
    """Octets that are no sketch are no error: the other tests go on."""
    maker = Maker(5)
    attack = replace(maker.add("10.0.0.1", MAY_3, maker.pool(10)), source_sketch=b"\x00\xff nonsense")
    told = seen(attack, id_of("a"), "fi", "g", "FI")
    assert not len(told.sample)


def test_samples_estimate_what_is_in_common() -> None:
    """Of large attacks the smallest hashes tell how many sources they share, to a few percent."""
    maker = Maker(6)
    bots = maker.pool(30_000)
    for number, pool in enumerate((bots[:20_000], bots[10_000:])):
        maker.add(f"10.0.0.{number}", MAY_3 + number * DAY_S, pool, packet_sizes=((1111, 0.9),))
    first, second = sketched(maker)
    held = abroad([seen(first, id_of("a"), "ee", "g", "EE"), seen(second, id_of("b"), "fi", "g", "FI")])
    (link,) = held.judge(id_of("b"))
    said = next(test.words for test in link.tests if test.name == "sources")
    number = int("".join(one for one in said.split(" of ")[0] if one.isdigit()))
    assert "in common, by their sketches" in said
    assert 7_500 < number < 12_500
    assert len(seen(first, id_of("a"), "ee", "g", "EE").sample) == SAMPLE


def test_each_attack_keeps_few_links_and_each_group_of_readers_its_own() -> None:
    """An attack is linked to a few of each authority, and to as many of those that are marked otherwise."""
    maker = Maker(7)
    bots = maker.pool(400)
    for number in range(30):
        maker.add(f"10.0.0.{number}", MAY_3 + number * 7_000, bots, packet_sizes=((1111, 0.9),))
    ours, *theirs = sketched(maker)
    told = [seen(ours, id_of("ours"), "ee", "g", "EE")]
    told += [
        seen(one, id_of(one.id), "fi", "red" if at % 2 else "green", "FI") for at, one in enumerate(theirs)
    ]
    held = abroad(told)
    found = held.judge(id_of("ours"))
    groups = {one.object_id: one.group for one in told}
    assert sorted(groups[one.second] for one in found) == ["green"] * KEPT + ["red"] * KEPT
    starts = {one.object_id: one.start_us for one in told}
    assert all(starts[one.first] <= starts[one.second] for one in found)


@pytest.mark.parametrize("number", [2_000, pytest.param(20_000, marks=pytest.mark.soak)])
def test_one_more_among_thousands(number: int) -> None:
    """One more attack is compared with half as many own ones and as many of partners in well under a second.

    Forty botnets attack all three states, so that thousands belong together.
    """
    maker = Maker(8)
    rng = maker.rng
    bots = [np.sort(rng.integers(0, 2**63, 3_000, dtype=np.uint64)) for _ in range(40)]
    told = []
    for at in range(number):
        who, state = (("ee", "EE"), ("fi", "FI"), ("ee", "EE"), ("gb", "GB"))[at % 4]
        attack = maker.add(
            f"10.{at % 200}.0.1", MAY_3 + float(rng.integers(14 * DAY_S)), np.empty(0, np.uint32),
            vector=("udp_flood", "tcp_syn_flood", "icmp_flood")[at % 3], packet_sizes=((1111, 0.9),),
        )  # fmt: skip
        sample = np.sort(rng.choice(bots[at % 40], SAMPLE, replace=False))
        base = seen(attack, id_of(str(at)), who, "g", state)
        told.append(replace(base, people=1e6, sample=sample, share=1.0))
    held = abroad(told[:-9])
    took, found = [], []
    for one in told[-9:]:
        began = time.process_time()
        held.put([one])
        found += held.judge(one.object_id)
        took.append(time.process_time() - began)
    assert found
    assert sorted(took)[4] < 1.0


def test_what_was_counted_without_showing_sources_is_evidence_like_sketches() -> None:
    """Where sources are withheld, the number in common links what it would have linked by the sketches, and says so."""
    attacks = sketched(estonia(0))
    shown, hidden = abroad(compared(attacks)), abroad(compared(attacks, sketches=False))
    states = {id_of(one.id): state for state, some in by_state(attacks).items() for one in some}
    by_id = {id_of(one.id): one for one in attacks}
    wanted = {
        one
        for one in links(shown)
        if "sources" in {test.name for test in one.tests} and "EE" in {states[one.first], states[one.second]}
    }
    assert wanted
    counts = []
    for one in wanted:
        first, second = (common_sources.sample_of(by_id[end]) for end in (one.first, one.second))
        both = len(set(first.values) & set(second.values))
        sizes = len(first.values) / first.share, len(second.values) / second.share
        counts.append(Counted(one.first, one.second, both, sizes, min(first.share, second.share)))
    hidden.tell(counts)
    found = {(one.first, one.second): one for one in links(hidden)}
    by_count = [one for one in found.values() if "sources" in {test.name for test in one.tests}]
    assert by_count
    assert all("without showing them" in _said_of(one, "sources") for one in by_count)
    pairs = {(one.first, one.second) for one in counts}
    assert {(one.first, one.second) for one in by_count} <= pairs
    hidden.tell([])
    assert not any("sources" in {test.name for test in one.tests} for one in links(hidden))


def test_too_few_in_common_are_no_evidence() -> None:
    """A count of what chance gives links nothing."""
    attacks = sketched(estonia(0))
    hidden = abroad(compared(attacks, sketches=False))
    before = links(hidden)
    ids = [id_of(one.id) for one in attacks]
    hidden.tell([Counted(one, other, 2, (1_000.0, 1_000.0), 1.0) for one in ids[:20] for other in ids[20:40]])
    assert not any("sources" in {test.name for test in one.tests} for one in links(hidden))
    assert {frozenset((one.first, one.second)) for one in links(hidden)} <= {
        frozenset((one.first, one.second)) for one in before
    }


def _said_of(one, name: str) -> str:
    return next(test.words for test in one.tests if test.name == name)
