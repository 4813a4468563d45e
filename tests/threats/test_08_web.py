"""Threat 8, what a stolen or borrowed browser is not good for: forged forms, links that lead away, tokens, caches."""

import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from hanse.accounts import tokens
from hanse.ledger.models import Entry
from hanse.policy.actions import ACTIONS
from hanse.policy.roles import grant, roles
from tests.accounts.browsing import Browser, founder
from tests.accounts.people import acting, newcomer
from tests.test_routes import Route, routes

pytestmark = pytest.mark.django_db

AWAY = [
    "https://evil.example/", "//evil.example/", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "https:evil.example", "javascript:alert(1)", "data:text/html,x", " //evil.example", "\t//evil.example",
    "http://localhost@evil.example/", "http://testserver.evil.example/",
]  # fmt: skip


FORM = "application/x-www-form-urlencoded"


def guarded() -> Iterator[Route]:
    """Every route of Hanse that names an action."""
    return (route for route in routes() if not route.foreign and hasattr(route.view, "action"))


def changing(route: Route) -> str:
    """The method with which a route changes something; empty where it has none."""
    if route.method:
        return "" if route.method in {"GET", "HEAD", "OPTIONS"} else route.method
    return "POST"


@pytest.fixture
def everybody() -> Browser:
    """Somebody with every role, signed in with a passkey proved just now, whose requests are checked for CSRF."""
    browser = founder()
    from hanse.accounts import contents
    from hanse.accounts.projections import grant_id
    from hanse.ledger.writing import append
    from tests.accounts.people import NODE

    for role in roles().keys() - acting(browser.person).roles:
        content = contents.RoleGranted(browser.person.hex, role)
        append("accounts.role_granted", content, actor=NODE, object_id=grant_id(browser.person, role))
    browser.step_up()
    browser.handler.enforce_csrf_checks = True
    return browser


def test_a_form_of_another_page_changes_nothing(everybody):
    """Every address that changes something refuses a request without this node's token, and writes nothing."""
    before, tried = Entry.objects.count(), 0
    for route in guarded():
        if not (method := changing(route)):
            continue
        for kind in (FORM, "application/json", "text/plain"):
            # Scripts ask for the refusal as JSON, which is made in a fraction of the time of a page.
            accept = {} if kind == FORM else {"Accept": "application/json"}
            headers = {"Origin": "https://evil.example", **accept}
            answer = everybody.generic(method, route.address, b"x=1", content_type=kind, headers=headers)
            # TAXII knows nobody by a session: its 401 asks for what no page of another site can send.
            assert answer.status_code in {401, 403, 405, 404}, (route, kind, answer.status_code)
            tried += answer.status_code == 403
    assert tried > 60
    assert Entry.objects.count() == before


@pytest.mark.parametrize("there", AWAY)
def test_no_page_leads_away_after_signing_in_or_proving_a_passkey(there):
    """`next` is an address of this node or nothing: in the sign-in, the step-up and their pages."""
    browser = founder()
    assert browser.step_up(next=there).url == "/"
    shown = browser.get("/people/step-up/", {"next": there}).content.decode()
    assert "evil.example" not in shown
    browser.post("/accounts/logout/")
    assert "evil.example" not in browser.get("/accounts/login/", {"next": there}).content.decode()
    assert browser.sign_in(next=there).url == "/"
    assert browser.get("/accounts/login/", {"next": there}).url == "/"


def test_what_somebody_who_is_signed_in_was_shown_is_kept_by_no_cache(everybody):
    """Every page and answer to who is signed in says no-store; none may be framed or sniffed."""
    for route in guarded():
        if route.method in {"", "GET"}:
            answer = everybody.get(route.address)
            assert answer["Cache-Control"] == "no-store", route
            assert "frame-ancestors 'none'" in answer["Content-Security-Policy"], route
            assert answer["X-Content-Type-Options"] == "nosniff", route


@pytest.mark.parametrize("given", ["a\r\nSet-Cookie: x=1", "a\nX: y", "\u2028a", "a\x00b"])
def test_no_header_can_be_put_in(everybody, given):
    """Line breaks in addresses, names and reasons never become headers of an answer."""
    asked = [
        everybody.get("/accounts/login/", {"next": f"/{given}"}),
        everybody.get("/people/", {"why": given}),
        everybody.get("/attacks/", {"export": given, "kind": given, "sort": given}),
        everybody.get("/people/step-up/", {"next": f"/{given}"}),
        everybody.get(f"/people/{UUID(int=1)}/", headers={"X-Request-ID": given.replace("\x00", "")}),
    ]
    for answer in asked:
        assert answer.status_code < 500
        for name, value in answer.items():
            assert not re.search(r"[\r\n\x00]", name + value)
        assert "x" not in answer.cookies


def _bearer(secret: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False)


SCOPES = sorted(name for name, action in ACTIONS.items() if not action.step_up)


def _refused(route: Route, client: Client) -> bool:
    """Whether an operation refuses a token, for its scope or for more than that."""
    answer = client.generic(route.method, route.address, b"{}", content_type="application/json")
    return answer.status_code == 403


def _for_scope(route: Route, client: Client) -> bool:
    """Whether an operation refuses a token because of its scope."""
    answer = client.generic(route.method, route.address, b"{}", content_type="application/json")
    return answer.status_code in {401, 403} and "scope" in answer.json().get("rules", [])


