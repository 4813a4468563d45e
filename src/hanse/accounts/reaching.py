"""Which non-public addresses issuers may be reached at: a room above knows, and registers here what says it."""

from collections.abc import Callable, Iterable

from hanse.egress.rules import AllowedEndpoint

Told = Callable[[], Iterable[AllowedEndpoint]]

_told: list[Told] = []


def say(told: Told) -> None:
    """Register what knows the addresses, instead of what did before."""
    _told[:] = [told]


def allowed() -> tuple[AllowedEndpoint, ...]:
    """The addresses that two people have allowed until now; none where nobody has registered what knows."""
    return tuple(_told[0]()) if _told else ()
