"""What the process beside a node of the tests can be told to do; imported once the node is wired."""

import base64
import resource
import time
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection
from django.test import override_settings

from hanse.accounts import approvals
from hanse.attacks import shared
from hanse.attacks.models import Attack, PartnerAttack
from hanse.egress.client import Client, Response
from hanse.federation import exchange, partnering, recalling, receiving, ruling, sending, sharing, witnesses
from hanse.federation import invitation as invitations
from hanse.federation.contents import Card, Carried, Forwarded, RecallAnswered, WitnessAsked
from hanse.federation.models import Contradiction, Given, Link, Recalling, Received, Witness
from hanse.federation.partners import own_invitation, own_key, partner_of, seal_key
from hanse.federation.sharing import Audience, Sharing
from hanse.federation.stream import Pull
from hanse.federation.witnessing import Cosigned
from hanse.kernel import message, notes
from hanse.kernel.actors import system
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import SigningKey
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger import keyring, proof, tree, witnessed
from hanse.ledger import service as ledger
from hanse.ledger.check import check
from hanse.ledger.identity import authority
from hanse.ledger.models import Entry
from hanse.ledger.witness import log_of
from hanse.ledger.writing import Draft
from hanse.node import backup
from tests.accounts.people import acting, newcomer
from tests.federation.peer import Peer
from tests.matching.between import (  # noqa: F401 - jobs as those below
    agree_to_count,
    agree_to_match,
    ask_who_else,
    attacked,
    came_of,
    count_with,
    counts,
    investigate,
    matches,
    times_asked,
    want_standing,
)
from tests.web.acting import ActingClient

_people: list[Any] = []


def _two() -> list[Any]:
    """An officer who analyses as well, and an approver, both with a passkey proved just now."""
    if not _people:
        one, other = newcomer("officer", "analyst"), newcomer("approver", name="Jaan Tamm")
        _people.extend((one, other))
    return [acting(one) for one in _people]


def invite() -> str:
    """This node's invitation."""
    return partnering.invite(_two()[0]).decode()


def befriend(invitation: str, address: str) -> dict[str, str]:
    """Two people become partners with who is in an invitation."""
    one, other = _two()
    proposal = partnering.propose(invitation.encode(), address, "They ask for it.", one)
    told = approvals.pending(proposal).subject
    approvals.approve(proposal, other)
    return {"fingerprint": told["fingerprint"]}


def fingerprint(invitation: str) -> str:
    """What both compare."""
    return invitations.fingerprint(invitations.read(invitation.encode()), own_invitation())


def attacks(number: int = 3) -> list[str]:
    """Some attacks of the exercise on record here, as if found."""
    if not Attack.projected.exists():
        from hanse.recording import record
        from tests.node.made import earliest  # what analyses is large, and most nodes here do not

        record(earliest(12), system("tests", authority()))
    return [one.hex for one in Attack.projected.order_by("start_us").values_list("pk", flat=True)[:number]]


def share(attack: str, to: list[str], withheld: tuple[str, ...] = ()) -> int:
    """Share an attack; with how many."""
    wanted = Sharing("attack", UUID(attack), Audience(frozenset(to)), frozenset(withheld))
    return sum(one.content is not None for one in sharing.share(wanted, _two()[0], "They are next."))


def recall(attack: str) -> int:
    """Recall an attack; from how many."""
    return recalling.recall(UUID(attack), _two()[0], "It was wrong.")


def share_indicator(value: str, to: list[str]) -> str:
    """Write an indicator of an address and share it; its id."""
    from hanse.intel import authoring  # with what reads patterns, which most nodes here do not
    from hanse.intel.own import Written
    from hanse.intel.values import Value

    one = _two()[0]
    piece = authoring.Piece(written=Written(type="indicator", values=(Value("address", value),)))
    made = authoring.write(piece, one)
    sharing.share(Sharing("indicator", made, Audience(frozenset(to))), one, "They are next.")
    return made.hex


def found(text: str) -> list[str]:
    """Who shared the items that a search finds."""
    from hanse.intel import finding  # as above

    return [row.origin for row in finding.matching(text, _two()[0])]


