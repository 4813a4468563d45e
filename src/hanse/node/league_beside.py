"""The process beside a node of a league: `python -m hanse.node.league_beside`, which `hanse league` starts.

It makes the node first where there is none, and then does what its people are told.
"""

from functools import partial
from pathlib import Path

import click

from hanse.exercise.vantage import vantage
from hanse.node.following import follow_parent
from hanse.node.making import make
from hanse.node.opening import home_option, started
from hanse.settings import Node


@click.command()
@home_option
@click.option("--make", "new", is_flag=True, help="Make the node first.")
@click.option("--url", default="", help="Where browsers reach the new node.")
@click.option("--listen", default="", help="Address and port that it binds.")
@click.argument("key")
def desk(home: Path, new: bool, url: str, listen: str, key: str) -> None:
    """Do what `hanse league` tells the people of a node that rehearses."""
    follow_parent()
    node = _made(home, url, listen, key) if new else started(home)
    from hanse.exercise.league_desk import work  # noqa: PLC0415 - needs Django
    from hanse.node.rehearsing import rehearse  # noqa: PLC0415 - as above

    work(partial(rehearse, node))


def _made(home: Path, url: str, listen: str, key: str) -> Node:
    """A new node of the league, which this process serves from now on."""
    one = vantage(key)
    node = Node(
        home=home, authority=one.authority, name=one.name, country=one.country, tier=one.tier, url=url, listen=listen,
        exercise=True,
    )  # fmt: skip
    return make(node, "", keep_beside=True).node


if __name__ == "__main__":
    desk()
