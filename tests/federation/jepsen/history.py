"""Random histories of five nodes, in the manner of Jepsen: do things, break things, heal, and see what everybody holds.

A history follows from its seed, but for keys, ids and salts, which are drawn anew each time.
"""

import random
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tests.federation.jepsen.model import Books, Lost, Origin
from tests.federation.jepsen.network import Died, Node, Nursery, Refused, doom_of, league, lose, settle

DAY_US: Final = 86_400_000_000
_DOOMED: Final = 0.04
_AT_ONCE: Final = 2
"""Nodes that recover at the same time, at most: more, and the witnesses of a ledger are lost with it too often."""
_ATTEMPTS: Final = 6
"""Of nodes that recover, with nothing wrong any more: two suffice, and each may be killed over some."""
_ROUNDS: Final = 4
"""In so many rounds in which everybody asks everybody all is where it belongs: what is shared, the recall, its answer,
and the checkpoint over that."""

WEIGHTS: Final = {
    "share": 14, "recall": 6, "restrict": 3, "rotate": 1, "integrate": 10, "pull": 44, "hint": 4, "offer": 16, "late": 4,
    "crash": 4, "partition": 4, "mend": 3, "skew": 2, "set_right": 2, "backup": 5, "restore": 4, "recover": 10,
}  # fmt: skip
"""How often each is done, relative to the others."""


class BrokenError(AssertionError):
    """A rule does not hold; says which, after which history."""


