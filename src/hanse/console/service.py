"""Settings of the node as a whole: each group is typed, set through the ledger, and read in one place."""

from pathlib import Path
from typing import Any, Literal, TypeVar
from uuid import UUID

import msgspec

from hanse.accounts.rules import ask_fresh, refuse
from hanse.console import endpoints, processes
from hanse.console.models import Setting
from hanse.kernel.actors import Actor
from hanse.ledger.kinds import Kind
from hanse.ledger.objects import named
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import set_row
from hanse.ledger.writing import append
from hanse.policy.asking import require


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts by e-mail, through the authority's own relay.

    Attributes:
        relay: Host of the relay; empty is off.
        port: Its port.
        security: ``starttls``, ``tls`` or ``none``.
        user: User name; may be empty.
        password: Its password.
        sender: Address that alerts come from.
        recipients: Addresses that they go to.
    """

    relay: str = ""
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts by webhook.

    Attributes:
        url: Where they are posted; empty is off.
        secret: Key of their signature.
    """

    url: str = ""
    secret: str = ""


class Collector(msgspec.Struct, frozen=True, kw_only=True):
    """The live collector of flow exports.

    Attributes:
        on: Whether it runs.
        address: Address that it listens on.
        port: UDP port (4739 is IPFIX's, RFC 7011).
        exporters: Addresses and networks that exports are taken from; none stands for everybody.
    """

    on: bool = False
    address: str = "0.0.0.0"  # noqa: S104 - exporters are on other machines
    port: int = 4739
    exporters: tuple[str, ...] = ()

    @property
    def listen(self) -> str:
        """Address and port as one text."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """How much is kept.

    Attributes:
        flows_gib: Flows beyond this are removed, oldest first, GiB.
        upload_gib: The largest file that may be dropped onto a page, GiB.
    """

    flows_gib: int = 50
    upload_gib: int = 10


GROUPS: dict[str, type[msgspec.Struct]] = {
    "mail": Mail,
    "webhook": Webhook,
    "collector": Collector,
    "storage": Storage,
}
"""The groups of settings by name."""

PROVED: dict[type[msgspec.Struct], str] = {
    Mail: "it says where alerts go.",
    Webhook: "it says where alerts go.",
    Collector: "without it no attack is seen, and whoever may send to it can invent flows.",
}
"""The groups that take a passkey proved just now to set, with why: a stolen session must not blind the node."""

G = TypeVar("G", bound=msgspec.Struct)


class SettingChanged(msgspec.Struct, frozen=True):
    """A group of settings as it is from now on."""

    name: str
    value: dict[str, Any]


class ChannelTested(msgspec.Struct, frozen=True):
    """Somebody had a test alert sent.

    Attributes:
        channel: ``mail`` or ``webhook``.
        to: Address, or the webhook's origin.
        delivered: Whether it was taken.
        words: Why not.
    """

    channel: str
    to: str
    delivered: bool
    words: str = ""


class SightTold(msgspec.Struct, frozen=True):
    """People were told what the live collector came to be blind to, or that it is no more.

    Attributes:
        event: ``blind`` or ``seeing``.
        told: What it is blind to, or was, a sentence or two each.
        channel: ``mail`` or ``webhook``.
        to: Address, or the webhook's origin.
        delivered: Whether it was taken.
        words: Why not.
    """

    event: str
    told: tuple[str, ...]
    channel: str
    to: str
    delivered: bool
    words: str = ""


def setting(group: type[G]) -> G:
    """A group as it is set, or its defaults."""
    row = Setting.objects.filter(pk=_name(group)).first()
    return msgspec.convert(row.value, group) if row else group()


def change(value: msgspec.Struct, actor: Actor, reason: str = "") -> None:
    """Set a group; nothing happens if it is set so already.

    Raises:
        RefusedError: The actor may not, or has to prove a passkey first: who sets where alerts go has attacks told there,
            and who sets the collector has none seen, or invented ones. Or it keeps fewer flows than before, which takes two
            people (see `quota`).
    """
    require(actor, "settings.edit")
    if why := PROVED.get(type(value)):
        ask_fresh(actor, why)
    if actor.kind != "system" and keeps_fewer(value):
        refuse("two-people", "Fewer flows than before are kept when another person approves it: propose it.")
    put(value, actor, reason)


def keeps_fewer(value: msgspec.Struct) -> bool:
    """Whether it would have flows removed that are kept now."""
    return isinstance(value, Storage) and value.flows_gib < setting(Storage).flows_gib


def put(value: msgspec.Struct, actor: Actor, reason: str) -> None:
    """Set a group, as somebody may who was asked about it; nothing happens if it is set so already."""
    if setting(type(value)) != value:
        name = _name(type(value))
        content = SettingChanged(name, msgspec.to_builtins(value))
        append(
            "console.setting_changed", content, actor=actor, reason=reason, object_id=named("setting", name)
        )


def wish_collector(home: Path) -> None:
    """Tell the process that keeps the collector what is set now; the worker does so every second."""
    told = setting(Collector)
    processes.wish(home, processes.Wish(told.on, told.listen))


def _name(group: type[msgspec.Struct]) -> str:
    """The group's name."""
    return next(name for name, one in GROUPS.items() if one is group)


def _project(recorded: Recorded, content: SettingChanged) -> None:
    set_row(Setting.objects, content.name, {"value": content.value, "sequence": recorded.sequence})


def _forget(object_id: UUID) -> None:
    for name in GROUPS:
        if named("setting", name) == object_id:
            Setting.objects.filter(pk=name).delete()


def _project_tested(_: Recorded, __: ChannelTested) -> None:
    """A test leaves its entry and nothing else."""


def _project_told(_: Recorded, __: SightTold) -> None:
    """What was told leaves its entry and nothing else."""


KINDS = (
    Kind("console.setting_changed", SettingChanged, _project, _forget, sealed=True),
    Kind("console.channel_tested", ChannelTested, _project_tested),
    Kind("console.sight_told", SightTold, _project_told),
    *endpoints.KINDS,
)
