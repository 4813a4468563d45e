"""Comparing attacks with those of partners as they come: a link is on record within a second or two.

What is compared is kept at hand by the one process that does it, and is made again from the rows when that begins.
Nothing of it is on record but the links. Attacks that are new are compared first; then, in slices, those that were
compared when less was known: a link that does not hold any more among what is known now is withdrawn, and what an
attack that is gone held together is found anew.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from hanse.attacks.attack import Attack
from hanse.attacks.models import STANDING, PartnerAttack
from hanse.attacks.models import Attack as AttackRow
from hanse.campaigns import crossing
from hanse.campaigns.models import CrossLink
from hanse.federation.models import PassedOn
from hanse.kernel.actors import Actor
from hanse.ledger.among import among
from hanse.ledger.change_mark import change_mark
from hanse.ledger.identity import authority
from hanse.ledger.models import Entry
from hanse.matching.models import SourceCount

if TYPE_CHECKING:
    from hanse.campaigns.abroad import Abroad, Counted, Linked
    from hanse.campaigns.compared import Seen

BUDGET_S: Final = 0.5
"""Seconds of one look at most, so that what comes meanwhile does not wait for what is compared again."""
AGAIN_S: Final = 600.0
"""Seconds between two rounds of comparing again what has links, where something new came."""
AT_ONCE: Final = 500
"""Rows read in one query."""
RECORDED: Final = 64
"""Attacks that are compared between two writings."""

_ABOUT = (
    "attacks.found", "attacks.started", "attacks.ended", "attacks.absorbed", "attacks.decided", "attacks.decision_withdrawn",
    "federation.received", "policy.marked",
)  # fmt: skip
_GONE = "ledger.purged"
_COUNTED = "matching.sources_counted"


@dataclass
class Follower:
    """Keeps the links across borders as the attacks on record are; one for each process that does it.

    Attributes:
        actor: In whose name links are recorded; the node's own by default.
    """

    actor: Actor | None = None
    _abroad: "Abroad | None" = field(default=None, init=False)
    _through: int = field(default=-1, init=False)
    _new: deque[UUID] = field(default_factory=deque, init=False)
    _again: deque[UUID] = field(default_factory=deque, init=False)
    _chosen: dict[UUID, frozenset[tuple[UUID, UUID]]] = field(default_factory=dict, init=False)
    _changed: bool = field(default=False, init=False)
    _round_s: float = field(default=0.0, init=False)
    _seen: tuple[Any, ...] = field(default=(), init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def look(self, budget_s: float = BUDGET_S) -> int:
        """Take in what is new and compare, for a while; how many links were recorded or withdrawn."""
        with self._lock:
            began = time.monotonic()
            # Taken before anything is read, so that what is written meanwhile has the next look at it.
            mark = change_mark()
            if mark == self._seen and not (self._new or self._again or self._is_time(began)):
                return 0
            there = self._take_in()
            self._seen = mark
            if not there:
                return 0
            done = self._compare(self._new, began + budget_s)
            if not self._new and not self._again and self._is_time(began):
                self._begin_round(began)
            return done + self._compare(self._again, began + budget_s)

    def settle(self) -> int:
        """Compare everything with everything that is known now, however long it takes; how many links changed."""
        with self._lock:
            if not self._take_in():
                return 0
            assert self._abroad is not None  # noqa: S101 - it was taken in
            self._new.clear()
            self._again = deque(self._in_order(self._abroad.ids()))
            return self._compare(self._again, float("inf"))

    def _is_time(self, now: float) -> bool:
        return self._changed and now - self._round_s >= AGAIN_S

    def _begin_round(self, now: float) -> None:
        rows = CrossLink.projected.values_list("first", "second")
        self._again = deque(self._in_order({end for row in rows for end in row}))
        self._changed, self._round_s = False, now

    def _take_in(self) -> bool:
        """Bring what is compared up to what is on record; whether there is anything to compare."""
        if not PartnerAttack.projected.exists():
            self._abroad = None
            return False
        last = Entry.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
        if self._abroad is None:
            self._begin()
        elif last > self._through:
            self._follow(last)
        self._through = last
        return True

    def _begin(self) -> None:
        """Read everything once; all of it is compared, partners' attacks first and the latest of them first."""
        from hanse.campaigns.abroad import Abroad  # noqa: PLC0415 - loads scipy, which an idle node does without

        self._abroad = Abroad(authority())
        theirs = list(PartnerAttack.projected.order_by("-received_us", "pk").values_list("pk", flat=True))
        own = list(AttackRow.projected.order_by("-start_us", "pk").values_list("pk", flat=True))
        self._put([*theirs, *own])
        self._recount()
        self._new = deque(one for one in (*theirs, *own) if one in self._abroad)
        self._again, self._chosen = deque(), {}
        self._changed, self._round_s = False, time.monotonic()

    def _follow(self, last: int) -> None:
        """Take in what entries since the last look are about."""
        assert self._abroad is not None  # noqa: S101 - it was begun
        entries = Entry.objects.filter(
            sequence__gt=self._through, sequence__lte=last, kind__in=(*_ABOUT, _GONE, _COUNTED)
        )
        touched: dict[UUID, None] = {}
        counted = False
        for kind, object_id in entries.order_by("sequence").values_list("kind", "object_id"):
            if kind == _GONE:
                self._let_go()
            elif kind == _COUNTED:
                counted = True
            else:
                touched[object_id] = None
        if counted:
            self._recount()
        if not touched:
            return
        inner = PassedOn.objects.filter(object_id__in=among(touched)).order_by("sequence")
        touched.update(
            dict.fromkeys(inner.values_list("inner", flat=True))
        )  # what was passed on is in another's envelope
        before = {one for one in touched if one in self._abroad}
        self._put(list(touched))
        came = [one for one in touched if one in self._abroad]
        self._new.extend(came)
        self._beside(before.difference(came))
        self._changed = self._changed or bool(came)

    def _recount(self) -> None:
        """Take in what was counted without showing sources; the own attacks of it are compared again."""
        assert self._abroad is not None  # noqa: S101 - it was begun
        counts = list(_counts())
        self._abroad.tell(counts)
        self._new.extend(one.first for one in counts if one.first in self._abroad)

    def _let_go(self) -> None:
        """Drop what was purged; what it was linked to is compared again."""
        assert self._abroad is not None  # noqa: S101 - it was begun
        held = set(PartnerAttack.projected.values_list("pk", flat=True))
        held |= set(AttackRow.projected.values_list("pk", flat=True))
        gone = set(self._abroad.ids()) - held
        self._abroad.drop(gone)
        self._abroad.tell(_counts())
        self._beside(gone)

    def _beside(self, gone: set[UUID]) -> None:
        """Have compared again what was linked to attacks that are gone."""
        for one in gone:
            self._chosen.pop(one, None)
        if gone:
            self._new.extend(
                one for one, pairs in self._chosen.items() if any(gone & set(pair) for pair in pairs)
            )

    def _put(self, object_ids: list[UUID]) -> None:
        """Take attacks in as they are on record now; those that stand no more go."""
        assert self._abroad is not None  # noqa: S101 - it was begun
        for some in (object_ids[at : at + AT_ONCE] for at in range(0, len(object_ids), AT_ONCE)):
            found = list(_seen(some))
            self._abroad.drop(set(some) - {one.object_id for one in found})
            self._abroad.put(found)

    def _compare(self, queue: deque[UUID], until: float) -> int:
        """Compare attacks of a queue with all, until a time; the links that are found or lost go on record."""
        assert self._abroad is not None  # noqa: S101 - it was taken in
        done = 0
        while queue and time.monotonic() < until:
            found: list[Linked] = []
            judged: list[UUID] = []
            while queue and len(judged) < RECORDED and time.monotonic() < until:
                one = queue.popleft()
                if one in self._abroad:
                    mine = self._abroad.judge(one)
                    self._chosen[one] = frozenset((each.first, each.second) for each in mine)
                    judged.append(one)
                    found += mine
            actor = self.actor or crossing.linker()
            done += crossing.put_on_record(found, actor) + self._withdraw(judged, actor)
        return done

    def _withdraw(self, judged: Iterable[UUID], actor: Actor) -> int:
        """Withdraw the links of attacks that neither of their ends, as compared last, is linked by."""
        assert self._abroad is not None  # noqa: S101 - it was taken in
        chosen = self._chosen
        lost = [
            row
            for row in crossing.of_attacks(judged)
            if all(end in chosen or end not in self._abroad for end in (row.first, row.second))
            and not any((row.first, row.second) in chosen.get(end, ()) for end in (row.first, row.second))
        ]
        return crossing.withdraw(lost, actor) if lost else 0

    @staticmethod
    def _in_order(object_ids: Iterable[UUID]) -> list[UUID]:
        return sorted(object_ids, key=lambda one: one.hex)


