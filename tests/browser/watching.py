"""What a page must never do: each complaint of the browser about it is written down, whoever opened the page."""

from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Dialog, Page, Request, Response

_TELL_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


@dataclass
class Watch:
    """Complaints about one page, over all addresses that it goes to.

    Attributes:
        base: Where everything must come from.
        noted: One line each: errors on the console, exceptions, dialogs, violations of the content policy, requests
            to elsewhere, and answers that are errors.
    """

    base: str
    noted: list[str] = field(default_factory=list)

    def taken(self) -> list[str]:
        """What was noted since the last time, and forget it."""
        noted, self.noted = self.noted, []
        return noted

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.noted.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _dialog(self, dialog: Dialog) -> None:
        self.noted.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.base}/", f"blob:{self.base}/")):
            self.noted.append(f"request to elsewhere: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.noted.append(f"{response.status}: {response.request.method} {response.url}")


def watch(page: Page, base: str) -> Watch:
    """Begin to watch a page, before it opens anything."""
    seen = Watch(base)
    page.add_init_script(_TELL_VIOLATIONS)
    page.on("console", seen._console)
    page.on("pageerror", lambda error: seen.noted.append(f"exception: {error}"))
    page.on("dialog", seen._dialog)
    page.on("request", seen._request)
    page.on("response", seen._response)
    return seen
