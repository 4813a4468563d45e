"""`hanse match`: ask a node what partners have too, have something compared, and see what was agreed.

It speaks with a node as any program does, by its API and a token: what may be seen and done is what the token's owner may,
and everything stands in the ledger under that name.
"""

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hanse.egress.client import Client, Response
from hanse.egress.errors import EgressError
from hanse.egress.rules import AllowedEndpoint, Rules
from hanse.kernel.errors import UsageError
from hanse.kernel.printable import printable
from hanse.kernel.units import minute

_LIMIT_BYTES = 64_000_000
_LOOPBACK = "127.0.0.1"


class Asking:
    """A node that is asked by its API.

    Args:
        url: Its address.
        token: A file with an API token in it.
        why: The reason that the law wants for what is looked at.
    """

    def __init__(self, url: str, token: Path, why: str) -> None:
        self._url, self._why = url.rstrip("/"), why
        parts = urlsplit(url)
        self._plain = parts.scheme == "http"
        host = parts.hostname or ""
        local = host == "localhost" or host.endswith(".localhost")
        self._allow = tuple(AllowedEndpoint.of(url, one) for one in _addresses(host, local=local))
        if self._plain and not local:
            raise UsageError(f"{url} is not encrypted. Give an address that begins with https.")
        self._headers = {"Authorization": f"Bearer {token.read_text('utf-8').strip()}"}

    def get(self, path: str) -> Any:
        """What an operation answers."""
        address = f"{self._url}/api/matching/{path}?why={quote(self._why)}"
        return self._told(
            lambda client: client.get(
                address, headers=self._headers, limit_bytes=_LIMIT_BYTES, allow=self._allow, http=self._plain
            )
        )

    def post(self, path: str, content: dict[str, Any]) -> Any:
        """Do something."""
        body = json.dumps(content).encode()
        headers = self._headers | {"Content-Type": "application/json"}
        return self._told(
            lambda client: client.post(
                f"{self._url}/api/matching/{path}",
                body=body,
                headers=headers,
                limit_bytes=_LIMIT_BYTES,
                allow=self._allow,
                http=self._plain,
            )
        )

    def _told(self, ask: Any) -> Any:
        try:
            answer: Response = ask(Client(Rules()))
        except EgressError as error:
            raise UsageError(f"The node at {self._url} could not be asked: {error}") from None
        if answer.status >= 300:
            raise UsageError(f"The node at {self._url} refuses ({answer.status}): {_reason(answer.body)}")
        try:
            return json.loads(answer.body) if answer.body else None
        except ValueError:
            raise UsageError(
                f"What answers at {self._url} is no node: it does not speak JSON. Check the address."
            ) from None


