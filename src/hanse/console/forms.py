"""Forms of the settings, one per group; the API checks what it is told with the same forms."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
from django import forms
from django.conf import settings
from django.utils.translation import gettext as _

from hanse.console import quota, service
from hanse.egress import destination, smtp, webhook
from hanse.egress.errors import RefusedError
from hanse.egress.rules import HTTPS
from hanse.kernel.actors import Actor
from hanse.ledger.writing import writing
from hanse.telemetry import service as telemetry

MOST_EXPORTERS = 500
"""Addresses and networks that exports are taken from."""

SECRETS = frozenset({"password", "secret"})
"""Fields whose value is never shown."""


class GroupForm(forms.Form):
    """A group's form knows its type, so that what is cleaned becomes a setting.

    Attributes:
        group: The type.
        title: Heading of its page.
        help: What it is for, in a sentence.
        action: Who may do it may change the group.
        channel: Whether a test alert can be sent through it.
    """

    group: type[msgspec.Struct]
    title: str
    help: str
    action = "settings.edit"
    channel = False

    @classmethod
    def now(cls) -> dict[str, Any]:
        """The group as it is set."""
        told: dict[str, Any] = msgspec.to_builtins(service.setting(cls.group))
        return told

    def save(self, actor: Actor) -> str:
        """Set the group as it was typed; what there is to say of it beside that it is saved, often nothing."""
        service.change(msgspec.convert(self.cleaned_data, self.group), actor)
        return ""


class LinesField(forms.CharField):
    """One value per line."""

    def __init__(self, **more: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}), **more)

    def to_python(self, value: Any) -> Any:
        """Text as a tuple of lines."""
        return tuple(line.strip() for line in (value or "").splitlines() if line.strip())

    def prepare_value(self, value: Any) -> Any:
        """Lines as text."""
        return value if isinstance(value, str) else "\n".join(value or ())


class MailForm(GroupForm):
    """Alerts by e-mail."""

    group, title, channel = service.Mail, "Alerts by e-mail", True
    help = "Sent through your own relay when an attack begins and ends."
    relay = forms.CharField(
        required=False, label="Relay", help_text="Its host name. Leave empty to send none."
    )
    port = forms.IntegerField(min_value=1, max_value=65535, label="Port")
    security = forms.ChoiceField(
        choices=[("starttls", "STARTTLS"), ("tls", "TLS"), ("none", "None")], label="Security"
    )
    user = forms.CharField(required=False, label="User")
    password = forms.CharField(
        required=False, label="Password", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Leave empty to keep the one that is set, while the relay stays the same.",
    )  # fmt: skip
    sender = forms.EmailField(required=False, label="From")
    recipients = LinesField(required=False, label="To", help_text="One address per line.")

    def clean(self) -> dict[str, Any]:
        """A relay needs a sender and somebody to send to; an empty password keeps the old one, for the same relay."""
        told: dict[str, Any] = super().clean() or {}
        if told.get("relay"):
            for name, words in (
                ("sender", "Give the address that alerts come from."),
                ("recipients", "Give at least one address."),
            ):
                if name not in self.errors and not told.get(name):
                    self.add_error(name, words)
        if told.get("user") and told.get("security") == "none":
            self.add_error("security", "A password leaves the house only with TLS. Choose STARTTLS or TLS.")
        if not told.get("user"):
            told["password"] = ""
        elif not told.get("password"):
            held = service.setting(service.Mail)
            told["password"] = held.password
            if held.password and "relay" in told and told["relay"] != held.relay:
                self.add_error(
                    "password", "The relay is another: the password is not sent there. Type it again."
                )
        return told

    def clean_relay(self) -> str:
        """A host name in the one form in which it is compared."""
        relay: str = self.cleaned_data["relay"]
        try:
            return destination.host_name(relay) if relay else ""
        except RefusedError as error:
            raise forms.ValidationError(str(error)) from error

    def clean_sender(self) -> str:
        """A mailbox that mail can come from."""
        sender: str = self.cleaned_data["sender"]
        return _mailbox(sender) if sender else ""

    def clean_recipients(self) -> tuple[str, ...]:
        """Mailboxes that mail can go to, each once."""
        return tuple(dict.fromkeys(map(_mailbox, self.cleaned_data["recipients"])))


class WebhookForm(GroupForm):
    """Alerts by webhook."""

    group, title, channel = service.Webhook, "Alerts by webhook", True
    help = "Posted as signed JSON when an attack begins and ends."
    url = forms.CharField(
        required=False, label="Address", max_length=2_000, help_text="https only. Leave empty to post none."
    )
    secret = forms.CharField(
        required=False, label="Secret", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        min_length=webhook.SHORTEST_SECRET, max_length=500,
        help_text=f"Key of the signature, at least {webhook.SHORTEST_SECRET} characters. "
        "Leave empty to keep the one that is set.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """An empty secret keeps the old one; without any, the receiver could not tell who posts."""
        told: dict[str, Any] = super().clean() or {}
        if not told.get("secret"):
            told["secret"] = service.setting(service.Webhook).secret
        if told.get("url") and not told["secret"] and "secret" not in self.errors:
            self.add_error("secret", "Give a secret: without it the receiver cannot tell who posts.")
        if not told.get("url"):
            told["secret"] = ""
        return told

    def clean_url(self) -> str:
        """An address that `egress` would go to."""
        url: str = self.cleaned_data["url"]
        try:
            return destination.read(url, http=False).url if url else ""
        except RefusedError as error:
            raise forms.ValidationError(str(error)) from error


class CollectorForm(GroupForm):
    """The live collector."""

    group, title = service.Collector, "Live collector"
    help = "Receives NetFlow v5 and v9, IPFIX and sFlow, and watches for attacks as they come."
    on = forms.BooleanField(required=False, label="Collect")
    address = forms.GenericIPAddressField(
        label="Listen on", help_text="0.0.0.0 is every address of this machine."
    )
    port = forms.IntegerField(min_value=1, max_value=65535, label="UDP port")
    exporters = LinesField(
        required=False,
        label="Exporters",
        help_text="Addresses or networks that exports are taken from, one per line. Leave empty to take everybody's: "
        "whoever can send to the port can then invent flows.",
    )

    def clean_exporters(self) -> tuple[str, ...]:
        """Networks in their standard form, each once; not so many that to compare them takes the collector's time."""
        told = tuple(dict.fromkeys(map(_network, self.cleaned_data["exporters"])))
        if len(told) > MOST_EXPORTERS:
            raise forms.ValidationError(f"More than {MOST_EXPORTERS}. Name the networks that they are in.")
        return told


