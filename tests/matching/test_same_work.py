"""What is done does not depend on what is hit, nor on how much is real: counted, so that no clock is needed."""

from collections import Counter

import pytest

from hanse.matching import group, standing, tags, voprf
from hanse.matching.group import sodium
from hanse.matching.secret import RunSecret
from hanse.matching.standing import ADDED, Turn
from tests.matching.made import EPOCH, phones

KEY = voprf.derive_key_pair(bytes(32), b"tests")
SECRET = RunSecret.fresh()


@pytest.fixture
def done(monkeypatch):
    """Counts the calls of libsodium that cost something."""
    calls = Counter()

    def counted(name, call):
        def count(*args):
            calls[name] += 1
            return call(*args)

        return count

    for name in (
        "crypto_scalarmult_ristretto255",
        "crypto_core_ristretto255_from_hash",
        "crypto_core_ristretto255_add",
    ):
        monkeypatch.setattr(sodium(), name, counted(name, getattr(sodium(), name)))
    voprf._hasher.cache_clear()
    yield calls
    voprf._hasher.cache_clear()


def work(calls, does, *args):
    """What one piece of work calls, how often."""
    calls.clear()
    does(*args)
    return dict(calls)


def test_a_turn_costs_the_same_however_much_of_it_is_real(done):
    """None, one, or all of 128 selectors: each decoy is hashed and masked like one."""
    each = [work(done, standing.sent, Turn(tuple(phones(0, n)), (), 1), SECRET, EPOCH) for n in (0, 1, ADDED)]
    assert each[0] == each[1] == each[2]
    assert each[0]["crypto_scalarmult_ristretto255"] == ADDED


def test_answering_a_turn_costs_the_same_whatever_is_hit(done):
    """All of the other's selectors are one's own, or none."""
    own = [standing.sent(Turn(tuple(phones(first, 128)), (), 1), SECRET, EPOCH).points for first in (0, 500)]
    assert work(done, standing.answered, own[0], ADDED, SECRET) == work(
        done, standing.answered, own[1], ADDED, SECRET
    )


def test_asking_and_answering_cost_the_same_whatever_is_asked(done):
    """One selector or a hundred, in the set or not: the same work for who asks, who answers and who looks up."""
    published = tags.publish(EPOCH, tags.packed([tags.tag_of(KEY, EPOCH, value) for value in phones(0, 3)]))
    each = []
    for values in (phones(0, 1), phones(0, 3), phones(500, 100)):
        question = tags.ask(values, EPOCH)
        reply = tags.answer(KEY, question.blinded.points)
        each.append(
            [
                work(done, tags.ask, values, EPOCH),
                work(done, tags.answer, KEY, question.blinded.points),
                work(done, tags.found, question, *reply, KEY.public, published.current),
            ]
        )
    assert each[0] == each[1] == each[2]
    assert all(part["crypto_scalarmult_ristretto255"] >= 100 for part in each[0])


def test_a_leaky_build_would_show(done):
    """Decoys that are drawn as points, without a mask, look the same and cost less: this count tells."""

    def leaky(turn):
        hashed = [
            standing.hasher("standing", EPOCH, "phone").point(value.text.encode()) for value in turn.values
        ]
        masked = group.multiply(SECRET.mask(), b"".join(hashed))
        return masked + sodium().crypto_core_ristretto255_random() * (ADDED - len(hashed))

    assert len(leaky(Turn((), (), 1))) == len(leaky(Turn(tuple(phones(0, 9)), (), 1)))
    assert work(done, leaky, Turn((), (), 1)) != work(done, leaky, Turn(tuple(phones(0, 9)), (), 1))
