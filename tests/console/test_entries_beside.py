"""Entries of the ledger: the page of one tells of the others of its object no more than the list does."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from hanse.console.visible_entries import entry_for, visible_entries
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.kinds import all_kinds, meaning
from hanse.ledger.models import Entry, NodeKey
from hanse.ledger.writing import append
from hanse.policy.guarded import NotVisibleError
from hanse.policy.service import mark
from hanse.telemetry.service import FolderWatched
from tests.conftest import AUTHORITY
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

Clients = Callable[..., ActingClient]
RED = replace(Marking.own(AUTHORITY), tlp=Tlp.RED)


def said(one: UUID, marking: Marking, who: Actor, recipient: str = "") -> int:
    """One more version of an object; its sequence."""
    content = FolderWatched("/somewhere", on=True)
    return append(
        "telemetry.folder_watched", content, actor=who, object_id=one, marking=marking, recipient=recipient
    ).sequence


def test_the_page_names_no_entry_that_the_list_hides(actor: Callable[..., Actor], client_as: Clients) -> None:
    """Restricted and released again, or with a version for one partner more strictly: others stay unsaid and uncounted."""
    analyst, one = actor("analyst"), uuid4()
    first = said(one, Marking.own(AUTHORITY), analyst)
    second = mark(one, RED, "", analyst, "An informant.").sequence
    third = mark(one, Marking.own(AUTHORITY), "", analyst, "It is over.").sequence
    html = client_as(analyst).get(f"/ledger/{third}/").content.decode()
    assert html.count('href="/ledger/') > 0
    for hidden in (first, second):
        with pytest.raises(NotVisibleError):
            entry_for(analyst, "ledger.view", hidden)
        assert f'href="/ledger/{hidden}/"' not in html
    officer = client_as(replace(analyst, roles=frozenset({"officer"})))
    assert all(
        f'href="/ledger/{at}/"' in officer.get(f"/ledger/{third}/").content.decode() for at in (first, second)
    )


def test_the_list_is_what_each_entry_says_of_itself(actor: Callable[..., Actor], client_as: Clients) -> None:
    """Whatever makes an object stricter takes its earlier entries out of the list, the export and the API: not only marking anew."""
    analyst, one = actor("analyst"), uuid4()
    first = said(one, Marking.own(AUTHORITY), analyst)
    assert visible_entries(analyst, "ledger.view").filter(pk=first).exists()
    said(one, RED, analyst)
    with pytest.raises(NotVisibleError):
        entry_for(analyst, "ledger.view", first)
    for action in ("ledger.view", "ledger.export"):
        assert not visible_entries(analyst, action).filter(object_id=one).exists()
    told = client_as(analyst).get("/api/ledger/entries").json()
    assert str(one) not in {row["object_id"] for row in told["items"]}
    assert Entry.objects.filter(object_id=one).count() == 2


def test_the_page_says_what_became_of_the_key_that_signed(
    actor: Callable[..., Actor], client_as: Clients
) -> None:
    """Who reads an entry under a key that was replaced or revoked sees so beside it, and not in the proof alone."""
    analyst = actor("analyst")
    written = said(uuid4(), Marking.own(AUTHORITY), analyst)
    page = client_as(analyst)
    assert "replaced on" not in page.get(f"/ledger/{written}/").content.decode()
    key = Entry.objects.get(pk=written).key
    NodeKey.objects.filter(pk=key).delete()
    NodeKey.objects.create(
        id=key, verify="", seal="", said_by=0, since_us=1, until_us=2_000_000, revoked_us=3_000_000
    )
    html = page.get(f"/ledger/{written}/").content.decode()
    assert "which another one replaced on <time" in html
    assert "revoked from <time" in html


def test_an_entrys_page_says_what_its_kind_means(actor: Callable[..., Actor], client_as: Clients) -> None:
    """Each kind begins its description with a sentence; one of a newer node has none, and its page is there all the same."""
    told = {
        kind.name: meaning(kind.name) for kind in all_kinds() if kind.content.__module__.startswith("hanse.")
    }
    assert [name for name, words in told.items() if not words or "`" in words] == []
    assert told["ledger.key_rotated"] == "New keys, said under the old one"
    assert meaning("future.kind") == ""
    analyst = actor("analyst")
    one = said(uuid4(), Marking.own(AUTHORITY), analyst)
    html = client_as(analyst).get(f"/ledger/{one}/").content.decode()
    assert f'<p class="muted">{told["telemetry.folder_watched"]}.</p>' in html
