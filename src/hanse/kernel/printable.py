"""Text from telemetry, file names and registries as a terminal may be given it."""

import unicodedata


def printable(text: str, keep: str = "") -> str:
    """Text with all that a terminal could act on (escape, newline, turned writing) as a Python escape.

    A name in telemetry is chosen by whoever wrote it. Control characters could move the cursor, repaint
    lines or change the window's title, and marks of writing direction could turn a name round.

    Args:
        text: Any text, lone surrogates included.
        keep: Control characters to leave as they are.
    """
    return "".join(one if _harmless(one) or one in keep else _escaped(one) for one in text)


def is_printable(text: str) -> bool:
    """Whether a text is shown as it is: nothing in it that `printable` would escape."""
    return all(map(_harmless, text))


def _harmless(one: str) -> bool:
    # Python counts wide, thin and unbreakable spaces as unprintable; a terminal only leaves room for them.
    return one.isprintable() or unicodedata.category(one) == "Zs"


def _escaped(one: str) -> str:
    return one.encode("unicode_escape").decode("ascii")


def one_line(text: str, most: int = 300) -> str:
    """What somebody elsewhere said, to stand in a sentence: what cannot be shown is a space, and it ends somewhere."""
    return "".join(sign if sign.isprintable() else " " for sign in text)[:most]
