"""Appending, the tree, checking, purging and proving, on the database of the run."""

import json
from uuid import uuid4

import pytest

from hanse.kernel.errors import HanseError
from hanse.ledger import proof, replay, tree, verify
from hanse.ledger.check import check
from hanse.ledger.models import Body, Checkpoint, Entry
from hanse.ledger.service import Founded, purge
from hanse.ledger import keyring
from hanse.ledger.writing import append

pytestmark = pytest.mark.django_db(transaction=True)


def found(actor):
    keys = keyring.current()
    content = Founded("ee-cert", "CERT Estonia", "EE", "member", keys.signing.public.raw.hex(), keys.opening.public.raw.hex())
    return append("ledger.founded", content, actor=actor)


def test_sound(actor):
    someone = actor("analyst")
    first = found(someone)
    assert first.sequence == 0
    assert list(check()) == []
    tree.integrate()
    assert list(check()) == []
    data = proof.export(0)
    print(verify.verify(data).steps)
