"""Standing matching: both see a hit at once, and nobody sees how much goes on."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hanse.intel.values import Value
from hanse.matching import standing
from hanse.matching.group import POINT, ProtocolError
from hanse.matching.psi import TOKEN
from hanse.matching.secret import RunSecret
from hanse.matching.standing import ADDED, TAKEN, Queue, Schedule, Sent, Turn
from tests.matching.made import EPOCH, phones

MINUTE = 60_000_000
SECRET = RunSecret(bytes(range(32)))
SCHEDULE = Schedule(begun_us=1_000_000_000_000_000, every_us=MINUTE)


def at(turn):
    """A moment within a turn."""
    return SCHEDULE.begun_us + turn * MINUTE + 17


def queue(**parts):
    """A queue of turn 0 with decoys enough."""
    return Queue(**{"decoys": tuple(bytes([7, n // 256, n % 256]) for n in range(500)), **parts})


class Node:
    """One side of a pair: its own tokens, the other's, and the hits that it saw."""

    def __init__(self):
        self.secret = RunSecret.fresh()
        self.own, self.theirs, self.decoys = {}, set(), ()
        self.seen = set()

    def look(self):
        """See what both have now."""
        self.seen |= set(standing.hits(self.own, self.theirs))

    def answer(self, points):
        """Take a turn of the other side."""
        tokens = standing.answered(points, ADDED, self.secret)
        self.theirs |= set(standing.split(tokens))
        self.look()
        return tokens

    def hear(self, sent, tokens):
        """Take the answer to a turn of this side."""
        own, decoys = standing.told(sent, tokens)
        self.own |= own
        self.decoys += decoys
        self.look()


def due(queue_, now_us, number=1, secret=SECRET):
    """The turn that is due, and what waits then."""
    return standing.due(queue_, SCHEDULE, now_us, secret, number)


def send(node, values, number=1):
    """The points of one turn."""
    return standing.sent(Turn(tuple(values), (), number), node.secret, EPOCH)


@settings(max_examples=10, deadline=None)
@given(st.permutations(["a asks", "b asks", "a hears", "b hears"]))
def test_both_see_a_hit_whoever_is_first(order):
    """One after the other or crossing on the way: when all is told, both have seen the hit, and only that."""
    assume(all(order.index(f"{side} asks") < order.index(f"{side} hears") for side in "ab"))
    a, b = Node(), Node()
    sent = {"a": send(a, phones(0, 3)), "b": send(b, phones(2, 3))}
    answers = {}
    for step in order:
        match step:
            case "a asks":
                answers["a"] = b.answer(sent["a"].points)
            case "b asks":
                answers["b"] = a.answer(sent["b"].points)
            case "a hears":
                a.hear(sent["a"], answers["a"])
            case "b hears":
                b.hear(sent["b"], answers["b"])
    assert a.seen == b.seen == set(phones(2, 1))


@pytest.mark.parametrize("number", [0, 1, 17, ADDED])
def test_turns_have_one_length(number):
    """None, one or all real, hits or not: the same bytes out and back, and tokens all of their own."""
    node, other = Node(), Node()
    for values in (phones(0, number), phones(0, number)):
        sent = send(node, values)
        tokens = other.answer(sent.points)
        assert (len(sent.points), len(tokens)) == (ADDED * POINT, ADDED * TOKEN)
        own, decoys = standing.told(sent, tokens)
        assert sorted(own.values()) == sorted(values)
        assert len(own) + len(decoys) == ADDED


def test_places_of_the_real_ones_say_nothing():
    """They are shuffled among the decoys."""
    node = Node()
    places = [[p is not None for p in send(node, phones(0, 64), at).places] for at in range(2)]
    assert places[0] != places[1]
    assert sum(places[0]) == 64


@settings(max_examples=50)
@given(st.integers(0, 400), st.integers(0, 200), st.integers(64, 500), st.integers(0, 9))
def test_a_turn_is_a_function_of_queue_time_secret_and_number(new, gone, decoys, number):
    """What is sent and what waits is all there was; as much is taken back whatever was closed."""
    before = Queue(
        tuple(phones(0, new)),
        tuple(b"g%d" % n for n in range(gone)),
        tuple(b"d%d" % n for n in range(decoys)),
    )
    turn, after = due(before, at(1), number)
    assert (turn, after) == due(before, at(1), number)
    assert turn.number == number
    assert turn.values + after.new == before.new
    assert len(turn.taken) == TAKEN == len(set(turn.taken))
    assert set(turn.taken) & set(before.gone) == set(before.gone[:TAKEN])
    assert before.gone[:TAKEN] + after.gone == before.gone
    assert sorted(set(turn.taken) - set(before.gone) | set(after.decoys)) == sorted(before.decoys)
    assert len(turn.values) >= min(new, ADDED - TAKEN)
    assert due(after, at(1), number) == (None, after)


def test_turns_come_by_the_clock_whether_or_not_something_waits():
    """One a minute; what was missed is not made up, and none comes before its time."""
    empty = queue()
    assert due(empty, at(0)) == (None, empty)
    assert due(empty, SCHEDULE.begun_us - 1) == (None, empty)
    turn, _after = due(empty, at(1))
    assert turn.values == ()
    busy, rest = due(queue(new=tuple(phones(0, 300))), at(40))
    assert (len(busy.values), len(rest.new), rest.turn) == (ADDED, 300 - ADDED, 40)
    assert len(busy.taken) == len(turn.taken)
    assert due(rest, at(40))[0] is None
    assert due(rest, at(41))[0].values == rest.new[:ADDED]


def test_no_turn_is_due_before_the_other_side_has_answered():
    """Without decoys to take back, what is taken back would be what was closed."""
    waits = queue(new=tuple(phones(0, 5)), gone=(b"closed",), decoys=(b"d",) * (TAKEN - 1))
    assert due(waits, at(5)) == (None, waits)


