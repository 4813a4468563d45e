"""The link chart: in its place by ties alone, the same each time, and nothing covers anything."""

from hypothesis import given
from hypothesis import strategies as st

from hanse.cases.link_chart import GAP, HEIGHT, WIDTHS, Node, Tie, laid_out

SORTS = ("person", "selector", "item")


def node(key: str, column: int, label: str = "") -> Node:
    """A thing of a column."""
    return Node(key, column, label or key, SORTS[column])


def test_what_is_tied_stands_side_by_side() -> None:
    """A selector stands at the height of its person, whatever the order in which they came."""
    nodes = [node("a", 0), node("b", 0), node("of b", 1), node("of a", 1), node("in a", 2)]
    chart = laid_out(nodes, [Tie("b", "of b", ""), Tie("a", "of a", ""), Tie("of a", "in a", "")])
    at = {box.node.key: box.y for box in chart.boxes}
    assert at["a"] == at["of a"] == at["in a"]
    assert at["b"] == at["of b"]


def test_a_tie_to_what_is_not_there_is_left_out() -> None:
    """Only what stands on the chart is tied."""
    assert laid_out([node("a", 0)], [Tie("a", "b", "")]).lines == ()


def test_words_are_cut_to_their_box() -> None:
    """A long name ends in an ellipsis; the whole of it is said on pointing."""
    (box,) = laid_out([node("a", 0, "x" * 100)], []).boxes
    assert box.text.endswith("…")
    assert len(box.text) < 40
    assert box.node.label == "x" * 100


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), max_size=30, unique_by=lambda one: one[0]),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40),
)
def test_nothing_covers_anything(things: list[tuple[int, int]], ties: list[tuple[int, int]]) -> None:
    """Every thing has a place of its own inside the chart, and the same input gives the same chart."""
    nodes = [node(str(key), column) for key, column in things]
    told = [Tie(str(a), str(b), "") for a, b in ties if a != b]
    chart = laid_out(nodes, told)
    assert chart == laid_out(nodes, told)
    assert len(chart.boxes) == len(nodes)
    boxes = sorted((box.x, box.y) for box in chart.boxes)
    assert len(set(boxes)) == len(boxes)
    for box in chart.boxes:
        assert box.x + box.width <= chart.width <= sum(WIDTHS) + 2 * GAP
        assert box.y + HEIGHT <= chart.height