def _addresses(host: str, *, local: bool) -> list[str]:
    """Where a node is: whoever asks it by name means it, also inside a closed network."""
    if local:
        return [_LOOPBACK]
    try:
        return sorted({str(one[4][0]) for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except OSError:
        return []  # the client says that it cannot be reached


def _reason(body: bytes) -> str:
    """Why, as the node says it (RFC 9457)."""
    try:
        told = json.loads(body)
        return printable(str(told.get("detail") or told.get("title") or "")[:500])
    except (ValueError, AttributeError):
        return "it does not say why."


@click.group()
@click.option(
    "--node",
    "url",
    envvar="HANSE_URL",
    required=True,
    help="Address of the node, such as https://hanse.example; HANSE_URL otherwise.",
)
@click.option(
    "--token-file",
    "token",
    envvar="HANSE_TOKEN_FILE",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with an API token (My account, API tokens); HANSE_TOKEN_FILE otherwise.",
)
@click.option(
    "--why",
    default="Asked from the shell",
    show_default=True,
    help="The reason that is written down with what is looked at.",
)
@click.option("--format", "kind", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def match(context: click.Context, url: str, token: Path, why: str, kind: str) -> None:
    """See what partners have too, and have selectors compared."""
    context.obj = (Asking(url, token, why), kind)


@match.command()
@click.pass_obj
def hits(told: tuple[Asking, str]) -> None:
    """What partners have too, of the cases that you work on."""
    node, kind = told
    found = node.get("hits")
    rows = [
        (minute(one["found_us"]), one["partner"], one["way"], one["kind"],
         f"{one['keys']} keys of the name" if one["keys"] else "the same", _contact(one), one["id"])
        for one in found
    ]  # fmt: skip
    _print(kind, found, ("Found (UTC)", "Partner", "Way", "Kind", "How sure", "Contact", "Id"), rows,
           "No partner has a selector of your cases, as far as was compared.")  # fmt: skip


@match.command()
@click.pass_obj
def runs(told: tuple[Asking, str]) -> None:
    """Comparisons of whole sets, the last first."""
    node, kind = told
    found = node.get("runs")["items"]
    rows = [
        (minute(one["begun_us"]), one["partner"], "this authority" if one["ours"] else "the partner",
         one["state"], "" if one["hits"] is None else str(one["hits"]), one["why"], one["id"])
        for one in found
    ]  # fmt: skip
    _print(kind, found, ("Begun (UTC)", "Partner", "Asked by", "State", "Both have", "Why", "Id"), rows,
           "Nothing has been compared yet.")  # fmt: skip


@match.command()
@click.pass_obj
def agreements(told: tuple[Asking, str]) -> None:
    """What is offered to each partner."""
    node, kind = told
    found = node.get("agreements")
    rows = [
        (one["partner"], ", ".join(one["kinds"]), ", ".join(one["categories"]), f"{one['used']} of {one['per_day']}",
         minute(one["until_us"]), one["legal_basis"])
        for one in found
    ]  # fmt: skip
    heads = ("Partner", "Kinds", "Of whom", "Compared today", "Until (UTC)", "Legal basis")
    _print(kind, found, heads, rows, "Nothing is agreed with any partner.")


@match.command()
@click.argument("partner")
@click.option("--reason", required=True, help="Such as the case that asks for it; it stands in the ledger.")
@click.pass_obj
def ask(told: tuple[Asking, str], partner: str, reason: str) -> None:
    """Have all that is agreed compared with a partner."""
    node, kind = told
    made = node.post("runs", {"partner": partner, "why": reason})
    click.echo(
        json.dumps(made)
        if kind == "json"
        else f"It begins: {made['id']}. `hanse match runs` says how far it is."
    )


@match.command()
@click.argument("run")
@click.option("--reason", required=True, help="It stands in the ledger; the partner is not told.")
@click.pass_obj
def stop(told: tuple[Asking, str], run: str, reason: str) -> None:
    """End a comparison before it finishes."""
    told[0].post(f"runs/{quote(run, safe='')}/stop", {"why": reason})


@match.command("count-sources")
@click.argument("own")
@click.argument("theirs")
@click.option("--reason", required=True, help="It stands in the ledger; the partner is not told.")
@click.pass_obj
def count_sources(told: tuple[Asking, str], own: str, theirs: str, reason: str) -> None:
    """Have it counted how many sources an own attack and a partner's have in common; neither side learns which."""
    node, kind = told
    made = node.post("sources", {"own": own, "theirs": theirs, "why": reason})
    click.echo(json.dumps(made) if kind == "json" else "Asked. `hanse match sources` says what came of it.")


@match.command()
@click.pass_obj
def sources(told: tuple[Asking, str]) -> None:
    """How many sources attacks have in common with partners', the last first."""
    node, kind = told
    found = node.get("sources")["items"]
    rows = [
        (minute(one["asked_us"]), one["partner"], "this authority" if one["ours"] else "the partner", one["state"],
         f"{one['common']} of {min(one['own_size'], one['other_size'])} compared" if one["state"] == "counted" else one["why"],
         one["own"], one["theirs"] or "not shared")
        for one in found
    ]  # fmt: skip
    heads = ("Asked (UTC)", "Partner", "Asked by", "State", "In common", "Own attack", "Theirs")
    _print(kind, found, heads, rows, "Nothing has been counted yet.")


@match.command()
@click.pass_obj
def days(told: tuple[Asking, str]) -> None:
    """Days of standing matching that are over, the last first, and what an auditor found who did them again."""
    node, kind = told
    found = node.get("standing-days")
    rows = [
        (one["day"], one["partner"], str(one["sent"]), str(one["answered"]), one["head"][:16],
         "says otherwise" if one["differs"] else "", _found(one))
        for one in found
    ]  # fmt: skip
    heads = ("Day (UTC)", "Partner", "Turns sent", "Answered", "Head", "The partner", "Done again")
    _print(kind, found, heads, rows, "No day of standing matching is over yet.")


def _found(one: dict[str, Any]) -> str:
    if one["reopened_us"] is None:
        return "not yet"
    if one["found"] is None:
        return minute(one["reopened_us"])
    return f"{minute(one['reopened_us'])}: {' '.join(one['found']) or 'it was honest'}"


def _contact(one: dict[str, Any]) -> str:
    if one["joint"]:
        return "joint case"
    if one["own"] and one["other"] and one["own"]["agrees"] and one["other"]["agrees"]:
        return f"both want a joint case, {one['opener']} opens it"
    sides = [
        f"{who} {'declined' if one[side]['declined'] else 'offered'}"
        for who, side in (("we", "own"), ("they", "other"))
        if one[side]
    ]
    return ", ".join(sides) or "nobody yet"


def _print(
    kind: str, found: Any, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], otherwise: str
) -> None:
    if kind == "json":
        click.echo(json.dumps(found, indent=2))
        return
    if not rows:
        click.echo(otherwise)
        return
    table = Table(*heads)
    for row in rows:
        table.add_row(*(escape(printable(one)) for one in row))
    Console(soft_wrap=False).print(table)
