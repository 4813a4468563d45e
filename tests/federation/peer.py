"""Another authority's node in memory: it signs, keeps a tree and answers as a node does, or lies as it is told to."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import msgspec

from hanse.egress.client import Response
from hanse.federation import wire
from hanse.federation.contents import PartnerAdded
from hanse.federation.keeping import Back, GiveBack, GivenBack, Kept, Recover
from hanse.federation.models import Partner
from hanse.federation.stream import Item, KeyChanged, Page, Pull
from hanse.federation.witnessing import Compared, Cosigned, Offer, Regain, Shown
from hanse.kernel import envelope, merkle, message, notes
from hanse.kernel.actors import system
from hanse.kernel.clock import now_us
from hanse.kernel.envelope import Envelope
from hanse.kernel.keys import OpenKey, SealKey, SigningKey
from hanse.kernel.markings import Marking, Tlp
from hanse.kernel.strict_json import canonical
from hanse.ledger import keyring, objects
from hanse.ledger.tallies import Tally, line, next_chain, opening
from hanse.ledger.witness import ConflictError, Followed, Record, follow
from hanse.ledger.writing import append

HERE = "ee-cert"
NODE = system("tests", HERE, "EE")


class Made(msgspec.Struct):
    """What the peer's entries hold, unless a test says otherwise."""

    name: str = "x"


