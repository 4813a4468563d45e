"""A child process that ends with its parent, also where the parent was killed and could not tell it."""

import os
import signal
import threading
import time

PARENT = "HANSE_PARENT"
"""Environment variable: the process id of the `hanse node serve` whose child this process is."""

LOOK_S = 0.5
"""Seconds between looks at who the parent is."""

GRACE_S = 8.0
"""Seconds that an orphan has to end in order; after them it ends at once."""


def follow_parent() -> None:
    """End this process soon after its parent, if it was started by one that said so.

    The kernel gives an orphan another parent; a look twice a second sees it, whatever killed the first one.
    """
    told = os.environ.get(PARENT, "")
    if told.isdecimal():
        threading.Thread(target=_watch, args=(int(told),), name="follow-parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)
