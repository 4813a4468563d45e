"""Text from telemetry, file names and registries as a terminal may be given it."""


def printable(text: str, keep: str = "") -> str:
    """Text with all that a terminal could act on (escape, newline, turned writing) as a Python escape.

    A name in telemetry is chosen by whoever wrote it. Control characters could move the cursor, repaint
    lines or change the window's title, and marks of writing direction could turn a name round.

    Args:
        text: Any text, lone surrogates included.
        keep: Control characters to leave as they are.
    """
    return "".join(
        one if one.isprintable() or one in keep or one == THIN_SPACE else _escaped(one) for one in text
    )


THIN_SPACE = "\u2009"
"""Stands between thousands in Hanse's own numbers, and counts as unprintable."""


def _escaped(one: str) -> str:
    return one.encode("unicode_escape").decode("ascii")
