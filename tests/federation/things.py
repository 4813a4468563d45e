"""Things that partners send, and what this node makes of them: the handler of the tests."""

from typing import Any

from hanse.federation.handlers import Arrived, Handler, register
from hanse.kernel.errors import UsageError
from tests.federation.peer import Made

held: dict[Any, tuple[str, int]] = {}
then: list[str] = []


def _project(here: Arrived, content: Made) -> None:
    if content.name == "breaks":
        raise ZeroDivisionError
    held[here.object_id] = (content.name, here.version)


def refuse(_: Made) -> None:
    """What a test puts in its place."""


def _check(_: Arrived, content: Made) -> None:
    refuse(content)
    if content.name == "meaningless":
        raise UsageError("A thing cannot be called that.")


HANDLER = Handler(
    "things.made",
    Made,
    _project,
    lambda one: held.pop(one, None),
    _check,
    lambda _, made: then.append(made.name),
    taken_back=True,
    dated=True,
)

register([HANDLER])
