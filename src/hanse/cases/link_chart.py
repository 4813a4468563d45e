"""The link chart of a case, laid out in three columns: people, selectors, and where else these are known.

Columns instead of forces: the same case looks the same each time, and long names stand beside each other without
covering one. Within a column a thing stands as near as can be to what it is tied to (barycentre heuristic: Sugiyama,
Tagawa and Toda, "Methods for visual understanding of hierarchical system structures", 1981).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

ROW: Final = 34
"""Distance of two things in a column, px."""
WIDTHS: Final = (210, 280, 260)
"""Width of each column's boxes, px."""
GAP: Final = 80
"""Between two columns, px."""
HEIGHT: Final = 24
"""Of a box, px."""
TOP: Final = 34
"""Above the first box, for the heading, px."""
SIGN: Final = 7.2
"""Width that is reckoned for a sign at 13 px, px."""

Sort = Literal["suspect", "person", "selector", "item", "case"]


@dataclass(frozen=True, slots=True)
class Node:
    """Something on the chart.

    Attributes:
        key: By which ties name it.
        column: 0 for people, 1 for selectors, 2 for what is elsewhere.
        label: Its words.
        sort: How it is drawn.
        url: Its page; empty for none.
        more: What is said of it when it is pointed at.
    """

    key: str
    column: int
    label: str
    sort: Sort
    url: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class Tie:
    """A line of the chart, from a column to the next, and why it is there."""

    first: str
    second: str
    words: str


@dataclass(frozen=True, slots=True)
class Box:
    """A node in its place, px from the upper left corner of the chart."""

    node: Node
    x: int
    y: int
    width: int

    @property
    def text_x(self) -> int:
        """Where its words begin."""
        return self.x + 10

    @property
    def text_y(self) -> int:
        """Their base line."""
        return self.y + 16

    @property
    def text(self) -> str:
        """Its words, cut to the width of the box."""
        most = int((self.width - 20) / SIGN)
        return self.node.label if len(self.node.label) <= most else self.node.label[: most - 1] + "…"


@dataclass(frozen=True, slots=True)
class Line:
    """A tie in its place: the path of an SVG."""

    path: str
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart that is laid out.

    Attributes:
        width: Of what stands on it, px.
        height: px.
        boxes: In reading order.
        lines: Drawn below the boxes.
        heads: Where each column's heading stands, px from the left.
    """

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    heads: tuple[int, int, int]

    @property
    def elsewhere(self) -> bool:
        """Whether anything stands in the last column."""
        return any(box.node.column == len(WIDTHS) - 1 for box in self.boxes)


def laid_out(nodes: Iterable[Node], ties: Sequence[Tie]) -> Chart:
    """The chart of some things and their ties; a tie to what is not on the chart is left out."""
    columns: list[list[Node]] = [[], [], []]
    for node in nodes:
        columns[node.column].append(node)
    near: dict[str, list[str]] = {}
    for tie in ties:
        near.setdefault(tie.first, []).append(tie.second)
        near.setdefault(tie.second, []).append(tie.first)
    place = {node.key: float(at) for at, node in enumerate(columns[0])}
    for column in columns[1:]:
        column.sort(key=lambda node: _middle(near.get(node.key, ()), place))
        place |= {node.key: float(at) for at, node in enumerate(column)}
    columns[0].sort(key=lambda node: _middle(near.get(node.key, ()), place))
    boxes = {box.node.key: box for box in _boxes(columns)}
    lines = tuple(
        Line(_path(boxes[tie.first], boxes[tie.second]), tie.words)
        for tie in ties
        if tie.first in boxes and tie.second in boxes
    )
    tallest = max(map(len, columns))
    lefts = _lefts()
    width = max((box.x + box.width for box in boxes.values()), default=0)
    return Chart(width, TOP + max(tallest, 1) * ROW, tuple(boxes.values()), lines, lefts)


def _middle(keys: Iterable[str], place: dict[str, float]) -> float:
    """The mean place of some things; those that are tied to nothing come last."""
    found = [place[key] for key in keys if key in place]
    return sum(found) / len(found) if found else float("inf")


def _lefts() -> tuple[int, int, int]:
    return 0, WIDTHS[0] + GAP, WIDTHS[0] + WIDTHS[1] + 2 * GAP


def _boxes(columns: Sequence[Sequence[Node]]) -> Iterable[Box]:
    for column, left, width in zip(columns, _lefts(), WIDTHS, strict=True):
        for at, node in enumerate(column):
            yield Box(node, left, TOP + at * ROW, width)


def _path(first: Box, second: Box) -> str:
    """A line from the right edge of the one to the left edge of the other, level at both ends."""
    left, right = (first, second) if first.x < second.x else (second, first)
    x1, y1, x2, y2 = left.x + left.width, left.y + HEIGHT // 2, right.x, right.y + HEIGHT // 2
    middle = (x1 + x2) // 2
    return f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"
