"""Guarded pages: who may open them, what those see who may not, and what stands around and above every page."""

from urllib.parse import quote_plus

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.urls import path

from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.web import frame
from hanse.web.page import page, public

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


@page("settings.view", "web/problem.html")
def shown(request):
    """A page whose template gets words that hold markup."""
    return {"title": "<script>x</script>", "detail": "hello"}


@page("settings.view", "web/problem.html", step_up=True, methods=("GET", "POST"))
def careful(request):
    """A page that asks for a fresh passkey."""
    return {"title": "careful", "detail": "done"}


@page("settings.view", "web/problem.html")
def broken(request):
    """A page on which a use case refuses."""
    raise UsageError("The window is empty. Give an end after its start.")


@public("It says only that the node lives.")
def health(request):
    """A page for everybody."""
    return HttpResponse("ok")


handler404 = "hanse.web.problems.not_found"
urlpatterns = [
    path("shown/", shown, name="shown"),
    path("careful/", careful),
    path("broken/", broken),
    path("health/", health),
    path("prove/", health, name="prove"),
]


def test_nobody_goes_to_the_login_and_comes_back(client_as):
    """Who is not signed in is sent to the login with the way back; a part of a page is told 401."""
    nobody = client_as(None)
    answer = nobody.get("/shown/?a=1")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/shown/%3Fa%3D1")
    part = nobody.get("/shown/", headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Redirect"]) == (401, "/accounts/login/")
    assert nobody.get("/shown/", headers={"Accept": "application/json"}).status_code == 302


def test_a_form_of_a_session_that_is_over_leads_to_the_login_and_back(client_as):
    """It says that nothing was sent, and comes back to the page on which the form stands; a program is told 401."""
    form = "http://testserver/shown/?a=1"
    answer = client_as(None).post("/careful/", headers={"Referer": form})
    assert answer.status_code == 401
    assert "nothing was sent" in answer.content.decode()
    assert f'href="/accounts/login/?next={quote_plus(form)}"' in answer.content.decode()
    told = client_as(None).post("/careful/", headers={"Accept": "application/json"})
    assert (told.status_code, told.json()["status"]) == (401, 401)


def test_a_role_opens_a_page(client_as, actor):
    """Policy is asked for the page's action: a role that gives it opens the page, another reads the rule."""
    assert client_as(actor("administrator")).get("/shown/").status_code == 200
    refused = client_as(actor("analyst")).get("/shown/")
    assert refused.status_code == 403
    assert b"role.missing" in refused.content
    assert b"It takes the role of Administrator." in refused.content
    assert b"An administrator can give it: ask one of your authority." in refused.content


def test_what_a_view_returns_is_escaped(client_as, actor):
    """Words from data never become markup."""
    text = client_as(actor("administrator")).get("/shown/").content.decode()
    assert "<script>x" not in text
    assert "&lt;script&gt;x" in text


def test_an_error_of_hanse_is_told_in_words(client_as, actor):
    """An error that a use case raises becomes a page that says what to do."""
    answer = client_as(actor("administrator")).get("/broken/")
    assert answer.status_code == 400
    assert "Give an end after its start." in answer.content.decode()


def test_only_the_methods_of_a_page(client_as, actor):
    """A page that takes GET refuses POST."""
    assert client_as(actor("administrator")).post("/shown/").status_code == 405


def test_a_fresh_passkey_is_asked_for_and_what_was_typed_is_kept(client_as, actor, monkeypatch):
    """A page with step-up sends to the passkey; a form sent without it comes back with all that it held."""
    monkeypatch.setattr("hanse.web.page.STEP_UP_VIEW", "prove")
    client = client_as(actor("administrator"))
    assert client.get("/careful/")["Location"] == "/prove/?next=/careful/"
    kept = client.post("/careful/", {"note": 'say "yes"', "csrfmiddlewaretoken": "old"})
    assert kept.status_code == 401
    assert b'name="note" value="say &quot;yes&quot;"' in kept.content
    assert b"old" not in kept.content
    assert b"data-unsent" in kept.content, "the browser keeps what was typed"
    fresh = client_as(actor("administrator", stepped_up_us=now_us()))
    assert fresh.post("/careful/").status_code == 200
    stale = client_as(actor("administrator", stepped_up_us=now_us() - 301_000_000))
    assert stale.get("/careful/").status_code == 302


def test_the_passkey_is_proved_in_the_same_tab_and_leads_back_to_the_form(client_as, actor, monkeypatch):
    """The form's page is named by the browser; a file that was sent is said to be chosen again, for no page can keep it."""
    monkeypatch.setattr("hanse.web.page.STEP_UP_VIEW", "prove")
    form = {"note": "a", "file": SimpleUploadedFile("list of names.csv", b"value")}
    shown = client_as(actor("administrator")).post(
        "/careful/", form, HTTP_REFERER="http://testserver/a/form/?x=1"
    )
    page = shown.content.decode()
    assert 'href="/prove/?next=http%3A%2F%2Ftestserver%2Fa%2Fform%2F%3Fx%3D1"' in page
    assert "choose list of names.csv again" in page


def test_security_headers(client_as, actor):
    """Nothing inline or foreign runs, nothing signed in is kept, passkeys work, nobody frames the node."""
    answer = client_as(actor("administrator")).get("/shown/")
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["Cache-Control"] == "no-store"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "publickey-credentials-get=(self)" in answer["Permissions-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "Cache-Control" not in client_as(None).get("/health/")


def test_a_page_holds_nothing_inline(client_as, actor):
    """No inline script, style or event handler stands in the frame: the policy would refuse it."""
    text = client_as(actor("administrator")).get("/shown/").content.decode()
    assert " style=" not in text
    assert " onclick=" not in text
    assert all(part.split(">")[0].count("src=") for part in text.split("<script")[1:])


def test_the_rail_shows_what_is_there_and_allowed(client_as, actor, monkeypatch):
    """A room that does not exist here, or that the actor may not open, is not shown."""
    rail = frame.Rail()
    rail.add("ledger", "Ledger", "missing:list", "settings.view", "book")
    rail.add("settings", "Settings", "shown", "settings.view", "settings")
    rail.add("attacks", "Attacks", "shown", "attacks.view", "bolt")
    monkeypatch.setattr(frame, "rail", rail)
    text = client_as(actor("administrator")).get("/shown/").content.decode()
    assert "<span>Settings</span>" in text
    assert 'aria-current="page"' in text
    assert "<span>Attacks</span>" not in text
    assert "<span>Ledger</span>" not in text


def test_what_waits_is_counted(client_as, actor, monkeypatch):
    """The badge counts what waits for this actor; what has nothing is not shown."""
    waits = [lambda _actor: frame.Waiting("approvals", 3, "/a/"), lambda _actor: None]
    monkeypatch.setattr(frame, "waiting", waits)
    text = client_as(actor("administrator")).get("/shown/").content.decode()
    assert "approvals" in text
    assert 'data-count="3"' in text


def test_nothing_here(client_as, actor):
    """An unknown address gives a page in words, and problem details to a program."""
    client = client_as(actor("administrator"))
    assert b"Nothing here" in client.get("/no/").content
    told = client.get("/api/no")
    assert told["Content-Type"] == "application/problem+json"
    assert told.json()["status"] == 404


def test_what_is_typed_is_kept_under_a_key_of_the_persons_own(client_as, actor):
    """Each session of one person has the same, another person has another; it stands in pages that no browser keeps."""
    mari, jaan = actor("administrator"), actor("administrator")
    answer = client_as(mari).get("/shown/")
    assert f'data-keep-key="{frame.keep_key(mari)}"' in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert frame.keep_key(jaan) != frame.keep_key(mari)
    assert frame.keep_key(jaan) not in answer.content.decode()
