"""Threat 11, intelligence: a file that two parsers could read as two things is refused, or what of it is so."""

import json

import pytest

from hanse.intel.recognise import Marked, items
from hanse.kernel.errors import HanseError
from hanse.kernel.markings import Marking

CHOSEN = Marking.own("EE-CERT")
EVIL = b'{"tlp":"RED","tlp":"CLEAR"}'

FILES = {
    "MISP event": b'{"Event":{"info":"a","x":@}}',
    "MISP attribute": b'{"Event":{"Attribute":[{"type":"md5","x":@}]}}',
    "MISP event twice": b'{"Event":{"info":"a"},"Event":{"info":"b"}}',
    "MISP tag": b'{"response":[{"Event":{"Tag":[{"name":"tlp:red","name":"tlp:clear"}]}}]}',
    "MISP key spelled otherwise": b'{"Event":{"info":"a","inf\\u006f":"b"}}',
    "fingerprint": b'{"src_ips":[],"protocol":"DNS","start_time":"","additional":@}',
    "fingerprint's sources twice": b'{"src_ips":[],"src_ips":["198.51.100.1"],"protocol":"DNS","start_time":""}',
    "bundle": b'{"type":"bundle","id":"bundle--1","x":@,"objects":[]}',
    "bundle's objects twice": b'{"type":"bundle","objects":[{"type":"a","id":"a--1"}],"objects":[{"type":"a","id":"a--1"}]}',
    "bundle's type twice": b'{"type":"x","type":"bundle","objects":[{"type":"a","id":"a--1"}]}',
}
"""Files of each format with a key twice; each is refused whole."""


@pytest.mark.parametrize("name", FILES)
def test_a_file_with_a_key_twice_brings_nothing(name):
    """The sender learns that a key comes twice, and nothing of the file comes in."""
    with pytest.raises(HanseError, match="comes twice"):
        list(items(FILES[name].replace(b"@", EVIL), "evil.json", CHOSEN, ""))


@pytest.mark.parametrize(
    "evil",
    [
        b'{"type":"indicator","id":"indicator--1","object_marking_refs":["a"],"object_marking_refs":[]}',
        b'{"type":"marking-definition","id":"m--1","definition":{"tlp":"red","tlp":"white"}}',
        b'{"type":"marking-definition","id":"m--1","type":"tool"}',
        b'{"type":"tool","id":"tool--1","x":[[{"a":1,"\\u0061":2}]]}',
    ],
)
def test_an_object_with_a_key_twice_comes_in_as_none(evil):
    """In a bundle the object alone is left out and told; a marking definition that says two things marks nothing."""
    good = json.dumps({"type": "tool", "id": "tool--9", "object_marking_refs": ["m--1"]}).encode()
    _, stream = items(b'{"type":"bundle","objects":[%s,%s]}' % (evil, good), "evil.json", CHOSEN, "")
    told = list(stream)
    assert [one.item.source_id for one in told if isinstance(one, Marked)] == ["tool--9"]
    assert any("comes twice" in one and evil.decode() in one for one in told if isinstance(one, str))
    assert all(one.marking == CHOSEN for one in told if isinstance(one, Marked))
