"""The long work of intelligence: trying a file out, and bringing it in, with progress and an account."""

from pathlib import Path
from typing import Any

from hanse.intel import service
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking
from hanse.web.jobs import Progress
from hanse.web.uploads import inbox_folder


def bring_in(params: dict[str, Any], progress: Progress, actor: Actor) -> str:
    """Bring a file of the inbox in.

    Args:
        params: ``path`` relative to the inbox, ``name`` as its sender calls it, ``marking`` as JSON.
        progress: Told how many items are done.
        actor: Who brings it.

    Returns:
        Address of the account.

    Raises:
        UsageError: The path leads out of the inbox, or the file is no format known here.
    """
    progress.step("Reading")
    path = _inside(params["path"])
    marking = Marking.from_json(params["marking"])
    account = service.bring_in(
        path.read_bytes(), params["name"], actor, marking=marking, progress=progress.at
    )
    path.unlink(missing_ok=True)
    return f"/intelligence/imports/{account.object_id}/"


def _inside(name: str) -> Path:
    """A path of the inbox.

    Raises:
        UsageError: It leads out of it, or is gone.
    """
    root = inbox_folder().resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise UsageError("The file is not in the inbox any more. Upload it again.")
    return path