def rule(to: list[str]) -> None:
    """Two people have attacks shared as they are found."""
    one, other = _two()
    approvals.approve(
        ruling.propose("attack", Audience(frozenset(to)), frozenset(), "As agreed.", one), other
    )


def signed_in() -> tuple[str, str]:
    """Name and value of the cookie of a session of the first of the two, who has said why."""
    from bench.pages import signed_in as cookie  # a benchmark alone asks for it

    _two()
    return settings.SESSION_COOKIE_NAME, cookie(_people[0])


def partner_attacks() -> list[dict[str, Any]]:
    """Attacks of partners."""
    return list(
        PartnerAttack.projected.order_by("start_us").values("partner", "victim", "vector", "start_us")
    )


def link(partner: str) -> dict[str, Any]:
    """How the exchange with a partner stands."""
    row = (
        Link.objects.filter(pk=partner).values("has", "proven", "total", "error", "answered_us").first() or {}
    )
    return {**row, "received": Received.objects.filter(partner=partner).count()}


def recalls() -> list[dict[str, Any]]:
    """What was recalled, and what was answered."""
    return list(Recalling.objects.order_by("sequence").values("recipient", "answer"))


def contradictions() -> int:
    """How often a partner contradicted itself."""
    return Contradiction.objects.count()


def integrate() -> None:
    """Sign a checkpoint."""
    tree.integrate()


def name_witness(partner: str) -> None:
    """Ask a partner to witness this ledger."""
    witnesses.name(partner, _two()[0])


def consent(partner: str) -> None:
    """Consent to witness a partner's ledger."""
    witnesses.answer(partner, _two()[0], consents=True)


def asks(partner: str) -> bool:
    """Whether a partner asks this node to witness its ledger."""
    return Witness.objects.filter(pk=partner, asks=True).exists()


def standing() -> dict[str, Any]:
    """How the newest checkpoint stands with the witnesses."""
    found = witnessed.standing(tree.latest())
    return {"named": found.named, "seen": sorted(found.seen), "witnessed": found.witnessed}


def witness_error(partner: str) -> str:
    """What was wrong the last time that a partner was to witness."""
    return Link.objects.get(pk=partner).witness_error


def witness_key() -> str:
    """The key under which this node cosigns, as C2SP writes it."""
    return notes.verifier_key(log_of(authority()), keyring.current().signing.public)


def purge(attack: str) -> None:
    """Purge an attack by hand."""
    ledger.purge([UUID(attack)], _two()[0], "Its time is over.")


def holders(attack: str) -> list[str]:
    """Who has an attack by this node's books."""
    return sorted(
        Given.objects.filter(thing=UUID(attack), recalled_us=None).values_list("recipient", flat=True)
    )


def has_attack(attack: str) -> bool:
    """Whether an attack of this node's own is there."""
    return Attack.projected.filter(pk=UUID(attack)).exists()


def latvia(fellow: str, tree: str) -> str:
    """Latvia is a partner, asks this node to witness a tree of its own making, and has it witnessed; its note."""
    one = Peer("lv-cert", "LV", signing=SigningKey(bytes(range(32))), here=authority())
    one.joins()
    one.entry(witnesses.ASKED, WitnessAsked(asked=True, fellows=(authority(), fellow)))
    exchange.pull_all(partner_of("lv-cert"), one)  # type: ignore[arg-type]
    consent("lv-cert")
    one.tree = [sha256(bytes.fromhex(tree) + bytes([at])).digest() for at in range(16)]
    one.sign()
    one.asks("witness", one.offers(0), Cosigned)
    return one.note


def contradictions_of(partner: str) -> list[dict[str, str]]:
    """Where a partner contradicts itself."""
    return list(Contradiction.objects.filter(partner=partner).values("before", "now", "found_by"))


