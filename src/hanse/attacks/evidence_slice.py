"""The flows behind one attack, whole, for whoever has to check it."""

import ipaddress
from collections.abc import Sequence

import ibis.expr.types as ir
import pyarrow as pa

from hanse.attacks import vectors as v
from hanse.attacks.attack import Attack
from hanse.attacks.screen import MIXABLE
from hanse.attacks.traffic import HOSTS, Scope, class_of, conversations, counts_only_unasked
from hanse.engine import Engine
from hanse.kernel import addresses
from hanse.telemetry.schema import FLOW


def slice_of(engine: Engine, paths: Sequence[str], attack: Attack) -> pa.Table:
    """The flows of an attack, in the flow schema, in order of start.

    They are chosen as the detector chose them: towards the victim, of the vector's class, begun inside
    the interval, and outside the victim's own conversations where the class asks for that.
    """
    flows = engine.read(paths)
    scope, key = _victim(attack.victim)
    moment = engine.micros(flows.start)
    mine = flows.filter((moment >= attack.start_us) & (moment < attack.end_us))
    mine = mine.filter(scope.of(engine, mine.dst) == key)
    code = class_of(mine, flags_known=True)
    mine = mine.mutate(_unasked=counts_only_unasked(mine, code)).filter(code.isin(_codes(attack.vector)))
    victims = engine.table(pa.table({"victim": pa.array([key], pa.binary())}), "hanse_slice_victim")
    talks = conversations(engine, flows, victims, scope)
    rows = _outside_conversations(mine, talks.filter(talks.spoke == 1))
    wanted = engine.arrow(rows.select(FLOW.names).order_by("start"))
    return wanted.cast(FLOW)


def _codes(vector: str) -> list[int]:
    """The classes of a vector by its name; a mixture has several."""
    codes = [code for code, known in v.vectors().items() if known.name == vector]
    if v.MIXED in codes:
        return list(MIXABLE)
    return codes


def _victim(text: str) -> tuple[Scope, bytes]:
    """Scope and key of a victim in text."""
    network = ipaddress.ip_network(text)
    octets = (network.prefixlen + (96 if network.version == 4 else 0)) // 8
    scope = HOSTS if octets == HOSTS.octets else Scope(octets)
    return scope, addresses.pack(str(network.network_address))[:octets]


def _outside_conversations(flows: ir.Table, spoke: ir.Table) -> ir.Table:
    """Flows without those that count only unasked and came from somebody the victim spoke to."""
    icmp = flows._unasked & flows.protocol.isin((1, 58))  # noqa: SLF001 - a column, not a private member
    other = flows._unasked & ~flows.protocol.isin((1, 58))  # noqa: SLF001 - a column, not a private member
    anyone = spoke.select(src=spoke.remote).distinct()
    same = spoke.select(src=spoke.remote, _protocol=spoke.protocol).distinct()
    kept_icmp = flows.filter(icmp).anti_join(anyone, "src")
    named = flows.filter(other).mutate(_protocol=flows.protocol.cast("int32"))
    kept_other = named.anti_join(same, ["src", "_protocol"]).select(flows.columns)
    free = flows.filter(~flows._unasked)  # noqa: SLF001 - a column, not a private member
    return free.union(kept_icmp).union(kept_other)
