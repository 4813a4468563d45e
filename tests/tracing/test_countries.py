import json
from pathlib import Path

import pytest

from hanse.kernel.countries import ALPHA2, NAMES, NUMERIC, country_name


def test_every_country_has_two_codes_and_a_name() -> None:
    """Rule: 249 countries of ISO 3166-1, codes unique and well formed, names unique."""
    assert len(NUMERIC) == len(ALPHA2) == 249
    assert all(len(code) == 2 and code.isupper() for code in NAMES)
    assert all(len(number) == 3 and number.isdigit() for number in ALPHA2)
    assert len(set(NAMES.values())) == len(NAMES)
    assert (NUMERIC["EE"], country_name("EE")) == ("233", "Estonia")
    assert country_name("ZZ") == "unknown"
    assert country_name("Q1") == "Q1"


def test_the_borders_are_all_known() -> None:
    """Rule: every numbered shape of world-atlas is a country of the table."""
    path = Path(__file__).resolve().parents[2] / "node_modules/world-atlas/countries-50m.json"
    if not path.exists():
        pytest.skip("world-atlas not installed (make setup installs it)")
    shapes = json.loads(path.read_bytes())["objects"]["countries"]["geometries"]
    assert {shape["id"] for shape in shapes if "id" in shape} <= set(ALPHA2)