def attack_partner(to: str, theirs: str) -> None:
    """Send a partner what is meant to harm it, among good entries: poison, another's name, and an id of its own."""
    good = shared.find(None, UUID(attacks(1)[0])).content
    marking = Marking(originators=frozenset({authority()}), tlp=Tlp.GREEN)

    def one(object_id: UUID, content: msgspec.Struct, kind: str = shared.KIND) -> Draft:
        return Draft(kind, content, object_id, marking, recipient=to)

    lv = Peer("lv-cert", "LV", here=authority())
    item = lv.made(shared.KIND, good)
    card = Card(
        authority="lv-cert", name="LV", country="LV", tier="member", verify=Peer().signing.public.raw.hex()
    )
    forged = Forwarded(
        originator=card, original=Carried(item.payload, item.signature, item.salt or b"", item.body or b"")
    )
    both = replace(marking, originators=frozenset({authority(), "lv-cert"}))
    sending.send(
        [
            one(UUID(int=1), good),
            one(UUID(int=2), RecallAnswered("poison", "purged"), "federation.recall_answered"),
            Draft("federation.forwarded", forged, UUID(int=3), both, recipient=to),
            one(UUID(theirs), good),
            one(UUID(int=4), good),
        ]
    )


def received(partner: str) -> dict[str, int]:
    """How many entries a partner sent, by what became of them and their kind."""
    rows = Received.objects.filter(partner=partner).values_list("state", "kind")
    return dict(Counter(f"{state} {kind}" for state, kind in rows))


def digest_of(attack: str) -> str:
    """What stands of an attack here, all columns, as a digest."""
    row = Attack.projected.values().get(pk=UUID(attack))
    return sha256(repr(sorted(row.items())).encode()).hexdigest()


def page(path: str) -> str:
    """A page as an officer sees it."""
    from hanse.web import frame

    frame.waiting[:] = []  # what waits on the rail belongs to no request of a browser here
    kept = [one for one in settings.MIDDLEWARE if "allauth" not in one and "hanse.accounts" not in one]
    with override_settings(MIDDLEWARE=[*kept, "tests.web.acting.acting"], ALLOWED_HOSTS=["*"]):
        answer = ActingClient(_two()[0]).get(path)
    assert answer.status_code == 200, answer.content
    return unescape(answer.content.decode())


def last_sequence() -> int:
    """The sequence of the newest entry in the tree."""
    return int(Entry.objects.filter(position__isnull=False).latest("sequence").sequence)


