"""Threat 8: a session or a laptop is stolen. A cookie alone releases and approves nothing; a disk alone says nothing."""

import base64
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import pytest

from hanse.accounts import approvals, contents, middleware, service, tokens
from hanse.accounts.models import Passkey, Person, Proposal, RoleGrant, Session, Team, Token
from hanse.kernel.clock import now_us
from hanse.kernel.keys import KeysError, unwrap
from hanse.ledger import keyfile
from hanse.ledger.models import Entry
from hanse.ledger.writing import append
from hanse.policy.actions import ACTIONS
from hanse.policy.decision import STEP_UP_US
from hanse.policy.roles import roles
from tests import postgres
from tests.accounts.browsing import Browser, founder
from tests.accounts.people import acting, newcomer
from tests.shared import ROOT
from tests.test_routes import routes
from tests.threats.stolen_node import CANARY, PASSPHRASE
from tests.web.conftest import client_as  # noqa: F401 - the fixture is used by its name

DANGEROUS = {name for name, action in ACTIONS.items() if action.step_up}
"""Releasing, approving, giving roles, making tokens, purging."""


@pytest.fixture
def two(settings, db) -> tuple[Browser, Browser, UUID]:
    """Two administrators who approve, each with a stolen cookie's worth of a session, and an open proposal."""
    settings.ROOT_URLCONF = "tests.accounts.urls"
    mari, jaan = founder(), Browser()
    _, link = service.invite("Jaan", "", ["approver", "administrator"], "", acting(mari.person))
    jaan.come_in(link)
    proposal = service.grant_role(newcomer("analyst"), "officer", "Needed.", acting(mari.person))
    return mari, jaan, proposal


def test_the_dangerous_actions_are_named():
    """What releases, approves, purges or gives somebody power takes a fresh passkey."""
    assert {
        "cases.keep", "cases.erase", "ledger.purge", "policy.mark", "accounts.grant", "accounts.approve", "accounts.tokens",
        "accounts.invite",
        "federation.partner", "federation.share", "cases.joint_open", "taxii.partner", "webhooks.edit",
        "matching.agree", "matching.contact", "matching.reopen", "telemetry.remove",
    } == DANGEROUS  # fmt: skip


@pytest.mark.django_db
def test_a_cookie_without_a_fresh_passkey_does_nothing_dangerous(client_as, actor):  # noqa: F811 - the fixture
    """Every address whose action takes a fresh passkey answers 401 to a session without one, and writes nothing."""
    client = client_as(actor(*roles(), stepped_up_us=now_us() - STEP_UP_US - 1_000_000))
    tried = []
    for route in routes():
        if getattr(route.view, "action", None) not in DANGEROUS:
            continue
        method = route.method or "POST"
        answer = client.generic(method, route.address, b"{}", content_type="application/json")
        if answer.status_code != 405:
            assert answer.status_code == 401, (route, answer.status_code)
            tried.append(route)
    assert len(tried) >= 15
    assert not Entry.objects.exists()


def test_a_stolen_cookie_approves_nothing(two):
    """With the cookie alone an approval is answered 401 and nothing happens, on the page as over the API."""
    _, jaan, proposal = two
    before = Entry.objects.count()
    for where in (f"/people/approvals/{proposal}/approve/", f"/api/people/approvals/{proposal}/approve"):
        assert jaan.post(where, content_type="application/json").status_code == 401
    assert Entry.objects.count() == before
    jaan.step_up()
    assert jaan.post(f"/people/approvals/{proposal}/approve/").status_code == 302
    assert RoleGrant.objects.filter(role="officer").exists()


def test_a_stolen_cookie_or_token_comes_in_as_nobody_else(two, settings):
    """A link of somebody who was invited is told to who proves a passkey, and gives no role that was approved before."""
    settings.HANSE_NODE = replace(settings.HANSE_NODE, exercise=False)
    mari, jaan, _ = two
    admin = acting(mari.person)
    anna, _ = service.invite("Anna", "", ["approver"], "She starts on Monday.", admin)
    jaan.step_up()
    (grant,) = Proposal.objects.filter(state="open", subject__person=anna.hex)
    assert jaan.post(f"/people/approvals/{grant.pk}/approve/").status_code == 400
    assert not RoleGrant.objects.filter(person=anna).exists()
    assert "accounts.invite" not in tokens.possible(admin)
    made = contents.TokenMade(
        mari.person.hex, "old", sha256(b"hanse_old").hexdigest(), ["accounts.invite"], now_us() + 10**9
    )
    append("accounts.token_made", made, actor=admin)
    before = Entry.objects.count()
    where = f"/api/people/{anna}/invite-again"
    assert Browser().post(where, headers={"Authorization": "Bearer hanse_old"}).status_code == 403
    again = Browser()
    again.key = mari.key
    again.sign_in()
    signed = Entry.objects.count()
    assert signed == before + 1
    assert again.post(where).status_code == 401
    assert again.post(f"/people/{anna}/invite-again/").status_code == 401
    assert Entry.objects.count() == signed


