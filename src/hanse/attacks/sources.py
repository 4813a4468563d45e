"""The table of the apparent sources behind attacks."""

import pyarrow as pa

from hanse.telemetry.schema import ADDRESS

SOURCES: pa.Schema = pa.schema(
    [
        pa.field("attack_id", pa.string(), nullable=False),
        pa.field("src", ADDRESS, nullable=False),
        pa.field("flows", pa.int64(), nullable=False),
        pa.field("packets", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("tcp_flags", pa.uint8(), nullable=False),
        pa.field("ttl", pa.uint8(), nullable=False),
    ]
)
"""The apparent sources of each attack: one row per attack and source address.

`packets` and `bytes` are estimates (sampling applied); `tcp_flags` are or-ed over the source's
attack flows; `ttl` is the lowest seen, 0 where unknown. An attack with more than `SOURCE_LIMIT`
distinct sources is represented by those with the smallest address hashes, which is a uniform
sample of the distinct sources and the same sample of an address in every attack
(bottom-k sketch; Cohen and Kaplan 2007). `Attack.sources` holds the full distinct count.
"""

SOURCE_LIMIT = 65_536
