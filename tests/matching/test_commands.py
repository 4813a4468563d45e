"""`hanse match` against the node's own API: what it asks, what it prints, and how it says that something is wrong."""

import json

import pytest
from click.testing import CliRunner
from django.test import Client

from hanse.accounts import tokens
from hanse.egress.client import Response
from hanse.egress.errors import EgressError
from hanse.ledger.models import Entry
from hanse.matching import commands, contacting
from hanse.matching.contents import Contact
from hanse.matching.hits import references_of
from hanse.matching.models import Hit, Run
from tests.matching.cast import BOSS, agree, compare, has
from tests.matching.partner import turn

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.usefixtures("founded")]

NODE = "http://localhost:8007"


class OverTheLine:
    """In place of the client that goes out: the node in this process answers."""

    def __init__(self, _rules) -> None:
        self._node = Client(raise_request_exception=False)

    def get(self, address, *, headers, **_):
        """Ask the node, as over the line."""
        return self._answer(self._node.get(address.removeprefix(NODE), headers=headers))

    def post(self, address, *, body, headers, **_):
        """Tell it something, likewise."""
        path = address.removeprefix(NODE)
        return self._answer(self._node.post(path, body, content_type="application/json", headers=headers))

    def _answer(self, answer) -> Response:
        return Response(answer.status_code, {}, answer.content, NODE, "127.0.0.1:8007")


@pytest.fixture
def shell(monkeypatch, tmp_path, case):
    """`hanse match` with a token of Kaja's: runs a command and gives what it printed and how it ended."""
    _, kaja = case
    monkeypatch.setattr(commands, "Client", OverTheLine)
    token = tmp_path / "token"
    mine = [name for name in tokens.possible(kaja) if name.startswith("matching.")]
    token.write_text(tokens.make("shell", mine, 1, kaja) + "\n")

    def run(*words: str):
        given = ["--node", NODE, "--token-file", str(token), *words]
        return CliRunner(env={"COLUMNS": "200"}).invoke(commands.match, given)

    return run


def test_it_says_that_there_is_nothing_yet(shell):
    """An empty answer is a sentence, and no empty table."""
    for command, words in (
        ("hits", "No partner has a selector of your cases"),
        ("runs", "Nothing has been compared yet"),
        ("agreements", "Nothing is agreed with any partner"),
    ):
        told = shell(command)
        assert (told.exit_code, words in told.output) == (0, True), told.output


def test_a_comparison_is_asked_for_followed_and_its_hit_seen(shell, officer, approver, case, gb):
    """From the agreement to the hit, in the shell alone; the reason stands in the ledger."""
    agree(officer, approver)
    assert "gb-ncas" in (agreed := shell("agreements").output)
    assert "Treaty of 1997" in agreed
    begun = shell("--format", "json", "ask", "gb-ncas", "--reason", "Case 12/2026 asks for it.")
    run = json.loads(begun.output)["id"]
    assert Run.objects.get().pk.hex == run.replace("-", "")
    assert Entry.objects.filter(kind="matching.run_asked").count() == 1
    assert run in shell("runs").output
    assert shell("stop", run, "--reason", "Asked too early.").exit_code == 0
    assert Run.objects.get().state == "failed"
    has(gb, ("email", BOSS))
    compare(gb, case[1])
    told = json.loads(shell("--format", "json", "hits").output)
    assert [one["id"].replace("-", "") for one in told] == [Hit.objects.get().pk.hex]
    shown = shell("hits").output
    assert "gb-ncas" in shown
    assert BOSS not in shown


def test_it_says_who_opens_the_joint_case_that_both_want(shell, officer, approver, case, gb):
    """Whose id sorts first, from when both want one."""
    agree(officer, approver)
    has(gb, ("email", BOSS))
    compare(gb, case[1])
    hit = Hit.objects.get()
    contacting.offer(hit.pk, contacting.Told(agrees=True), case[1])
    assert "we offered" in shell("hits").output
    gb.entry(contacting.CONTACT, Contact(references=references_of(hit), agrees=True))
    turn(gb)
    assert "both want a joint case, ee-cert opens it" in shell("hits").output


def test_it_says_that_the_partner_wants_no_contact(shell, officer, approver, case, gb):
    """And does not call that an offer."""
    agree(officer, approver)
    has(gb, ("email", BOSS))
    compare(gb, case[1])
    gb.entry(contacting.CONTACT, Contact(references=references_of(Hit.objects.get()), declined=True))
    turn(gb)
    assert "they declined" in shell("hits").output


def test_what_the_node_refuses_is_told_with_its_reason(shell, gb):
    """Without an agreement nothing is compared, and the shell says what the node says."""
    told = shell("ask", "gb-ncas", "--reason", "Case 12/2026 asks for it.")
    assert told.exit_code != 0
    assert "refuses (4" in str(told.exception)
    assert "greed" in str(told.exception)
    turn(gb)


def test_a_node_that_cannot_be_had_is_named(shell, monkeypatch):
    """Which node, and that it was not to be asked."""

    def away(*_args, **_more):
        raise EgressError("nobody listens there")

    monkeypatch.setattr(OverTheLine, "get", away)
    assert f"The node at {NODE} could not be asked" in str(shell("hits").exception)


def test_nothing_goes_to_a_node_unencrypted_but_to_this_machine(tmp_path):
    """A token is not sent in clear over a network."""
    (tmp_path / "token").write_text("hanse_x")
    given = ["--node", "http://node.example", "--token-file", str(tmp_path / "token"), "hits"]
    assert "not encrypted" in str(CliRunner().invoke(commands.match, given).exception)
