"""A founded node for tests of the exchange."""

import pytest


@pytest.fixture
def founded(transactional_db):
    """A node with its founding entry."""
    from hanse.kernel.actors import system
    from hanse.ledger import keyring
    from hanse.ledger.service import Founded
    from hanse.ledger.writing import append

    keys = keyring.current()
    verify, seal = keys.signing.public.raw.hex(), keys.opening.public.raw.hex()
    founding = Founded("ee-cert", "CERT Estonia", "EE", "member", verify, seal)
    return append("ledger.founded", founding, actor=system("node", "ee-cert", "EE"))


@pytest.fixture
def peer(founded):
    """A partner."""
    from tests.federation.peer import Peer

    one = Peer()
    one.joins()
    return one
