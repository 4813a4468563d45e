"""A node full of text that wants to be script: each payload in every place that text from outside comes into."""

import csv
import io
import re
import time
from typing import Any

from playwright.sync_api import Page

from hanse.kernel.printable import is_printable
from tests.browser import passkey
from tests.browser.captures import NOON_US, flood
from tests.browser.desk import Desk, drop

PAYLOADS = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    '"><svg onload=alert(4)>',
    "' onmouseover='alert(5)' autofocus onfocus='alert(5)",
    "javascript:alert(6)",
    "JaVaScRiPt&colon;alert(7)",
    "data:text/html,<script>alert(8)</script>",
    "</title></style></textarea></noscript><iframe srcdoc='<script>alert(9)</script>'>",
    "<!--<script>alert(10)//-->",
    "&lt;script&gt;alert(11)&lt;/script&gt;",
    "{{ 7|add:7 }}{% load static %}{# x #}${7*7}#{7*7}<%= 7*7 %>",
    "{{constructor.constructor('alert(12)')()}}",
    "]]><math><mi xlink:href='data:x,<script>alert(13)</script>'>",
    "<svg><animate onbegin=alert(14) attributeName=x dur=1s>",
    "<a href='https://elsewhere.example/' style='position:fixed'>click</a>",
    "<link rel=stylesheet href=//elsewhere.example/x.css><base href=//elsewhere.example/>",
    "<meta http-equiv=refresh content='0;url=https://elsewhere.example/'>",
    "<form action=https://elsewhere.example/><button>Approve</button></form>",
    "<div hx-get=/api/attacks hx-trigger=load hx-on:load=alert(15) data-island=timeline data-src=//elsewhere.example>",
    "{a|<script>alert(16)</script>}{hr|}{b|text}",
    "\\u003cscript\\u003ealert(17)\\u003c/script\\u003e",
    "https://elsewhere.example/track.gif",
    "Ministry\u202eecnaniF fo yrtsiniM\u202c\u200b\u2066",
    "\uff1cscript\uff1ealert(18)\uff1c/script\uff1e",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f\u031e\u0320\u034d"
    * 8,
    "averyveryverylongnamewithoutanybreak" * 12,
)
"""Script by element, attribute, address, template, picture and style; addresses of elsewhere; writing that turns round."""

NULL = "Ministry\0<script>alert(19)</script>"
"""What no text of a database may hold: refused in words, or made harmless."""


def victim(number: int) -> str:
    """The host that stands under a payload as its organisation."""
    return f"195.80.120.{10 + number}"


def _hit(number: int) -> bytes:
    """The capture of one attack of the campaign."""
    begins_us = NOON_US + number // 3 * 3_600_000_000 + number % 3 * 1_000_000
    return flood(victim(number), packets=3000, bots=True, begins_us=begins_us)


class Asking:
    """Asks the API as the person who is signed in at a window."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Status and content of an answer."""
        told = self._page.evaluate(
            """async ([path, body]) => {
              const token = JSON.parse(document.body.getAttribute('hx-headers'))['X-CSRFToken'];
              const answer = await fetch(path, {method: 'POST', body: JSON.stringify(body),
                headers: {'Content-Type': 'application/json', 'X-CSRFToken': token}});
              const text = await answer.text();
              return [answer.status, text ? JSON.parse(text) : null];
            }""",
            [path, body],
        )
        return int(told[0]), told[1]

    def made(self, path: str, body: dict[str, Any]) -> Any:
        """The content of an answer that took what was sent."""
        status, told = self.post(path, body)
        assert status < 300, (path, status, told)
        return told

    def get(self, path: str) -> Any:
        """The content of an answer."""
        return self._page.evaluate("async (path) => (await fetch(path)).json()", path)


def fill(desk: Desk) -> None:
    """Bring every payload in: organisations, sites, file names, notes, reasons, people, teams, tokens, settings."""
    page, asking = desk.page, Asking(desk.page)
    desk.step_up()
    _protect(asking)
    page.goto("/start/")
    # Three at a time, hour after hour, by the same machines: one campaign.
    captures = {f"{text}.pcap": _hit(at) for at, text in enumerate(PAYLOADS)}
    drop(page, captures | {f"{text}.txt": b"no telemetry" for text in PAYLOADS[:4]})
    desk.ended()
    _decide(asking)
    _cases(desk, asking)
    _feeds(asking)
    _written(asking)
    _people(desk, asking)


