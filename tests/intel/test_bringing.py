"""Bringing a file in on pages: what was chosen is not lost between trying it and doing it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from hanse.intel import searches, service
from hanse.intel.models import Batch, Item
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Tlp
from hanse.kernel.units import minute
from hanse.policy import service as policy
from tests.conftest import AUTHORITY
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]

NEW = "/intelligence/searches/new/"


def test_the_marking_that_was_tried_is_the_one_that_is_brought_in_under(
    actor: People, client_as: Clients
) -> None:
    """Going back to a form that says TLP:AMBER again would mark weaker than what was tried."""
    client = client_as(actor("analyst"))
    file = SimpleUploadedFile("list.csv", b"value\na.example\n")
    typed = {"marking_tlp": "AMBER+STRICT", "marking_pap": "RED", "file": file, "try": "1"}
    tried = client.post("/intelligence/imports/upload/", typed).content.decode()
    assert "It holds 1 item." in tried
    assert not Item.projected.exists()
    back = "/intelligence/imports/?marking_tlp=AMBER%2BSTRICT&amp;marking_pap=RED"
    assert f'href="{back}"' in tried
    form = client.get(back.replace("&amp;", "&")).content.decode()
    for level in ("AMBER+STRICT", "RED"):
        assert f'<option value="{level}" selected>' in form
    assert '<option value="AMBER" selected>' in client.get("/intelligence/imports/").content.decode()


def test_the_page_counts_what_was_left_out_for_a_marking_that_is_none(
    actor: People, client_as: Clients
) -> None:
    """A slip in RED brings nothing in as CLEAR: tried and brought in, file, row, word and levels are told, and how many."""
    mari = actor("analyst")
    client = client_as(mari)
    data = b"value,tlp\na.example,RDE\nb.example,RED\nc.example,tlp:foo\n"
    typed = {"marking_tlp": "CLEAR", "marking_pap": "CLEAR", "try": "1"}
    tried = client.post(
        "/intelligence/imports/upload/", typed | {"file": SimpleUploadedFile("list.csv", data)}
    ).content.decode()
    came = service.bring_in(data, "list.csv", mari, marking=replace(Marking.own(AUTHORITY), tlp=Tlp.CLEAR))
    page = client.get(f"/intelligence/imports/{came.object_id}/").content.decode()
    for shown in (tried, page):
        assert "Left out: marking not understood</dt><dd>2</dd>" in shown
        assert "list.csv, row 2: &#x27;RDE&#x27; is no level of TLP, which are CLEAR (or WHITE)" in shown
        assert "list.csv, row 4: &#x27;foo&#x27; is no level of TLP" in shown
    assert Item.projected.get().marking.marking.tlp is Tlp.RED
    assert Batch.projected.get().wrong_marking == 2


def test_an_item_says_by_what_it_came(actor: People, client_as: Clients) -> None:
    """Whoever doubts a value goes to the file, and to who brought it; of what one may not see nothing is said."""
    mari = actor("analyst")
    service.bring_in(b"value\n8.8.8.8\n", "from the bank.csv", mari)
    row, batch = Item.projected.get(), Batch.projected.get()
    said = f'<a href="/intelligence/imports/{batch.pk}/">from the bank.csv</a>, {mari.name}'
    assert said in client_as(mari).get(f"/intelligence/{row.pk}/").content.decode()
    inside = actor("analyst", "officer", teams=("amber",))
    red = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)
    policy.mark(batch.pk, red, "amber", inside, "The file's name tells its source.")
    page = client_as(mari).get(f"/intelligence/{row.pk}/").content.decode()
    assert "8.8.8.8" in page
    assert "from the bank.csv" not in page
    assert said in client_as(inside).get(f"/intelligence/{row.pk}/").content.decode()


def test_a_list_of_one_import_says_which_file_it_is_of(actor: People, client_as: Clients) -> None:
    """The chip of the filter, and a search that is saved of it, name the file and when it came; not to who may not see it."""
    mari = actor("analyst")
    service.bring_in(b"value\n8.8.8.8\n", "from the bank.csv", mari)
    batch = Batch.projected.get()
    said = f"from the bank.csv, {minute(batch.time_us)}"
    address = f"/intelligence/?batch={batch.pk.hex}"
    client = client_as(mari)
    shown = client.get(address).content.decode()
    assert f"Import: <strong>{said}</strong>" in shown
    assert "<td>CSV</td>" in shown
    assert b'"format": "csv"' in b"".join(client.get(f"{address}&as=json").streaming_content)
    search = searches.save("Bank", {"batch": [batch.pk.hex]}, mari)
    for page in (
        "/intelligence/searches/",
        f"/intelligence/searches/{search}/",
        f"{NEW}?batch={batch.pk.hex}",
    ):
        assert f"Import: {said}" in client.get(page).content.decode(), page
    assert client.get("/api/intelligence/searches").json()[0]["words"] == f"Import: {said}"
    inside = actor("analyst", "officer", teams=("amber",))
    red = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)
    policy.mark(batch.pk, red, "amber", inside, "The file's name tells its source.")
    for page in (address, "/intelligence/searches/", f"/intelligence/searches/{search}/"):
        shown = client.get(page).content.decode()
        assert "from the bank.csv" not in shown, page
        assert batch.pk.hex in shown, page
    seen = client_as(inside).get(address).content.decode()
    assert f"Import: <strong>{said}</strong>" in seen
    for nonsense in ("nothing", "0" * 32):
        assert (
            f"Import: <strong>{nonsense}</strong>"
            in client.get(f"/intelligence/?batch={nonsense}").content.decode()
        )