def _seen(object_ids: Iterable[UUID]) -> "Iterator[Seen]":
    """What is compared of attacks that stand."""
    from hanse.campaigns.compared import seen  # noqa: PLC0415 - loads scipy, which an idle node does without

    ids = list(object_ids)
    for own in AttackRow.projected.filter(pk__in=ids, state__in=STANDING):
        yield seen(_attack(own), own.pk, authority(), _group(own), own.country)
    passed_on = crossing.on_whose_word(ids)
    for theirs in PartnerAttack.projected.filter(pk__in=ids, state__in=STANDING):
        who = crossing.contributor_of(theirs, passed_on)
        yield seen(_attack(theirs), theirs.pk, who, _group(theirs), theirs.country, theirs.victim_mark)


def _counts() -> "Iterator[Counted]":
    """What was counted with partners, the newest of each two attacks."""
    from hanse.campaigns.abroad import Counted  # noqa: PLC0415 - loads scipy, which an idle node does without

    rows = SourceCount.projected.filter(state="counted", theirs__isnull=False).order_by("told_us", "pk")
    for row in {(row.own, row.theirs): row for row in rows}.values():
        if row.theirs is not None:
            sizes = row.own_size / row.own_share, row.other_size / row.other_share
            yield Counted(row.own, row.theirs, row.common, sizes, min(row.own_share, row.other_share))


def _attack(row: Any) -> Attack:
    return msgspec.convert(row.detail, Attack)


def _group(row: Any) -> str:
    """Attacks of one group are visible to the same readers."""
    return f"{row.marking_id} {row.team}"
