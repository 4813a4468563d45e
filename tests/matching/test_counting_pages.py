"""Counting common sources on pages, by the API and by the shell: asked for, shown, and no more than that to who oversees."""

import json
import re
import secrets
from dataclasses import replace

import pytest
from click.testing import CliRunner

from hanse.accounts import tokens
from hanse.attacks.models import PartnerAttack
from hanse.kernel.clock import now_us
from hanse.matching import commands
from hanse.matching.models import SourceCount
from tests.accounts.people import acting, newcomer
from tests.campaigns.test_crossing import shares
from tests.matching.asker import turn
from tests.matching.test_commands import NODE as NODE_URL
from tests.matching.test_commands import OverTheLine
from tests.matching.test_counting import WHY, both, fi, given, home, in_common, mari, partner, seen_by
from tests.web.conftest import client_as

__all__ = ["both", "client_as", "fi", "home", "mari", "seen_by"]
pytestmark = [
    pytest.mark.usefixtures("founded"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("hanse.urls"),
]


@pytest.fixture
def signed(client_as, mari):
    """Mari in her browser."""
    return client_as(mari)


def test_it_is_asked_for_and_shown_on_the_pages_of_both_attacks(both, fi, signed) -> None:
    """The partner's attack offers it, the form names own attacks, and both pages say what came of it."""
    own, theirs, _ = both
    address = f"/attacks/partners/{theirs.pk}/"
    text = signed.get(address).content.decode()
    assert "Nothing was counted yet." in text
    form = f"/matches/sources/{theirs.pk}/"
    assert form in text
    shown = signed.get(form).content.decode()
    assert own.victim in shown
    assert signed.post(form, {"own": own.pk.hex, "reason": ""}).status_code == 200
    assert not SourceCount.projected.exists()
    answer = signed.post(form, {"own": own.pk.hex, "reason": WHY})
    assert (answer.status_code, answer.headers["Location"]) == (302, address)
    assert "Not answered yet" in signed.get(address).content.decode()
    again = signed.post(form, {"own": own.pk.hex, "reason": WHY}).content.decode()
    assert "waits for the partner already" in again
    turn(fi)
    count = SourceCount.projected.get()
    words = f"{count.common} of {round(count.estimate[1])}"
    for page, other in ((address, f"/attacks/{own.pk}/"), (f"/attacks/{own.pk}/", address)):
        text = signed.get(page).content.decode()
        assert words in text
        assert other in text


def test_several_are_asked_for_at_once_and_each_refusal_is_told(both, fi, home, signed) -> None:
    """The closest of the same kind come first; what cannot be counted keeps nothing else from being."""
    own, theirs, _ = both
    form = f"/matches/sources/{theirs.pk}/"
    shown = signed.get(form).content.decode()
    offered = re.findall(r'name="own" value="([0-9a-f]{32})"', shown)
    rows = {row.pk.hex: row for row in home}
    apart = [
        (rows[one].vector != theirs.vector, abs(rows[one].start_us - theirs.start_us)) for one in offered
    ]
    assert len(apart) > 2
    assert apart == sorted(apart)
    signed.post(form, {"own": own.pk.hex, "reason": WHY})
    [*some] = {own.pk.hex, *offered[:3]}
    text = signed.post(form, {"own": some, "reason": WHY}, follow=True).content.decode()
    assert "waits for the partner already" in text
    assert "Asked." in text
    assert {one.hex for one in SourceCount.projected.values_list("own", flat=True)} == set(some)
    many = signed.post(form, {"own": offered[:21], "reason": WHY}).content.decode()
    assert ("Choose 20 at most" in many) == (len(offered) > 20)


def test_an_auditor_sees_that_it_was_counted_and_not_of_what(both, fi, mari, client_as) -> None:
    """Who asked, when, how often today, and what was refused; no attack is named."""
    own, _, _ = both
    fi.wants(secrets.token_hex(16))
    fi.wants(given(own, mari))
    fi.goes_on()
    client = client_as(acting(newcomer("auditor")))
    text = client.get("/matches/").content.decode()
    assert "counts 1 of 200" in text
    assert text.count("for common sources of attacks") == 2
    assert "There is no such attack here that you were given" in text
    assert own.victim not in text
    told = client.get("/api/matching/askings").json()
    assert [(one["sources"], bool(one["refused"])) for one in told] == [(True, False), (True, True)]
    [agreed] = client.get("/api/matching/agreements").json()
    assert (agreed["counted"], agreed["countable"]) == (1, 200)


def test_a_page_without_an_agreement_offers_nothing(home, seen_by, signed) -> None:
    """Nor says that anything could be."""
    fi = partner(sources=False)
    shares(fi, seen_by["FI"][:1], sketches=False)
    text = signed.get(f"/attacks/partners/{PartnerAttack.projected.get().pk}/").content.decode()
    assert "Sources in common" not in text


def test_programs_are_told_the_same(both, fi, signed) -> None:
    """By the API: ask, and see what came of it, of all attacks or of one."""
    own, theirs, _ = both
    asked = {"own": str(own.pk), "theirs": str(theirs.pk), "why": WHY}
    made = signed.post("/api/matching/sources", asked, content_type="application/json")
    assert made.status_code == 201, made.content
    turn(fi)
    for query in ("", f"?attack={own.pk}", f"?attack={theirs.pk}"):
        [one] = signed.get(f"/api/matching/sources{query}").json()["items"]
        assert (one["id"], one["state"], one["common"]) == (made.json()["id"], "counted", in_common(own, fi))
    assert signed.get(f"/api/matching/sources?attack={fi.run}").json()["items"] == []


def test_the_shell_asks_and_says_what_came_of_it(both, fi, mari, monkeypatch, tmp_path) -> None:
    """By a token that may do both."""
    own, theirs, _ = both
    monkeypatch.setattr(commands, "Client", OverTheLine)
    token = tmp_path / "token"
    fresh = replace(mari, stepped_up_us=now_us())
    token.write_text(tokens.make("shell", ["matching.count", "attacks.view"], 1, fresh) + "\n")

    def shell(*words: str) -> str:
        told = CliRunner(env={"COLUMNS": "250"}).invoke(
            commands.match, ["--node", NODE_URL, "--token-file", str(token), *words]
        )
        assert told.exit_code == 0, told.output
        return told.output

    assert "Nothing has been counted yet." in shell("sources")
    assert "Asked." in shell("count-sources", str(own.pk), str(theirs.pk), "--reason", WHY)
    turn(fi)
    [one] = json.loads(shell("--format", "json", "sources"))
    assert (one["state"], one["common"]) == ("counted", in_common(own, fi))
    assert "fi-cert" in shell("sources")
