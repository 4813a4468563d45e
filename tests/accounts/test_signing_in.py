"""Signing in with a passkey, through the pages."""

from datetime import timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.utils import timezone

from hanse.accounts import contents, links, middleware, service, sessions
from hanse.accounts.models import Passkey, Session
from hanse.accounts.proof import last
from hanse.accounts.sessions import forget_expired
from hanse.ledger.keyring import LockedError
from hanse.ledger.models import Entry
from hanse.ledger.writing import NotWrittenError
from tests.accounts.authenticator import SoftKey
from tests.accounts.browsing import Browser, founder
from tests.accounts.people import NODE, acting

pytestmark = pytest.mark.django_db


def test_a_link_a_name_and_a_passkey_and_one_is_in():
    """The administrator link asks for a name and a passkey, signs in at once, and everything of it is entries."""
    browser = founder()
    assert browser.get("/").content.decode() == "Mari Maasikas"
    kinds = list(Entry.objects.order_by("sequence").values_list("kind", flat=True))
    assert kinds[:2] == ["accounts.invited", "accounts.link_made"]
    assert kinds[2:] == [
        "accounts.link_closed", "accounts.joined", "accounts.role_granted", "accounts.role_granted",
        "accounts.role_granted", "accounts.passkey_added", "accounts.signed_in",
    ]  # fmt: skip


def test_a_passkey_signs_in_and_says_so_in_the_ledger():
    """After signing out, the passkey alone opens the account again, and each sign-in is an entry."""
    browser = founder()
    browser.post("/accounts/logout/")
    assert browser.get("/").status_code == 302
    answer = browser.sign_in(next="/people/")
    assert answer.url == "/people/"
    assert browser.get("/").status_code == 200
    signed = Entry.objects.filter(kind="accounts.signed_in").order_by("sequence").last()
    assert last(signed.object_id).content == contents.SignedIn(browser.person.hex, "passkey")


@pytest.mark.parametrize(
    "failure",
    [LockedError("The keys were rotated."), NotWrittenError("The disk is full.")],
)
def test_a_node_that_cannot_write_lets_nobody_in_and_says_why(failure, monkeypatch):
    """A sign-in that cannot be written down is told in words, not as a mistake, and opens no session."""
    browser = founder()
    browser.post("/accounts/logout/")

    def fails(*_):
        raise failure

    monkeypatch.setattr(service, "signed_in", fails)
    answer = browser.sign_in()
    assert answer.status_code == 503
    assert str(failure) in answer.content.decode()
    assert SESSION_KEY not in browser.session
    assert browser.get("/").status_code == 302


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_signing_in_never_leads_away(there):
    """Where to go on after signing in is an address of this node."""
    browser = founder()
    browser.post("/accounts/logout/")
    assert browser.sign_in(next=there).url == "/"


def test_another_key_does_not_open_the_account():
    """A key that says it is somebody's, but is not the one they registered, is refused."""
    browser = founder()
    browser.post("/accounts/logout/")
    right, browser.key = browser.key, SoftKey()
    browser.key.user, browser.key.id = right.user, right.id
    assert browser.sign_in().url == "/accounts/login/?refused=1"
    assert SESSION_KEY not in browser.session


def test_a_page_elsewhere_cannot_borrow_the_passkey():
    """An answer that a browser made for another origin is refused, though key and challenge are right."""
    browser = founder()
    browser.post("/accounts/logout/")
    browser.key.origin = "https://localhost.evil.example"
    assert browser.sign_in().url == "/accounts/login/?refused=1"


def test_an_answer_is_good_for_one_challenge():
    """The same signed answer, sent again, is refused."""
    browser = founder()
    browser.post("/accounts/logout/")
    options = browser.get("/accounts/login/passkey/").json()["request_options"]
    answer = browser.key.prove(options)
    assert browser.post("/accounts/login/passkey/", {"credential": answer}).url == "/"
    browser.post("/accounts/logout/")
    browser.get("/accounts/login/passkey/")
    assert "refused" in browser.post("/accounts/login/passkey/", {"credential": answer}).url


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "[]",
        "[1]",
        "5",
        '"x"',
        "{}",
        "null",
        '{"id": 5}',
        '{"response": {"userHandle": "AA"}}',
        '{"response": 7}',
        "{",
    ],
)
def test_garbage_instead_of_a_passkey_is_refused(garbage):
    """Whatever is posted instead of a browser's answer ends at the sign-in page, or in words on the link's page."""
    link = service.invite_first(NODE)
    browser = Browser(raise_request_exception=True)
    browser.get("/accounts/login/passkey/")
    assert "refused" in browser.post("/accounts/login/passkey/", {"credential": garbage}).url
    browser.get(link)
    assert "The browser made no passkey" in browser.post(link, {"credential": garbage}).content.decode()
    assert links.find(links.digest_of(link.split("/")[-2]))


def test_a_passkey_has_to_verify_its_person():
    """A key that only noticed a touch, without PIN, finger or face, is not registered."""
    link, browser = service.invite_first(NODE), Browser()
    options = browser.data_in(link)["creation_options"]
    assert options["publicKey"]["authenticatorSelection"]["userVerification"] == "required"
    assert options["publicKey"]["authenticatorSelection"]["residentKey"] == "required"


