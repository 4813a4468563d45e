"""Who else? What is asked stays unseen, and what is published cannot be read without asking."""

import dataclasses

import numpy as np
import pytest

from hanse.intel.values import Value
from hanse.matching import tags, voprf
from hanse.matching.group import POINT, ProtocolError
from hanse.matching.secret import RunSecret
from hanse.matching.tags import ADDED, ASKED, TAG, TAKEN, TagSet, packed
from tests.matching.made import EPOCH, phones

KEY = voprf.derive_key_pair(bytes(32), b"tests")
HELD = phones(0, 5)


def some(first, number):
    """So many tags that look like real ones."""
    rng = np.random.default_rng(first)
    return packed([rng.bytes(TAG) for _ in range(number)])


@pytest.fixture(scope="module")
def published():
    """The set of a key holder with five selectors."""
    return tags.publish(EPOCH, packed([tags.tag_of(KEY, EPOCH, value) for value in HELD]))


def asked(values, published, key=KEY):
    """What an asker finds."""
    question = tags.ask(values, EPOCH)
    return tags.found(question, *tags.answer(key, question.blinded.points), KEY.public, published.current)


def test_the_asker_finds_what_the_holder_has_and_nothing_else(published):
    """Hits in the order that was asked; another kind and another epoch are no hits."""
    assert asked([*phones(3, 5), Value("account", HELD[0].text)], published) == HELD[3:5]
    assert asked(list(reversed(HELD)), published) == list(reversed(HELD))
    assert asked(phones(100, 3), published) == []
    later = tags.ask(HELD, "2026-49")
    assert tags.found(later, *tags.answer(KEY, later.blinded.points), KEY.public, published.current) == []


@pytest.mark.parametrize("values", [phones(0, 1), phones(100, 1), phones(0, ASKED), phones(0, 5) * 20])
def test_questions_and_answers_have_one_length(values, published):
    """One or a hundred, hits or misses or the same one again and again: the same number of bytes both ways."""
    question = tags.ask(values, EPOCH)
    points = question.blinded.points
    evaluated, proof = tags.answer(KEY, points)
    assert (len(points), len(evaluated), len(proof)) == (ASKED * POINT, ASKED * POINT, 2 * POINT)
    assert len({points[at : at + POINT] for at in range(0, len(points), POINT)}) == ASKED


def test_a_question_of_one_secret_is_the_same_again_and_of_another_has_nothing_of_it():
    """Bit for bit, so that it can be put again and opened by an auditor; parts of a secret say nothing of each other."""
    secret = RunSecret(bytes(32))
    first, again = (tags.ask(HELD, EPOCH, secret) for _ in range(2))
    assert first.blinded.points == again.blinded.points
    seen = {
        tags.ask(HELD, EPOCH, other).blinded.points[:POINT]
        for other in (secret, secret.part(b"a", b"b"), secret.part(b"ab", b""), secret.part(b"a"), RunSecret.fresh())
    }  # fmt: skip
    assert len(seen) == 5


def test_one_can_ask_for_1_to_100():
    """More would show that they are more; none is no question."""
    for values in ([], phones(0, ASKED + 1)):
        with pytest.raises(ValueError, match="1 to 100"):
            tags.ask(values, EPOCH)


@pytest.mark.parametrize(
    "points", [b"", bytes(POINT), (ASKED - 1) * bytes(POINT), (ASKED * POINT + 1) * b"\0"]
)
def test_only_full_questions_are_answered(points):
    """Another length is refused before any work."""
    with pytest.raises(ProtocolError, match="A question has 100 points"):
        tags.answer(KEY, points)


def test_an_answer_with_another_key_finds_nothing(published):
    """It is refused, as the published key does not prove it; a miss would be believed."""
    with pytest.raises(ProtocolError, match="proof does not hold"):
        asked(HELD, published, voprf.derive_key_pair(32 * b"\1", b""))


def test_a_set_shows_neither_its_size_nor_its_members(published):
    """None or a thousand selectors less the room that is kept: the same size, all of it looking alike."""
    few, more = tags.publish(EPOCH, some(1, 1)), tags.publish(EPOCH, some(2, 1024 - TAKEN))
    assert len(few.current.tags) == len(more.current.tags) == len(published.current.tags) == 1024
    assert len(more.decoys) == TAKEN
    column = published.current.tags
    assert (np.sort(column) == column).all()
    assert set(packed([tags.tag_of(KEY, EPOCH, value) for value in HELD])) <= set(column)


