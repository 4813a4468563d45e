"""NumPy, loaded when something is compared for the first time: an idle node has no use for its 20 MB in each process."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
else:

    class _Later:
        """Stands for NumPy until something of it is asked for."""

        def __getattr__(self, name: str) -> Any:
            import numpy  # noqa: ICN001, PLC0415 - this is what it is for

            return getattr(numpy, name)

    np = _Later()

__all__ = ["np"]
