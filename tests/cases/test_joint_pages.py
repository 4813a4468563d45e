"""The page of a joint case whatever members and browsers send it."""

import re
from uuid import UUID

import pytest

from hanse.cases import joint, joint_views
from hanse.cases.joint import Told
from hanse.cases.joint_models import JointSaying
from tests.cases.test_joint import _opening, kadri
from tests.federation.conftest import founded
from tests.federation.test_onward import fi, lv

__all__ = ["fi", "founded", "kadri", "lv"]

pytestmark = pytest.mark.usefixtures("founded")


@pytest.fixture
def made(fi, lv, kadri) -> UUID:
    """A joint case in which this authority said nine things."""
    case = joint.open_joint(_opening(), "We see the same machines.", kadri)
    for sort in ("note", "task", "decision"):
        for number in range(3):
            joint.say(case, Told(sort=sort, text=f"{sort} {number}"), kadri)
    return case


@pytest.mark.parametrize("task", ["x", "' OR 1=1", "5d3a" * 8])
def test_a_task_that_is_none_is_said_and_is_no_fault(made, kadri, client_as, task):
    """Whoever sends what no page sends is told so."""
    told = client_as(kadri).post(f"/cases/joint/{made}/done/", {"task": task}, follow=True)
    assert told.status_code in {200, 404}
    assert not JointSaying.objects.filter(sort="done").exists()


def test_the_page_shows_the_last_of_what_was_said(made, kadri, client_as, monkeypatch):
    """A member may say 200 things of 10,000 characters a day: a page of all of a year would be 700 MB."""
    monkeypatch.setattr(joint_views, "SHOWN", 2)
    client, where = client_as(kadri), f"/cases/joint/{made}/"
    text = client.get(where).content.decode()
    shown = [f"{sort} {number}" in text for sort in ("note", "task", "decision") for number in range(3)]
    assert shown == [False, False, False, False, True, True, False, True, True]
    text = client.get(f"{where}?all=1").content.decode()
    assert "note 0" not in text


def test_what_was_said_before_is_read_page_by_page(made, kadri, client_as, monkeypatch):
    """Tasks, decisions and all that was said, each on its own: each thing once, and the way back."""
    monkeypatch.setattr(joint_views, "SHOWN", 2)
    client, where = client_as(kadri), f"/cases/joint/{made}/"
    for part, things in (("tasks", 3), ("decisions", 3), ("said", 9)):
        seen, at = [], "?"
        while at:
            text = client.get(where + at).content.decode()
            section = text.partition(f'id="{part}"')[2].partition("</section>")[0]
            seen.append(re.findall(r"(?:note|task|decision) \d", section))
            at = "".join(re.findall(rf'href="([?]{part}=[^"#]+)#{part}"', section))
        assert all(len(one) <= 2 for one in seen)
        assert len({one for page in seen for one in page}) == sum(map(len, seen)) == things
        back = re.findall(rf'href="([?]{part}-before=[^"#]+)#{part}"', section)[0]
        assert seen[-2] == re.findall(
            r"(?:note|task|decision) \d",
            client.get(where + back).content.decode().partition(f'id="{part}"')[2].partition("</section>")[0],
        )


def test_a_place_that_is_none_is_said(made, kadri, client_as):
    """An address that somebody typed is no fault of the node."""
    told = client_as(kadri).get(f"/cases/joint/{made}/?said=x")
    assert told.status_code == 400
    assert "another list" in told.content.decode()


def test_the_api_gives_what_was_said_page_by_page(made, kadri, client_as):
    """The last written first, each once; the case itself comes without it."""
    client, where = client_as(kadri), f"/api/joint/{made}"
    assert "said" not in client.get(where).json()
    told, cursor = [], ""
    while cursor is not None:
        more = client.get(f"{where}/said", {"limit": 4, **({"cursor": cursor} if cursor else {})}).json()
        assert len(more["items"]) <= 4
        told += more["items"]
        cursor = more["next"]
    assert len(told) == len({one["id"] for one in told}) == 9
    written = [one["written_us"] for one in told]
    assert written == sorted(written, reverse=True)
    assert told[0]["text"] == "decision 2"


def test_a_task_is_done_however_much_was_said_since(made, kadri, client_as, monkeypatch):
    """That it is done is not among what the page shows, and counts all the same."""
    last = JointSaying.objects.filter(sort="task").order_by("sequence").last()
    joint.say(made, Told(sort="done", about=last.pk), kadri)
    joint.say(made, Told(sort="note", text="And on."), kadri)
    monkeypatch.setattr(joint_views, "SHOWN", 1)
    text = client_as(kadri).get(f"/cases/joint/{made}/").content.decode()
    assert 'class="over"' in text