def test_versions_follow_from_deltas_of_one_size(published):
    """Quiet turns and busy ones: the holder's set and the reader's stay one, and each delta has the same two sizes."""
    reader, holder = published.current, published
    waiting, gone = some(3, 3_000), packed([tags.tag_of(KEY, EPOCH, HELD[0])])
    for turn in range(6):
        new = waiting if turn else waiting[:0]
        holder, delta, added, taken = tags.changed(holder, new, gone)
        assert (len(delta.added), len(delta.taken)) == (ADDED, TAKEN)
        reader = tags.applied(reader, delta)
        assert (reader.tags == holder.current.tags).all()
        assert len(reader.tags) == 1024 + (turn + 1) * (ADDED - TAKEN)
        assert reader.version == turn + 1
        waiting, gone = waiting[added:] if turn else waiting, gone[taken:]
    assert not len(waiting)
    assert not len(gone)
    assert reader.holds(some(3, 3_000)).all()
    assert not reader.holds(packed([tags.tag_of(KEY, EPOCH, HELD[0])])).any()
    assert reader.holds(packed([tags.tag_of(KEY, EPOCH, HELD[1])])).all()


def test_decoys_are_drawn_by_chance(published):
    """Two quiet versions of the same set take different ones away: none is due, so none that stays is known."""
    drawn = [set(tags.changed(published, some(0, 0), some(0, 0))[1].taken) for _ in range(2)]
    assert drawn[0] != drawn[1]
    assert drawn[0] <= set(published.decoys)


def test_what_is_gone_goes_first(published):
    """Of more that went than a delta takes away, as many as it can; the new ones still get their share."""
    holder, _, added, _ = tags.changed(published, some(4, 400), some(0, 0))
    assert added == 400
    holder, delta, added, taken = tags.changed(holder, some(5, 2_000), some(4, 400))
    assert (taken, len(delta.taken)) == (400, TAKEN)
    assert set(some(4, 400)) <= set(delta.taken)
    assert added == ADDED


def test_only_the_next_delta_of_the_set_is_applied(published):
    """A version twice, one left out, of another epoch, of another size, or that does not fit: refused, nothing changed."""
    holder, first, *_ = tags.changed(published, some(6, 1), some(0, 0))
    _, second, *_ = tags.changed(holder, some(7, 1), some(0, 0))
    change, current = dataclasses.replace, published.current
    for wrong, words in (
        (second, "does not follow"),
        (change(first, epoch="other"), "does not follow"),
        (change(first, added=first.added[1:]), "no more and no fewer"),
        (
            change(first, added=np.sort(np.concatenate([first.added[1:], first.added[-1:]]))),
            "no more and no fewer",
        ),
        (change(first, taken=some(8, TAKEN)), "Fetch the whole set"),
        (
            change(first, added=np.sort(np.concatenate([first.added[1:], current.tags[:1]]))),
            "Fetch the whole set",
        ),
    ):
        with pytest.raises(ProtocolError, match=words):
            tags.applied(current, wrong)
    with pytest.raises(ProtocolError, match="does not follow"):
        tags.applied(holder.current, first)


def test_a_set_is_read_as_it_was_written(published):
    """Sorted and each tag once, or refused: a set that is not would hide what it holds."""
    data = published.current.tags.tobytes()
    again = tags.read(EPOCH, 0, data)
    assert (again.tags == published.current.tags).all()
    for wrong in (b"", data[:-1], data + data[-TAG:], data[TAG:] + data[:TAG]):
        with pytest.raises(ProtocolError):
            tags.read(EPOCH, 0, wrong)


def test_tags_that_end_in_zeros_are_told_apart():
    """NumPy does not show zeros at the end of a text; in looking up they count."""
    one, other = b"\1" * 9 + b"\0", b"\1" * 9 + b"\2"
    held = TagSet(EPOCH, 0, np.sort(packed([one, bytes(TAG)])))
    assert held.holds(packed([one, other, bytes(TAG), b"\1" * 8 + b"\0\0"])).tolist() == [
        True,
        False,
        True,
        False,
    ]