class History:
    """One random history.

    Attributes:
        lines: What was done, and what came of it.
        operations: How often each was done.
        dice: What happens.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed
        self.dice = random.Random(seed)
        self.lines: list[str] = []
        self.operations: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._folder = folder
        self._nursery = Nursery(folder)
        self.network = league(self._nursery, random.Random(seed + 1))
        self._nodes = self.network.nodes
        self._origins = {name: Origin(node.do("books")) for name, node in self._nodes.items()}
        self._wild = 0.0
        self._waiting: dict[str, Lost] = {}
        self._saved_sizes: dict[str, int] = {}

    def close(self) -> None:
        """End all nodes."""
        for node in self._nodes.values():
            node.kill()
        self._nursery.close()

    def run(self, operations: int, wild: float = 0.2) -> None:
        """Do so many things at random, with faults.

        Raises:
            BrokenError: A rule does not hold.
        """
        self._wild = self.network.wild = wild
        names = list(WEIGHTS)
        for _ in range(operations):
            name = self.dice.choices(names, list(WEIGHTS.values()))[0]
            node = self.dice.choice(list(self._nodes.values()))
            self._do(name, node)

    def _do(self, name: str, node: Node) -> None:
        waits = [one for one in self._nodes.values() if one.recovering]
        if name == "recover":
            if not waits:
                return
            node = self.dice.choice(waits)
        if name == "restore" and (len(waits) >= _AT_ONCE or self._origins[node.name].saved is None):
            return  # two databases at a time, and none without a backup
        if node.recovering and name not in {"recover", "mend", "partition", "skew", "set_right", "late"}:
            return  # it does not serve, and nobody works on it
        self.operations[name] += 1
        try:
            told = getattr(self, f"_{name}")(node)
        except Died:
            self.faults["killed in the middle"] += 1
            told = "died"
            self._after_death(node, None, "", ())
        except Refused as error:
            told = f"refused: {error}"
        self._note(f"{node.name} {name}: {told}")

    def _note(self, words: str) -> None:
        self.lines.append(f"{len(self.lines):5}  {words}")

    def _broken(self, words: str) -> BrokenError:
        some = "\n".join(self.lines)
        return BrokenError(
            f"seed {self.seed}: {words}\nThe history:\n{some}\nEnd of the history. seed {self.seed}: {words}"
        )

    # --- what people do ---

    def _share(self, node: Node) -> str:
        origin, attack = self._origins[node.name], self._attack(node)
        to = self._some(node)
        books, gets = origin.shared(attack, to)
        self._change(node, attack, gets, books, "share", gets, to=to)
        return f"{attack[:6]} with {to}: {gets}"

    def _recall(self, node: Node) -> str:
        origin, attack = self._origins[node.name], self._attack(node)
        to = self._some(node)
        books, loses = origin.recalled_from(attack, to)
        if loses:
            self._change(node, attack, loses, books, "recall", len(loses), to=to)
        return f"{attack[:6]} from {loses}"

    def _restrict(self, node: Node) -> str:
        origin, attack = self._origins[node.name], self._attack(node)
        to = sorted(self.dice.sample(self._others(node), self.dice.choice((2, 3, 3))))
        books = origin.restricted(attack, to)
        if books[attack]["to"] != origin.books[attack]["to"]:
            self._change(node, attack, origin.books[attack]["holders"], books, "restrict", None, to=to)
        return f"{attack[:6]} to {books[attack]['to']}"

    def _change(
        self, node: Node, attack: str, touched: list[str], books: Books, job: str, wanted: Any, **told: Any
    ) -> None:
        """Have the books changed, and see that it is done as it should be, or not at all."""
        try:
            answer = node.do(job, doom_of(self.dice, _DOOMED), attack=attack, **told)
        except Died:
            self.faults["killed in the middle"] += 1
            self._after_death(node, books, attack, touched)
            return
        if answer != wanted:
            raise self._broken(
                f"{node.name} {job} {attack[:6]} {told}: {answer!r}, and {wanted!r} was expected"
            )
        self._took(node, attack, touched, books)

    def _took(self, node: Node, attack: str, touched: Any, books: Books) -> None:
        self._origins[node.name].took(attack, touched, books, node.do("last_sequence"), node.do("sent"))

    def _after_death(self, node: Node, books: Books | None, attack: str, touched: Any) -> None:
        """A node that was killed in the middle has done it all, or nothing of it."""
        if node.recovering or node.up:
            return
        found, origin = node.do("books"), self._origins[node.name]
        if books is not None and found == books != origin.books:
            self._took(node, attack, touched, books)
        elif found != origin.books:
            raise self._broken(f"{node.name} was killed, and its books are {found}; before: {origin.books}")

    def _rotate(self, node: Node) -> str:
        """New keys, and a backup at once, as the command says: older backups do not have them."""
        try:
            node.do("rotate", doom_of(self.dice, _DOOMED * 4))
        except Died:
            self.faults["killed in the middle"] += 1
            self._after_death(node, None, "", ())
        return f"new keys; {self._backup(node)}"

    def _attack(self, node: Node) -> str:
        return self.dice.choice(sorted(self._origins[node.name].books))

    def _others(self, node: Node) -> list[str]:
        return [one for one in self._nodes if one != node.name]

    def _some(self, node: Node) -> list[str]:
        others = self._others(node)
        return sorted(self.dice.sample(others, self.dice.randint(1, len(others))))

    # --- what nodes do by themselves ---

    def _integrate(self, node: Node) -> str:
        return str(node.do("integrate", doom_of(self.dice, _DOOMED)))

    def _pull(self, node: Node) -> str:
        partner = self.dice.choice(self._others(node))
        return f"{partner}: {node.do('pull', doom_of(self.dice, _DOOMED), partner=partner)}"

    def _hint(self, node: Node) -> str:
        partner = self.dice.choice(self._others(node))
        return f"{partner}: {node.do('hint', partner=partner)}"

    def _offer(self, node: Node) -> str:
        partner = self.dice.choice(self._others(node))
        return f"{partner}: {node.do('offer', doom_of(self.dice, _DOOMED), partner=partner)}"

    def _late(self, _: Node) -> str:
        return f"{self.network.deliver_late()} late messages"

    # --- what breaks ---

    def _crash(self, node: Node) -> str:
        node.kill()
        self.faults["killed"] += 1
        return "killed"

    def _partition(self, node: Node) -> str:
        """Cut some off from others, both ways or one way."""
        names = list(self._nodes)
        side = set(self.dice.sample(names, self.dice.randint(1, 2))) | {node.name}
        pairs = {(one, other) for one in side for other in names if other not in side}
        way = self.dice.choice(("both ways", "out", "in"))
        self.network.cut = set()
        if way != "in":
            self.network.cut |= pairs
        if way != "out":
            self.network.cut |= {(other, one) for one, other in pairs}
        self.faults[f"partition, {'both ways' if way == 'both ways' else 'one way'}"] += 1
        return f"{sorted(side)} {way}"

    def _mend(self, _: Node) -> str:
        self.network.cut = set()
        return "no partition"

    def _skew(self, node: Node) -> str:
        reach = self.dice.choice((60_000_000, 900_000_000, DAY_US))
        node.skew_us = self.dice.randint(-reach, reach)
        self.faults["clock wrong"] += 1
        return f"{node.skew_us / 60e6:+.1f} min"

    def _set_right(self, node: Node) -> str:
        node.skew_us = 0
        return "clock right"

    # --- losing the database ---

    def _backup(self, node: Node) -> str:
        path = self._file(node)
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        count = node.do("back_up", path=str(draft))
        draft.replace(path)
        self._saved_sizes[node.name] = node.do("size")
        self._origins[node.name].backed_up()
        return f"{count} entries"

    def _restore(self, node: Node) -> str:
        """The disk is gone; the newest backup is put in its place, by the command of people."""
        if stuck := self._without_a_way_back(node):
            self.faults["database spared, or a ledger were lost with all who keep it"] += 1
            return f"spared: {stuck}"
        self.faults["database lost"] += 1
        if any(one.recovering for one in self._nodes.values()):
            self.faults["database lost while another recovers"] += 1
        covered = {int(size): entries for size, entries in node.do("covered").items()}
        self._waiting[node.name] = self._last_seen(node, covered)
        lose(node)
        node.recovering = True
        count = node.do("restore", path=str(self._file(node)), home=str(node.home))
        for name, lost in self._waiting.items():  # what this one kept of others that are lost is lost with it
            if name != node.name:
                self._waiting[name] = lost.at_most(self._last_seen(self._nodes[name], lost.covered))
        return f"{count} entries; {self._recover(node)}"

    def _last_seen(self, node: Node, covered: dict[int, int]) -> Lost:
        """What others have of a node right before its database is lost."""
        others = {name: self._nodes[name] for name in self._others(node)}
        delivered = {name: other.do("received")[node.name] for name, other in others.items()}
        sizes = [other.do("seen_of", partner=node.name) for other in others.values()]
        return Lost(covered, delivered, max(covered.get(one, 0) for one in sizes))

    def _without_a_way_back(self, node: Node) -> str:
        """Whose ledger could not be gone on with if a node were lost too, as somebody verified what only the lost kept.

        That has a way out by people, which has tests of its own: they expel each other and begin anew.
        """
        for one in [node, *(other for other in self._nodes.values() if other.recovering)]:
            own = self._saved_sizes[one.name] if one is node else one.do("size")
            others = [self._nodes[name] for name in self._others(one) if name != node.name]
            kept = max(own, *(other.do("seen_of", partner=one.name) for other in others))
            if any(other.do("verified", partner=one.name) > kept for other in others):
                return one.name
        return ""

    def _recover(self, node: Node) -> str:
        """Ask partners what was written since; until each has answered, the node does not serve."""
        if self.dice.random() < 0.5:
            self._ease()
        try:
            whole = node.do("recover", doom_of(self.dice, _DOOMED * 4))
        except Died:
            self.faults["killed in the middle"] += 1
            return "died over it"
        except Refused as error:
            if not str(error).startswith(("LinkError", "PartnersRecoverError")):
                raise self._broken(f"{node.name} cannot be recovered: {error}") from None
            return f"not yet: {error}"
        finally:
            self.network.wild = self._wild
        if (node.home / "recovering").exists():
            raise self._broken(f"{node.name} was recovered and does not serve")
        node.recovering = False
        lost = self._waiting.pop(node.name)
        origin = self._origins[node.name]
        wrong = origin.wrong_after_restore(node.do("books"), lost.delivered, lost.witnessed)
        if wrong:
            raise self._broken(
                f"{node.name} was put back, and {'; '.join(wrong)} ({lost.delivered}, {lost.witnessed})"
            )
        self._backup(node)
        return f"{whole} entries came back whole"

    def _ease(self) -> None:
        """Whoever restores a node calls the others first: they run, their clocks are right, and the lines are fair."""
        self.network.cut, self.network.wild = set(), self._wild / 20
        for one in self._nodes.values():
            one.skew_us = 0
            if not one.up:
                one.start()

    def _file(self, node: Node) -> Path:
        return self._folder / f"{node.name}.hanse"

    # --- and then ---

    def heal(self) -> None:
        """No fault any more; everybody asks everybody, a few times."""
        self._wild = self.network.wild = 0.0
        self.network.cut, self.network.kept = set(), []
        for node in self._nodes.values():
            node.skew_us = 0
            if not node.up:
                node.start()
        for _ in range(_ATTEMPTS):
            for node in self._nodes.values():
                if node.recovering:
                    self._note(f"{node.name} recover: {self._recover(node)}")
        if waits := [one.name for one in self._nodes.values() if one.recovering]:
            raise self._broken(f"{waits} wait for ever, though nothing is wrong any more")
        try:
            for _ in range(_ROUNDS):
                settle(self.network)
        except Refused as error:
            raise self._broken(f"nothing is wrong any more, and {error}") from None
        self._note("healed")

    def check(self) -> None:
        """Everybody holds what policy entitles it to, and all books agree.

        Raises:
            BrokenError: A rule does not hold.
        """
        wrong = []
        for name, node in self._nodes.items():
            wrong += [f"{name}: {one}" for one in self._wrong_of(node)]
        for node in self._nodes.values():
            for other in self._others(node):
                wrong += self._wrong_between(node, self._nodes[other])
        if wrong:
            raise self._broken("; ".join(wrong))

    def _wrong_of(self, node: Node) -> list[str]:
        wrong = [f"fsck: {one}" for one in node.do("fsck")]
        stands = node.do("standing")
        if node.do("books") != self._origins[node.name].books:
            wrong.append(f"books {node.do('books')}, expected {self._origins[node.name].books}")
        wrong += [f"contradiction {one}" for one in stands["contradictions"]]
        wrong += [f"refused {one}" for one in stands["refused"]]
        wrong += [f"recall without an answer {one}" for one in stands["recalls"] if not one["answer"]]
        wrong += [f"{one}: {link['error']}" for one, link in stands["links"].items() if link["error"]]
        if stands["seen"] != stands["named"]:
            wrong.append(f"witnessed by {stands['seen']} of {stands['named']}")
        return wrong

    def _wrong_between(self, origin: Node, holder: Node) -> list[str]:
        """What is wrong with what one node has of another."""
        wrong = []
        sent, got = origin.do("leaves_for", partner=holder.name), holder.do("leaves_of", partner=origin.name)
        if sent != got:
            wrong.append(f"{holder.name} has {len(got)} entries of {origin.name}, which sent {len(sent)}")
        link, stands = holder.do("standing")["links"][origin.name], origin.do("standing")
        if not link["proven"] == link["total"] == len(sent) or link["size"] != stands["size"]:
            wrong.append(f"{holder.name} has proven {link} of {origin.name}; {len(sent)}, {stands['size']}")
        books, unsure = self._origins[origin.name].books, self._origins[origin.name].unsure
        ids = origin.do("ids", attacks=sorted(books))
        here = holder.do("partner_attacks")
        for attack, row in books.items():
            there = here.get(ids[attack])
            if (attack, holder.name) in unsure:
                continue
            if (there is not None) != (holder.name in row["holders"]):
                wrong.append(
                    f"{holder.name} {'has' if there else 'does not have'} {attack[:6]} of {origin.name}: {row}"
                )
            elif there is not None and there != {"partner": origin.name, "to": row["to"]}:
                wrong.append(f"{holder.name} has {attack[:6]} of {origin.name} as {there}, not as {row}")
        strangers = {one for one, told in here.items() if told["partner"] == origin.name} - set(ids.values())
        return [*wrong, *(f"{holder.name} has {one[:6]}, which {origin.name} never had" for one in strangers)]
