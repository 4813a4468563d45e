"""Commitments: they hide the inputs, and hold whoever made them to what it said."""

import msgspec
import pytest

from hanse.intel.values import Value
from hanse.matching import commitment
from hanse.matching.commitment import CommitmentError, reopened
from hanse.matching.secret import RunSecret
from tests.matching.made import Side, messages, phones, run


@pytest.fixture(scope="module")
def sides():
    """Two sides after a run."""
    both = Side("ee", phones(0, 6)), Side("lv", phones(4, 6))
    run(*both)
    return both


def evidence(side, **changed):
    """What an auditor of a side has before him."""
    return {
        "said": side.commitment, "secret": side.secret, "inputs": side.values,
        "points": side.points, "received": side.received, "tokens": side.tokens, **changed,
    }  # fmt: skip


def test_an_honest_run_reopens_without_a_word(sides):
    """Both sides', whatever the order the selectors are read in, and one of which only the number was known."""
    one, other = sides
    assert reopened(**evidence(one)) == reopened(**evidence(other)) == []
    assert reopened(**evidence(one, inputs=list(reversed(one.values)))) == []
    numbers = Side("ee", phones(0, 6), "cardinality"), Side("lv", phones(4, 6), "cardinality")
    run(*numbers)
    assert reopened(**evidence(numbers[0])) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"inputs": phones(0, 5)}, ["6 inputs were committed to, and 5", "The inputs committed to", "What was sent"]),
        ({"inputs": phones(1, 6)}, ["The inputs committed to", "What was sent"]),
        ({"secret": RunSecret(bytes(32))}, ["The inputs committed to", "What was sent", "What was answered"]),
        ({"points": bytes(192)}, ["What was sent"]),
        ({"tokens": bytes(96)}, ["What was answered"]),
    ],
)  # fmt: skip
def test_whatever_was_invented_shows(sides, changed, words):
    """Inputs that are on no record, a secret that is another, points or answers that were made up."""
    found = reopened(**evidence(sides[0], **changed))
    assert len(found) == len(words)
    assert all(one.startswith(word) for one, word in zip(found, words, strict=True))


def test_kinds_that_were_not_named_show(sides):
    """Selectors of a kind outside the agreement."""
    said = msgspec.structs.replace(sides[0].commitment, kinds=("iban",))
    assert reopened(**evidence(sides[0], said=said)) == ["There are selectors of kinds that were not named."]


@pytest.mark.parametrize("which", [slice(0, 1), slice(2, 5), slice(None)])
def test_what_is_left_of_purged_inputs_is_enough_to_do_it_again(sides, which):
    """Of each its leaf and its point: the root, and what was sent, are those of all; of another input they are not."""
    side = sides[0]
    gone = dict.fromkeys(side.values[which], 7)
    inputs = commitment.without(side.values, gone, side.commitment, side.secret)
    assert [one for one in inputs if isinstance(one, Value)] == [
        one for one in side.values if one not in gone
    ]
    assert reopened(**evidence(side, inputs=inputs)) == []
    [at, *_] = [at for at, one in enumerate(inputs) if not isinstance(one, Value)]
    for wrong in (inputs[at]._replace(leaf=bytes(32)), inputs[at]._replace(point=inputs[at].point[::-1])):
        assert len(reopened(**evidence(side, inputs=(*inputs[:at], wrong, *inputs[at + 1 :])))) == 1


def test_a_root_hides_its_inputs(sides):
    """The same inputs under two secrets have two roots; who guesses the inputs cannot test the guess."""
    values = sides[0].values
    assert commitment.root(values, RunSecret.fresh()) != commitment.root(values, RunSecret.fresh())
    assert commitment.root(values, RunSecret(bytes(32))) == commitment.root(values, RunSecret(bytes(32)))


def test_a_commitment_has_one_encoding(sides):
    """It is read as it was written, and in no other way: what was signed is what is meant."""
    said = sides[0].commitment
    assert commitment.read(said.encoded()) == said
    changed = (
        said.encoded().replace(b'"size":6', b'"size":6,"size":6'),
        said.encoded().replace(b'"size":6', b'"size": 6'),
        said.encoded().replace(b'"size":6', b'"size":-6'),
        said.encoded().replace(b'"size":6', b'"size":4000001'),
        said.encoded().replace(said.root.encode(), b"00"),
        said.encoded()[:-1] + b',"more":1}',
        b"",
    )
    for data in changed:
        with pytest.raises(CommitmentError):
            commitment.read(data)


def test_the_transcript_is_the_same_on_both_sides_and_of_every_bit(sides):
    """Order of arrival does not matter; a changed message, step or session does."""
    one, other = sides
    session = commitment.session_hash(one.commitment, other.commitment)
    told = messages(one, other)
    whole = commitment.transcript_hash(session, told)
    assert whole == commitment.transcript_hash(session, dict(reversed(told.items())))
    others = {commitment.transcript_hash(b"another", told)}
    for at in told:
        others.add(commitment.transcript_hash(session, {**told, at: bytes(32)}))
        others.add(commitment.transcript_hash(session, {key: told[key] for key in told if key != at}))
    assert len(others) == 13
    assert whole not in others
