"""The second act of the league: two nodes find out that they investigate the same gang, and nothing else."""

import time
from typing import Final

from hanse.exercise.league_state import Matched
from hanse.node.league_posts import Post
from hanse.node.league_telling import Teller

FOUND_S: Final = 90.0
"""Seconds in which both have to know the hits."""
LOOK_S: Final = 0.5
"""Seconds between looks."""


class SecondAct:
    """Two nodes with a case on one gang.

    Args:
        one: Who asks.
        other: Who has a case on the same gang.
        tell: Where to say what happens.
    """

    def __init__(self, one: Post, other: Post, tell: Teller) -> None:
        self._one, self._other, self._tell = one, other, tell

    def play(self) -> None:
        """Cases, agreements, the comparison, contact, the joint case: what is done already is not done again."""
        if self._one.ask("matched", Matched).joint:
            return
        both = (self._one, self._other)
        self._tell.heading(
            f"Second act: {self._one.one.said} and {self._other.one.said} investigate the same gang, and neither knows:"
        )
        for post in both:
            if words := post.ask("open_case", str):
                self._tell.happened(post.one.short, words)
        for post, partner in (both, both[::-1]):
            if words := post.ask("agree", str, partner=partner.one.authority):
                self._tell.happened(post.one.short, words)
        self._one.ask("compare", type(None), partner=self._other.one.authority)
        if not self._both_found():
            return
        for post, partner in (both, both[::-1]):
            self._say_what_it_learnt(post, partner)
        self._contact()

    def _both_found(self) -> bool:
        """Wait until both know; whether they do."""
        deadline = time.monotonic() + FOUND_S
        waiting = [self._one, self._other]
        with self._tell.busy("Comparing"):
            while waiting and time.monotonic() < deadline:
                for post in list(waiting):
                    told = post.ask("matched", Matched)
                    if told.state in {"declined", "failed", "broken"}:
                        self._tell.say(f"{post.one.short}: the comparison ended: {told.why}")
                        return False
                    if told.state == "finished":
                        waiting.remove(post)
                time.sleep(LOOK_S)
        for post in waiting:
            self._tell.say(f"{post.one.short} does not know yet; {post.url}/matches/ shows how far it is.")
        return not waiting

    def _say_what_it_learnt(self, post: Post, partner: Post) -> None:
        told = post.ask("matched", Matched)
        leads = f"; leads by name: {', '.join(told.leads)}" if told.leads else ""
        self._tell.happened(
            post.one.short,
            f"learns within {told.took_s:.1f} s what {partner.one.said} has too, and nothing else of its case: "
            f"{', '.join(told.hits)}{leads}",
        )

    def _contact(self) -> None:
        """A name first; then both want a joint case, and it opens."""
        for post, agrees in ((self._one, False), (self._other, True), (self._one, True)):
            other = self._other if post is self._one else self._one
            self._tell.happened(post.one.short, post.ask("contact", str, agrees=agrees))
            wanted = "wanted" if agrees else "offered"
            self._wait(other, wanted)
        if told := self._wait(self._other, "joint"):
            self._tell.happened(
                self._other.one.short, f"is asked to take part in the joint case {told.joint!r}"
            )

    def _wait(self, post: Post, what: str) -> Matched | None:
        """Wait until something has come to a node."""
        deadline = time.monotonic() + FOUND_S
        with self._tell.busy("Waiting for the answer"):
            while time.monotonic() < deadline:
                told = post.ask("matched", Matched)
                if getattr(told, what):
                    return told
                time.sleep(LOOK_S / 2)
        self._tell.say(f"{post.one.short} has not got it yet; {post.url}/matches/ shows what it has.")
        return None
