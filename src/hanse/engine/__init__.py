"""The query engine behind an Ibis expression: DuckDB in the process, or Spark.

In: Parquet paths. Out: Ibis tables and Arrow results. Used by: attacks, exercise, the shell.
"""

from hanse.engine.duckdb_addresses import ADDRESS_OCTETS
from hanse.engine.engine import Engine, any_bits, open_engine
from hanse.engine.remembering import remembered

__all__ = ["ADDRESS_OCTETS", "Engine", "any_bits", "open_engine", "remembered"]
