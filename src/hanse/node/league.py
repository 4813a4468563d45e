"""The league on one machine: four nodes in processes of their own, made, joined, attacked, and left running.

`hanse league` is an exercise of what authorities do with each other. What happens goes by the same ways as between real
nodes: people of each side propose and approve, entries are signed, sealed and pulled, and nothing is read from another
node's folder. Only the people are played by the exercise, which every page of the nodes says.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations, permutations
from pathlib import Path
from typing import Final

from hanse.exercise.league_state import Compared, Moved, Playing, Standing
from hanse.exercise.vantage import LEAGUE
from hanse.node.league_folder import Choices, alone
from hanse.node.league_matching import SecondAct
from hanse.node.league_posts import ADDRESS, Batch, LeagueError, Post, end_all, memory_mib
from hanse.node.league_telling import Teller

END_S: Final = 4.0
"""Seconds that the nodes have to end in order."""
START_S: Final = 120.0
"""Seconds in which a node has to answer after it was started."""
ARRIVE_S: Final = 90.0
"""Seconds in which what the last node found has to be with its partners."""
LOOK_S: Final = 0.5
"""Seconds between looks at how the nodes stand."""

RECALLED: Final = "Exercise: its victim asked that no partner keeps it."
"""Why one attack is recalled, in the words that partners read."""


class League:
    """Four nodes.

    Args:
        folder: Everything of them.
        choices: What they are made with.
        tell: Where to say what happens.
    """

    def __init__(self, folder: Path, choices: Choices, tell: Teller) -> None:
        self._choices = choices
        self._folder = folder
        self._tell = tell
        self._posts = [Post(one, folder, choices.port + at) for at, one in enumerate(LEAGUE)]
        self._by_id = {post.one.authority: post for post in self._posts}
        self._told: set[tuple[str, ...]] = set()
        self._playing: dict[Post, Playing] = {}

    def run(self) -> None:
        """Make what is not there yet, play the exercise once, and keep the nodes running until Ctrl-C.

        Raises:
            LeagueError: It cannot go on.
        """
        with alone(self._folder), _ended(self._posts, self._tell):
            _check_ports(self._posts)
            there = [post for post in self._posts if post.is_made]
            self._make()
            self._serve(there)
            self._join()
            self._witness()
            self._play()
            self._take_back()
            SecondAct(self._by_id["ee-cert"], self._by_id["gb-cert"], self._tell).play()
            self._finish()
            self._stay()

    def _make(self) -> None:
        """The nodes that are not there yet."""
        missing = [post for post in self._posts if not post.is_made]
        if not missing:
            self._tell.heading(
                f"The league in {self._folder} is there already; it goes on from where it was."
            )
            return
        self._tell.heading("Four authorities, each with a node, keys and a database of its own:")
        batch = Batch(missing, Post.open_desk, Post.is_open, os.cpu_count() or 1)
        with self._tell.busy("Making the nodes"):
            while not batch.over:
                for post in batch.step():
                    one = post.one
                    self._tell.happened(one.short, f"{one.name}, {one.tier_words}: node made")
                time.sleep(0.05)

    def _serve(self, there: Sequence[Post]) -> None:
        """Serve all nodes, and open the desks of those that were there before."""
        with self._tell.busy("Starting the nodes"):
            for post in self._posts:
                post.serve()
            for post in there:
                post.open_desk()
            self._wait_for(self._posts, Post.is_well, "its node is not well")
            self._wait_for(there, Post.is_open, "its people are not there")
        self._tell.happened("All four", "nodes answer and are well")

    def _wait_for(self, posts: Sequence[Post], ready: Callable[[Post], bool], otherwise: str) -> None:
        deadline, waiting = time.monotonic() + START_S, list(posts)
        while waiting:
            waiting = [post for post in waiting if not ready(post)]
            if waiting and time.monotonic() > deadline:
                raise waiting[0].failed(f"{otherwise} after {START_S:.0f} s")
            time.sleep(0.1)

    def _join(self) -> None:
        """Invitations, fingerprints, approvals; then the rules by which attacks are shared."""
        made = []
        with self._tell.busy("The people of each node come in"):
            invitations = {post: post.ask("invite", str) for post in self._posts}
        for one, other in combinations(self._posts, 2):
            if self._become_partners(one, other, invitations):
                made.append((one, other))
        rules: dict[str, list[Post]] = {}
        for post in self._posts:
            rules.setdefault(post.ask("rule", str), []).append(post)
        for words in filter(None, rules):
            first, *rest = [post.one for post in rules[words]]
            also = "".join(f"and {one.said}, " for one in rest)
            self._tell.happened(first.short, f"{also}rule of two people: {words}")
        if made:
            played = "; ".join(f"{' and '.join(post.one.people)} for {post.one.said}" for post in self._posts)
            self._tell.say(f"The exercise plays two people on each side, who propose and approve: {played}.")

    def _become_partners(self, one: Post, other: Post, invitations: dict[Post, str]) -> bool:
        """Two people on each side; whether they were none before."""
        compared: dict[Post, Compared | None] = {
            here: here.ask("propose", Compared | None, invitation=invitations[there], address=ADDRESS)  # type: ignore[arg-type]  # a union is a type to msgspec
            for here, there in ((one, other), (other, one))
        }
        waiting = {post: told for post, told in compared.items() if told is not None}
        if not waiting:
            return False
        read_out = {post.ask("fingerprint", str, invitation=invitations[there])
                    for post, there in ((one, other), (other, one))}  # fmt: skip
        read_out |= {told.fingerprint for told in waiting.values()}
        if len(read_out) > 1:
            raise LeagueError(f"{one.one.short} and {other.one.said} read out different fingerprints.")
        for post, told in waiting.items():
            post.ask("approve", type(None), proposal=told.proposal)
        self._tell.happened(
            one.one.short, f"and {other.one.said} are partners: both read out {read_out.pop()}"
        )
        return True

    def _witness(self) -> None:
        """Each asks the others to witness its ledger, and they consent."""
        asked = sum(post.ask("ask_witnesses", int) for post in self._posts)
        if not asked:
            return
        others, deadline = len(self._posts) - 1, time.monotonic() + ARRIVE_S
        with self._tell.busy("Each asks the others to witness its ledger"):
            while time.monotonic() < deadline:
                witnesses = [post.ask("consent", int) for post in self._posts]
                if min(witnesses) == others:
                    self._tell.happened(
                        "All four",
                        "witness each other's ledgers: whoever drops an entry, or tells two of them two histories, is seen",
                    )
                    return
                time.sleep(LOOK_S)
        self._tell.say("Not all witnesses have consented yet; each node's page of its partners says who has.")

    def _play(self) -> None:
        """Each node looks through its own flows; what it finds goes to the others."""
        standing = self._standing()
        missing = [post for post in self._posts if not standing[post].own]
        if missing:
            if not any(told.across for told in standing.values()):
                self._tell.say("No console shows a campaign across borders yet.")
            self._tell.heading("Each looks through the flows of its own routers, and shares what it finds:")
        batch = Batch(missing, self._begin, self._has_played, os.cpu_count() or 1)
        deadline = time.monotonic() + ARRIVE_S
        with self._tell.busy("Looking for attacks") as at_foot:
            while True:
                if batch.step() or not batch.over:
                    deadline = time.monotonic() + ARRIVE_S
                standing = self._standing()
                if missing:
                    self._say_what_came(standing)
                there = self._all_there(standing) and _together(standing)
                if batch.over and (there or time.monotonic() > deadline):
                    break
                at_foot(", ".join(f"{post.one.short}: {self._playing[post]}" for post in batch.running))
                time.sleep(LOOK_S)
        if missing:
            self._say_who_saw_it(standing)
        self._say_what_is_missing(standing)

    def _begin(self, post: Post) -> None:
        told = self._choices
        post.ask("play", type(None), seed=told.seed, scale=told.scale, short=told.short)
        self._playing[post] = Playing("Beginning")

    def _has_played(self, post: Post) -> bool:
        told = self._playing[post] = post.ask("playing", Playing)
        if told.error:
            raise post.failed(f"its exercise failed: {told.error}")
        return told.over

    def _standing(self) -> dict[Post, Standing]:
        for post in self._posts:
            post.check()
        return {post: post.ask("state", Standing) for post in self._posts}

    def _say_what_came(self, standing: dict[Post, Standing]) -> None:
        """What each found, and who has it how soon."""
        for post, told in standing.items():
            if told.own and self._new("found", post.one.key):
                self._tell.happened(
                    post.one.short,
                    f"found {told.own} attacks on its own hosts. Alone it says: {_alone_says(told)}",
                )
        for post, other in permutations(self._posts, 2):
            if _arrived(standing, post, other) and self._new("has", other.one.key, post.one.key):
                came = standing[other].received[post.one.authority]
                after = (came.last_us - standing[post].found_us) / 1e6
                self._tell.happened(
                    other.one.short,
                    f"has the {came.attacks} attacks of {post.one.said}, {after:.1f} s after they were found",
                )

        for post, told in standing.items():
            if told.across and self._new("across", post.one.key, told.across[0].title):
                self._tell.happened(post.one.short, f"shows: {told.across[0].title}")

    def _new(self, *what: str) -> bool:
        """Whether that was not said before."""
        if what in self._told:
            return False
        self._told.add(what)
        return True

    def _all_there(self, standing: dict[Post, Standing]) -> bool:
        return all(_arrived(standing, post, other) for post, other in permutations(self._posts, 2))

    def _say_who_saw_it(self, standing: dict[Post, Standing]) -> None:
        """Whether anybody alone saw what it is against; said as it is."""
        saw = [
            post.one.said for post, told in standing.items() if {"state", "several states"} & {*told.scopes}
        ]
        if saw:
            self._tell.say(f"Alone, {' and '.join(saw)} say that it is against a state or several.")
        else:
            self._tell.say("Alone, none of the four says that it is against a state or several states.")

    def _say_what_is_missing(self, standing: dict[Post, Standing]) -> None:
        for post, other in permutations(self._posts, 2):
            if not _arrived(standing, post, other):
                came = standing[other].received.get(post.one.authority, Moved(0, 0)).attacks
                self._tell.say(
                    f"{other.one.short} has {came} of the {standing[post].own} attacks of {post.one.said} so far; "
                    f"{other.url}/partners/ says why."
                )

    def _take_back(self) -> None:
        """The first node recalls one attack, once."""
        post = self._posts[0]
        if post.ask("state", Standing).taken_back:
            return
        what = post.ask("recall", str, reason=RECALLED)
        self._tell.heading("One attack is recalled:")
        self._tell.happened(
            post.one.short, f"takes back from its partners: {what} (reason given: {RECALLED})"
        )
        deadline = time.monotonic() + ARRIVE_S
        waiting = {other.one.authority for other in self._posts[1:]}
        with self._tell.busy("Waiting for the answers"):
            while waiting and time.monotonic() < deadline:
                told = post.ask("state", Standing).taken_back
                for name in sorted(one for one in waiting if one in told and told[one].answer):
                    waiting.remove(name)
                    after = (told[name].answered_us - told[name].asked_us) / 1e6
                    done = "purged it" if told[name].answer == "purged" else "never had it"
                    self._tell.happened(
                        self._by_id[name].one.short, f"{done}, and said so {after:.1f} s after"
                    )
                time.sleep(LOOK_S / 2)
        for name in sorted(waiting):
            self._tell.say(
                f"{self._by_id[name].one.short} has not answered yet; {post.url}/partners/ shows it."
            )

    def _finish(self) -> None:
        """What the consoles show, and the way to them."""
        self._tell.heading("What each console shows now:")
        for post, told in self._standing().items():
            found = [f"{one.title}. {one.verdict}." for one in told.across]
            self._tell.happened(post.one.short, " ".join(found) or "no campaign across borders")
        links = {post: post.ask("visitors", list[str]) for post in self._posts}
        way = (
            "Each link makes you a person of that authority, once, within a day, with a passkey of your browser; "
            "afterwards sign in at the address above it. What takes two people, the second link's approves, in another "
            "window of the browser that is private."
            if any(any(paths) for paths in links.values())
            else "You have joined all four, and sign in with your passkeys."
        )
        self._tell.heading(f"Look around. {way}")
        self._tell.say()
        for post in self._posts:
            self._tell.say(f"  {post.one.short:<15} {post.url}/")
            for who, path in zip(("first", "second"), links[post], strict=True):
                self._tell.say(
                    f"  {who + ' link':>15} {post.url}{path}"
                    if path
                    else f"  {'':<15} the {who} person has joined"
                )
        for post in self._posts:
            post.close_desk()
        for post in self._posts:
            post.leave_desk()
        processes = [pid for post in self._posts for pid in post.processes]
        memory = memory_mib(processes)
        used = f" and {memory:,.0f} MiB of memory" if memory else ""
        self._tell.say()
        self._tell.say(
            f"Ready after {self._tell.seconds:.0f} s. The four nodes are {len(processes)} processes{used}; all that "
            f"they know is in {self._folder}. Ctrl-C ends them, the same command starts them again."
        )

    def _stay(self) -> None:
        while True:
            for post in self._posts:
                post.check()
            time.sleep(LOOK_S)


def _arrived(standing: dict[Post, Standing], post: Post, other: Post) -> bool:
    """Whether a node has all that another one gave it, and that is all that the other found and may give."""
    given = standing[post].given.get(other.one.authority)
    came = standing[other].received.get(post.one.authority)
    if given is None or came is None:
        return False
    back = other.one.authority in standing[post].taken_back
    return given.attacks == came.attacks == standing[post].own - back


def _together(standing: dict[Post, Standing]) -> bool:
    """Whether every console shows the campaign on all states of the exercise."""
    states = len({one.where or one.country for one in LEAGUE})
    return all(any(one.states == states for one in told.across) for told in standing.values())


def _alone_says(told: Standing) -> str:
    """The verdict on the largest campaign, and how many there are."""
    if not told.alone:
        return "no campaign."
    more = len(told.alone) - 1
    rest = f" (and {more} smaller {'campaign' if more == 1 else 'campaigns'})" if more else ""
    return f"{told.alone[0].rstrip('.')}{rest}."


def _check_ports(posts: Sequence[Post]) -> None:
    """Refuse to begin where a port is taken.

    Raises:
        LeagueError: One is; says which, and what to do.
    """
    for post in posts:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ADDRESS, post.port))
            except OSError as error:
                raise LeagueError(
                    f"Port {post.port} of this machine, at which the node of {post.one.said} listens, cannot be "
                    f"used: {error.strerror}. End what uses it, or make another league with other ports: "
                    "`make league LEAGUE=another-folder LEAGUE_PORT=9011`."
                ) from None


@contextmanager
def _ended(posts: Sequence[Post], tell: Teller) -> Iterator[None]:
    """Whatever happens, end what was started; Ctrl-C and SIGTERM are the way to leave, and no error."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    left = False
    try:
        yield
    except KeyboardInterrupt:
        left = True
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # told once is enough
        began = time.monotonic()
        end_all(posts, END_S)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, before)
    if left:
        tell.say()
        tell.say(f"All nodes have ended, after {time.monotonic() - began:.1f} s.")
