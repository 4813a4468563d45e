"""The addresses that these tests are at, and no limits left over from the test before."""

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def addresses(settings):
    """Only the pages of accounts."""
    settings.ROOT_URLCONF = "tests.accounts.urls"
    cache.clear()
