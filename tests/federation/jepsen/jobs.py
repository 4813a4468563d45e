"""What a node of a random history can be told to do; imported once the nursery has everything loaded."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from hanse.accounts import approvals
from hanse.accounts import service as invited
from hanse.attacks.models import Attack, PartnerAttack
from hanse.cases import evidence
from hanse.console import marking
from hanse.console.marking import Wish
from hanse.federation import exchange, partnering, recalling, sharing, wire, witnesses
from hanse.federation.handlers import own_id
from hanse.federation.models import Contradiction, Given, Link, Recalling, Received, Witness, Witnessed
from hanse.federation.partners import active, partner_of
from hanse.federation.recovery import KEPT_OF_OTHERS, Recovery
from hanse.federation.sharing import Audience, Sharing
from hanse.federation.stream import size_of
from hanse.kernel import envelope
from hanse.kernel.actors import Actor, system
from hanse.ledger import check, keyfile, service, tree, witnessed
from hanse.ledger.identity import authority
from hanse.ledger.models import Checkpoint, Entry, Head, Lost
from hanse.node import backup, restoring
from hanse.node.making import make
from hanse.node.opening import RECOVERING
from hanse.recording import record
from hanse.settings import Node
from tests.accounts.people import acting, newcomer
from tests.node.made import earliest

ATTACKS = 4
"""Attacks that each node finds, and shares."""

client: Any = None
"""Through which this fork reaches partners."""
_recovery: list[Recovery] = []
"""The way back, while this fork recovers."""
said: list[str] = []
"""What it told people."""


def _people() -> list[Actor]:
    """An officer who analyses as well, and an approver."""
    told = json.loads((settings.HANSE_NODE.home.parent / f"{authority()}.people").read_text())
    return [acting(UUID(one)) for one in told]


def found(home: str, name: str, country: str) -> list[str]:
    """Make the node, its people and what it finds; the ids of its attacks."""
    node = Node(
        Path(home), name, f"Authority of {country}", country, url=f"https://{name}.example", exercise=True
    )
    invited.invite_first = lambda _: ""  # type: ignore[assignment]  # nobody comes in; a link would load every page
    make(node, keyfile.passphrase(node.home), keep_beside=False)
    people = [newcomer("officer", "analyst"), newcomer("approver", name="Jaan Tamm")]
    (node.home.parent / f"{name}.people").write_text(json.dumps([one.hex for one in people]))
    record(earliest(ATTACKS), system("tests", name, country))
    return [one.hex for one in Attack.projected.order_by("start_us").values_list("pk", flat=True)]


def invite() -> str:
    """This node's invitation."""
    return partnering.invite(_people()[0]).decode()


def befriend(invitation: str) -> None:
    """Two people become partners with who is in an invitation."""
    one, other = _people()
    approvals.approve(partnering.propose(invitation.encode(), "", "They ask for it.", one), other)


def name_witness(partner: str) -> None:
    """Ask a partner to witness this ledger."""
    witnesses.name(partner, _people()[0])


def consent() -> None:
    """Consent to witness the ledger of each partner that asks."""
    for row in Witness.objects.filter(asks=True, agreed=False):
        witnesses.answer(row.partner, _people()[0], consents=True)


def share(attack: str, to: list[str]) -> list[str]:
    """Share an attack; who got it."""
    wanted = Sharing("attack", UUID(attack), Audience(frozenset(to)))
    shown = sharing.share(wanted, _people()[0], "They are next.")
    return [one.partner.authority for one in shown if one.content is not None]


def recall(attack: str, to: list[str]) -> int:
    """Recall an attack from some; from how many."""
    return recalling.recall(UUID(attack), _people()[0], "It was wrong.", to)


def restrict(attack: str, to: list[str]) -> None:
    """Mark an attack anew: releasable to these alone."""
    old = Attack.projected.select_related("marking").get(pk=UUID(attack)).marking.marking
    names = frozenset(f"authority:{one}" for one in to)
    wish = Wish(replace(old, releasable=names if old.releasable is None else names & old.releasable))
    marking.mark_anew(UUID(attack), wish, "A source is at risk.", _people()[0])


def rotate() -> None:
    """New keys."""
    home = settings.HANSE_NODE.home
    service.rotate(home, keyfile.passphrase(home), system("node", authority()), "The year is over.")


def integrate() -> bool:
    """Sign a checkpoint; whether there was something for one."""
    return tree.integrate() is not None


def answer(data: str) -> dict[str, Any]:
    """Answer a message of another node, as the web process does."""
    told = wire.answer(base64.b64decode(data), _only())
    kind = wire.CONTENT_TYPE if told.signed else "text/plain"
    return {"status": told.status, "type": kind, "data": base64.b64encode(told.data).decode()}


def _only() -> frozenset[str] | None:
    """What this node may be asked: while it recovers, as `hanse node recover` answers, which is there all the time."""
    if not (settings.HANSE_NODE.home / RECOVERING).exists():
        return None
    return _recovery[0].answers if _recovery else KEPT_OF_OTHERS


def pull(partner: str) -> int:
    """Fetch all that a partner has; how many entries."""
    return exchange.pull_all(partner_of(partner), client)


def hint(partner: str) -> bool:
    """Say that there is something new."""
    return exchange.hint(partner_of(partner), client)