def test_decoys_are_taken_back_by_chance_not_by_age():
    """Otherwise a token out of its turn would be that of a closed case."""
    waits = queue(gone=(b"closed",))
    drawn = [due(waits, at(1), seed)[0].taken for seed in range(2)]
    assert all(b"closed" in taken for taken in drawn)
    assert set(drawn[0]) != set(drawn[1])
    assert drawn[0].index(b"closed") != drawn[1].index(b"closed")


def test_an_epoch_opens_with_all_filled_up():
    """Turn 0: its size is one of few, and leaves decoys for the turns after it."""
    node, other = Node(), Node()
    sent = standing.opening(phones(0, 30), node.secret, EPOCH)
    assert len(sent.points) == 1024 * POINT
    own, decoys = standing.told(sent, standing.answered(sent.points, 1024, other.secret))
    assert sorted(own.values()) == phones(0, 30)
    assert due(Queue(decoys=decoys), at(1))[0] is not None


def test_what_is_closed_is_no_hit_any_more():
    """The other side's tokens of it go when it is told, and nothing else."""
    a, b = Node(), Node()
    sent = send(a, phones(0, 1))
    a.hear(sent, b.answer(sent.points))
    (token,) = a.own
    taken = (token, *a.decoys[: TAKEN - 1])
    left = standing.taken_back(b.theirs, taken)
    assert left == b.theirs - set(taken)
    later = send(b, phones(0, 1))
    b.theirs = left
    b.hear(later, a.answer(later.points))
    assert b.seen == set()
    for wrong in (taken[:-1], (*taken, a.decoys[-1]), (*taken[:-1], b"never sent"), (token,) * TAKEN):
        with pytest.raises(ProtocolError, match="no more and no fewer"):
            standing.taken_back(b.theirs | {token}, wrong)


def test_another_pair_or_epoch_gives_other_tokens():
    """What one partner holds says nothing to another, and nothing in the next epoch."""
    a, b, other = Node(), Node(), Node()
    value = Turn(tuple(phones(0, 1)), (), 1)
    seen = set()
    for secret, epoch, answerer in (
        (a.secret, "1", b), (a.secret, "2", b), (RunSecret.fresh(), "1", b), (a.secret, "1", other)
    ):  # fmt: skip
        sent = standing.sent(value, secret, epoch)
        seen |= set(standing.told(sent, answerer.answer(sent.points))[0])
    assert len(seen) == 4


def test_wrong_turns_and_answers_are_refused():
    """Too few or too many points, one that is none; an answer of another length, or with two tokens alike."""
    node = Node()
    points = send(Node(), phones(0, 1)).points
    for wrong in (b"", points[:-1], points[:-POINT], points + points[:POINT], points[:-POINT] + bytes(POINT)):
        with pytest.raises(ProtocolError):
            node.answer(wrong)
    assert node.theirs == set()
    sent = Sent(points, (None,) * ADDED)
    good = node.answer(points)
    for tokens in (good[:-TOKEN], good[:-1], good[:-TOKEN] + good[:TOKEN], b""):
        with pytest.raises(ProtocolError, match="one token of its own"):
            standing.told(sent, tokens)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["phone", "email"]), st.text(min_size=1, max_size=9)), unique=True, max_size=ADDED),
    st.integers(0, 3_000), st.binary(min_size=32, max_size=32), st.randoms(),
)  # fmt: skip
def test_a_turn_that_is_made_again_is_what_was_sent(some, number, secret, random):
    """Whatever went, in whichever turn; also where only the point is left of some of it."""
    values, mask = [Value(*one) for one in some], RunSecret(secret)
    first = standing.sent(Turn(tuple(values), (), number or 1), mask, EPOCH)
    reals = [one if random.random() < 0.7 else standing.point_of(one, mask, EPOCH) for one in values]
    assert standing.redone(reals, mask, EPOCH, number or 1) == first.points
    assert {one for one in first.places if one} == set(values)
    if number == 0:
        assert standing.redone(reals, mask, EPOCH, 0) == standing.opening(values, mask, EPOCH).points


def test_what_was_not_in_a_turn_makes_another():
    """One more, one less, another in place of it, or in another place; and each turn has decoys of its own."""
    values = phones(0, 3)
    sent = standing.sent(Turn(tuple(values), (), 4), SECRET, EPOCH).points
    for wrong in (
        [],
        values[:2],
        [*values[:2], Value("phone", "+4477")],
        [*values, *phones(9, 1)],
        values[::-1],
    ):
        assert standing.redone(wrong, SECRET, EPOCH, 4) != sent
    other = [standing.redone(values, *by) for by in ((SECRET, EPOCH, 5), (RunSecret.fresh(), EPOCH, 4))]
    own = {sent[at : at + POINT] for at in range(0, len(sent), POINT)}
    for points, alike in zip(other, (3, 0), strict=True):
        assert len(own & {points[at : at + POINT] for at in range(0, len(points), POINT)}) == alike
    with pytest.raises(ProtocolError, match="no room"):
        standing.redone(phones(0, ADDED + 1), SECRET, EPOCH, 4)


def test_decoys_tell_nothing_of_the_mask_nor_of_each_other():
    """They come of the same secret by names of their own: no two turns share one, nor does any draw the mask."""
    fills = [standing._turn_secret(SECRET, number).fill(ADDED) for number in range(3)]
    drawn = [one for some in fills for one in some]
    assert len(set(drawn)) == 3 * ADDED
    assert SECRET.mask() not in drawn
    assert SECRET.sealed() not in drawn
    assert standing._turn_secret(SECRET, 1).mask() != SECRET.mask()
