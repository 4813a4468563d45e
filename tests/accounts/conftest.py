"""The addresses that these tests are at."""

import pytest


@pytest.fixture(autouse=True)
def addresses(settings):
    """Only the pages of accounts."""
    settings.ROOT_URLCONF = "tests.accounts.urls"
