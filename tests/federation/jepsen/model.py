"""What nodes have to hold, by what was acknowledged: the other side that a random history is compared with."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Books = dict[str, dict[str, Any]]
"""Of each attack: `to`, to whom it is releasable (None for all), and `holders`, who has it; as of `jobs.books`."""


@dataclass(frozen=True)
class Step:
    """One change to an origin's books since its backup.

    Attributes:
        attack: Of which attack.
        touched: Whom it concerns.
        books: The attack's row afterwards.
        sequence: The origin's newest entry afterwards.
        sent: How many entries were addressed to each partner afterwards.
    """

    attack: str
    touched: frozenset[str]
    books: dict[str, Any]
    sequence: int
    sent: dict[str, int]


@dataclass(frozen=True)
class Lost:
    """What others had of a node when its database was lost.

    Attributes:
        covered: How many entries each of its checkpoints covered, by size.
        delivered: How many of its entries each partner had.
        witnessed: How many of its entries a witness had seen.
    """

    covered: dict[int, int]
    delivered: dict[str, int]
    witnessed: int

    def at_most(self, later: "Lost") -> "Lost":
        """What they still have, once one of them was lost as well."""
        delivered = {name: min(count, later.delivered[name]) for name, count in self.delivered.items()}
        return Lost(self.covered, delivered, min(self.witnessed, later.witnessed))


@dataclass
class Origin:
    """What one node's books have to say.

    Attributes:
        books: They, as of the last acknowledged change.
        steps: The changes since the newest backup.
        saved: The books as they were in the newest backup; None before the first.
        unsure: Pairs (attack, partner) of which nobody can know whether, or how marked, the partner has the copy: the
            database was lost before anybody else had seen the last change.
    """

    books: Books
    steps: list[Step] = field(default_factory=list)
    saved: Books | None = None
    unsure: set[tuple[str, str]] = field(default_factory=set)

    def shared(self, attack: str, to: Iterable[str]) -> tuple[Books, list[str]]:
        """The books after an attack is shared, and who gets it."""
        row = self.books[attack]
        gets = sorted(one for one in to if row["to"] is None or one in row["to"])
        return self._with(attack, holders=sorted({*row["holders"], *gets})), gets

    def recalled_from(self, attack: str, to: Iterable[str]) -> tuple[Books, list[str]]:
        """The books after an attack is recalled, and who loses it."""
        held = self.books[attack]["holders"]
        loses = sorted(set(held) & set(to))
        return self._with(attack, holders=sorted(set(held) - set(loses))), loses

    def restricted(self, attack: str, to: Iterable[str]) -> Books:
        """The books after an attack is marked for some alone: who may not have it any more loses it."""
        row = self.books[attack]
        names = set(to) if row["to"] is None else set(to) & set(row["to"])
        return self._with(attack, to=sorted(names), holders=sorted(set(row["holders"]) & names))

    def _with(self, attack: str, **changed: Any) -> Books:
        return {**self.books, attack: {**self.books[attack], **changed}}

    def took(
        self, attack: str, touched: Iterable[str], books: Books, sequence: int, sent: dict[str, int]
    ) -> None:
        """A change is acknowledged."""
        some = frozenset(touched)
        self.books = books
        self.steps.append(Step(attack, some, books[attack], sequence, sent))
        self.unsure -= {(attack, one) for one in some}

    def backed_up(self) -> None:
        """There is a newer backup."""
        self.saved, self.steps = self.books, []

    def wrong_after_restore(self, found: Books, delivered: dict[str, int], witnessed: int) -> list[str]:
        """What is not as it has to be after the node was put back to its newest backup; the books are these then.

        What a partner had, or a witness had seen, has to be there as it was. Of what nobody else had, what was before
        may be there again.

        Args:
            found: The node's books now.
            delivered: How many of its entries each partner had when the database was lost.
            witnessed: How many of its entries a witness had seen then.
        """
        assert self.saved is not None
        wrong = []
        for attack, row in found.items():
            past = [self.saved[attack], *(one.books for one in self.steps if one.attack == attack)]
            marked = [one for one in self.steps if one.attack == attack and one.sequence < witnessed]
            if not self._may_be_marked(row["to"], [one["to"] for one in past], marked):
                wrong.append(f"{attack[:6]} is releasable to {row['to']}, was {past[-1]['to']}")
            if row["to"] != past[-1]["to"]:  # copies that came before it was lost are marked more strictly
                self.unsure |= {(attack, one) for one in delivered}
            for partner, had in delivered.items():
                wrong += self._holder_wrong(attack, partner, row, past, had, witnessed)
        self.books = found
        return wrong

    @staticmethod
    def _may_be_marked(now: Any, past: list[Any], marked: list[Step]) -> bool:
        last = past.index(marked[-1].books["to"]) if marked else 0
        return now in past[last:]

    def _holder_wrong(
        self,
        attack: str,
        partner: str,
        row: dict[str, Any],
        past: list[dict[str, Any]],
        had: int,
        witnessed: int,
    ) -> list[str]:
        """What is wrong in one cell; it is unsure from now on where the partner did not get the last change."""
        steps = [one for one in self.steps if one.attack == attack and partner in one.touched]
        holds = partner in row["holders"]
        if not steps:
            if holds == (partner in past[0]["holders"]):
                return []
            return [f"{attack[:6]} at {partner}: nothing was changed, and it is {holds}"]
        got = steps[-1].sent.get(partner, 0) <= had
        if not got:
            self.unsure.add((attack, partner))
        known = [
            at for at, one in enumerate(steps) if one.sent.get(partner, 0) <= had or one.sequence < witnessed
        ]
        states = [partner in past[0]["holders"], *(partner in one.books["holders"] for one in steps)]
        may = states[known[-1] + 1 :] if known else states
        if holds in may:
            return []
        return [f"{attack[:6]} at {partner}: its books say {holds}, and it can only be {sorted(set(may))}"]
