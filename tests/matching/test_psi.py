"""Private set intersection: what both have, and nothing else; and what a liar gets."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.intel.values import Value
from hanse.matching import commitment, group, psi
from hanse.matching.group import CHUNK, POINT, ProtocolError
from hanse.matching.secret import RunSecret
from tests.matching.made import EPOCH, VALUES, Side, masked, phones, run

SESSION = b"a session"
SETS = st.lists(VALUES, max_size=12)


@settings(max_examples=30, deadline=None)
@given(SETS, SETS, SETS)
def test_both_learn_exactly_what_both_have(common, here, there):
    """The hits are the intersection, on both sides, for any sets, empty ones too."""
    one, other = [*common, *here], [*there, *common]
    hits = sorted(set(one) & set(other))
    assert run(Side("ee", one), Side("lv", other)) == (hits, hits)


@settings(max_examples=30, deadline=None)
@given(SETS, SETS, SETS)
def test_cardinality_is_the_size_of_the_intersection(common, here, there):
    """Where only the number may be known, both learn the number."""
    one, other = [*common, *here], [*there, *common]
    number = len(set(one) & set(other))
    assert run(Side("ee", one, "cardinality"), Side("lv", other, "cardinality")) == (number, number)


def test_the_same_text_of_another_kind_is_no_hit():
    """A telephone number and an account name of the same signs are two things."""
    here, there = [Value("phone", "+37251234567")], [Value("account", "+37251234567")]
    assert run(Side("ee", here), Side("lv", there)) == ([], [])


def test_cardinality_says_nothing_of_which():
    """The tokens are in the order of their bytes, whatever the order of the points they are of."""
    one, other = Side("ee", phones(0, 20), "cardinality"), Side("lv", phones(10, 20), "cardinality")
    assert run(one, other) == (10, 10)
    each = [one.tokens[at : at + psi.TOKEN] for at in range(0, len(one.tokens), psi.TOKEN)]
    assert each == sorted(each)
    assert one.tokens != one.made


@pytest.mark.parametrize("common", [0, 1, 20])
def test_messages_have_one_length_whatever_is_hit(common):
    """None, one or all of twenty: the same number of bytes in each step, which follow from the sizes alone."""
    one, other = Side("ee", phones(0, 20)), Side("lv", phones(20 - common, 20))
    assert len(run(one, other)[0]) == common
    for side in (one, other):
        assert (len(side.points), len(side.digest), len(side.tokens)) == (20 * POINT, 32, 20 * psi.TOKEN)


def test_less_than_100_bytes_an_item_go_over_the_wire():
    """A point and a token for each item of either side."""
    one, other = Side("ee", phones(0, 50)), Side("lv", phones(0, 50))
    run(one, other)
    assert sum(len(side.points) + len(side.tokens) for side in (one, other)) / 100 == POINT + psi.TOKEN < 100


def test_the_order_of_points_says_nothing_and_is_another_in_each_run():
    """With the secret the order can be made again; without it, the sorted values come in any."""
    values = psi.prepare(phones(0, 200))
    orders = [list(RunSecret.fresh().order(200)) for _ in range(2)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(200))
    assert orders[0] != orders[1] != list(range(200))
    secret = RunSecret(bytes(32))
    points = masked(values, secret)
    plain = [
        group.multiply(secret.mask(), psi.hasher("psi", EPOCH, v.kind).point(v.text.encode())) for v in values
    ]
    assert [points[at : at + POINT] for at in range(0, len(points), POINT)] == [
        plain[at] for at in secret.order(200)
    ]


def test_runs_cannot_be_laid_over_each_other():
    """The same values in two runs, in two epochs, for two protocols, are unrelated points."""
    values = psi.prepare(phones(0, 5))
    seen = set()
    for secret, protocol, epoch in (
        (RunSecret(bytes(32)), "psi", "1"), (RunSecret(32 * b"\1"), "psi", "1"),
        (RunSecret(bytes(32)), "psi", "2"), (RunSecret(bytes(32)), "cardinality", "1"),
    ):  # fmt: skip
        points = masked(values, secret, protocol, epoch)
        seen |= {points[at : at + POINT] for at in range(0, len(points), POINT)}
    assert len(seen) == 20


def test_threads_and_chunks_change_nothing():
    """Two chunks and a bit on two threads: the bytes of one thread."""
    values, secret = psi.prepare(phones(0, CHUNK + 50)), RunSecret.fresh()
    points = list(psi.points_of(values, "psi", EPOCH))
    alone = list(psi.masked(b"".join(points), secret))
    with ThreadPoolExecutor(2) as pool:
        assert list(psi.points_of(values, "psi", EPOCH, pool)) == points
        assert list(psi.masked(b"".join(points), secret, pool)) == alone
        doubled = list(psi.doubled(alone, len(values), secret, pool))
    assert [len(chunk) for chunk in alone] == [CHUNK * POINT, 50 * POINT]
    assert doubled == list(psi.doubled(alone, len(values), secret))


@pytest.mark.parametrize("declared", [0, 1, 9, 11, 2_000])
def test_a_lying_set_size_is_caught(declared):
    """Ten points come: whoever had committed to more or fewer is found out, and not worked for beyond what it said."""
    points = Side("lv", phones(0, 10)).points
    made = psi.doubled([points[: 5 * POINT], points[5 * POINT :]], declared, RunSecret.fresh())
    with pytest.raises(ProtocolError, match="committed to"):
        list(made)


def test_no_work_is_done_for_more_than_was_said():
    """The chunk that is too much is refused before it is multiplied."""
    points = Side("lv", phones(0, 10)).points
    made = psi.doubled([points[: 5 * POINT], points[5 * POINT :]], 7, RunSecret.fresh())
    assert len(next(made)) == 5 * psi.TOKEN
    with pytest.raises(ProtocolError, match="160 bytes came where at most 64 were left of the 7"):
        next(made)


def test_a_side_cannot_fill_up_with_repetitions():
    """A value sent twice is found out, as the set would be smaller than was committed to."""
    one, other = Side("ee", phones(0, 3)), Side("lv", phones(0, 4))
    other.points = other.points[:POINT] + other.points[:-POINT]
    with pytest.raises(ProtocolError, match="twice"):
        run(one, other)


@pytest.mark.parametrize("bad", [bytes(POINT), b"\xff" * POINT, b"\1" + bytes(POINT - 1)])
def test_wrong_points_are_refused(bad):
    """The identity, or no element: nothing is sent back, and the error says which."""
    points = Side("lv", phones(0, 3)).points + bad
    with pytest.raises(ProtocolError, match="point 4 of 4"):
        list(psi.doubled([points], 4, RunSecret.fresh()))


def test_chunks_beyond_the_agreed_length_are_refused():
    """Empty chunks could be sent without end, larger ones would fill memory."""
    for chunk in (b"", bytes(CHUNK * POINT + 1)):
        with pytest.raises(ProtocolError, match="A chunk of"):
            list(psi.doubled([chunk], 5_000, RunSecret.fresh()))


def test_tokens_are_those_announced():
    """Changed after the other's tokens were seen, in another session, by another sender, or in another number: refused."""
    one, other = Side("ee", phones(0, 3)), Side("lv", phones(0, 3))
    other.answer(one, SESSION)
    check = {"number": 3, "said": other.digest, "sender": "lv", "session": SESSION}
    assert psi.check_tokens(other.tokens, **check) == other.tokens
    for wrong in ({"said": bytes(32)}, {"sender": "ee"}, {"session": b"other"}):
        with pytest.raises(ProtocolError, match="not those that had been announced"):
            psi.check_tokens(other.tokens, **{**check, **wrong})
    with pytest.raises(ProtocolError, match="where 64 were due"):
        psi.check_tokens(other.tokens, **{**check, "number": 4})
    twice = other.tokens[: psi.TOKEN] * 3
    with pytest.raises(ProtocolError, match="Some of the tokens are equal"):
        psi.check_tokens(twice, **{**check, "said": psi.digest(twice, "lv", SESSION)})


