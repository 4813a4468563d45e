"""What the tests of these pages share."""

from tests.web.conftest import client_as

__all__ = ["client_as"]
