"""A person's device: the browser's own virtual authenticator, with a passkey that other windows can be given."""

from typing import Any

from playwright.sync_api import Page

_OPTIONS = {
    "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": True,
    "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


class Device:
    """The authenticator of one page; it says yes whenever it is asked."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable", {"enableUI": False})
        self._id = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": _OPTIONS})[
            "authenticatorId"
        ]

    def passkeys(self) -> list[dict[str, Any]]:
        """The passkeys that it holds, with their private halves."""
        told = self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        return list(told["credentials"])

    def give(self, passkeys: list[dict[str, Any]]) -> None:
        """Put passkeys on it that another one held."""
        for one in passkeys:
            told = {"authenticatorId": self._id, "credential": one}
            self._session.send("WebAuthn.addCredential", told)


def come_in(page: Page, invitation: str, name: str) -> Device:
    """Follow an invitation, as somebody who was sent one: register a passkey and go in."""
    device = Device(page)
    page.goto(invitation)
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Register a passkey").click()
    page.wait_for_url(lambda url: "/welcome/" not in url)
    return device


def sign_in(page: Page, url: str, passkeys: list[dict[str, Any]]) -> Device:
    """Sign in with a passkey that was registered before."""
    device = Device(page)
    device.give(passkeys)
    page.goto(f"{url}/accounts/login/")
    page.get_by_role("button", name="passkey").click()
    page.wait_for_url(lambda at: "/login/" not in at)
    return device
