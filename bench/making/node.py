"""A big node to measure on: attacks, traces, campaigns and decisions, years of consultations, and other entries.

Everything is written by `append_many`, so that the node has what such a history leaves. Django must be configured
before this is imported.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from uuid import UUID, uuid4

import msgspec

from hanse.accounts import contents
from hanse.accounts.projections import grant_id
from hanse.attacks import service as attacks
from hanse.attacks.attack import Attack
from hanse.campaigns import service as campaigns
from hanse.campaigns.campaign import Campaign, Link, LinkTest
from hanse.constituency import service as constituency
from hanse.constituency.registry import Registry, Target
from hanse.kernel.actors import Actor, system
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger import keyring, objects
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind, register
from hanse.ledger.models import Entry
from hanse.ledger.service import Founded
from hanse.ledger.tree import integrate
from hanse.ledger.writing import Draft, append, append_many
from hanse.tracing import service as tracing
from hanse.tracing.trace import NetworkShare, Trace

Tell = Callable[[str], None]


class Note(msgspec.Struct):
    """An entry's content; nothing follows from it."""

    text: str


NOTE = Kind("bench.note", Note, lambda _recorded, _content: None)


SEED = 2007
BATCH = 2_000
"""Entries of one call."""
CONSULTATIONS = 100_000
"""At most; beyond, entries are notes from which nothing follows, as those of a room that this node does not have."""
TEXT = "ICMP flood on 195.80.105.107: up to 95 Mbit/s from 2,000 apparent sources. " * 7
"""What a note says: 520 characters, as much as a decision with its reason."""
DAYS = 90
DAY_US = 86_400_000_000
ORGANISATIONS, HOSTS_EACH = 150, 4
BIGGEST = 10
"""The biggest campaign has one attack in so many."""
RUNNING = 7
ROLES = ("administrator", "analyst", "approver", "officer", "auditor")
SECTORS = ("public administration", "banking", "energy", "health", "telecommunications", "media")
VECTORS = (
    ("icmp_flood", "direct"), ("udp_flood", "direct"), ("tcp_syn_flood", "spoofed"), ("tcp_ack_flood", "spoofed"),
    ("dns_reflection", "reflected"), ("ntp_reflection", "reflected"), ("http_flood", "direct"),
    ("generic_traffic_flood", "undetermined"),
)  # fmt: skip
COUNTRIES = ("US", "BR", "VN", "ID", "IN", "RU", "CN", "DE", "EG", "TH", "MX", "TR", "UA", "FR", "IT", "ZZ")