def copy_database(path: str) -> None:
    """Copy the database as it is at this moment, while others write to it."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [path])


def back_up(path: str) -> None:
    """What `hanse node backup` does."""
    backup.back_up(settings.HANSE_NODE, Path(path))


def export(sequence: int, path: str) -> None:
    """What `hanse node export` does for an entry in a checkpoint."""
    head = proof.covering(Entry.objects.get(pk=sequence))
    assert head is not None
    Path(path).write_bytes(proof.export(sequence, b"", head.size))


def findings() -> list[str]:
    """What `hanse node fsck` finds in the ledger."""
    return [str(one) for one in check()]


def pull_message(partner: str) -> str:
    """A message of this node to a partner, which asks for everything, in base64."""
    row = partner_of(partner)
    data = message.write(
        sender=authority(), audience=partner, what="pull", number=now_us(), time_us=now_us(),
        body=msgspec.msgpack.encode(Pull(0, bytes(32), 0, 0)), key=own_key(row, 0), seal=seal_key(partner),
    )  # fmt: skip
    return base64.b64encode(data).decode()


def pull_now(partner: str, timeout_s: float) -> dict[str, Any]:
    """Fetch all that a partner has, in this process: how many entries came, or what was wrong."""
    exchange.TIMEOUT_S = timeout_s  # type: ignore[misc]  # so that a test need not wait for a stalled line as long as a node
    try:
        taken = exchange.pull_all(partner_of(partner), exchange.make_client())
    except HanseError as error:
        return {"taken": 0, "error": str(error)}
    return {"taken": taken, "error": ""}


def leaves_for(partner: str) -> list[str]:
    """Leaf hashes of what is addressed to a partner, in order."""
    from tests.federation.jepsen import jobs

    return jobs.leaves_for(partner)


def leaves_of(partner: str) -> list[str]:
    """Leaf hashes of what a partner sent, in order."""
    from tests.federation.jepsen import jobs

    return jobs.leaves_of(partner)


def fill(to: str, entries: int) -> float:
    """Address so many attacks to a partner, and sign checkpoints over all; seconds."""
    began = time.perf_counter()
    thing = shared.find(None, UUID(attacks(1)[0]))
    marking = Marking(originators=frozenset({authority()}), tlp=Tlp.GREEN)
    for first in range(0, entries, 1_000):
        drafts = []
        for at in range(first, min(entries, first + 1_000)):
            content = shared.without(thing.content, frozenset(), UUID(int=at))
            drafts.append(Draft(shared.KIND, content, UUID(int=at), marking, recipient=to))
        sending.send(drafts)
    while tree.integrate() is not None:
        pass
    return time.perf_counter() - began


def catch_up(partner: str) -> dict[str, Any]:
    """Pull everything: entries, seconds, how many are proven, and resident memory after each tenth, MiB."""
    from hanse.node.working import settle

    settle()  # as the worker does, in which the exchange runs
    mib: list[int] = []
    entries = 0

    def each(result: receiving.Result) -> None:
        nonlocal entries
        entries += result.taken
        total = Link.objects.get(pk=partner).total
        if entries * 10 // max(total, 1) > len(mib):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            mib.append(round(pages * resource.getpagesize() / 2**20))

    began = time.perf_counter()
    taken = exchange.pull_all(partner_of(partner), exchange.make_client(), each)
    seconds = time.perf_counter() - began
    return {"entries": taken, "seconds": seconds, "proven": Link.objects.get(pk=partner).proven, "mib": mib}


def idle(partner: str, times: int) -> dict[str, Any]:
    """What asking costs when there is nothing new: ms, and the bytes of the answer."""
    row, sizes, took = partner_of(partner), [], []

    class Weighed(Client):
        def post(self, url: str, **more: Any) -> Response:
            answer = super().post(url, **more)
            sizes.append(len(answer.body))
            return answer

    client = Weighed(exchange.make_client().rules)
    for _ in range(times):
        began = time.perf_counter()
        exchange.pull(row, client)
        took.append((time.perf_counter() - began) * 1_000)
    took.sort()
    return {"median_ms": took[times // 2], "p95_ms": took[times * 95 // 100], "bytes": max(sizes)}


def case(selectors: list[list[str]]) -> str:
    """A case of the officer with selectors, each a kind and a text."""
    from hanse.cases import service as cases
    from hanse.cases import working
    from hanse.cases.selector import read
    from tests.cases.made import DAY_US, said

    owner = replace(_two()[0], roles=_two()[0].roles | {"investigator"})
    made = cases.open_case(said(), now_us() + 400 * DAY_US, owner, new_team="Team of the case")
    owner = replace(_two()[0], roles=owner.roles)
    for kind, text in selectors:
        working.add_selector(made, read(kind, text), owner)
    return made.hex


def agree(partner: str) -> None:
    """Two people agree that what the case has is compared with a partner."""
    from hanse.matching import agreeing
    from tests.cases.made import DAY_US

    one, other = _two()
    terms = agreeing.Terms(
        partner=partner, kinds=["email", "phone"], legal_basis="Treaty", case_class="Fraud",
        until_us=now_us() + 90 * DAY_US,
    )  # fmt: skip
    approvals.approve(agreeing.propose(terms, "As agreed.", one), other)


def compare(partner: str) -> str:
    """Ask for a comparison."""
    from hanse.matching import running

    return running.ask(partner, _two()[0], "The case asks for it.").hex


def compared() -> list[dict[str, Any]]:
    """How the comparisons stand, the first first."""
    from hanse.matching.models import Run

    return list(
        Run.objects.order_by("begun_us").values("state", "hits", "transcript", "other_transcript", "why")
    )


def matched() -> list[list[str]]:
    """What a partner has too: kind and own selector."""
    from hanse.matching import showing

    actor = replace(_two()[0], roles=_two()[0].roles | {"investigator"})
    return [[one.hit.kind, str(one.selector), one.hit.partner] for one in showing.hits_of(actor)]
