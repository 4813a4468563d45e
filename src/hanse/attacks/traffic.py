"""Every flow sorted into one class of possible attack traffic: the view that all later queries read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir

from hanse.attacks import vectors as v
from hanse.attacks.packed import beside_rest, fields, fields_of, rest, rest_of
from hanse.engine import ADDRESS_OCTETS, Engine, any_bits, remembered

ICMP_ANSWERS = (0, 3, 5, 11, 12, 14, 18)
ICMP6_ANSWERS = (1, 2, 3, 4, 129)
"""ICMP types that answer something the receiver sent (RFC 792, RFC 4443): they count only unasked."""

MAX_PACKETS = 10**12
MAX_OCTETS = 10**14
"""The most that one flow can have carried: over two hours of a 100 Gbit/s line filled with the smallest
packets, or with octets. Counters beyond are an exporter's error, and their sums overflow."""

MAX_FLOW_US = 7 * 86_400_000_000
"""Longest that a flow's packets are spread over, microseconds: a week. Exporters cut flows after half an
hour, and a clock that is wrong by years must not make an interval of years."""

FIRST_START, LAST_START = datetime(1970, 1, 1, tzinfo=UTC), datetime(6000, 1, 1, tzinfo=UTC)
"""Between which a flow starts. Minutes of later ones do not fit into `series.slot_of`, where they would count for another
victim, and pages cannot tell what lasts beyond the year 9999."""

_TCP_FLAGS = 0x3F
"""FIN, SYN, RST, PSH, ACK, URG; the congestion bits say nothing about the kind of segment."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose traffic is summed: single hosts, or networks by the leading octets of their address."""

    octets: int = 16

    @property
    def factor(self) -> float:
        """How many times a host's threshold such a victim is held to."""
        return 1.0 if self.octets == ADDRESS_OCTETS else v.CARPET_FACTOR

    def of(self, engine: Engine, address: ir.Value) -> ir.Value:
        """The victim in whose name an address column is summed: the address, or the first one of its network."""
        return address if self.octets == 16 else engine.network(address, self.octets)

    def key(self, victim: bytes) -> bytes:
        """Outside the engine a victim is its leading octets, which tell hosts and networks apart."""
        return victim[: self.octets]


def first_address(key: bytes) -> bytes:
    """The 16 octets that stand for a victim inside the engine."""
    return key + bytes(ADDRESS_OCTETS - len(key))


HOSTS = Scope()
V4_NETWORKS = Scope(v.PREFIX_OCTETS)
V6_NETWORKS = Scope(v.V6_PREFIX_OCTETS)


@remembered
def sound(flows: ir.Table) -> ir.Table:
    """Flows without the records that no router can have seen, so that one broken exporter blinds nobody.

    Out go counters that are zero, negative or beyond `MAX_PACKETS` and `MAX_OCTETS`, and starts beyond `FIRST_START` and
    `LAST_START`; a sampling rate under 1 means unknown and becomes 1.
    """
    sampling = ibis.greatest(flows.sampling, 1)
    # In doubles, since the product of two lying counters overflows an integer and ends the query.
    packets = flows.packets.cast("float64") * sampling
    octets = flows.bytes.cast("float64") * sampling
    possible = (flows.packets > 0) & (packets <= MAX_PACKETS) & (flows.bytes >= 0) & (octets <= MAX_OCTETS)
    possible &= (flows.start >= ibis.literal(FIRST_START)) & (flows.start < ibis.literal(LAST_START))
    return flows.filter(possible).mutate(sampling=sampling.cast("int32"))


@remembered
def coded(flows: ir.Table, *, flags_known: bool) -> ir.Table:
    """All that the detector needs of flows, each with its class in a column ``code``."""
    code = class_of(flows, flags_known=flags_known).cast("int16")
    return flows.select(*_DETECTED, code=code)


_DETECTED = (
    "start", "end", "src", "dst", "src_port", "dst_port", "protocol", "tcp_flags", "icmp_type", "packets",
    "bytes", "sampling", "ttl",
)  # fmt: skip


