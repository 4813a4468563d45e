"""Who asks at the open edge, and what is answered where it cannot be as it was asked.

Apart from the guard, because the worker takes in what partners sent and needs nothing of requests.
"""

from typing import NamedTuple

from hanse.kernel.actors import Actor
from hanse.kernel.errors import HanseError
from hanse.taxii.models import Partner

NOTHING = "There is nothing here that you can see."
"""Of what is not there and of what one may not see, which are not told apart."""


class Asker(NamedTuple):
    """Who asks.

    Attributes:
        partner: Its row.
        actor: It, as policy sees it.
    """

    partner: Partner
    actor: Actor


class TaxiiError(HanseError):
    """A request that cannot be answered as it is asked.

    Attributes:
        status: The HTTP status that says so.
    """

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
