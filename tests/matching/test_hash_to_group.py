"""Texts as points, against the vectors of the RFCs."""

import pytest

from hanse.matching.group import ProtocolError, sodium
from hanse.matching.hash_to_group import Expander, Hasher, hasher

EXPANDER = Expander(b"QUUX-V01-CS02-with-expander-SHA512-256")
EXPANDED = (
    # RFC 9380, appendix K.3
    (b"", 32, "6b9a7312411d92f921c6f68ca0b6380730a1a4d982c507211a90964c394179ba"),
    (b"abc", 32, "0da749f12fbe5483eb066a5f595055679b976e93abe9be6f0f6318bce7aca8dc"),
    (b"abcdef0123456789", 32, "087e45a86e2939ee8b91100af1583c4938e0f5fc6c9db4b107b83346bc967f58"),
    (b"q128_" + 128 * b"q", 32, "7336234ee9983902440f6bc35b348352013becd88938d2afec44311caf8356b3"),
    (b"a512_" + 512 * b"a", 32, "57b5f7e766d5be68a6bfe1768e3c2b7f1228b3e4b3134956dd73a59b954c66f4"),
    (
        b"",
        128,
        (
            "41b037d1734a5f8df225dd8c7de38f851efdb45c372887be655212d07251b921"
            "b052b62eaed99b46f72f2ef4cc96bfaf254ebbbec091e1a3b9e4fb5e5b619d2e"
            "0c5414800a1d882b62bb5cd1778f098b8eb6cb399d5d9d18f5d5842cf5d13d7e"
            "b00a7cff859b605da678b318bd0e65ebff70bec88c753b159a805d2c89c55961"
        ),
    ),
    (
        b"abc",
        128,
        (
            "7f1dddd13c08b543f2e2037b14cefb255b44c83cc397c1786d975653e36a6b11"
            "bdd7732d8b38adb4a0edc26a0cef4bb45217135456e58fbca1703cd6032cb134"
            "7ee720b87972d63fbf232587043ed2901bce7f22610c0419751c065922b48843"
            "1851041310ad659e4b23520e1772ab29dcdeb2002222a363f0c2b1c972b3efe1"
        ),
    ),
    (
        b"abcdef0123456789",
        128,
        (
            "3f721f208e6199fe903545abc26c837ce59ac6fa45733f1baaf0222f8b7acb04"
            "24814fcb5eecf6c1d38f06e9d0a6ccfbf85ae612ab8735dfdf9ce84c372a77c8"
            "f9e1c1e952c3a61b7567dd0693016af51d2745822663d0c2367e3f4f0bed827f"
            "eecc2aaf98c949b5ed0d35c3f1023d64ad1407924288d366ea159f46287e61ac"
        ),
    ),
)
MAPPED = (
    # RFC 9496, appendix A.3
    (
        (
            "5d1be09e3d0c82fc538112490e35701979d99e06ca3e2b5b54bffe8b4dc772c1"
            "4d98b696a1bbfb5ca32c436cc61c16563790306c79eaca7705668b47dffe5bb6"
        ),
        "3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46",
    ),
    (
        (
            "f116b34b8f17ceb56e8732a60d913dd10cce47a6d53bee9204be8b44f6678b27"
            "0102a56902e2488c46120e9276cfe54638286b9e4b3cdb470b542d46c2068d38"
        ),
        "f26e5b6f7d362d2d2a94c5d0e7602cb4773c95a2e5c31a64f133189fa76ed61b",
    ),
    (
        (
            "8422e1bbdaab52938b81fd602effb6f89110e1e57208ad12d9ad767e2e25510c"
            "27140775f9337088b982d83d7fcf0b2fa1edffe51952cbe7365e95c86eaf325c"
        ),
        "006ccd2a9e6867e6a2c5cea83d3302cc9de128dd2a9a57dd8ee7b9d7ffe02826",
    ),
    (
        (
            "ac22415129b61427bf464e17baee8db65940c233b98afce8d17c57beeb7876c2"
            "150d15af1cb1fb824bbd14955f2b57d08d388aab431a391cfc33d5bafb5dbbaf"
        ),
        "f8f0c87cf237953c5890aec3998169005dae3eca1fbb04548c635953c817f92a",
    ),
)


@pytest.mark.parametrize(("message", "length", "expanded"), EXPANDED)
def test_messages_are_expanded_as_in_the_rfc(message, length, expanded):
    """expand_message_xmd with SHA-512: one block and more."""
    assert EXPANDER.expand(message, length).hex() == expanded


@pytest.mark.parametrize(("uniform", "point"), MAPPED)
def test_the_one_way_map_is_that_of_the_rfc(uniform, point):
    """The map from 64 bytes to an element, as libsodium has it."""
    assert sodium().crypto_core_ristretto255_from_hash(bytes.fromhex(uniform)).hex() == point


def test_protocols_epochs_and_kinds_have_points_of_their_own():
    """The same text under another of the three is an unrelated point; under the same, the same."""
    made = {
        hasher(protocol, epoch, kind).point(b"+37251234567")
        for protocol in ("psi", "standing")
        for epoch in ("2026-48", "2026-49")
        for kind in ("phone", "account")
    }
    assert len(made) == 8
    assert hasher("psi", "2026-48", "phone").point(b"+37251234567") in made


@pytest.mark.parametrize("word", ["", "a/b", "a b", "ä", 65 * "x", "a\n"])
def test_words_cannot_run_into_each_other(word):
    """A word with a slash could make two choices give one tag."""
    for words in ((word, "e", "k"), ("p", word, "k"), ("p", "e", word)):
        with pytest.raises(ProtocolError, match="cannot name"):
            hasher(*words)
    longest = 64 * "x"
    assert hasher(longest, longest, longest).point(b"")


def test_a_tag_has_1_to_255_bytes_and_at_most_16320_are_made():
    """Beyond that the RFC does other things, which nothing here needs."""
    for tag in (b"", bytes(256)):
        with pytest.raises(ValueError, match="255 bytes"):
            Hasher(tag)
    for length in (0, 255 * 64 + 1):
        with pytest.raises(ValueError, match="can be made"):
            EXPANDER.expand(b"", length)
    assert len(EXPANDER.expand(b"", 255 * 64)) == 255 * 64
