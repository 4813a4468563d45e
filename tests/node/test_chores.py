"""What a node does by the clock."""

from django.conf import settings

from hanse.accounts.sessions import forget_expired
from hanse.ledger.erasing import scrub
from hanse.ledger.retention import purge_due
from hanse.ledger.tree import integrate
from hanse.node.working import chores
from hanse.web.emptying import KEPT_S, empty


def test_a_node_keeps_its_promises_by_the_clock():
    """Checkpoints come every minute; retention dates, and files after a purge, are seen to well within 24 hours."""
    every_s = {chore.do: chore.every_s for chore in chores(settings.HANSE_NODE)}
    assert every_s[integrate] <= 60
    assert every_s[forget_expired] <= 600
    assert every_s[empty] + KEPT_S <= 24 * 3_600
    assert every_s[purge_due] + every_s[scrub] <= 12 * 3_600