class WatchingForm(GroupForm):
    """Watched folders."""

    title = "Watched folders"
    action = "telemetry.import"
    help = "A file that comes to rest there is read in and analysed by itself."
    folders = LinesField(
        required=False, label="Folders", help_text="Absolute paths on the node's machine, one per line."
    )

    @classmethod
    def now(cls) -> dict[str, Any]:
        """The folders that are watched."""
        return {"folders": [row.folder for row in telemetry.watched()]}

    def clean_folders(self) -> tuple[str, ...]:
        """Folders that are there and not the node's own, or that are watched already, each once."""
        held = set(self.now()["folders"])
        home: Path = settings.HANSE_NODE.home
        found: dict[str, None] = {}
        for folder in self.cleaned_data["folders"]:
            path = Path(folder).resolve() if Path(folder).is_absolute() and "\0" not in folder else None
            if folder not in held and (path is None or not path.is_dir()):
                raise forms.ValidationError(
                    f"{folder} is no folder of this machine. Write its absolute path."
                )
            if path is not None and path.is_relative_to(home.resolve()):
                raise forms.ValidationError(
                    f"{folder} is one of the node's own. Name a folder outside {home}."
                )
            found[folder if folder in held else str(path)] = None
        return tuple(found)

    def save(self, actor: Actor) -> str:
        """Watch what is new, and leave what is gone."""
        wanted, held = set(self.cleaned_data["folders"]), set(self.now()["folders"])
        for folder in sorted(wanted ^ held):
            telemetry.watch(Path(folder), actor, on=folder in wanted)
        return ""


class StorageForm(GroupForm):
    """How much is kept."""

    group, title = service.Storage, "Storage"
    help = (
        "Collected flows beyond this are removed, oldest first; what was found in them stays. To keep fewer than now, another "
        "person has to approve it."
    )
    flows_gib = forms.IntegerField(min_value=1, max_value=1_000_000, label="Flows, GiB")
    upload_gib = forms.IntegerField(min_value=1, max_value=1_000, label="Largest upload, GiB")

    def save(self, actor: Actor) -> str:
        """Set it; fewer flows are proposed, and the rest is set. Where that cannot be proposed, nothing is set."""
        told = msgspec.convert(self.cleaned_data, service.Storage)
        if not service.keeps_fewer(told):
            return super().save(actor)
        held = service.setting(service.Storage).flows_gib
        why = f"{told.flows_gib} GiB of collected flows instead of {held}."
        with writing():
            service.change(msgspec.structs.replace(told, flows_gib=held), actor)
            quota.propose_fewer(told.flows_gib, why, actor)
        return _("Proposed. Fewer flows are kept once another person approves it.")


class EndpointForm(forms.Form):
    """A port of a non-public address that the node shall reach."""

    host = forms.CharField(
        label="Host",
        max_length=253,
        help_text="Its name or address, as it stands in the settings that need it.",
    )
    port = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=65535,
        label="Port",
        help_text="443, that of https, where it is left empty. A mail relay's is mostly 587, 465 or 25.",
    )
    address = forms.GenericIPAddressField(
        label="Address", help_text="The one address that the host may have. The node connects to no other."
    )
    why = forms.CharField(
        label="Why",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The second person reads it.",
    )

    def clean_port(self) -> int:
        """The port of https where none is typed."""
        return self.cleaned_data["port"] or HTTPS


def _network(text: str) -> str:
    """An address or a network; one address without its length."""
    try:
        return str(ip_network(text)).removesuffix("/32" if ":" not in text else "/128")
    except ValueError:
        raise forms.ValidationError(
            f"{text[:80]} is no address and no network. Write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32."
        ) from None


def _mailbox(text: str) -> str:
    """A mailbox as `egress` takes it."""
    try:
        smtp.composed(smtp.Message(text, text, "", ""))
    except RefusedError as error:
        raise forms.ValidationError(str(error)) from error
    return text


FORMS: dict[str, type[GroupForm]] = {
    "mail": MailForm,
    "webhook": WebhookForm,
    "collector": CollectorForm,
    "watching": WatchingForm,
    "storage": StorageForm,
}