def fill(attack_count: int, entries: int, tell: Tell = lambda _words: None) -> UUID:
    """Fill an empty node up to so many entries; the person who signs in."""
    rng = random.Random(SEED)
    actor = system("bench", authority(), "EE")
    if not Entry.objects.exists():
        keys = keyring.current()
        public = keys.signing.public.raw.hex(), keys.opening.public.raw.hex()
        append("ledger.founded", Founded(authority(), "CERT Estonia", "EE", "member", *public), actor=actor)
    person = _person(actor)
    registry = _registry()
    constituency.load(registry, actor, "registry.csv")
    made = _attacks(rng, attack_count, list(registry))
    tell(f"{len(made):,} attacks")
    _write(_findings(rng, made), actor, tell)
    _decide([attacks.object_of(one.id) for one in made[:: max(1, attack_count // 50)]], actor)
    left = max(0, entries - Entry.objects.count())
    looked = min(left, CONSULTATIONS)
    _write(islice(_consultations(rng, made), looked), actor, tell)
    register([NOTE])
    _write((Draft(NOTE.name, Note(TEXT)) for _ in range(left - looked)), actor, tell)
    while integrate() is not None:
        tell("checkpoint")
    return person


def _write(drafts: Iterator[Draft], actor: Actor, tell: Tell) -> None:
    """Append in batches; a checkpoint after some, as on a node that lives."""
    done = 0
    while some := list(islice(drafts, BATCH)):
        recorded = append_many(some, actor)
        done += len(some)
        if done % (10 * BATCH) == 0:
            integrate()
            tell(f"entry {recorded[-1].sequence:,}")


def _person(actor: Actor) -> UUID:
    """Somebody with all roles that see pages."""
    person = uuid4()
    append("accounts.invited", contents.Invited("Mari Maasikas"), actor=actor, object_id=person)
    append("accounts.joined", contents.Joined("Mari Maasikas"), actor=actor, object_id=person)
    for role in ROLES:
        content = contents.RoleGranted(person.hex, role)
        append("accounts.role_granted", content, actor=actor, object_id=grant_id(person, role))
    return person


def _registry() -> Registry:
    """Organisations with some hosts each, and the networks around them."""
    hosts = [
        Target(f"10.{number // 200 + 1}.{number % 200}.{host + 1}", f"Organisation {number}",
               SECTORS[number % len(SECTORS)], "EE", f"host {host}")
        for number in range(ORGANISATIONS)
        for host in range(HOSTS_EACH)
    ]  # fmt: skip
    return Registry([*hosts, Target("10.0.0.0/8", "State network", "public administration", "EE")])


def _attacks(rng: random.Random, count: int, targets: Sequence[Target]) -> list[Attack]:
    """Attacks on the hosts over `DAYS` days up to now, in order of start."""
    first = now_us() - DAYS * DAY_US
    starts = sorted(first + rng.randrange(DAYS * DAY_US - 3_600_000_000) for _ in range(count))
    hosts = [one.prefix for one in targets if "/" not in one.prefix]
    return [_attack(rng, number, rng.choice(hosts), start) for number, start in enumerate(starts)]


def _attack(rng: random.Random, number: int, victim: str, start_us: int) -> Attack:
    """One attack with the evidence that the detector gives."""
    vector, source_class = rng.choice(VECTORS)
    seconds = rng.choice((60, 120, 300, 900, 1_800))
    packets = rng.randrange(100_000, 50_000_000)
    return Attack(
        id=f"A-{number:05d}-{victim}", victim=victim, vector=vector, source_class=source_class, start_us=start_us,
        end_us=start_us + seconds * 1_000_000, peak_bps=rng.uniform(1e6, 2e9), peak_pps=rng.uniform(1e3, 5e5),
        packets=packets, bytes=packets * 700, flows=packets // 50, sources=rng.randrange(20, 60_000),
        networks=rng.randrange(20, 20_000),
        top_networks=tuple((f"{rng.randrange(1, 223)}.{at}.0.0/24", 0.05) for at in range(10)),
        dst_ports=((80, 0.9), (443, 0.05)), src_ports=((53, 0.5),), packet_sizes=((1_028, 0.9), (60, 0.05)),
        answered_share=0.02, requested_share=0.0, threshold="1,200 packets/s over 400 packets/s",
        confidence=rng.choice(("high", "medium", "low")),
        reasons=("It is ten times the threshold.", "Few sources were answered.", "It ended at once."),
        refuted_by=("A backup or a popular download at that time.", "Monitoring that the victim ordered."),
    )  # fmt: skip


def _findings(rng: random.Random, made: Sequence[Attack]) -> Iterator[Draft]:
    """Attacks, traces and campaigns; the last attacks run."""
    red = Marking(originators=frozenset({authority()}), tlp=Tlp.RED)
    registry = constituency.registry()
    marking = {one.id: red if rng.random() < 0.01 else Marking.own(authority()) for one in made}
    for number, one in enumerate(made):
        kind = "attacks.started" if number >= len(made) - RUNNING else "attacks.found"
        content = objects.settled(attacks.Found(one, registry.lookup(one.victim)))
        yield Draft(kind, content, attacks.object_of(one.id), marking[one.id])
    for one in made:
        trace = objects.settled(tracing.Traced(_trace(rng, one), one.sources))
        yield Draft("tracing.traced", trace, attacks.object_of(one.id), marking[one.id])
    yield from _campaigns(rng, [one for one in made if marking[one.id] != red])


def _trace(rng: random.Random, attack: Attack) -> Trace:
    """Where it apparently came from; nothing where its sources are forged."""
    if attack.source_class in {"spoofed", "undetermined"}:
        return Trace(attack.id, attack.source_class, "Its sources are forged.", divergence=0.01)
    shares = tuple((code, 1 / len(COUNTRIES)) for code in COUNTRIES)
    networks = tuple(
        NetworkShare(64_500 + at, f"Network {at}", rng.choice(COUNTRIES), 12, 0.05) for at in range(10)
    )
    means = "apparent sources" if attack.source_class == "direct" else "location of reflectors"
    return Trace(attack.id, attack.source_class, "Its sources are real.", ("They answered.",),
                 ("None of them ever answers.",), shares, means, networks)  # fmt: skip


def _campaigns(rng: random.Random, made: Sequence[Attack]) -> Iterator[Draft]:
    """One big campaign, smaller ones of 128, 40 and 12 attacks, and the rest alone."""
    left = list(made)
    rng.shuffle(left)
    sizes = [max(2, len(made) // BIGGEST), *[128] * 5, *[40] * 20, *[12] * 60]
    for number, size in enumerate(sizes):
        some, left = sorted(left[:size], key=lambda one: one.start_us), left[size:]
        if len(some) < 2:
            return
        yield Draft("campaigns.found", _campaign(number, some), objects.named("campaign", f"C-{number}"))


def _campaign(number: int, members: Sequence[Attack]) -> campaigns.Found:
    """A campaign with a tree of links."""
    tests = (
        LinkTest("fingerprint", 1e-6, "Both have packets of 1,028 bytes, which 1 in 40 attacks has."),
        LinkTest("sources", 1e-12, "612 sources took part in both; 3 would by chance."),
    )
    links = tuple(Link(one.id, two.id, tests) for one, two in pairwise(members))
    words = f"Coordinated attack {number} on the state: {len(members)} attacks on 9 organisations, 70% ICMP floods."
    found = Campaign(
        f"C-{number}", tuple(one.id for one in members), links, "state", "EE",
        tuple((f"Organisation {at}", 1 + len(members) // 9) for at in range(9)), ((SECTORS[0], len(members)),),
        members[0].start_us, max(one.end_us for one in members), words,
        {"top_victim_share": 0.2, "days": 14.0, "quiet_days": 3.0, "concurrent_share": 0.4},
        ("They share their sources.", "They start within a minute of each other."), ("Shared scanners.",),
    )  # fmt: skip
    return objects.settled(campaigns.Found(found))


def _decide(ids: Sequence[UUID], actor: Actor) -> None:
    """Some are false positives, with a reason."""
    for one in ids:
        attacks.mark_false_positive(one, "It was the nightly backup.", actor)


def _consultations(rng: random.Random, made: Sequence[Attack]) -> Iterator[Draft]:
    """Who looked at what: mostly one attack, each object of the ledger its own."""
    ids = [attacks.object_of(one.id).hex for one in made]
    while True:
        number = 50 if rng.random() < 0.02 else 1
        yield Draft("accounts.consulted", contents.Consulted("attacks.view", rng.sample(ids, number), ""))
