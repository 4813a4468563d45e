"""The same attacks on every engine."""

import gc
import shutil
import weakref
from contextlib import nullcontext
from pathlib import Path

import duckdb
import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pytest

from hanse.attacks import packed
from hanse.attacks.detect import detect
from hanse.engine import Engine, open_engine, remembered
from hanse.engine.engine import DuckDBEngine, SparkEngine
from hanse.kernel.errors import DataMissingError, UsageError
from tests.attacks import build
from tests.attacks.build import addresses, both_ways, flows, icmp_flood

INTERPRETED = "--conf spark.sql.codegen.wholeStage=false --conf spark.sql.codegen.factoryMode=NO_CODEGEN"
"""Spark evaluates its expressions as they are. Otherwise it writes and compiles Java for each of some fifty queries."""


@pytest.mark.long
@pytest.mark.spark
@pytest.mark.parametrize(
    "told", [INTERPRETED, pytest.param("", marks=pytest.mark.soak)], ids=["interpreted", "compiled"]
)
def test_duckdb_and_spark_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    """DuckDB and Spark find equal attacks, sources and dismissals in the same flows."""
    if shutil.which("java") is None:
        pytest.skip("no Java on this machine: Spark cannot run")
    pytest.importorskip("pyspark", reason="PySpark is not installed")
    # A JVM that lives for a minute spends most of it on checking its own byte code and on optimising what runs once,
    # and has little to collect.
    unchecked = "-XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
    monkeypatch.setenv(
        "JDK_JAVA_OPTIONS",
        f"-XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=10 -XX:+UseSerialGC {unchecked}",
    )
    # With so few flows, plans that are made anew after each step cost more than they save.
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", f"--conf spark.sql.adaptive.enabled=false {told} pyspark-shell")
    many = [f"198.51.100.{i}" for i in range(1, 201)]
    paths = build.write(
        tmp_path,
        icmp_flood(100, 40, pps=300),
        flows(6_000, src=addresses(3_000, base="90.0.0.0"), flags=2, dst_port=80, start_s=110, span_s=30),
        flows(
            3_000, src=addresses(300), protocol=17, src_port=53, dst_port=4_321, size=1_300, dst=["192.0.2.5"]
        ),
        flows(4_000, src=["203.0.113.9"], dst=["192.0.2.9"], flags=2, dst_port=np.arange(4_000) % 2_000),
        flows(6_000, src=addresses(300), dst=many, protocol=1, icmp=8, packets=10),
        *both_ways(500, addresses(200, 4), "192.0.2.7", 443, packets=10, size=300),
    )
    with open_engine("duckdb") as engine:
        here = detect(engine, paths)
    with open_engine("spark://local[2]") as engine:
        there = detect(engine, paths)
        # What is built of it may be asked of the next session.
        assert isinstance(engine.read(paths).op(), ops.UnboundTable)
    assert {attack.vector for attack in here.attacks} == {"icmp_flood", "tcp_syn_flood", "dns_reflection"}
    assert "198.51.100.0/24" in {attack.victim for attack in here.attacks}
    assert [dismissed.victim for dismissed in here.dismissed] == ["192.0.2.9"]
    assert here.attacks == there.attacks
    assert here.sources.equals(there.sources)
    assert here.dismissed == there.dismissed


def test_addresses_come_out_as_they_went_in() -> None:
    """Every octet of an address, nulls, and the other columns in their order."""
    column = pa.array(
        [bytes(16), b"\xff" * 16, None, bytes(10) + b"\xff\xff\x01\x02\x03\x04", bytes(range(128, 144))],
        pa.binary(16),
    )
    rows = pa.table({"before": [1, 2, 3, 4, 5], "src": column, "after": list("abcde")})
    with open_engine() as engine:
        table = engine.table(rows, "addresses")
        assert engine.arrow(table.order_by("before")).equals(rows)
        assert engine.arrow(table.filter(table.before < 0)).num_rows == 0


def test_what_was_made_on_the_way_is_gone_at_the_end() -> None:
    """A detection leaves none of its tables in the engine, failed or not; what was there before it stays."""
    with open_engine() as engine:
        before = engine.table(pa.table({"n": [1, 2]}), "before")
        for failing in (False, True):
            with pytest.raises(ZeroDivisionError) if failing else nullcontext(), engine.scratch():
                inside = engine.keep(engine.table(pa.table({"n": [3]}), "given"), "kept")
                assert engine.arrow(inside)["n"].to_pylist() == [3]
                _ = 1 // (not failing)
            for name in ("given", "kept"):
                with pytest.raises(duckdb.CatalogException):
                    engine.arrow(ibis.table({"n": "int64"}, name=name))
        assert engine.arrow(before.n.sum().as_table()).to_pylist() == [{"Sum(n)": 3}]


