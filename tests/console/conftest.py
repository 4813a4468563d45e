"""What the tests of the console share."""

from tests.web.conftest import client_as

__all__ = ["client_as"]
