"""Bringing a file in on pages: what was chosen is not lost between trying it and doing it."""

from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from hanse.intel.models import Item
from hanse.kernel.actors import Actor
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]


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
