"""A small ledger to test with: founded, with things in it."""

from hanse.kernel.actors import Actor, system
from hanse.ledger import keyring, kinds
from hanse.ledger.check import check
from hanse.ledger.recorded import Recorded
from hanse.ledger.service import Founded
from hanse.ledger.writing import append
from tests.ledger import things
from tests.ledger.things import service

things.install()
kinds.after_purge(service.sweep)

AUTHORITY = "ee-cert"
MARI = Actor("person", "mari", "Mari Maasikas", AUTHORITY, "EE")


def found() -> Recorded:
    """The founding entry."""
    keys = keyring.current()
    signing, opening = keys.signing.public, keys.opening.public
    content = Founded(AUTHORITY, "CERT Estonia", "EE", "member", signing.raw.hex(), opening.raw.hex())
    return append("ledger.founded", content, actor=system("node", AUTHORITY, "EE"))


def thing(**told: object) -> Recorded:
    """One more thing, or a new version of one; `object_id`, `marking`, `recipient`, `reason` go to the entry."""
    names = {"object_id", "marking", "recipient", "reason"}
    entry = {name: told.pop(name) for name in names & told.keys()}
    return append("things.made", service.Made(**told), actor=MARI, **entry)


def findings() -> list[str]:
    """What fsck finds."""
    return [str(one) for one in check()]
