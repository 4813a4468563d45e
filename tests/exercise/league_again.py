"""What a league that is started again asks of the people of two of its nodes, without serving any node.

`python -m tests.exercise.league_again FOLDER` answers with one line of JSON, and then waits until it is killed.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any

from hanse.exercise.league_state import Compared, Standing
from hanse.exercise.vantage import LEAGUE
from hanse.node.league_posts import ADDRESS, Post
from tests.node.living import until


def asked(folder: Path) -> dict[str, Any]:
    """Whether the nodes are made, what is still to be approved and ruled, and how the first one stands."""
    here, there = posts = [Post(one, folder, 1) for one in LEAGUE[:2]]
    made = [post.is_made for post in posts]
    for post in posts:
        post.open_desk()
    for post in posts:
        until(post.is_open)
    invitations = {post: post.ask("invite", str) for post in posts}
    waiting = [
        one.ask("propose", Compared | None, invitation=invitations[other], address=ADDRESS)  # type: ignore[arg-type]  # a union is a type to msgspec
        for one, other in ((here, there), (there, here))
    ]
    stands = here.ask("state", Standing)
    return {
        "made": made,
        "waiting": [one and one.proposal for one in waiting],
        "rules": [post.ask("rule", str) for post in posts],
        "asked": [post.ask("ask_witnesses", int) for post in posts],
        "witnesses": [post.ask("consent", int) for post in posts],
        "own": stands.own,
        "taken_back": sorted(stands.taken_back),
        "across": [one.title for one in stands.across],
        "desks": [process.pid for post in posts for process in post.running],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asked(Path(sys.argv[1]))) + "\n")
    sys.stdout.flush()
    signal.pause()