@dataclass
class Peer:
    """One partner.

    Attributes:
        authority: Its id.
        signing: The key that it signs entries with now.
        speaks: The key that it signs messages with: one that this node has heard of.
        openings: The keys that it opens with, by id.
        seal: Id of the newest of them.
        items: Its entries for this node, in order.
        tree: Leaf hashes of its whole tree.
        places: The leaf of each entry.
        note: Its newest checkpoint; empty before the first.
        tally: What that says to this node.
        lie: Changes each page before it is sent.
        asked: What was asked of it, in order.
        answers: What it says that its answers are; empty for the truth.
        followed: This node's ledger, as it saw it as a witness.
        records: What it was given of it.
        shown: What this node showed it of others' ledgers.
        against: What it says to have seen against that.
        offered: Leaves that it had witnessed.
        here: Id of the node under test.
        wanted: What that asked for.
        back: This node's entries for it, as it keeps them.
        chain: Its chain over them.
        verified: Leaves of this node's ledger that it says to have verified.
        cosigned_s: When it says to have seen what it cosigns, s UTC.
        heads: The notes of its checkpoints, in order.
    """

    authority: str = "fi-cert"
    country: str = "FI"
    tier: str = "member"
    signing: SigningKey = field(default_factory=lambda: SigningKey(secrets.token_bytes(32)))
    openings: dict[str, OpenKey] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    tree: list[bytes] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    note: str = ""
    tally: Any = None
    lie: Callable[[Page], Page] = lambda page: page
    asked: list[str] = field(default_factory=list)
    number: int = 0
    answers: str = ""
    followed: Followed = field(default_factory=Followed)
    records: list[Record] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    against: str = ""
    offered: int = 0
    here: str = HERE
    wanted: list[Pull] = field(default_factory=list)
    back: list[Back] = field(default_factory=list)
    chain: bytes = bytes(32)
    cosigned_s: int = 1_795_000_000
    verified: int = 0
    heads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Have a first pair of keys."""
        self.speaks = self.signing
        self._opens(OpenKey(secrets.token_bytes(32)))

    def _opens(self, key: OpenKey) -> None:
        self.openings[key.id] = key
        self.seal = key.id

    def joins(self) -> Partner:
        """Become a partner of this node."""
        keys = keyring.current()
        self.told = keys.signing.id
        content = PartnerAdded(
            authority=self.authority, name=self.authority.upper(), country=self.country, tier=self.tier,
            endpoint=f"https://{self.authority}.example/league/", address="", verify=self.signing.public.raw.hex(),
            seal=self.openings[self.seal].public.raw.hex(), told=keys.signing.id, proposal="",
        )  # fmt: skip
        append(
            "federation.partner_added",
            content,
            actor=NODE,
            object_id=objects.named("partner", self.authority),
        )
        return Partner.objects.get(pk=self.authority)

    def entry(self, kind: str = "things.made", content: Any = None, **more: Any) -> Item:
        """Write an entry to this node; `more` as of `made`."""
        self.items.append(self.made(kind, content, **more))
        return self.items[-1]

    def made(
        self,
        kind: str = "things.made",
        content: Any = None,
        *,
        object_id: UUID | None = None,
        version: int = 1,
        marking: Marking | None = None,
        key: SigningKey | None = None,
        **head: Any,
    ) -> Item:
        """An entry as this peer would write it next; `head` changes what its envelope says."""
        key = key or self.signing
        who = {"id": f"authority:{self.authority}", "kind": "system", "name": "league"}
        body = canonical({"actor": who, "content": Made() if content is None else content, "reason": ""})
        salt = secrets.token_bytes(32)
        told = {
            "origin": self.authority,
            "key": key.id,
            "seq": len(self.items),
            "time": now_us(),
            "kind": kind,
            "object": (object_id or uuid4()).hex,
            "version": version,
            "marking": (marking or Marking(originators=frozenset({self.authority}), tlp=Tlp.GREEN)).as_json(),
            "recipient": self.here,
            "commitment": envelope.commit(salt, body),
        }
        signed = envelope.sign(Envelope(**(told | head)), key)
        return Item(signed.payload, signed.signature, salt, body)

    def rotates(self) -> None:
        """Have new keys, and say so under the old one."""
        new, opens = SigningKey(secrets.token_bytes(32)), OpenKey(secrets.token_bytes(32))
        self.entry("federation.key_changed", KeyChanged(new.public.raw.hex(), opens.public.raw.hex()))
        self.signing = new
        self._opens(opens)

    def checkpoint(self) -> None:
        """Put what waits into the tree among other leaves, and sign its head."""
        leaves = self.leaves()[len(self.places) :]
        for leaf in leaves:
            self.tree += [secrets.token_bytes(32) for _ in range(secrets.randbelow(4))]
            self.places.append(len(self.tree))
            self.tree.append(leaf)
        self.tree += [secrets.token_bytes(32) for _ in range(3)]
        self.sign()

    def leaves(self) -> list[bytes]:
        """The leaf hashes of its entries."""
        return [envelope.hashed(one.payload, one.signature) for one in self.items]

    def sign(self) -> None:
        """Sign the head of the tree as it is."""
        chain = bytes(32)
        for leaf in self.leaves()[: len(self.places)]:
            chain = next_chain(chain, leaf)
        others = [Tally("se-cert", 7, bytes(32).hex(), secrets.token_hex(16))]
        mine = Tally(self.here, len(self.places), chain.hex(), secrets.token_hex(16))
        tallies = [*others, mine] if self.places else others
        head = notes.Checkpoint(self.name, len(self.tree), merkle.root(self.tree), (line(tallies),))
        self.note = notes.sign(head.text(), self.name, self.signing)
        self.heads.append(self.note)
        self.tally = opening(tallies, self.here) if self.places else None

    @property
    def name(self) -> str:
        """The name of its log."""
        return f"hanse/{self.authority}"

    def page(self, wanted: Pull) -> Page:
        """An honest page."""
        wanted = msgspec.structs.replace(wanted, first=wanted.first + wanted.ahead)
        items = tuple(self.items[wanted.first : wanted.first + 1_000])
        size = notes.parse_checkpoint(notes.parse(self.note)[0]).size if self.note else 0
        until = min(len(self.places), wanted.first + len(items))
        if not size or (size == wanted.size and until <= wanted.proven):
            return Page(wanted.first, items, len(self.items))
        leaves = tuple(self.places[wanted.proven : until])
        read = merkle.reader_of(self.tree)
        return Page(
            wanted.first, items, len(self.items), self.note,
            tuple(merkle.consistency_proof(wanted.size, size, read)), self.tally, wanted.proven, leaves,
            tuple(merkle.joint_proof(leaves, size, read)),
        )  # fmt: skip

    def post(self, _url: str, *, body: bytes, **_: Any) -> Response:
        """Answer as a node would: this peer stands for the client as well."""
        head, told = message.parse(body)
        self.asked.append(head.what)
        self.sealed_to = head.seal
        text = message.opened(head, told, self.openings[head.seal])
        if head.what == "pull":
            self.wanted.append(msgspec.msgpack.decode(text, type=Pull))
            content: Any = self.lie(self.page(self.wanted[-1]))
        elif head.what == "witness":
            content = self.cosigns(msgspec.msgpack.decode(text, type=Offer))
        elif head.what == "regain":
            content = self.regained(msgspec.msgpack.decode(text, type=Regain))
        elif head.what == "recover":
            after = msgspec.msgpack.decode(text, type=Recover).size
            records = tuple(one for one in self.records if self.size_of(one) > after)
            content = Kept(records, more=False, shown=self.verified)
        elif head.what == "give-back":
            content = self.gives_back(msgspec.msgpack.decode(text, type=GiveBack))
        elif head.what == "show":
            self.shown.append(msgspec.msgpack.decode(text, type=Shown))
            content = Compared(self.against)
        else:
            content = self.answered(head.what, text)
        data = message.write(
            sender=self.authority, audience=self.here, what=self.answers or wire.ANSWERS[head.what], number=0,
            answers=head.number, time_us=now_us(), body=msgspec.msgpack.encode(content), key=self.speaks,
            seal=SealKey(keyring.current().opening.public.raw),
        )  # fmt: skip
        return Response(200, {"content-type": wire.CONTENT_TYPE}, data, "", "")

    def answered(self, what: str, text: bytes) -> Any:
        """What it answers to other messages; for peers that speak of more."""
        del what, text
        return wire.Noted()

    @staticmethod
    def size_of(record: Record) -> int:
        """Leaves of a record's checkpoint."""
        return notes.parse_checkpoint(notes.parse(record.note)[0]).size

    def pulls(self) -> list[Item]:
        """What this node has for it, from where it stopped; it is kept, as a node does."""
        page: Page = self.asks("pull", Pull(len(self.back), self.chain, 0, 0), Page)
        for one in page.items:
            leaf = one.leaf
            self.back.append(
                Back(leaf, one.payload, b"" if one.is_lost else one.signature, one.salt, one.body)
            )
            self.chain = next_chain(self.chain, leaf)
        return list(page.items)

    def gives_back(self, wanted: GiveBack) -> GivenBack:
        """What it keeps of this node's ledger: two entries at a time."""
        return GivenBack(tuple(self.back[wanted.first : wanted.first + 2]), len(self.back))

    def cosigns(self, offer: Offer) -> Cosigned:
        """Witness this node's ledger, as a node does."""
        if offer.size != self.followed.size:
            last = self.followed.note
            return Cosigned(self.followed.size, (self.cosigned(last),) if last else (), last=last)
        lines = []
        keys = keyring.current().verify_keys()
        for record in offer.records:
            try:
                self.followed = follow(self.followed, record, self.here, keys)
            except ConflictError as conflict:
                return Cosigned(self.followed.size, against=conflict.before)
            self.records.append(record)
            lines.append(self.cosigned(record.note))
        return Cosigned(self.followed.size, tuple(lines))

    def cosigned(self, note: str) -> str:
        """The line by which it says to have seen a checkpoint."""
        return notes.cosign(note, self.name, self.speaks, self.cosigned_s).removeprefix(note)

    def offers(self, size: int | None = None) -> Offer:
        """What it has not had witnessed since the last checkpoint."""
        first = self.offered if size is None else size
        leaves = b"".join(self.tree[first:])
        self.offered = len(self.tree)
        return Offer(first, (Record(self.note, leaves, b"sealed"),))

    def regained(self, wanted: Regain) -> Offer:
        """What it gives a witness that lost its database: two checkpoints at a time."""
        first, records = wanted.size, []
        for note in self.heads:
            size = notes.parse_checkpoint(notes.parse(note)[0]).size
            if size > first:
                records.append(Record(note, b"".join(self.tree[first:size]), b"sealed"))
                first = size
        return Offer(wanted.size, tuple(records[:2]))

    def message(self, what: str, content: Any, **head: Any) -> bytes:
        """A message to this node."""
        self.number = max(self.number + 1, now_us())
        told = {
            "sender": self.authority,
            "audience": self.here,
            "what": what,
            "number": self.number,
            "time_us": now_us(),
            "key": self.speaks,
            "seal": SealKey(keyring.current().opening.public.raw),
        }
        return message.write(body=msgspec.msgpack.encode(content), **(told | head))

    def asks(self, what: str, content: Any, answer: Any, **head: Any) -> Any:
        """Ask this node, and read what it answers."""
        got = wire.answer(self.message(what, content, **head))
        return self.reads(got, answer)

    def reads(self, got: wire.Answer, answer: Any) -> Any:
        """What an answer of this node says."""
        assert got.signed, got.data
        told_head, told = message.parse(got.data)
        key = keyring.current().verify_key(told_head.key)
        message.check(told_head, told, key, audience=self.authority, at_us=now_us())
        body = message.opened(told_head, told, self.openings[told_head.seal])
        return msgspec.msgpack.decode(body, type=wire.Refusal if told_head.what == "refusal" else answer)