def _protect(asking: Asking) -> None:
    """The constituency, as a file and row by row, in organisations and sites."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(["prefix", "organisation", "sector", "country", "site"])
    for at, text in enumerate(PAYLOADS):
        lines.writerow([victim(at), text, "public administration", "EE", PAYLOADS[at - 1]])
    told = asking.made(
        "/api/constituency/import", {"csv": out.getvalue(), "name": PAYLOADS[0], "apply": True}
    )
    assert told["applied"], told
    for at, text in enumerate(PAYLOADS[:4]):
        row = {"prefix": victim(at), "organisation": text, "sector": "public administration", "country": "EE"}
        asking.made("/api/constituency/rows", {**row, "site": PAYLOADS[-1 - at], "reason": text})


def _decide(asking: Asking) -> None:
    """Notes on every attack, and decisions with their reasons."""
    found = asking.get("/api/attacks?limit=200")["items"]
    assert len(found) >= len(PAYLOADS), len(found)
    for at, one in enumerate(found):
        asking.made(f"/api/attacks/{one['id']}/notes", {"text": PAYLOADS[at % len(PAYLOADS)]})
    asking.made(f"/api/attacks/{found[0]['id']}/false-positive", {"reason": PAYLOADS[2]})


def _cases(desk: Desk, asking: Asking) -> None:
    """A case with people, selectors, tasks, notes and reasons; who is alone on a node gives the role at once."""
    me = asking.get("/api/people")["items"][0]["id"]
    asking.made(f"/api/people/{me}/roles/grant", {"role": "investigator", "why": PAYLOADS[0]})
    desk.step_up()
    year_us = 365 * 86_400_000_000
    now_us = int(time.time() * 1_000_000)
    said = {
        "title": PAYLOADS[3], "legal_basis": PAYLOADS[4], "purpose": PAYLOADS[5], "reference": PAYLOADS[6][:100],
        "authority": PAYLOADS[7], "review_us": now_us + year_us // 2, "retention_us": now_us + year_us,
        "new_team": f"Case {PAYLOADS[8]}",
    }  # fmt: skip
    case = f"/api/cases/{asking.made('/api/cases', said)['id']}"
    for text in PAYLOADS:
        asking.made(f"{case}/people", {"category": "other", "name": text[:300], "note": text})
        asking.made(f"{case}/selectors", {"kind": "account", "value": text, "note": text})
        asking.made(f"{case}/tasks", {"title": text})
        asking.made(f"{case}/notes", {"text": text})
    asking.made(f"{case}/status", {"status": "suspended", "reason": PAYLOADS[2]})
    desk.page.goto(f"{case.removeprefix('/api')}/?why=It+is+my+case")  # the pages ask why once per session


def _feeds(asking: Asking) -> None:
    """Feeds that are paused before they are fetched, searches that somebody saved, and intelligence that they find."""
    for at, text in enumerate(PAYLOADS):
        told = {"name": text[:200], "format": "csv", "url": f"https://feed.example/{at}"}
        feed = asking.made("/api/intelligence/feeds", told)["id"]
        asking.made(f"/api/intelligence/feeds/{feed}/pause", {})
    for text in PAYLOADS[:20]:
        asking.made(
            "/api/intelligence/searches", {"name": text[:200], "query": {"q": [text], "title": [text]}}
        )
    lines = "\n".join(
        f'8.8.8.{at},"{text.replace(chr(34), chr(34) * 2)}"' for at, text in enumerate(PAYLOADS)
    )
    asking.made("/api/intelligence/imports", {"name": PAYLOADS[0], "content": f"value,comment\n{lines}\n"})


def _written(asking: Asking) -> None:
    """A report on an attack whose title, text, values and tags are payloads; it is graded, and a sighting of it taken back."""
    attack = asking.get("/api/attacks?limit=1")["items"][0]["id"]
    told = {
        "type": "report", "title": PAYLOADS[2], "text": "\n".join(PAYLOADS), "cites": [attack],
        "values": [{"kind": "account", "value": text} for text in PAYLOADS],
        "tags": [text for text in PAYLOADS if text.isprintable() and len(text) <= 300],
    }  # fmt: skip
    report = asking.made("/api/intelligence/written", told)
    seen = {"type": "sighting", "title": PAYLOADS[3], "text": PAYLOADS[4], "of": report["id"]}
    sighting = asking.made("/api/intelligence/written", seen)
    back = {"version": sighting["version"], "why": PAYLOADS[0]}
    asking.made(f"/api/intelligence/written/{sighting['id']}/take-back", back)
    later = {"type": "report", "title": PAYLOADS[5], "text": "\n".join(PAYLOADS), "cites": [report["id"]]}
    asking.made("/api/intelligence/written", later)
    asking.made(f"/api/intelligence/items/{report['id']}/grade", {"grade": "europol X4", "why": PAYLOADS[1]})


def _people(desk: Desk, asking: Asking) -> None:
    """A second person, proposals that wait for that one, teams, tokens and one's own name."""
    made = asking.made("/api/people", {"name": PAYLOADS[1], "roles": ["approver"]})
    browser = desk.page.context.browser
    assert browser is not None
    second = Desk.at(browser, desk.node)
    passkey.come_in(second.page, f"{desk.node.served.url}{made['path']}", PAYLOADS[1])
    second.close()
    for text in PAYLOADS:
        short = text[:200]
        person = {"name": short, "roles": ["analyst"], "why": text[:500]}
        if is_printable(short):  # others are refused: people would take one for another
            asking.made("/api/people", person)
            asking.made("/api/people/teams", {"name": short})
        asking.made("/api/people/tokens", {"name": text[:100], "scopes": ["attacks.view"], "days": 1})
    asking.made("/api/people/me/rename", {"name": PAYLOADS[3]})


def shown(text: str) -> str:
    """What of a payload must be read on a page: its text with spaces as browsers join them."""
    return re.sub(r"\s+", " ", text).strip()