def kept(engine: Engine, flows: ir.Table, name: str) -> ir.Table:
    """`coded` flows, kept by the engine under a name."""
    return _opened(engine.keep(_packed(flows), name))


@remembered
def _packed(flows: ir.Table) -> ir.Table:
    """`coded` flows in fewer columns."""
    return flows.select(
        *("start", "end", "src", "dst", "packets", "bytes"),
        fields=fields(flows),
        rest=rest(flows, flows.sampling),
    )


@remembered
def _opened(rows: ir.Table) -> ir.Table:
    """The columns of `coded` flows from `_packed`."""
    columns = {**fields_of(rows.fields), **rest_of(rows.rest), "sampling": beside_rest(rows.rest)}
    return rows.mutate(**columns).select(*_DETECTED, "code")


@remembered
def classified(
    engine: Engine, flows: ir.Table, *, scope: Scope = HOSTS, flags_known: bool = True
) -> ir.Table:
    """Flows towards a victim with their class.

    Args:
        engine: Where the query runs.
        flows: A table in the flow schema, or `coded`.
        scope: What counts as one victim.
        flags_known: Whether the exporters report TCP flags at all.

    Returns:
        Columns ``victim`` (binary), ``dst``, ``src``, ``src_port``, ``dst_port``, ``protocol``, ``code``
        (int, see `vectors`), ``packets`` and ``octets`` (estimates), ``observed`` (packets before scaling), ``start_us``, ``end_us``,
        ``tcp_flags``, ``icmp_type``, ``ttl``, ``flows`` (1, so that sums of flows can stand for flows).
    """
    code = flows.code if "code" in flows.columns else class_of(flows, flags_known=flags_known)
    start_us = engine.micros(flows.start)
    end_us = ibis.least(ibis.greatest(engine.micros(flows.end), start_us), start_us + MAX_FLOW_US)
    return flows.select(
        victim=scope.of(engine, flows.dst),
        dst=flows.dst,
        src=flows.src,
        src_port=flows.src_port,
        dst_port=flows.dst_port,
        protocol=flows.protocol,
        code=code.cast("int32"),
        packets=flows.packets * flows.sampling,
        octets=flows.bytes * flows.sampling,
        observed=flows.packets,
        start_us=start_us,
        end_us=end_us,
        tcp_flags=flows.tcp_flags,
        icmp_type=flows.icmp_type,
        ttl=flows.ttl,
        flows=ibis.literal(1, "int64"),
    )


@remembered
def with_tunnels(flows: ir.Table) -> ir.Table:
    """Flows, and for each GRE-tunnelled one its outer packet too, so that a GRE flood shows on its victim."""
    outer = flows.filter((flows.tunnel == 47) & flows.outer_dst.notnull())
    outer = outer.mutate(
        src=outer.outer_src,
        dst=outer.outer_dst,
        protocol=ibis.literal(47, "uint8"),
        src_port=ibis.literal(0, "uint16"),
        dst_port=ibis.literal(0, "uint16"),
        fragments=ibis.literal(0, "int64"),
        tunnel=ibis.literal(0, "uint8"),
    )
    return flows.union(outer.select(flows.columns))


def class_of(flows: ir.Table, *, flags_known: bool) -> ir.IntegerValue:
    """The class of each flow, as a number of `vectors`."""
    services = [
        ((flows.src_port == service.port), v.REFLECTION + number)
        for number, service in enumerate(v.reflection_services())
    ]
    # Exporters give the later fragments of a datagram, which have no ports, as port 0 to port 0.
    fragment = ((flows.fragments > 0) & (flows.fragments == flows.packets)) | (
        (flows.src_port == 0) & (flows.dst_port == 0)
    )
    udp = ibis.cases((fragment, v.FRAGMENT), *services, else_=v.UDP)
    tcp = _tcp_code(flows) if flags_known else ibis.literal(v.SESSION)
    return ibis.cases(
        (flows.protocol == 6, tcp),
        (flows.protocol == 17, udp),
        ((flows.protocol == 1) & one_of(flows.icmp_type, ICMP_ANSWERS), v.ICMP_ANSWER),
        ((flows.protocol == 58) & one_of(flows.icmp_type, ICMP6_ANSWERS), v.ICMP_ANSWER),
        (flows.protocol.isin((1, 58)), v.ICMP),
        (flows.protocol == 47, v.GRE),
        (flows.protocol == 50, v.ESP),
        else_=v.OTHER,
    ).cast("int32")


