"""Why a text is no value of its kind."""

from hanse.kernel.errors import HanseError


class ValueProblem(HanseError):  # noqa: N818 - it is a finding about somebody's list, row by row
    """A text is no value of the kind that it was said to be; the words say why, for the person who typed it."""
