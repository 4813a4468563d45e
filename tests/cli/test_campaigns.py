"""`hanse campaigns`: its data in each format."""

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli import schema
from tests.cli.shell import floods, hanse

VICTIMS = ("195.80.105.107", "213.184.50.69", "195.80.106.11")
REGISTRY = "prefix,organisation,sector,country,site\n" + "".join(
    f"{victim}/32,Body {number},Public administration,EE,\n" for number, victim in enumerate(VICTIMS)
)


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Five floods on three public bodies, each on all at once from common sources, and the registry."""
    folder = tmp_path_factory.mktemp("together")
    flows = floods(folder, 0, 5_000, 19_000, 44_000, 80_000, victims=VICTIMS)
    registry = folder / "registry.csv"
    registry.write_text(REGISTRY, "utf-8")
    return [str(flows), "--registry", str(registry)]


def test_json_has_exactly_the_promised_types(together):
    """The campaign and its attacks are there, typed; every member is an attack of the same output."""
    result = hanse("campaigns", *together)
    value = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert schema.faults(value, schema.CAMPAIGNS) == []
    assert len(value["campaigns"]) == 1
    campaign = value["campaigns"][0]
    assert set(campaign["attacks"]) <= {attack["id"] for attack in value["attacks"]}
    assert campaign["evidence"]
    assert campaign["refuted_by"]
    assert campaign["country"] == "EE"


def test_csv_and_parquet_have_a_row_per_campaign_and_attack(together):
    """Both formats say the same: campaign, attack, scope, country, verdict."""
    text = list(csv.DictReader(io.StringIO(hanse("campaigns", *together, "--format", "csv").stdout)))
    raw = hanse("campaigns", *together, "--format", "parquet").stdout_bytes
    assert pq.read_table(io.BytesIO(raw)).to_pylist() == text
    assert set(text[0]) == {"campaign", "attack", "scope", "country", "verdict"}


def test_the_table_says_what_would_refute_it(together):
    """For people the verdict comes with what would refute it."""
    text = hanse("campaigns", *together, "--format", "table").stdout
    assert "coordinated" in text
    assert "What would refute it" in text


def test_one_attack_is_no_campaign(tmp_path: Path):
    """One attack belongs to no campaign, and that is said; the exit code is 0."""
    result = hanse("campaigns", floods(tmp_path, 0), "--format", "table")
    assert result.exit_code == 0
    assert "none linked" in result.stdout
