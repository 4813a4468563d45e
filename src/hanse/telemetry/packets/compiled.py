"""How the loops over packets are compiled: numba, cached on disk, one machine type per kernel.

Numba notices a change of a function's own file only, never of a file that the function calls into:
a kernel therefore calls other kernels of its own file and no others, and its constants are its file's own
too, or they are numbers that never change.
"""

from collections.abc import Callable
from functools import update_wrapper
from threading import Lock
from typing import Any, TypeVar, cast

Loop = TypeVar("Loop", bound=Callable[..., object])

_telling = Lock()


def kernel(loop: Loop) -> Loop:
    """Compile a loop at its first call and keep the machine code on disk for the next process.

    Numba is loaded with the first call of any: it takes longer to load than all else that reads flows, and most
    inputs need no loop. It keeps the code beside the source, or in the user's cache folder where the installation
    cannot be written, or in ``NUMBA_CACHE_DIR``. Where none of them can be written it is compiled anew in each
    process, a few seconds, rather than not at all.
    """
    return cast("Loop", _Later(loop))


class _Later:
    """A kernel of which only the source was read so far.

    Attributes:
        loop: The source.
        compiled: What numba makes of it, once numba was told of it.
    """

    def __init__(self, loop: Callable[..., object]) -> None:
        self.loop = loop
        self.compiled: Any = None
        update_wrapper(self, loop)

    def __call__(self, *told: object) -> object:
        """Run it, compiled."""
        if self.compiled is None:
            self._tell()
        return self.compiled(*told)

    def _tell(self) -> None:
        """Tell numba of all kernels of the file: they call each other by their names there, which it has to know."""
        names = self.loop.__globals__
        with _telling:
            for name, one in [*names.items()]:
                if isinstance(one, _Later) and one.loop.__globals__ is names:
                    one.compiled = one.compiled or _told(one.loop)
                    names[name] = one.compiled
            self.compiled = self.compiled or _told(self.loop)


def _told(loop: Callable[..., object]) -> Any:
    """A loop of which numba knows; it is compiled when it is called."""
    from numba import njit  # noqa: PLC0415 - takes as long to load as Arrow, DuckDB and Ibis together

    try:
        return njit(cache=True, nogil=True)(loop)
    except RuntimeError:
        return njit(nogil=True)(loop)
