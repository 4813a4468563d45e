"""What an import is called where a list is narrowed to it."""

from collections.abc import Callable

import pytest
from django.urls import reverse

from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking
from hanse.kernel.units import minute
from hanse.telemetry import reading_in, service
from hanse.telemetry.models import Input
from hanse.telemetry.reading import InputReport
from tests.web.acting import ActingClient
from tests.web.conftest import client_as

__all__ = ["client_as"]

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

BATCH = "cd" * 16


def test_a_list_of_one_import_says_which_files_it_is_of(
    actor: Callable[..., Actor], client_as: Callable[..., ActingClient]
) -> None:
    """The chip names files and the time and no id; where no file may be seen it says only what the address says."""
    mari = actor("analyst")
    drafts = [
        reading_in._read_draft(
            reading_in.input_read(InputReport(f"/x/{name}.pcap", "pcap", 5, 5), name * 64, BATCH),
            Marking.own("ee-cert"),
        )
        for name in "abcd"
    ]
    service.append_many(drafts, mari)
    when = minute(Input.projected.earliest("read_us", "object_id").read_us)
    first, second = (row.name for row in Input.projected.order_by("read_us", "object_id")[:2])
    client = client_as(mari)
    for name in ("telemetry:inputs", "telemetry:partitions"):
        shown = client.get(reverse(name), {"batch": BATCH}).content.decode()
        assert f"Import: <strong>{first}, {second} and 2 more, {when}</strong>" in shown
        assert "TLP:AMBER" in shown
        unknown = client.get(reverse(name), {"batch": "ef" * 16}).content.decode()
        assert f"Import: <strong>{'ef' * 16}</strong>" in unknown
