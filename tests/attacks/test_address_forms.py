"""Flows that are all IPv4 are analysed by 32 bits of an address, others by 128, and nobody can tell which."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.attacks.attack import Detection
from hanse.attacks.detect import detect
from hanse.attacks.evidence_slice import slice_of
from hanse.engine import open_engine
from hanse.engine.duckdb_addresses import ENDS, NARROW, WIDE
from hanse.kernel.errors import UnreadableInputError
from hanse.telemetry import parquet
from hanse.telemetry.schema import FLOW
from tests.attacks.build import VICTIM, addresses, both_ways, flows, icmp_flood

HOSTS = [f"198.51.100.{host}" for host in range(1, 201)]
SIX = [f"2001:db8::{host:x}" for host in range(1, 200)]


def traffic() -> pa.Table:
    """A flood, one of tunnelled packets, a network under attack, answers that were asked for, and what is no attack."""
    return pa.concat_tables(
        [
            icmp_flood(100, 40, pps=300),
            flows(6_000, src=addresses(3_000, base="90.0.0.0"), flags=2, dst_port=80, start_s=110, span_s=30),
            flows(6_000, src=addresses(300), dst=HOSTS, protocol=1, icmp=8, packets=10),
            flows(
                9_000, src=addresses(9_000), dst=addresses(9_000, 2), protocol=17, tunnel=47, start_s=4_000,
                outer=(addresses(200), VICTIM), packets=10, size=500,
            ),
            flows(4_000, src=["203.0.113.9"], dst=["192.0.2.9"], flags=2, dst_port=np.arange(4_000) % 2_000),
            *both_ways(500, addresses(200, 4), "192.0.2.7", 443, packets=10, size=300),
        ]
    )  # fmt: skip


def found_in(path: Path, form: object) -> Detection:
    """What is found in a file, whose addresses the engine takes in the form that is expected."""
    with open_engine() as engine:
        ends = engine.read([str(path)]).schema()
        assert {ends[name] for name in ENDS} == {form}
        assert ends["exporter"] == WIDE
        return detect(engine, [str(path)])


def test_the_form_changes_nothing(tmp_path: Path) -> None:
    """A file that says that all is IPv4, and the same without a word of it: equal attacks, sources and dismissals."""
    told, silent = tmp_path / "told.parquet", tmp_path / "silent.parquet"
    pq.write_table(traffic(), told)
    pq.write_table(traffic(), silent, write_statistics=False)
    narrow, wide = found_in(told, NARROW), found_in(silent, WIDE)
    assert {attack.vector for attack in narrow.attacks} >= {"icmp_flood", "tcp_syn_flood", "gre_flood"}
    assert "198.51.100.0/24" in {attack.victim for attack in narrow.attacks}
    assert [one.victim for one in narrow.dismissed] == ["192.0.2.9"]
    assert narrow == wide


def test_hanses_own_files_say_it(tmp_path: Path) -> None:
    """What Hanse writes says of itself whether all is IPv4; rows without outer addresses do not keep it from that."""
    for name, rows, form in (
        ("four", traffic(), NARROW),
        ("six", pa.concat_tables([traffic(), flows(1, src=SIX[:1], dst=SIX[1:2])]), WIDE),
    ):
        path = tmp_path / f"{name}.parquet"
        with path.open("wb") as out, parquet.FlowWriter(out) as writer:
            writer.write(rows.cast(FLOW))
        assert found_in(path, form).attacks


def test_one_file_of_another_kind_is_enough(tmp_path: Path) -> None:
    """IPv4 in one file and IPv6 in another, as networks have both: attacks on either are found."""
    pq.write_table(traffic(), tmp_path / "four.parquet")
    pq.write_table(
        flows(9_000, src=SIX, dst=["2001:db8:1::1"], protocol=58, icmp=128, packets=5),
        tmp_path / "six.parquet",
    )
    found = found_in(tmp_path, WIDE)
    assert {VICTIM, "2001:db8:1::1"} <= {attack.victim for attack in found.attacks}
    with open_engine() as engine:
        assert detect(engine, [str(tmp_path / "four.parquet")]).attacks
        assert detect(engine, [str(tmp_path)]).attacks == found.attacks


def test_a_victim_of_the_other_kind_has_no_flows(tmp_path: Path) -> None:
    """The evidence of an attack on IPv6 in flows of IPv4 alone, which have taken their place: none, and no error."""
    pq.write_table(
        flows(9_000, src=SIX, dst=SIX[:1], protocol=58, icmp=128, packets=5), tmp_path / "six.parquet"
    )
    pq.write_table(traffic(), tmp_path / "four.parquet")
    (attack,) = found_in(tmp_path / "six.parquet", WIDE).attacks
    with open_engine() as engine:
        assert slice_of(engine, [str(tmp_path / "four.parquet")], attack).num_rows == 0


def test_a_file_that_lies_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statistics that hide an address end in an error with the name of the file: no other host becomes its victim."""
    bounds = bytes(10) + b"\xff\xff" + bytes(4), bytes(10) + b"\xff" * 6
    monkeypatch.setattr(parquet, "_address_span", lambda _: bounds)
    for name, sources in (("honest", addresses(300)), ("lying", SIX)):
        with (tmp_path / f"{name}.parquet").open("wb") as out, parquet.FlowWriter(out) as writer:
            writer.write(flows(500, src=sources, dst=[VICTIM], flags=2).cast(FLOW))
    with (
        open_engine() as engine,
        pytest.raises(UnreadableInputError, match=r"lying\.parquet.*statistics.*Leave this file out"),
    ):
        detect(engine, [str(tmp_path)])


WORDS = st.lists(st.binary(min_size=16, max_size=16) | st.integers(0, 2**32 - 1).map(
    lambda number: bytes(10) + b"\xff\xff" + number.to_bytes(4, "big")), min_size=1, max_size=30)  # fmt: skip


@given(WORDS)
def test_statistics_are_the_first_and_last_address(octets: list[bytes]) -> None:
    """What the footer says of addresses is the least and the greatest in the order of their octets."""
    words = np.frombuffer(b"".join(octets), np.uint64).reshape(-1, 2)
    assert parquet._address_span(words) == (min(octets), max(octets))
