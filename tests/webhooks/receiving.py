"""A receiver of webhooks in memory, which checks signatures by itself, and a webhook made as two people make one."""

import hashlib
import hmac
import json
import time
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hanse.accounts import approvals
from hanse.egress.client import Response
from hanse.egress.errors import UnreachableError
from hanse.webhooks import clock, delivering, hooks
from hanse.webhooks.models import Hook, Message
from hanse.webhooks.upcoming import Upcoming
from tests.accounts.people import acting, newcomer
from tests.taxii.edge import WHY, Edge

URL = "https://hooks.example/in/key-in-the-path"
EVENTS = ["attack.began", "attack.ended", "attack.withdrawn", "campaign.found"]


def verified(key: str, headers: Mapping[str, str], body: bytes) -> None:
    """Check a message as Standard Webhooks 1.0.0 says, with nothing of the node's own code.

    Raises:
        AssertionError: It is not as it should be.
    """
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 300
    version, _, signature = headers["webhook-signature"].partition(",")
    kind, _, raw = key.partition("_")
    if kind == "whpk":
        assert version == "v1a"
        Ed25519PublicKey.from_public_bytes(b64decode(raw)).verify(b64decode(signature), signed)
    else:
        assert (kind, version) == ("whsec", "v1")
        mac = hmac.new(b64decode(raw), signed, hashlib.sha256).digest()
        assert hmac.compare_digest(mac, b64decode(signature))


@dataclass
class Receiver:
    """What comes in, and what is answered.

    Attributes:
        key: What messages are checked with.
        answers: What is answered next: a status, or an error; 200 when there is none left.
        seen: What came in, taken or not.
        taken: What was answered with 200.
    """

    key: str = ""
    answers: list[int | Exception] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    taken: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str], **_: Any) -> Response:
        """What the egress client would bring."""
        if self.key:
            verified(self.key, headers, body)
        one = headers["webhook-id"], json.loads(body)
        self.seen.append(one)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        if answer == 200:
            self.taken.append(one)
        return Response(answer, self.said, b"", url, "8.0.0.8")

    @property
    def events(self) -> list[str]:
        """The types of what was taken, in order."""
        return [body["type"] for _, body in self.taken]


SILENT = UnreachableError(f"{URL}: no answer.")


class Told:
    """A partner with a webhook, the receiver behind it, and the node's clock in a test's hand."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        way: str = "ed25519",
        edge: Edge | None = None,
        events: Any = None,
    ) -> None:
        self.edge = edge or Edge()
        self.mari, self.jaan = (
            acting(newcomer("administrator")),
            acting(newcomer("approver", name="Jaan Tamm")),
        )
        told = hooks.propose_hook(self.edge.row.pk, URL, events or EVENTS, way, WHY, self.mari)
        self.receiver = Receiver(approvals.approve(told, self.jaan))
        self.hook = Hook.objects.latest("made_us").pk
        self.upcoming = Upcoming()
        monkeypatch.setattr(delivering, "client", lambda: self.receiver)

    @property
    def row(self) -> Hook:
        """Its row."""
        return Hook.objects.get(pk=self.hook)

    def turn(self, times: int = 2) -> None:
        """Slots of its thread."""
        for _ in range(times):
            clock.turn(self.hook, self.upcoming)

    def restart(self) -> None:
        """As a worker that was killed comes back: nothing is left in memory."""
        self.upcoming = Upcoming()

    def messages(self) -> list[tuple[str, str]]:
        """Events and outcomes of its messages, in order."""
        return list(Message.objects.filter(hook=self.hook).order_by("begun").values_list("event", "outcome"))


def shown(object_id: UUID) -> str:
    """The id under which receivers see a thing."""
    from hanse.federation.sharing import shared_id

    return str(shared_id(object_id))
