"""A browser of sorts: Django's test client with a security key."""

import json
import re
from uuid import UUID

from django.test import Client

from hanse.accounts import service
from tests.accounts.authenticator import SoftKey
from tests.accounts.people import NODE


class Browser(Client):
    """Test client with one passkey."""

    def __init__(self, **more) -> None:
        super().__init__(**more)
        self.key = SoftKey()

    def data_in(self, path: str) -> dict:
        """The options that a page has for its script."""
        text = self.get(path).content.decode()
        return json.loads(re.search(r'<script id="js_data" type="application/json">(.*?)</script>', text)[1])

    def come_in(self, link: str, **typed) -> object:
        """Open a one-time link and register the passkey."""
        credential = self.key.register(self.data_in(link)["creation_options"])
        return self.post(link, {"credential": credential, **typed})

    def sign_in(self, **typed) -> object:
        """Sign in with the passkey."""
        options = self.get("/accounts/login/passkey/", headers={"Accept": "application/json"}).json()
        return self.post(
            "/accounts/login/passkey/", {"credential": self.key.prove(options["request_options"]), **typed}
        )

    def step_up(self, **typed) -> object:
        """Prove the passkey again."""
        options = self.data_in("/people/step-up/")["request_options"]
        return self.post("/people/step-up/", {"credential": self.key.prove(options), **typed})

    @property
    def person(self) -> UUID:
        """Whose session it is."""
        return UUID(self.session["_auth_user_id"])


def founder() -> Browser:
    """The first person of a node, signed in."""
    browser = Browser()
    browser.come_in(service.invite_first(NODE), name="Mari Maasikas")
    return browser
