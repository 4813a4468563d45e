"""Threat 11: a text that two parsers could read as two things is refused by every parser path."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.kernel import envelope, strict_json
from hanse.kernel.envelope import Envelope
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import SigningKey, VerifyKey


class Marked(msgspec.Struct, frozen=True):
    tlp: str


KEY = SigningKey(bytes(range(32)))
ENVELOPE = Envelope(
    commitment="00" * 32,
    key=KEY.id,
    kind="attacks.found",
    marking={"tlp": "RED"},
    object="ab" * 16,
    origin="EE-CERT",
    recipient=None,
    seq=7,
    time=1_700_000_000_000_000,
)
PAYLOAD = envelope.encode(ENVELOPE)


def verified(payload: bytes) -> Envelope:
    """The envelope path with the very bytes signed: a signature makes no text better."""
    return envelope.verify(payload, KEY.sign(envelope.pae(payload)), VerifyKey(KEY.public.raw))


def typed(data: bytes) -> Any:
    """The path that converts to a type."""
    return strict_json.decode(data, Marked)


VALUE_PATHS: list[Callable[[bytes], Any]] = [strict_json.loads, typed]
TWICE = [
    b'{"tlp":"RED","tlp":"CLEAR"}',
    b'{"tlp":"RED","\\u0074lp":"CLEAR"}',
    b'{"tlp":"RED","tlp":"RED"}',
    b'{"tlp":"RED","x":[{"a":1,"a":2}]}',
    b'{"tlp":"RED","":1,"":2}',
]
TWO_READINGS = [
    b'{"tlp":"RED"}{"tlp":"CLEAR"}',
    b'\xef\xbb\xbf{"tlp":"RED"}',
    b'{"tlp":"RED\\ud800"}',
    b'{"tlp":"RED\xed\xa0\x80"}',
    b'{"tlp":"RED\xc0\x80"}',
    b'{"tlp":"RED","n":NaN}',
    b'{"tlp":"RED","n":-Infinity}',
    b'{"tlp":"RED","n":9223372036854775808}',
    b'{"tlp":"RED",}',
    b'{"tlp":"RED"/**/}',
    b"{'tlp':'RED'}",
    '{"tlp":"RED"}'.encode("utf-16"),
]


@pytest.mark.parametrize("path", VALUE_PATHS)
@pytest.mark.parametrize("text", TWICE + TWO_READINGS)
def test_two_readings_are_refused(path: Callable[[bytes], Any], text: bytes) -> None:
    """No parser path takes the first or the last of two meanings: it refuses, in words."""
    with pytest.raises(HanseError):
        path(text)


@pytest.mark.parametrize("text", TWICE)
def test_the_reason_names_the_key(text: bytes) -> None:
    """The sender learns that a key comes twice, and which."""
    with pytest.raises(strict_json.StrictJsonError, match="comes twice"):
        strict_json.loads(text)


@pytest.mark.parametrize("path", [envelope.decode, verified])
@pytest.mark.parametrize(
    "forged",
    [
        PAYLOAD.replace(b'{"tlp":"RED"}', b'{"tlp":"RED","tlp":"CLEAR"}'),
        PAYLOAD.replace(b'{"tlp":"RED"}', b'{"\\u0074lp":"RED"}'),
        PAYLOAD.replace(b'"marking":', b'"marking":{"tlp":"CLEAR"},"marking":'),
        PAYLOAD.replace(b'"seq":7', b'"seq":7,"seq":7'),
        PAYLOAD.replace(b'"seq":7', b'"seq": 7'),
        PAYLOAD.replace(b'"seq":7', b'"seq":7.0'),
        PAYLOAD.replace(b'"v":1', b'"v":1,"x":1'),
        PAYLOAD.replace(b'"v":1,"version":1', b'"version":1,"v":1'),
        PAYLOAD.replace(b',"v":1', b""),
        PAYLOAD + b"\n",
        b" " + PAYLOAD,
        PAYLOAD + PAYLOAD,
    ],
)
def test_envelope_has_one_text(path: Callable[[bytes], Any], forged: bytes) -> None:
    """An envelope in any but its one text is refused, even when its own key signed that text."""
    assert forged != PAYLOAD
    with pytest.raises(HanseError):
        path(forged)
    assert path(PAYLOAD) == ENVELOPE


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_canonical_text_reads_back(value: Any) -> None:
    """Whatever is written canonically is read as the same value, and its text is the only one of that value."""
    text = strict_json.canonical(value)
    assert strict_json.loads(text) == value
    assert strict_json.canonical(strict_json.loads(text)) == text


@given(st.dictionaries(st.text(), st.integers(0, 9), min_size=1, max_size=5), st.data())
def test_any_key_twice_is_refused(pairs: dict[str, int], data: st.DataObject) -> None:
    """Wherever a key is repeated in an object, the object is refused."""
    items = list(pairs.items())
    items.insert(data.draw(st.integers(0, len(items))), (data.draw(st.sampled_from(sorted(pairs))), 0))
    text = b"{" + b",".join(strict_json.canonical(k) + b":%d" % v for k, v in items) + b"}"
    with pytest.raises(strict_json.StrictJsonError, match="comes twice"):
        strict_json.loads(text)
