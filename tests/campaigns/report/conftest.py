"""What several of the report's tests need: borders, and a real browser where there is one."""

import json
from pathlib import Path

import pytest

from tests.campaigns.report import made
from tests.shared import ROOT


@pytest.fixture(scope="session")
def borders(tmp_path_factory) -> Path:
    """Made borders of four countries: one quantised, one over the antimeridian, one around a pole."""
    path = tmp_path_factory.mktemp("borders") / "countries.json"
    path.write_text(json.dumps(made.topology()))
    return path


@pytest.fixture(scope="session")
def world_atlas() -> Path:
    """The real borders, where `make setup` has put them."""
    path = ROOT / "node_modules" / "world-atlas" / "countries-110m.json"
    if not path.exists():
        pytest.skip("world-atlas is not installed in node_modules (make setup brings it)")
    return path


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    from tests.browser.chromium import chromium

    with chromium() as found:
        yield found