def test_a_fresh_passkey_is_fresh_for_five_minutes(two, monkeypatch):
    """A second after five minutes the passkey has to be proved again, and a clock that went back proves nothing."""
    from hanse.accounts import rules
    from hanse.policy import decision
    from hanse.web import page

    assert decision.STEP_UP_US == 300_000_000
    _, jaan, proposal = two
    jaan.step_up()
    now = now_us()
    for offset in (STEP_UP_US + 1_000_000, -86_400_000_000):
        with monkeypatch.context() as later:
            for module in (rules, page, middleware):
                later.setattr(module, "now_us", lambda at=now + offset: at)
            answer = jaan.post(f"/people/approvals/{proposal}/approve/")
            assert answer.status_code in {401, 302}
            assert Proposal.objects.get(pk=proposal).state == "open"


def test_an_approval_sent_again_does_nothing(two):
    """The same approval, sent twice, happens once; one that was refused cannot be approved by an old form."""
    mari, jaan, proposal = two
    jaan.step_up()
    where = f"/people/approvals/{proposal}/approve/"
    assert jaan.post(where).status_code == 302
    before = Entry.objects.count()
    assert jaan.post(where).status_code == 409
    refused = service.grant_role(newcomer("analyst"), "officer", "Again.", acting(mari.person))
    approvals.reject(refused, "No.", acting(jaan.person))
    assert jaan.post(f"/people/approvals/{refused}/approve/").status_code == 409
    assert Entry.objects.filter(kind="accounts.approved").count() == 1
    assert Entry.objects.filter(sequence__gte=before, kind="accounts.role_granted").count() == 1


class Slow:
    """A body of which nothing comes before something else has happened."""

    def __init__(self, body: bytes, meanwhile: Callable[[], object]) -> None:
        self._body, self._meanwhile = body, [meanwhile]

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        while self._meanwhile:
            self._meanwhile.pop()()
        size = len(self._body) if size < 0 else size
        piece, self._body = self._body[:size], self._body[size:]
        return piece

    readline = read

    def sent(self, kind: str) -> dict[str, object]:
        """What the client has to be told."""
        return {"wsgi.input": self, "CONTENT_LENGTH": str(len(self._body)), "CONTENT_TYPE": kind}


@pytest.mark.parametrize("how", ["kept out", "session ended", "role taken", "nothing"])
@pytest.mark.parametrize("way", ["page", "api", "own"])
def test_what_began_before_does_nothing_after(two, monkeypatch, how, way):
    """Requests that were begun in time and whose bodies come slowly do nothing once their sender was kept out."""
    monkeypatch.setattr(middleware, "ANEW_S", -1.0)
    mari, jaan, _ = two
    jaan.step_up()
    token = re.search(r'"X-CSRFToken": "(.*?)"', jaan.get("/people/teams/").content.decode())[1]
    jaan.handler.enforce_csrf_checks = True
    admin = acting(mari.person)
    meanwhile = {
        "kept out": lambda: service.deactivate(jaan.person, "Left.", admin),
        "session ended": lambda: service.end_sessions(jaan.person, admin),
        "role taken": lambda: service.revoke_role(jaan.person, "administrator", "Left.", admin),
        "nothing": lambda: None,
    }[how]
    where, body, kind = {
        "page": ("/people/teams/make/", b"name=Blue", "application/x-www-form-urlencoded"),
        "api": ("/api/people/teams", b'{"name": "Blue"}', "application/json"),
        "own": ("/api/people/me/rename", b'{"name": "Blue"}', "application/json"),
    }[way]  # fmt: skip
    slow = Slow(body, meanwhile)
    answer = jaan.post(where, headers={"X-CSRFToken": token}, **slow.sent(kind))
    done = Team.objects.filter(name="Blue").exists() or Person.objects.filter(name="Blue").exists()
    assert done is (how == "nothing" or (way == "own" and how == "role taken")), answer.content
    if not done:
        assert answer.status_code in {401, 403}


def test_a_token_that_was_revoked_meanwhile_does_nothing(two, monkeypatch):
    """A program that keeps a request open acts no more once its token holds no more."""
    monkeypatch.setattr(middleware, "ANEW_S", -1.0)
    auditor = acting(newcomer("auditor", "administrator"))
    secret = tokens.make("shell", ["ledger.read_body"], 1, auditor)
    mine = Token.objects.get(person=UUID(auditor.id))
    body = b'{"object": "00000000-0000-4000-8000-000000000000", "why": "An inspection."}'
    where, before = "/api/people/approvals/open", Proposal.objects.count()
    for meanwhile, status in ((lambda: None, 201), (lambda: tokens.revoke(mine.pk, auditor), 401)):
        slow = Slow(body, meanwhile).sent("application/json")
        answer = Browser().post(where, headers={"Authorization": f"Bearer {secret}"}, **slow)
        assert answer.status_code == status, answer.content
    assert Proposal.objects.count() == before + 1