def offer(partner: str) -> bool:
    """Have a partner witness this ledger, and compare others' with it."""
    offered = exchange.offer(partner_of(partner), client)
    exchange.show(partner_of(partner), {}, client)
    return offered


def back_up(path: str) -> int:
    """A backup of the node, and its keys beside it; the number of entries."""
    return backup.back_up(settings.HANSE_NODE, Path(path))


def restore(path: str, home: str) -> int:
    """Make the node from a backup, as the command does, without asking partners yet."""
    return restoring.restore_node(Path(path), Path(home), lambda _done, _total: None)


def recover(without: tuple[str, ...] = ()) -> int:
    """Ask partners what was written since, going on where this process stopped the last time."""
    if without or not _recovery:
        _recovery[:] = [Recovery(client, said.append, frozenset(without))]
    return restoring.recover_node(settings.HANSE_NODE.home, _recovery[0], lambda _words: None)


def heard() -> list[str]:
    """What the recovery told people."""
    return said


def verified(partner: str) -> int:
    """Leaves of a partner's ledger that this node has verified as its reader."""
    row = Link.objects.filter(pk=partner).first()
    return size_of(row.checkpoint) if row and row.checkpoint else 0


def size() -> int:
    """Leaves of the newest checkpoint."""
    newest = tree.latest()
    return newest.size if newest else 0


def books() -> dict[str, dict[str, Any]]:
    """Of each own attack: to whom it is releasable (none for all), and who has it by this node's books."""
    found: dict[str, dict[str, Any]] = {}
    for row in Attack.projected.select_related("marking"):
        given = Given.objects.filter(thing=row.pk, recalled_us=None)
        named = row.marking.marking.releasable
        found[row.pk.hex] = {
            "to": None if named is None else sorted(one.removeprefix("authority:") for one in named),
            "holders": sorted(given.values_list("recipient", flat=True)),
        }
    return found


def sent() -> dict[str, int]:
    """How many entries are addressed to each partner."""
    return {
        one.authority: Entry.objects.filter(recipient=one.authority).count()
        + Lost.objects.filter(recipient=one.authority).count()
        for one in active()
    }


def received() -> dict[str, int]:
    """How many entries of each partner are here."""
    return {one.authority: Received.objects.filter(partner=one.authority).count() for one in active()}


def ids(attacks: list[str]) -> dict[str, str]:
    """Under which id partners have each of this node's attacks."""
    return {one: own_id(authority(), sharing.shared_id(UUID(one))).hex for one in attacks}


def partner_attacks() -> dict[str, dict[str, Any]]:
    """The attacks of partners that are here: whose each is, and to whom it is releasable."""
    rows = PartnerAttack.projected.select_related("marking")
    return {
        row.pk.hex: {
            "partner": row.partner,
            "to": None
            if row.marking.marking.releasable is None
            else sorted(one.removeprefix("authority:") for one in row.marking.marking.releasable),
        }
        for row in rows
    }


def leaves_for(partner: str) -> list[str]:
    """Leaf hashes of what is addressed to a partner, in order, those that were lost among them."""
    rows = Entry.objects.filter(recipient=partner).values_list("sequence", "payload", "signature")
    here = [(at, envelope.hashed(bytes(one), bytes(two)).hex()) for at, one, two in rows]
    lost = Lost.objects.filter(recipient=partner).values_list("sequence", "hashed")
    return [leaf for _, leaf in sorted([*here, *((at, bytes(leaf).hex()) for at, leaf in lost)])]


def leaves_of(partner: str) -> list[str]:
    """Leaf hashes of what a partner sent, in order."""
    rows = Received.objects.filter(partner=partner).order_by("place")
    return [bytes(leaf).hex() for leaf in rows.values_list("leaf", flat=True)]


def standing() -> dict[str, Any]:
    """How everything stands that has to be well once the nodes were left alone."""
    newest = tree.latest()
    seen = witnessed.standing(newest)
    return {
        "size": newest.size if newest else 0,
        "waiting": tree.waiting_after(newest).count(),
        "named": sorted(seen.named),
        "seen": sorted(seen.seen),
        "contradictions": list(Contradiction.objects.values("partner", "words")),
        "refused": list(Received.objects.filter(state="refused").values("partner", "kind", "why")),
        "recalls": list(Recalling.objects.order_by("sequence").values("recipient", "shared", "answer")),
        "links": {
            row.pk: {
                "error": row.error, "witness": row.witness_error, "total": row.total, "proven": row.proven,
                "size": size_of(row.checkpoint) if row.checkpoint else 0,
            }
            for row in Link.objects.all()
        },
        "lost": Lost.objects.count(),
    }  # fmt: skip


def covered() -> dict[int, int]:
    """How many entries each checkpoint covers, by its size."""
    return dict(Checkpoint.objects.values_list("size", "entries"))


def last_sequence() -> int:
    """The sequence of the newest entry."""
    return int(Head.objects.get(pk=1).next_sequence) - 1


def seen_of(partner: str) -> int:
    """Size of the newest checkpoint of a partner that this node saw as its witness; 0 for none."""
    row = Witnessed.objects.filter(partner=partner).order_by("-size").first()
    return row.size if row else 0


def fsck() -> list[str]:
    """What is altered."""
    return [
        str(one)
        for one in (
            *check.check(),
            *evidence.findings(),
        )
    ]
