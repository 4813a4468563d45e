"""How the loops over packets are compiled: numba, cached on disk, one machine type per kernel.

Numba notices a change of a function's own file only, never of a file that the function calls into:
a kernel therefore calls other kernels of its own file and no others, and its constants are its file's own
too, or they are numbers that never change.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Loop = TypeVar("Loop", bound=Callable[..., object])


def kernel(loop: Loop) -> Loop:
    """Compile a loop at its first call and keep the machine code on disk for the next process.

    Numba keeps it beside the source, or in the user's cache folder where the installation cannot be
    written, or in ``NUMBA_CACHE_DIR``. Where none of them can be written it is compiled anew in each
    process, a few seconds, rather than not at all.
    """
    try:
        compiled: Any = njit(cache=True, nogil=True)(loop)
    except RuntimeError:
        compiled = njit(nogil=True)(loop)
    return cast("Loop", compiled)
