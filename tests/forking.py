"""Work in a fork of this process."""

import os
import traceback
from collections.abc import Callable


def forked(work: Callable[[], object]) -> int:
    """Do work in a fork, which ends with it: status 0 where it went well, 1 where it did not; the fork's process id."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work()
        status = 0
    except BaseException:  # noqa: BLE001 - a child never returns into its parent's work
        traceback.print_exc()
    finally:
        os._exit(status)
