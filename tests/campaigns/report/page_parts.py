"""Reads a report the way a browser without scripts would, for the tests to ask about."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "link", "img", "hr"}
RAW = {"style", "script"}


@dataclass
class Parts:
    """What stands in a page: elements with their attributes, text outside style and script, errors."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    raw: dict[str, list[str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every element of this name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def words(self) -> str:
        """All text, white space joined."""
        return " ".join(" ".join(self.text).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts = Parts()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.parts.elements.append((tag, dict(attrs)))
        if len({name for name, _ in attrs}) != len(attrs):
            self.parts.errors.append(f"<{tag}> has an attribute twice at {self.getpos()}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.parts.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.parts.errors.append(f"</{tag}> closes {self.open[-1:]} at {self.getpos()}")
        else:
            self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] in RAW:
            self.parts.raw.setdefault(self.open[-1], []).append(data)
        else:
            self.parts.text.append(data)


def read(page: str) -> Parts:
    """The parts of a page; whatever is left open at its end is an error."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    reader.parts.errors += [f"<{tag}> is never closed" for tag in reader.open]
    return reader.parts
