"""Threat 10, JSON: deep, long, numerous or huge content is refused quickly, and the process lives."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from hanse.kernel import envelope, strict_json
from hanse.kernel.envelope import EnvelopeError
from hanse.kernel.strict_json import StrictJsonError

MIB = 2**20
SIZE = 12 * MIB
PATIENCE_S = 5
"""A linear parser takes a tenth of it; one that goes back over the text takes hours."""

BOMBS: dict[str, Callable[[], bytes]] = {
    "too long": lambda: b'"' + b"a" * (strict_json.LIMIT_BYTES + 1),
    "deep lists": lambda: b"[" * SIZE,
    "deep objects": lambda: b'{"a":' * (SIZE // 5),
    "deep and closed": lambda: b"[" * 1000 + b"]" * 1000,
    "deep after closing": lambda: b"]" * 1000 + b"[" * SIZE,
    "many objects": lambda: b"[" + b"{}," * (SIZE // 3) + b"{}]",
    "many lists": lambda: b"[" + b"[]," * (SIZE // 3) + b"[]]",
    "many keys": lambda: b"{" + b",".join(b'"%d":0' % n for n in range(1_000_000)) + b"}",
    "long integer": lambda: b"9" * SIZE,
    "long fraction": lambda: b"0." + b"1" * SIZE,
    "long exponent": lambda: b"1e" + b"9" * SIZE,
    "infinite": lambda: b"1e999",
    "infinitely little": lambda: b"[-1e999]",
    "beyond 64 bits": lambda: b"%d" % 2**63,
    "unclosed string": lambda: b'"' + b"a" * SIZE,
    "unclosed and escaped": lambda: b'\\"' * (SIZE // 2),
    "closed and escaped": lambda: b'"' + b"\\" * SIZE,
    "quotes": lambda: b'"' * SIZE,
    "white space": lambda: b" " * SIZE,
    "minus signs": lambda: b"-" * SIZE,
}
"""Each is refused, whatever the parser. They are made where they are tried: all of them take 240 MB."""

UNDER_LIMIT = """
import resource, sys
from hanse.kernel import strict_json
from tests.threats.test_10_bombs_json import BOMBS
resource.setrlimit(resource.RLIMIT_DATA, (256 * 2**20,) * 2)
while BOMBS:
    name, made = BOMBS.popitem()
    try:
        strict_json.loads(made())
    except strict_json.StrictJsonError as error:
        assert len(str(error)) < 300, name
    else:
        sys.exit(f"{name} was read")
largest = '"' + "\\\\u00e9" + "a" * 12 * 2**20 + '"'
assert len(strict_json.loads(largest.encode())) == 12 * 2**20 + 1
most = b"[" + b'{"k":1},' * (strict_json.VALUES // 2 - 1) + b"0]"
assert len(strict_json.loads(most)) == strict_json.VALUES // 2
print("lives")
"""


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_is_refused_quickly(name: str) -> None:
    """Every bomb is an error in words, in time linear in its length."""
    bomb = BOMBS[name]()
    began = time.process_time()
    with pytest.raises(StrictJsonError):
        strict_json.loads(bomb)
    assert time.process_time() - began < PATIENCE_S


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_is_no_envelope(name: str) -> None:
    """The parser of envelopes refuses each of them too, alone and as the marking of an envelope."""
    around = (
        b'{"commitment":"","key":"","kind":"","marking":{"a":%b},"object":"","origin":"","recipient":null,'
    )
    around += b'"seq":0,"time":0,"v":1,"version":1}'
    alone = BOMBS[name]()
    began = time.process_time()
    for bomb in (alone, around % alone):
        if name in {"many objects", "many lists", "many keys", "beyond 64 bits"} and bomb is not alone:
            continue  # valid values, which the limit on the length of a message bounds
        with pytest.raises(EnvelopeError):
            envelope.decode(bomb)
    assert time.process_time() - began < PATIENCE_S


def test_process_lives_within_256_mib() -> None:
    """With 256 MiB for its data, a process refuses all bombs, reads the largest allowed text, and goes on."""
    done = subprocess.run(
        [sys.executable, "-c", UNDER_LIMIT], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "lives\n"), done.stderr[-2000:]


def test_limits_are_the_callers_to_lower() -> None:
    """Bytes, depth and number of values each hold exactly at the limit that a caller gives."""
    assert strict_json.loads(b"[[1]]", limit_bytes=5, depth=2, values=2) == [[1]]
    for limits in ({"limit_bytes": 4}, {"depth": 1}, {"values": 1}):
        with pytest.raises(StrictJsonError):
            strict_json.loads(b"[[1]]", **limits)


def test_content_of_strings_is_no_structure() -> None:
    """Brackets, commas and digits inside a string count neither as depth nor as values nor as a number."""
    text = "[{," * 1000 + "9" * 1000 + '\\" ['
    assert strict_json.loads(strict_json.canonical([text]), depth=1, values=1) == [text]