def _tcp_code(flows: ir.Table) -> ir.IntegerValue:
    """The class of a TCP flow by all flags that its packets had.

    Whoever sets more flags than a flood needs must not pass as a session: a session's packets have ACK
    set from the second on, and no single packet of one has SYN beside FIN or RST (RFC 9293, 3.10.7). With
    PSH too, a packet passes: exporters that count wrongly write whole sessions so.
    """
    flags = flows.tcp_flags.cast("int32") & _TCP_FLAGS
    without_ack = (flags & 16) == 0
    opening = (flags & 2) == 2
    torn = (flows.packets == 1) & opening & ((flags & 5) != 0) & ((flags & 8) == 0)
    fragment = (flows.fragments > 0) & (flows.fragments == flows.packets)
    return ibis.cases(
        (fragment, v.FRAGMENT),
        ((opening & without_ack) | torn, v.SYN),
        (flags == 18, v.SYNACK),
        (flags == 16, v.ACK),
        (flags == 0, v.NULL),
        ((without_ack & ((flags & 4) == 4)) | (flags == 20), v.RST),
        ((without_ack & ((flags & 1) == 1)) | (flags == _TCP_FLAGS), v.FIN),
        (opening & flows.dst_port.isin(v.WEB_PORTS), v.WEB),
        (opening, v.SESSION),
        (flows.src_port.isin(v.TCP_REFLECTOR_PORTS), v.TCP_ANSWER),
        else_=v.ACK,
    )


def counts_only_unasked(code: ir.IntegerValue) -> ir.BooleanValue:
    """Whether a class counts only if the victim did not converse with the source."""
    return one_of(code, _only_unasked())


def _only_unasked() -> list[int]:
    """The classes of which only what was not asked for counts."""
    always = [number for number, vector in v.vectors().items() if vector.unanswered]
    return [*always, v.OTHER, v.ICMP_ANSWER]


def one_of(number: ir.IntegerValue, numbers: Sequence[int]) -> ir.BooleanValue:
    """Whether a column has one of some values, by comparison with each run of them.

    DuckDB makes a join of a list of more than a few values, which costs several times as much for each flow.
    """
    wanted = sorted(set(numbers))
    begins = [value for value in wanted if value - 1 not in wanted]
    ends = [value for value in wanted if value + 1 not in wanted]
    runs = [
        number == low if low == high else number.between(low, high)
        for low, high in zip(begins, ends, strict=True)
    ]
    return reduce(or_, runs)


DAY_US = 86_400_000_000
NIGHT_US = 3_600_000_000
"""A conversation excuses the next day too when it lasts to within an hour of midnight, and the day before when
it begins so: flow records of its two directions are cut at different times, up to half an hour apart."""
ANYTHING = -1
_OWN = 0
_OPENED = -2
"""In place of a protocol number: whatever the victim sent, which excuses the ICMP that comes back; and half
handshakes and more, which excuse resets: the owner of a forged address refuses the victim's SYN-ACK."""


