"""How much of one partner at the open edge is taken in a day."""

import json
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings

from hanse.taxii import volume
from hanse.taxii.models import Day
from hanse.web.uploads import inbox_folder
from tests.taxii.edge import Edge, indicator

pytestmark = pytest.mark.django_db(transaction=True)


def send(edge: Edge, number: int) -> int:
    """Send an object; the status of the answer."""
    address = urlsplit(edge.collection("inbox").objects_url).path
    data = json.dumps({"objects": [indicator(number)]})
    return edge.ask(address, "POST", data=data).status_code


def test_a_partner_sends_so_much_a_day_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is more is refused with nothing kept of it; another partner sends on, and so does this one tomorrow."""
    edge, other = Edge(), Edge("lv-cert", "LV")
    assert send(edge, 1) == 202
    used = Day.objects.get(partner=edge.row.pk).bytes
    most = django_settings.HANSE_NODE.partner_gigabytes * 1_000_000_000
    Day.objects.update(bytes=most - used // 2)
    kept = len(list(inbox_folder().iterdir()))
    assert send(edge, 2) == 429
    assert len(list(inbox_folder().iterdir())) == kept
    assert send(other, 3) == 202
    later = volume.now_us() + 86_400_000_000
    monkeypatch.setattr(volume, "now_us", lambda: later)
    assert send(edge, 2) == 202
    assert Day.objects.get(partner=edge.row.pk).bytes == used
