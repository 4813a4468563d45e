"""Which attack on record an attack found is."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.attacks.attack import Attack, attack_name
from hanse.attacks.identity import Known, kept_names, parts, parts_of_purged, renamed
from hanse.attacks.models import State

VICTIMS = ("192.0.2.1", "192.0.2.2")
VECTORS = ("icmp_flood", "syn_flood")


def found(name: str, start: int, end: int, victim: str = VICTIMS[0], vector: str = VECTORS[0]) -> Attack:
    """An attack as the detector gives it."""
    return Attack(name, victim, vector, start, end, 8e6, 1e3, 100, 10_000, 10, 5)


def span(attack: Attack) -> tuple[object, ...]:
    """Victim, vector and interval."""
    return attack.victim, attack.vector, attack.start_us, attack.end_us


def known(attack: Attack, state: str = State.OVER, team: str = "") -> Known:
    """The same on record."""
    return Known(attack.id, attack.victim, attack.vector, attack.start_us, attack.end_us, state, team)


def names(now: list[Attack], on_record: list[Known], used: set[str] | None = None) -> dict[str, str]:
    """The names on record, of a ledger that holds these and some more."""
    there = {one.name for one in on_record} | (used or set())
    return kept_names(now, on_record, lambda asked: there & set(asked))


R, Q = found("A-r", 100, 200), found("A-q", 300, 400)


@st.composite
def some(draw: st.DrawFn, letter: str) -> list[Attack]:
    """Attacks of which those on one victim by one vector do not overlap, as a detection gives them."""
    made = []
    for victim in VICTIMS:
        for vector in VECTORS:
            cuts = sorted(draw(st.sets(st.integers(0, 40), max_size=6)))
            spans = zip(cuts[::2], cuts[1::2], strict=False)
            made += [found(f"{letter}-{victim}{vector}{a}", a, b, victim, vector) for a, b in spans]
    return made


@given(some("A"), some("A"), st.data())
def test_each_is_one_on_record(now: list[Attack], before: list[Attack], data: st.DataObject) -> None:
    """Nothing on record is two attacks found, and each has victim, vector and some time in common with what it is."""
    states = [data.draw(st.sampled_from(State)) for _ in before]
    on_record = [known(one, state) for one, state in zip(before, states, strict=True)]
    kept = names(now, on_record)
    assert kept.keys() == {one.id for one in now}
    assert len(set(kept.values())) == len(kept)
    old, new = {one.name: one for one in on_record}, {one.id: one for one in now}
    for name, other in kept.items():
        attack, one = new[name], old.get(other)
        if one:
            assert (attack.victim, attack.vector) == (one.victim, one.vector)
            assert attack.start_us < one.end_us
            assert one.start_us < attack.end_us
    overlapping = {one.id for one in now if any(span(one) == span(each) for each in before)}
    assert all(kept[name] == name for name in overlapping & old.keys())
    whole = [renamed(one, kept) for one in now]
    for part, name in parts(whole, on_record).items():
        assert old[part].state == State.OVER
        assert part not in {one.id for one in whole}
        assert name in {one.id for one in whole}


def test_the_same_again_keeps_all_names() -> None:
    """An analysis that finds what is on record renames nothing, and makes nothing a part."""
    on_record = [known(R), known(Q)]
    assert names([R, Q], on_record) == {"A-r": "A-r", "A-q": "A-q"}
    assert parts([R, Q], on_record) == {}


@pytest.mark.parametrize(("start", "end"), [(50, 200), (150, 200), (100, 150), (50, 250), (199, 999)])
def test_other_bounds_are_the_same_attack(start: int, end: int) -> None:
    """Whichever of its ends moves."""
    assert names([found("A-new", start, end)], [known(R)]) == {"A-new": "A-r"}


@pytest.mark.parametrize(
    "other",
    [
        found("A-new", 200, 300),
        found("A-new", 0, 100),
        found("A-new", 100, 200, victim=VICTIMS[1]),
        found("A-new", 100, 200, vector=VECTORS[1]),
    ],
)
def test_others_are_other_attacks(other: Attack) -> None:
    """Another victim, another vector, or no time in common."""
    assert names([other], [known(R)]) == {"A-new": "A-new"}


def test_what_covers_two_keeps_the_one_that_it_shares_most_with() -> None:
    """The other is its part; one that people say is none, that goes on, or that others see, is nobody's part."""
    whole = found("A-whole", 90, 350)
    assert names([whole], [known(R), known(Q)]) == {"A-whole": "A-r"}
    whole = renamed(whole, {"A-whole": "A-r"})
    assert parts([whole], [known(R), known(Q)]) == {"A-q": "A-r"}
    for state in (State.FALSE_POSITIVE, State.RUNNING, State.MERGED, State.SPLIT):
        assert parts([whole], [known(R), known(Q, state)]) == {}
    assert parts([whole], [known(R), known(Q, team="alpha")]) == {}


def test_a_part_is_the_last_to_be_the_same() -> None:
    """What was merged into another goes on in that one, however much more time it shares."""
    both = found("A-both", 90, 400)
    on_record = [known(R), known(replace(Q, start_us=200), State.MERGED)]
    assert names([both], on_record) == {"A-both": "A-r"}


def test_what_was_cut_in_two_goes_on_in_one() -> None:
    """The half that shares most time keeps the name, the other is new; attacks beside them are called by their names."""
    halves = [found("A-1", 100, 130), replace(found("A-2", 140, 200), linked=("A-1", "A-else"))]
    assert names(halves, [known(R)]) == {"A-1": "A-1", "A-2": "A-r"}
    assert renamed(halves[0], {"A-2": "A-r"}).id == "A-1"
    told = renamed(halves[1], {"A-2": "A-r", "A-1": "A-x"})
    assert (told.id, told.linked) == ("A-r", ("A-x", "A-else"))


def test_a_name_that_another_attack_kept_is_not_given_again() -> None:
    """An attack keeps the name of a first second that is no longer its own; what begins there now gets another."""
    moved = replace(known(found("A-r", 150, 200)), name="A-r")
    early, late = found("A-r", 100, 120), found("A-late", 150, 200)
    kept = names([early, late], [moved])
    assert kept["A-late"] == "A-r"
    assert kept["A-r"] == attack_name(early.victim, early.vector, early.start_us, 2)
    assert names([early], [], {"A-r", kept["A-r"]})["A-r"] == attack_name(
        early.victim, early.vector, early.start_us, 3
    )


@pytest.mark.parametrize(
    ("now", "on_record", "gone"),
    [
        ([found("A-q", 300, 400)], [], {"A-q"}),
        ([found("A-new", 90, 350)], [], {"A-new"}),
        ([found("A-new", 400, 500), found("A-new-2", 300, 400, victim=VICTIMS[1])], [], set()),
        ([found("A-r", 100, 350)], [known(R)], set()),
        ([R, found("A-q", 300, 400)], [known(R)], {"A-q"}),
    ],
    ids=["the same", "the whole under another name", "beside it", "another one that grew", "one of two"],
)
def test_what_was_part_of_what_is_purged_is_not_found_again(
    now: list[Attack], on_record: list[Known], gone: set[str]
) -> None:
    """Its traffic was that one's; what is on record for itself, or does not overlap, is nothing of it."""
    part = replace(known(Q, State.MERGED), of_purged=True)
    assert parts_of_purged(now, [*on_record, part], lambda _: {"A-r", "A-q"}) == gone