@remembered
def conversations(engine: Engine, flows: ir.Table, victims: ir.Table, scope: Scope) -> ir.Table:
    """With whom the victims spoke themselves, by day.

    A victim converses with a source when it sends it more than resets and half handshakes. Whatever
    it sends excuses the ICMP errors and echo replies that come back.

    Returns:
        Columns ``victim``, ``remote``, ``protocol``, ``day`` (days since the epoch), ``spoke`` (1 where
        it was a conversation or a request, 0 where only a refusal was seen), ``opened`` (1 where TCP was more than a reset), ``first_us``, ``last_us``.
    """
    own = flows.mutate(victim=scope.of(engine, flows.src))
    own = own.semi_join(victims, "victim")
    opened = (own.protocol == 6) & ((own.tcp_flags.cast("int32") & 4) == 0)
    day = (engine.micros(own.start) / DAY_US).floor().cast("int64")
    sums = (
        own.select(
            victim=own.victim,
            remote=own.dst,
            # Three keys and three sums take less time than four and four.
            slot=day * _PROTOCOLS + own.protocol,
            told=is_refusal(own).ifelse(0, _SPOKE) + opened.ifelse(_WAS_OPENED, 0),
            start_us=engine.micros(own.start),
            end_us=engine.micros(own.end),
        )
        .group_by("victim", "remote", "slot")
        .agg(
            told=lambda rows: any_bits(rows.told.cast("int64")),
            first_us=lambda rows: rows.start_us.min(),
            last_us=lambda rows: rows.end_us.max(),
        )
    )
    protocol = sums.slot & (_PROTOCOLS - 1)
    return sums.select(
        "victim",
        "remote",
        protocol=protocol.cast("int32"),
        day=((sums.slot - protocol) / _PROTOCOLS).floor().cast("int64"),
        spoke=((sums.told & _SPOKE) != 0).ifelse(1, 0),
        opened=((sums.told & _WAS_OPENED) != 0).ifelse(1, 0),
        first_us=sums.first_us,
        last_us=sums.last_us,
    )


_PROTOCOLS = 256
_SPOKE, _WAS_OPENED = 1, 2


def is_refusal(own: ir.Table) -> ir.BooleanValue:
    """Whether a flow that a victim sent is no part of a conversation: resets and half handshakes."""
    flags = own.tcp_flags.cast("int32") & _TCP_FLAGS
    return (own.protocol == 6) & (((flags & 4) == 4) | (flags == 18))


@remembered
def sent_by(engine: Engine, flows: ir.Table, scope: Scope) -> ir.Table:
    """What hosts sent in conversations: ``victim``, ``protocol``, ``packets`` (estimate), ``start_us``."""
    return flows.filter(~is_refusal(flows)).select(
        victim=scope.of(engine, flows.src),
        protocol=flows.protocol,
        packets=flows.packets * flows.sampling,
        start_us=engine.micros(flows.start),
    )


@remembered
def conversation_keys(engine: Engine, talks: ir.Table, asked: ir.Table | None = None) -> ir.Table:
    """`conversations` as one number each, by protocol, by `ANYTHING` and by opened TCP: column ``_key``.

    Args:
        engine: Where the query runs.
        talks: `conversations`.
        asked: Columns ``victim`` and ``wanted`` (`wanted_key`): keys that will be looked up; None for all.
    """

    def of(some: ir.Table, wanted: int) -> ir.Table:
        return some if asked is None else some.semi_join(asked.filter(asked.wanted == wanted), "victim")

    own = of(talks.filter(talks.spoke == 1), _OWN)
    anything = of(talks, ANYTHING).mutate(protocol=ibis.literal(ANYTHING, "int32"))
    opened = of(talks.filter(talks.opened == 1), _OPENED).mutate(protocol=ibis.literal(_OPENED, "int32"))
    both = own.union(anything, opened)
    before = both.filter((both.first_us - NIGHT_US) < both.day * DAY_US)
    after = both.filter((both.last_us + NIGHT_US) >= (both.day + 1) * DAY_US)
    both = both.union(before.mutate(day=before.day - 1), after.mutate(day=after.day + 1))
    return both.select(_key=engine.hashed_pair(both.victim, both.remote, both.protocol, both.day)).distinct()


def wanted_key(code: int) -> int | None:
    """Under which kind of key the sources of a class are looked up (`source_key`), None where they are not."""
    if code == v.ICMP_ANSWER:
        return ANYTHING
    if code == v.RST:
        return _OPENED
    return _OWN if code in _only_unasked() else None


@remembered
def source_key(engine: Engine, flows: ir.Table) -> ir.IntegerValue:
    """The key under which a flow's source is looked up among `conversation_keys`."""
    protocol = ibis.cases(
        (flows.code == v.ICMP_ANSWER, ANYTHING),
        (flows.code == v.RST, _OPENED),
        else_=flows.protocol.cast("int32"),
    )
    return engine.hashed_pair(
        flows.victim, flows.src, protocol, (flows.start_us / DAY_US).floor().cast("int64")
    )