def _operations(*actions: str) -> list[Route]:
    """The operations of the API that ask for one of some actions."""
    return [route for route in guarded() if route.method and route.view.action in actions]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_does_what_its_scope_names_and_nothing_else(scope):
    """With one action in its scope a token is let to that action's operations, and refused at those of the next one.

    With every action in its scope but one it is refused at each operation of that one, whatever its maker may.
    """
    maker = acting(newcomer(*roles()))
    can = tokens.possible(maker)
    if scope not in can:
        pytest.skip(f"no token can have {scope}: it takes a second person")
    alone = _bearer(tokens.make("script", [scope], 1, maker))
    without = _bearer(tokens.make("script", [one for one in can if one != scope], 1, maker))
    following = can[(can.index(scope) + 1) % len(can)]
    for route in _operations(scope):
        assert not _for_scope(route, alone), route
        assert _refused(route, without), route
    for route in _operations(following):
        assert _refused(route, alone), route


def test_a_token_never_does_what_no_token_may():
    """With every action that a token can have, it is refused at the operations of all others, and it opens no page."""
    maker = acting(newcomer(*roles()))
    can = tokens.possible(maker)
    client = _bearer(tokens.make("script", can, 1, maker))
    others = _operations(*(ACTIONS.keys() - set(can)))
    assert len(others) > 5
    for route in others:
        assert _refused(route, client), route
    for route in guarded():
        if not route.method:
            assert client.get(route.address).status_code in {302, 401, 404, 405}, route


@pytest.mark.soak
@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_of_one_action_tried_at_everything(scope):
    """With one action in its scope a token is refused at every operation of any other action, and at every page."""
    maker = acting(newcomer(*roles()))
    if scope not in tokens.possible(maker):
        pytest.skip(f"no token can have {scope}: it takes a second person")
    client = _bearer(tokens.make("script", [scope], 1, maker))
    seen = 0
    for route in guarded():
        if not route.method:
            assert client.get(route.address).status_code in {302, 401, 404, 405}, route
        elif route.view.action == scope:
            assert not _for_scope(route, client), route
        else:
            assert _refused(route, client), route
            seen += 1
    assert seen > 30


def test_a_token_is_taken_from_its_header_alone():
    """A token in an address, a form, a cookie or Basic authentication is none; nor is one with a letter changed."""
    secret = tokens.make("script", ["jobs.view"], 1, acting(newcomer("analyst")))
    assert _bearer(secret).get("/api/jobs").status_code == 200
    plain = Client()
    for name in ("token", "access_token", "api_key", "authorization"):
        assert plain.get("/api/jobs", {name: secret}).status_code == 401
    plain.cookies["hanse"] = secret
    assert plain.get("/api/jobs").status_code == 401
    for header in (
        f"Basic {secret}",
        secret,
        f"Bearer {secret}x",
        f"Bearer {secret[:-1]}",
        f"Bearer  x{secret}",
        "Bearer ",
    ):
        assert Client(headers={"Authorization": header}).get("/api/jobs").status_code == 401


def test_a_token_beside_a_cookie_is_the_token(everybody):
    """A request with a token and a cookie has the token's rights, not the cookie's; one that is wrong is refused."""
    secret = tokens.make("script", ["jobs.view"], 1, acting(newcomer("analyst")))
    header = {"Authorization": f"Bearer {secret}"}
    assert everybody.get("/api/people", headers=header).status_code == 403
    assert everybody.get("/api/people", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_own_things_of_others_are_not_there(everybody):
    """Proposals, tokens, passkeys and sessions of other people cannot be reached under one's own account."""
    other = newcomer("analyst", "administrator", name="Other")
    tokens.make("theirs", ["attacks.view"], 1, acting(other))
    from hanse.accounts import service
    from hanse.accounts.models import Proposal, Token

    proposal = service.grant_role(other, "officer", "Mine.", acting(other))
    stranger = Browser()
    _, link = service.invite("Stranger", "", [], "", acting(everybody.person))
    stranger.come_in(link)
    stranger.step_up()
    token = Token.objects.get()
    assert stranger.post("/people/me/revoke-token/", {"token": str(token.pk)}).status_code == 403
    assert stranger.post(f"/people/approvals/{proposal}/withdraw/").status_code == 403
    assert stranger.post(f"/people/approvals/{proposal}/approve/").status_code == 403
    assert "Mine." not in stranger.get("/people/approvals/").content.decode()
    assert Token.objects.count() == 1
    assert Proposal.objects.get(pk=proposal).state == "open"


def test_every_role_gives_some_token_or_none(everybody):
    """The walk above covers every action that a token can have."""
    possible = set(tokens.possible(acting(everybody.person)))
    assert possible == {
        name
        for name, action in ACTIONS.items()
        if not action.step_up and not action.second_person and grant(frozenset(roles()), name).role
    }


@pytest.mark.parametrize("where", ["/accounts/login/passkey/", "/people/welcome/nobody/", "/people/step-up/"])
def test_a_stranger_has_nothing_kept(settings, tmp_path, where):
    """A form with a large file, to an address that takes none, is refused before it is read, and never lies on the disk."""
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    seen, head = [], b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'

    class Large:
        """A body that has no end."""

        def read(self, size: int = -1) -> bytes:
            """As much as is asked for."""
            seen.append(sum(file.stat().st_size for file in tmp_path.iterdir()))
            return head + b"0" * (max(size, 1_000) - len(head)) if len(seen) == 1 else b"0" * max(size, 1_000)

        readline = read

    body = {
        "wsgi.input": Large(),
        "CONTENT_LENGTH": "50000000",
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
    }
    stranger = Client(enforce_csrf_checks=True)
    stranger.get("/accounts/login/")  # gives the cookie without which no form is read
    answer = stranger.post(where, **body)
    assert answer.status_code == 413
    assert seen == []


def test_a_form_with_a_small_file_is_read_in_memory(settings, tmp_path):
    """What is within the bounds of a form needs no disk either."""
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "nowhere")
    data = {"f": SimpleUploadedFile("f", b"0" * 2_600_000), "credential": "{}"}
    assert Client().post("/accounts/login/passkey/", data).status_code == 302
