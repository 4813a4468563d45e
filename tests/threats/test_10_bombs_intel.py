"""Threat 10, intelligence: a file that is small and would be huge in memory is refused under 256 MB, and the process lives."""

import subprocess
import sys

MIB = 2**20
SIZE = 12 * MIB


def bombs() -> dict[str, bytes]:
    """Files that are refused, or whose broken objects are left out, by what is wrong with them."""
    return {
        "many numbers as objects": b'{"type":"bundle","objects":[' + b"0," * (SIZE // 2) + b"0]}",
        "many empty objects": b'{"type":"bundle","objects":[' + b"{}," * (SIZE // 3) + b"{}]}",
        "deep object": b'{"type":"bundle","objects":[{"type":"a","id":"a--1","x":'
        + b"[" * SIZE
        + b"]" * SIZE
        + b"}]}",
        "deep and unclosed": b'{"type":"bundle","objects":' + b"[" * SIZE,
        "deep event": b'{"Event":' + b'{"a":' * (SIZE // 5) + b"1" + b"}" * (SIZE // 5) + b"}",
        "many attributes": b'{"Event":{"Attribute":[' + b"{}," * (SIZE // 3) + b"{}]}}",
        "a long number in an event": b'{"Event":{"id":' + b"9" * SIZE + b"}}",
        "a long number in an object": b'{"type":"bundle","objects":[{"type":"a","id":"a--1","x":'
        + b"9" * 4_000_001
        + b"}]}",
        "65 bits": b'{"Event":{"id":%d}}' % 2**64,
        "infinity": b'{"Event":{"id":1e999}}',
        "one long line": b"value\n" + b"a" * SIZE,
        "many columns": b"value," + b"a," * (SIZE // 2),
        "rows of many cells": b"value\n" + (b"ab," * (SIZE // 6) + b"\n") * 2,
        "a row of many lines": b"value\n" + b'"ab\n",' * (SIZE // 6),
        "quotes": b'value\n"' + b'""' * (SIZE // 2),
        "blanks": b" " * SIZE,
        "a list of lists": b"[" + b"[]," * (SIZE // 3) + b"[]]",
    }


UNDER_LIMIT = """
import resource
from hanse.intel.recognise import Marked, items
from hanse.kernel.errors import HanseError
from hanse.kernel.markings import Marking
from tests.threats.test_10_bombs_intel import bombs
made = bombs()
resource.setrlimit(resource.RLIMIT_DATA, (sum(map(len, made.values())) + 256 * 2**20,) * 2)
for name, bomb in made.items():
    try:
        told = list(items(bomb, "bomb", Marking.own("EE-CERT"), "")[1])
    except HanseError as error:
        assert len(str(error)) < 500, (name, len(str(error)))
        continue
    assert told, name
    assert not any(isinstance(one, Marked) for one in told), name
    assert sum(map(len, told)) < 2**20, (name, sum(map(len, told)))
print("lives")
"""


def test_bombs_are_refused_within_their_memory():
    """Each is refused in short words, with 256 MB besides the files; afterwards the process works on."""
    done = subprocess.run(
        [sys.executable, "-c", UNDER_LIMIT], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "lives\n"
