"""A kind of this node's own, to address to partners."""

import msgspec

from hanse.ledger import kinds
from hanse.ledger.kinds import Kind


class Toy(msgspec.Struct):
    """What it holds."""

    name: str


kinds.register([Kind("things.toy", Toy, lambda _recorded, _content: None)])
