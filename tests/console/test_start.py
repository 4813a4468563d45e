"""The first page says what there is to do, and to whom to turn for what one's roles do not show."""

from collections.abc import Callable

import pytest

from hanse.kernel.actors import Actor
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db]


@pytest.mark.parametrize(
    ("roles", "words", "link"),
    [
        (("investigator",), "Open a case", "/cases/open/"),
        (("analyst", "administrator"), "Give yourself or a colleague that role", "/people/"),
        (("analyst",), "an administrator gives that role", ""),
    ],
)
def test_whoever_sees_no_cases_reads_how_to_come_to_them(
    actor: Callable[..., Actor],
    client_as: Callable[..., ActingClient],
    roles: tuple[str, ...],
    words: str,
    link: str,
) -> None:
    """Cases are in nobody's rail without a role for them: the page says which, and who gives it."""
    page = client_as(actor(*roles)).get("/start/").content.decode()
    assert words in page
    assert not link or f'href="{link}">{words}' in page
    assert ("/cases/open/" in page) == ("investigator" in roles)
