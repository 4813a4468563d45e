"""How much telemetry the node takes and keeps: settings live in a room above, which registers here what they say."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hanse.web.uploads import Caps


@dataclass(frozen=True, slots=True)
class Limits:
    """What is set.

    Attributes:
        collected_bytes: The live collector removes its oldest flows beyond it; None where nothing limits it.
        upload: How much may come in one upload.
    """

    collected_bytes: int | None = None
    upload: Caps = field(default_factory=Caps)


Told = Callable[[], Limits]

_told: list[Told] = []


def say(told: Told) -> None:
    """Register what knows the limits, instead of what did before."""
    _told[:] = [told]


def limits() -> Limits:
    """The limits as they are set now; the defaults where nobody has registered any."""
    return _told[0]() if _told else Limits()
