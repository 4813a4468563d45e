"""What the tests of the node share."""

from tests.web.conftest import client_as

__all__ = ["client_as"]