def test_a_mirror_makes_no_hits():
    """Who sends the other's own points, digest and tokens back could pretend to have everything: the digest names its sender."""
    one = Side("ee", phones(0, 5))
    one.answer(one, SESSION)
    with pytest.raises(ProtocolError, match="not those that had been announced"):
        psi.check_tokens(one.tokens, 5, one.digest, "lv", SESSION)


def test_more_values_than_a_run_takes_are_refused(monkeypatch):
    """Before any work is done; the same value twice counts once."""
    monkeypatch.setattr(psi, "MOST", 5)
    assert len(psi.prepare(phones(0, 5) * 2)) == 5
    with pytest.raises(ValueError, match="At most 5 values"):
        psi.prepare(phones(0, 6))


def test_what_comes_of_a_secret_for_one_purpose_says_nothing_of_another():
    """Salts that are shown to prove an input, or an order that was seen, must not give the mask away."""
    secret = RunSecret(bytes(32))
    salts = secret.salts(2)
    assert group.sodium().crypto_core_ristretto255_scalar_reduce(salts) != secret.mask()
    assert list(np.argsort(np.frombuffer(salts, "<u8"), kind="stable")) != list(secret.order(8))
    assert RunSecret(32 * b"\1").mask() != secret.mask() == RunSecret(bytes(32)).mask()


def test_the_secret_stays_out_of_logs():
    """What is printed of it is nothing of it."""
    secret = RunSecret(bytes(range(32)))
    assert repr(secret) == str(secret) == "RunSecret(...)"
    assert secret.sealed() == bytes(range(32))
    with pytest.raises(ValueError, match="32 bytes"):
        RunSecret(b"short")


def test_both_sides_name_a_run_alike():
    """Each has its own commitment first, and both get one session."""
    one, other = Side("ee", phones(0, 2)).commitment, Side("lv", phones(0, 3)).commitment
    assert commitment.session_hash(one, other) == commitment.session_hash(other, one)
    assert commitment.session_hash(one, one) != commitment.session_hash(one, other)