def test_the_session_has_a_new_key_after_signing_in():
    """A cookie that somebody planted before is not the one that is signed in."""
    browser = Browser()
    link = service.invite_first(NODE)
    browser.get(link)
    before = browser.cookies["hanse"].value
    browser.come_in(link)
    assert browser.cookies["hanse"].value != before


def test_the_database_has_no_cookie_that_works():
    """Sessions are found by the hash of their cookie."""
    browser = founder()
    row = Session.objects.get(person_id=browser.person)
    cookie = browser.cookies["hanse"].value
    assert cookie not in str(vars(row))
    thief = Browser()
    thief.cookies["hanse"] = row.session_key
    assert thief.get("/").status_code == 302


def test_a_session_copied_by_sql_is_nobodys():
    """The data of a session is signed for its own cookie: under another key it is worth nothing."""
    row = Session.objects.get(person_id=founder().person)
    row.session_key = sessions.hashed("a cookie that I know")
    row.save(force_insert=True)
    thief = Browser()
    thief.cookies["hanse"] = "a cookie that I know"
    assert thief.get("/").status_code == 302


@pytest.mark.parametrize(
    ("passed_us", "there"),
    [(29 * 60_000_000, True), (31 * 60_000_000, False), (12 * 3_600_000_000 + 1, False)],
)
def test_sessions_are_short(monkeypatch, passed_us, there):
    """A session ends after half an hour without use."""
    browser = founder()
    now = middleware.now_us()
    monkeypatch.setattr(middleware, "now_us", lambda: now + passed_us)
    assert (browser.get("/").status_code == 200) is there


def test_a_session_ends_after_twelve_hours_of_use(monkeypatch):
    """However often it is used, after twelve hours one signs in again."""
    browser = founder()
    start = middleware.now_us()
    for minutes in range(25, 12 * 60 + 50, 25):
        monkeypatch.setattr(middleware, "now_us", lambda at=start + minutes * 60_000_000: at)
        assert (browser.get("/").status_code == 200) is (minutes <= 12 * 60)


def test_ended_sessions_are_over():
    """Ending all sessions ends those elsewhere and keeps the one it is done in."""
    browser, elsewhere = founder(), Browser()
    elsewhere.key = browser.key
    elsewhere.sign_in()
    assert elsewhere.get("/").status_code == 200
    browser.post("/people/me/end-sessions/")
    assert elsewhere.get("/").status_code == 302
    assert browser.get("/").status_code == 200


def test_a_deactivated_person_is_out_at_once():
    """A session of somebody who is deactivated ends with the next page, and the passkey opens nothing."""
    browser, other = founder(), Browser()
    admin = acting(browser.person)
    _, link = service.invite("Jüri", "", ["approver", "administrator"], "", admin)
    other.come_in(link)
    assert other.get("/").status_code == 200
    service.deactivate(other.person, "He left.", admin)
    assert other.get("/").status_code == 302
    assert "refused" in other.sign_in().url


def test_another_passkey_needs_the_first_one_proved():
    """With a stolen cookie nobody adds a passkey of their own; with the passkey proved, its owner does."""
    browser = founder()
    assert browser.get("/people/me/passkey/").status_code == 401
    assert browser.step_up(next="/people/me/passkey/").url == "/people/me/passkey/"
    second = SoftKey()
    options = browser.data_in("/people/me/passkey/")["creation_options"]
    browser.post("/people/me/passkey/", {"credential": second.register(options), "name": "Spare"})
    assert set(Passkey.objects.values_list("name", flat=True)) == {"First passkey", "Spare"}
    browser.post("/accounts/logout/")
    browser.key = second
    assert browser.sign_in().url == "/"


def test_the_last_passkey_stays():
    """Nobody locks themselves out: the last passkey of an account cannot be removed by its owner."""
    browser = founder()
    browser.step_up()
    passkey = Passkey.objects.get()
    answer = browser.post("/people/me/remove-passkey/", {"passkey": str(passkey.pk)})
    assert (answer.status_code, Passkey.objects.count()) == (403, 1)


def test_pages_of_allauth_that_are_not_served():
    """There are no pages for passwords, e-mail addresses or sign-ups."""
    for path in ("signup/", "password/reset/", "password/change/", "email/", "2fa/", "social/connections/"):
        assert Browser().get(f"/accounts/{path}").status_code == 404


def test_strangers_lock_nobody_out():
    """However often somebody fails to sign in, from the proxy's own address as everybody, others can."""
    browser, stranger = founder(), Browser()
    for _ in range(150):
        assert stranger.post("/accounts/login/passkey/", {"credential": "{}"}).status_code == 302
    again = Browser()
    again.key = browser.key
    assert again.sign_in()["Location"] == "/"


def test_sessions_of_strangers_are_forgotten():
    """Everybody who asks for a challenge makes a session: those that are over are removed, and no other."""
    browser = founder()
    for _ in range(3):
        Browser().get("/accounts/login/passkey/")
    assert Session.objects.count() == 4
    Session.objects.filter(person_id=None).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert (forget_expired(), forget_expired()) == (3, 0)
    assert Session.objects.get().person_id == browser.person