def test_a_remembered_query_is_asked_anew(tmp_path: Path) -> None:
    """The same query of other rows, of other files or of other columns under the same name gives their answer."""
    for rows, total in (({"n": [1, 2]}, 3), ({"n": [5]}, 5), ({"n": [0.25, 0.5]}, 0.75)):
        with open_engine() as engine:
            table = engine.table(pa.table(rows), "numbers")
            assert engine.arrow(table.agg(total=table.n.sum()))["total"].to_pylist() == [total]
            assert engine.arrow(engine.keep(table.filter(table.n > 0.3), "kept")).num_rows == sum(
                number > 0.3 for number in rows["n"]
            )
    with open_engine() as engine:
        first = engine.read(build.write(tmp_path, flows(3, src=["192.0.2.1"])))
        second = engine.read(build.write(tmp_path, flows(4, src=["192.0.2.1"])))
        for _ in range(2):
            assert [engine.arrow(one.agg(n=one.count()))["n"][0].as_py() for one in (first, second)] == [3, 4]


def test_packed_columns_come_apart_as_they_were() -> None:
    """The least and the most of each column, beside the least and the most of all others."""
    most = {"src_port": 65_535, "dst_port": 65_535, "icmp_type": 255, "tcp_flags": 255, "protocol": 255}
    most |= {"ttl": 255, "code": 999, "beside": 2**45 - 1}
    rows = [{name: top * (name == one) for name, top in most.items()} for one in most] + [most]
    rows += [{name: top * (name != one) for name, top in most.items()} for one in most]
    with open_engine() as engine:
        table = engine.table(pa.Table.from_pylist(rows), "packed")
        both = table.select(fields=packed.fields(table), rest=packed.rest(table, table.beside))
        apart = {**packed.fields_of(both.fields), **packed.rest_of(both.rest)}
        found = engine.arrow(both.select(**apart, beside=packed.beside_rest(both.rest)))
    told = [tuple(row[name] for name in most) for row in found.to_pylist()]
    assert sorted(told) == sorted(tuple(row.values()) for row in rows)


def test_unknown_engine() -> None:
    """An engine that is none is refused in words that say which there are."""
    with pytest.raises(UsageError, match="duckdb"), open_engine("oracle"):
        pass


def test_spark_without_java(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Java, Spark says what to install instead of failing somewhere inside."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(DataMissingError, match="JDK"), open_engine("spark://local[1]"):
        pass


def test_an_expression_is_built_once_for_the_same_arguments() -> None:
    """Another column, another kind of it, another name, another number or another engine has it built anew."""
    built = []

    @remembered
    def added(engine: Engine, rows: ir.Table, number: int, *, name: str = "sum") -> ir.Table:
        built.append((engine.name, number))
        return rows.select(**{name: rows.n + number})

    one, again = ({"n": "int64", "m": "int64"} for _ in range(2))
    duck, spark = DuckDBEngine(), SparkEngine("spark://local[2]")
    first = added(duck, ibis.table(one, name="rows"), 1)
    assert added(DuckDBEngine(), ibis.table(again, name="rows"), 1) is first
    others = [
        added(spark, ibis.table(one, name="rows"), 1),
        added(duck, ibis.table(one, name="rows"), 2),
        added(duck, ibis.table(one, name="others"), 1),
        added(duck, ibis.table({"n": "float64", "m": "int64"}, name="rows"), 1),
        added(duck, ibis.table({"n": "int64"}, name="rows"), 1),
        added(duck, ibis.table(one, name="rows"), 1, name="total"),
    ]
    assert len(built) == 1 + len(others)
    assert [other.op() == first.op() for other in others] == [True, False, False, False, False, False]
    assert added(duck, ibis.table(one, name="rows"), 1) is first


def test_few_expressions_are_remembered() -> None:
    """However many are asked for, as thresholds that are learnt differ each time."""

    @remembered
    def over(rows: ir.Table, number: int) -> ir.Table:
        return rows.filter(rows.n > number)

    rows = ibis.table({"n": "int64"}, name="rows")
    first = over(rows, 0)
    kept = weakref.ref(first)
    del first
    for number in range(1, 200):
        over(rows, number)
    gc.collect()
    assert kept() is None
