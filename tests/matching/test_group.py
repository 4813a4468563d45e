"""Points that may be used, and those that may not."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hanse.matching import group
from hanse.matching.group import ORDER, POINT, ProtocolError
from hanse.matching.hash_to_group import Hasher

BAD_ENCODINGS = (
    # RFC 9496, appendix A.2: field elements that are not canonical,
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    # negative ones,
    "0100000000000000000000000000000000000000000000000000000000000000",
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
    "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
    "c940e5a4404157cfb1628b108db051a8d439e1a421394ec4ebccb9ec92a8ac78",
    "47cfc5497c53dc8e61c91d17fd626ffb1c49e2bca94eed052281b510b1117a24",
    "f1c6165d33367351b0da8f6e4511010c68174a03b6581212c71c0e1d026c3c72",
    "87260f7a2f12495118360f02c26a470f450dadf34a413d21042b43b9d93e1309",
    # squares that are none,
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
    "de6a7b00deadc788eb6b6c8d20c0ae96c2f2019078fa604fee5b87d6e989ad7b",
    "bcab477be20861e01e4a0e295284146a510150d9817763caf1a6f4b422d67042",
    "2a292df7e32cababbd9de088d1d1abec9fc0440f637ed2fba145094dc14bea08",
    "f4a9e534fc0d216c44b218fa0c42d99635a0127ee2e53c712f70609649fdff22",
    "8268436f8c4126196cf64b3c7ddbda90746a378625f9813dd9b8457077256731",
    "2810e5cbc2cc4d4eece54f61c6f69758e289aa7ab440b3cbeaa21995c2f4232b",
    # a negative product,
    "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
    "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
    "d483fe813c6ba647ebbfd3ec41adca1c6130c2beeee9d9bf065c8d151c5f396e",
    "8a2e1d30050198c65a54483123960ccc38aef6848e1ec8f5f780e8523769ba32",
    "32888462f8b486c68ad7dd9610be5192bbeaf3b443951ac1a8118419d9fa097b",
    "227142501b9d4355ccba290404bde41575b037693cef1f438c47f8fbf35d1165",
    "5c37cc491da847cfeb9281d407efc41e15144c876e0170b499a96a22ed31e01e",
    "445425117cb8c90edcbc7c1cc0e74f747f2c1efa5630a967c64f287792a48a4b",
    # and y = 0.
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)
GOOD = b"".join(Hasher(b"tests").point(bytes([at])) for at in range(5))


def with_high_bit(point):
    """The same element to libsodium 1.0.18, in other bytes."""
    return point[:-1] + bytes([point[-1] | 0x80])


@pytest.mark.parametrize(
    "bad", [*map(bytes.fromhex, BAD_ENCODINGS), bytes(POINT), with_high_bit(GOOD[:POINT])]
)
def test_points_in_another_than_their_one_encoding_are_refused(bad):
    """Each bad encoding of the RFC, the identity, and a point with its unused bit set, alone and among good ones."""
    for points, where in (
        (bad, "point 1 of 1"),
        (GOOD + bad, "point 6 of 6"),
        (GOOD + bad + GOOD, "point 6 of 11"),
    ):
        with pytest.raises(ProtocolError, match=where):
            group.check_points(points)
        with pytest.raises(ProtocolError, match=where):
            group.multiply(group.random_scalar(), points)


def test_the_library_leaves_no_file_behind():
    """The binding writes 2.7 MB to a temporary file for each process that loads it."""
    assert not Path(group.sodium()._sodium._name).exists()


def test_the_library_alone_would_take_the_unused_bit():
    """If this fails, libsodium has become strict, and the check of our own can go."""
    assert group.sodium().crypto_core_ristretto255_is_valid_point(with_high_bit(GOOD[:POINT]))


@pytest.mark.parametrize(
    "scalar", [bytes(POINT), ORDER.to_bytes(POINT, "little"), b"\xff" * POINT, b"\1", b""]
)
def test_a_scalar_is_between_zero_and_the_order(scalar):
    """Zero would make all points one; a number above the order would be another's second spelling."""
    with pytest.raises(ProtocolError, match="not a number between"):
        group.multiply(scalar, GOOD)


@pytest.mark.parametrize("length", [1, 31, 33, 5 * POINT - 1])
def test_a_run_of_points_is_a_whole_number_of_them(length):
    """What was cut off is refused, not guessed."""
    with pytest.raises(ProtocolError, match="no whole number"):
        group.multiply(group.random_scalar(), GOOD[:length])


def test_a_wrong_number_of_points_is_refused():
    """The number that was agreed, and no other."""
    assert group.check_points(GOOD, number=5) == GOOD
    for number in (0, 4, 6):
        with pytest.raises(ProtocolError, match=f"where {number} were due"):
            group.check_points(GOOD, number=number)


def test_masks_commute():
    """Two masks on a point give the same in either order: all matching rests on it."""
    one, other = group.random_scalar(), group.random_scalar()
    assert group.multiply(one, group.multiply(other, GOOD)) == group.multiply(
        other, group.multiply(one, GOOD)
    )


def test_a_stream_stays_in_order_and_is_read_only_as_far_as_it_is_worked():
    """With threads as without: the order of the chunks, and never more than `AHEAD` of them taken in advance."""
    taken = []

    def chunks():
        for at in range(20):
            taken.append(at)
            yield bytes([at])

    with ThreadPoolExecutor(2) as pool:
        for at, made in enumerate(group.over(chunks(), lambda chunk: chunk * 2, pool)):
            assert made == bytes([at, at])
            assert len(taken) - at <= group.AHEAD
    assert list(group.over([b"a", b"b"], bytes.upper)) == [b"A", b"B"]


def test_a_bad_chunk_ends_the_stream():
    """An error of a thread is the reader's, and nothing after it is given out."""
    scalar = group.random_scalar()
    with ThreadPoolExecutor(2) as pool:
        made = group.over([GOOD, bytes(POINT), GOOD], lambda chunk: group.multiply(scalar, chunk), pool)
        assert next(made) == group.multiply(scalar, GOOD)
        with pytest.raises(ProtocolError):
            next(made)
        assert list(made) == []
