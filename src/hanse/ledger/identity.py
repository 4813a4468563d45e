"""Which authority this node belongs to; bootstrap says it once."""

from hanse.kernel.errors import HanseError

_authority: list[str] = []


def belong_to(authority: str) -> None:
    """Say whose node this process serves."""
    _authority[:] = [authority]


def authority() -> str:
    """The authority's id, such as ``ee-cert``: the origin of every entry written here.

    Raises:
        HanseError: The node is not set up.
    """
    if not _authority:
        raise HanseError("This process serves no node. Make one with `hanse node init`.")
    return _authority[0]