def test_a_proved_passkey_is_of_one_session(two):
    """Proving the passkey in one browser makes no other session of the same person fresh."""
    _, jaan, proposal = two
    thief = Browser()
    thief.cookies["hanse"] = jaan.cookies["hanse"].value
    jaan.step_up()
    assert thief.get("/").status_code == 302, "the cookie changed when the passkey was proved"
    elsewhere = Browser()
    elsewhere.key = jaan.key
    elsewhere.sign_in()
    assert elsewhere.post(f"/people/approvals/{proposal}/approve/").status_code == 401


def test_sessions_are_revoked_when_somebody_comes_back(two):
    """Who lost every passkey and was brought back has ended every session and every passkey of before."""
    mari, jaan, _ = two
    stolen = Browser()
    stolen.cookies["hanse"] = jaan.cookies["hanse"].value
    other = newcomer("approver")
    proposal, code = service.propose_recovery(jaan.person, "Lost the laptop.", acting(mari.person))
    link = approvals.approve(proposal, acting(other))
    person, new = jaan.person, Browser()
    new.key.user = jaan.key.user
    assert new.come_in(link, code=code).status_code == 302
    assert stolen.get("/").status_code == 302
    assert jaan.get("/").status_code == 302
    assert new.get("/").status_code == 200
    assert Passkey.objects.filter(person=person).count() == 1
    assert Session.objects.filter(person_id=person).count() == 1
    assert "refused" in Browser.sign_in(jaan).url


def _forms(text: str) -> Iterator[bytes]:
    """A text as it could lie in a file."""
    plain = text.encode()
    yield from (plain, text.encode("utf-16-le"), plain.hex().encode(), plain.hex().upper().encode())
    yield quote(text).encode()
    for skipped in range(3):
        yield base64.b64encode(plain[skipped:])[: len(plain) // 3 * 4 - 4]


def _holding(folder: Path, *texts: str) -> list[str]:
    """Files that hold one of these texts in any form."""
    wanted = [form for text in texts for form in _forms(text)]
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in wanted)
    ]


def _lived_in(home: Path, address: str) -> None:
    """A node that was made and used in a process of its own, which is gone."""
    command = [sys.executable, "-m", "tests.threats.stolen_node", str(home), address]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ})
    assert told.returncode == 0, told.stderr
    assert CANARY not in told.stdout + told.stderr


def test_a_stolen_disk_says_nothing_that_is_encrypted_at_rest(tmp_path):
    """Whatever is encrypted at rest is in no file: not in the database, its log, the backup or what was printed.

    That is bodies with a handling code, reasons, disclosures, proposals and passwords of settings. The search finds
    what is not encrypted.
    """
    home = tmp_path / "home"
    _lived_in(home, "sqlite")
    assert _holding(home, CANARY, PASSPHRASE) == []
    assert "hanse.sqlite3" in _holding(home, "CERT Estonia")
    assert [path.name for path in (home / "backups").iterdir()] == ["one.hanse"]
    _keys_are_wrapped(home)


def test_a_stolen_disk_of_postgresql_says_nothing_either(tmp_path):
    """Nor is any of it in the server's folder: tables, write-ahead log, statistics."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: postgresql).")
    home = tmp_path / "home"
    with postgres.running() as server:
        _lived_in(home, server.address)
        assert _holding(home, CANARY, PASSPHRASE) == []
        assert _holding(server.data, CANARY, PASSPHRASE) == []
        assert _holding(server.data, "Mari")


def _keys_are_wrapped(home: Path) -> None:
    """No private key lies in a file as it is, in the clear or encoded; only the passphrase opens them."""
    wrapped = (home / keyfile.KEYS).read_bytes()
    keys = unwrap(wrapped, PASSPHRASE)
    for wrong in ("", PASSPHRASE + " ", PASSPHRASE.upper()):
        with pytest.raises(KeysError):
            unwrap(wrapped, wrong)
    private = [one.secret for one in (keys.signing, keys.opening)]
    secrets = [*private, keys.index, keys.data]
    for path in home.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for one in secrets:
                assert one not in data, path
                assert one.hex().encode() not in data, path
                assert base64.b64encode(one).rstrip(b"=") not in data, path
    assert (home / keyfile.KEYS).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("how", ["ended", "kept out and let in again"])
def test_a_session_that_was_ended_does_not_come_back_with_its_row(two, how):
    """Whoever has a stolen cookie and writes to the database puts the session's row back: the entry that ended it counts."""
    mari, jaan, _ = two
    admin, person = acting(mari.person), jaan.person
    rows = list(Session.objects.filter(person_id=person))
    assert jaan.get("/people/teams/").status_code == 200
    if how == "ended":
        service.end_sessions(person, admin)
    else:
        service.deactivate(person, "Left.", admin)
        append("accounts.reactivated", contents.Reactivated(""), actor=admin, object_id=person)
    assert rows
    Session.objects.bulk_create(rows)
    assert jaan.get("/people/teams/").status_code == 302
    jaan.sign_in()
    assert jaan.get("/people/teams/").status_code == 200
