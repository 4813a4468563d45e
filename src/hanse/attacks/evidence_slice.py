"""The flows behind one attack, whole, for whoever has to check it."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from hanse.attacks import vectors as v
from hanse.attacks.attack import Attack
from hanse.attacks.judge import victim_key
from hanse.attacks.screen import MIXABLE
from hanse.attacks.traffic import (
    HOSTS,
    Scope,
    class_of,
    conversation_keys,
    conversations,
    counts_only_unasked,
    first_address,
    sound,
    source_key,
    with_tunnels,
)
from hanse.engine import Engine
from hanse.telemetry.schema import ADDRESS, FLOW


def slice_of(engine: Engine, paths: Sequence[str], attack: Attack) -> pa.Table:
    """The flows of an attack, in the flow schema, in order of start.

    They are chosen as the detector chose them: towards the victim, of the vector's class, begun inside
    the interval, and outside the victim's own conversations where the class asks for that.
    """
    flows = sound(engine.read(paths))
    if attack.vector == v.vectors()[v.GRE].name:
        flows = with_tunnels(flows)
    key = victim_key(attack.victim)
    scope = HOSTS if len(key) == HOSTS.octets else Scope(len(key))
    moment = engine.micros(flows.start)
    mine = flows.filter((moment >= attack.start_us) & (moment <= attack.end_us))
    victims = engine.table(
        pa.table({"victim": pa.array([first_address(key)], ADDRESS)}), "hanse_slice_victim"
    )
    mine = mine.mutate(victim=scope.of(engine, mine.dst)).semi_join(victims, "victim")
    mine = mine.mutate(code=class_of(mine, flags_known=True), start_us=engine.micros(mine.start))
    mine = mine.filter(mine.code.isin(_codes(attack.vector)))
    talks = conversations(engine, flows, victims, scope)
    keys = conversation_keys(engine, talks)
    unasked = counts_only_unasked(mine.code)
    asked = mine.filter(unasked)
    asked = asked.mutate(_key=source_key(engine, asked)).anti_join(keys, "_key")
    rows = mine.filter(~unasked).select(FLOW.names).union(asked.select(FLOW.names))
    table = engine.arrow(rows.order_by("start")).cast(FLOW)
    if table.num_rows <= attack.flows:
        return table
    # The attack ended by its rate, not with its last flow: what began at that very moment is no part of it.
    begun = pc.less(table["start"].cast(pa.int64()), attack.end_us)
    return table.filter(begun)


def _codes(vector: str) -> list[int]:
    """The classes of a vector by its name; a mixture has several."""
    codes = [code for code, known in v.vectors().items() if known.name == vector]
    if v.MIXED in codes:
        return list(MIXABLE)
    return [*codes, v.ICMP_ANSWER] if v.ICMP in codes else codes
