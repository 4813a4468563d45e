"""What a partner sent waits until it is taken in."""

import json

import pytest

from hanse.intel.models import Item
from hanse.taxii import receiving
from hanse.web import jobs
from hanse.web.models import Job, State
from tests.taxii.edge import Edge, indicator
from tests.taxii.working import done

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_cancelled_job_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file stays while the job that needs it can be begun again, and goes once it is taken in."""
    edge = Edge()
    answer = edge.ask("collections/inbox/objects/", "POST", json.dumps({"objects": [indicator(1)]}))
    address = f"status/{answer.json()['id']}/"
    name = Job.objects.get(kind=receiving.KIND).params["path"]

    def cancelled() -> None:
        raise jobs.Cancelled("The job was cancelled.")

    with monkeypatch.context() as now:
        now.setattr(receiving, "taker", cancelled)
        done()
    stopped = Job.objects.get(kind=receiving.KIND)
    assert stopped.state == State.CANCELLED
    jobs.again(stopped)
    done()
    assert Item.projected.count() == 1
    assert edge.ask(address).json()["success_count"] == 1
    assert not (receiving.inbox_folder() / name).exists()
