"""One node and one browser for all tests of this package, on one worker."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from tests.browser.chromium import chromium
from tests.browser.desk import Desk, Node
from tests.browser.served import served


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep this package on one worker of xdist: its tests share a node."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside a failure stands what the node said last."""
    report = yield
    if report.failed:
        for name in ("node", "new_node"):
            found = getattr(item, "funcargs", {}).get(name)
            if isinstance(found, Node):
                report.sections.append((f"Log of the {name}", found.served.said()))
    return report


@pytest.fixture(scope="package")
def browser():
    """A headless Chromium."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="package")
def node(tmp_path_factory) -> Iterator[Node]:
    """A node that nobody has come into, until a test does."""
    with served(tmp_path_factory.mktemp("node")) as made:
        yield Node(made)


@pytest.fixture
def new_node(node, tmp_path_factory) -> Iterator[Node]:
    """A node that nobody has come into: the shared one if it is, so that its first user's work serves the others."""
    if not node.passkeys:
        yield node
        return
    with served(tmp_path_factory.mktemp("node")) as made:
        yield Node(made)


@pytest.fixture(scope="package")
def loaded(browser, node) -> Node:
    """The node with its first user come in and the Estonia exercise loaded."""
    if not node.loaded:
        with ExitStack() as closing:
            desk = Desk.at(browser, node)
            closing.callback(desk.close)
            # The one who came in may have got no further: one test's failure is not that of all others.
            (desk.sign_in if node.passkeys else desk.come_in)()
            desk.load_exercise()
    return node


@pytest.fixture(scope="module")
def desks(browser, loaded) -> Iterator[Callable[..., Desk]]:
    """Opens windows in which the first user is signed in; takes the options of a browser context."""
    with ExitStack() as closing:

        def start(**options: object) -> Desk:
            desk = Desk.at(browser, loaded, **options)
            closing.callback(desk.close)
            desk.sign_in()
            return desk

        yield start
