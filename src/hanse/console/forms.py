"""Forms of the settings, one per group."""

from pathlib import Path
from typing import Any

import msgspec
from django import forms

from hanse.console import service
from hanse.kernel.actors import Actor
from hanse.telemetry import service as telemetry


class GroupForm(forms.Form):
    """A group's form knows its type, so that what is cleaned becomes a setting."""

    group: type[msgspec.Struct]
    title: str
    help: str

    @classmethod
    def now(cls) -> dict[str, Any]:
        """The group as it is set."""
        told: dict[str, Any] = msgspec.to_builtins(service.setting(cls.group))
        return told

    def save(self, actor: Actor) -> None:
        """Set the group as it was typed."""
        service.change(msgspec.convert(self.cleaned_data, self.group), actor)


class LinesField(forms.CharField):
    """One value per line."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        """Text as a tuple of lines."""
        return tuple(line.strip() for line in (value or "").splitlines() if line.strip())

    def prepare_value(self, value: Any) -> Any:
        """Lines as text."""
        return value if isinstance(value, str) else "\n".join(value or ())


class MailForm(GroupForm):
    """Alerts by e-mail."""

    group, title = service.Mail, "Alerts by e-mail"
    help = "Sent through your own relay when an attack begins."
    relay = forms.CharField(
        required=False, label="Relay", help_text="Its host name. Leave empty to send none."
    )
    port = forms.IntegerField(min_value=1, max_value=65535, label="Port")
    security = forms.ChoiceField(
        choices=[("starttls", "STARTTLS"), ("tls", "TLS"), ("none", "None")], label="Security"
    )
    user = forms.CharField(required=False, label="User")
    password = forms.CharField(
        required=False, label="Password", widget=forms.PasswordInput(render_value=False),
        help_text="Leave empty to keep the one that is set.",
    )  # fmt: skip
    sender = forms.EmailField(required=False, label="From")
    recipients = LinesField(required=False, label="To", help_text="One address per line.")

    def clean(self) -> dict[str, Any]:
        """A relay needs a sender and somebody to send to; an empty password keeps the old one."""
        told: dict[str, Any] = super().clean() or {}
        if told.get("relay"):
            for name, words in (
                ("sender", "Give the address that alerts come from."),
                ("recipients", "Give at least one address."),
            ):
                if not told.get(name):
                    self.add_error(name, words)
        if not told.get("password"):
            told["password"] = service.setting(service.Mail).password
        return told


class WebhookForm(GroupForm):
    """Alerts by webhook."""

    group, title = service.Webhook, "Alerts by webhook"
    help = "Posted as signed JSON when an attack begins and ends."
    url = forms.URLField(
        required=False,
        assume_scheme="https",
        label="Address",
        help_text="https only. Leave empty to post none.",
    )
    secret = forms.CharField(
        required=False, label="Secret", widget=forms.PasswordInput(render_value=False), min_length=16,
        help_text="Key of the signature, at least 16 characters. Leave empty to keep the one that is set.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """An empty secret keeps the old one; without any, the receiver could not tell who posts."""
        told: dict[str, Any] = super().clean() or {}
        if not told.get("secret"):
            told["secret"] = service.setting(service.Webhook).secret
        if told.get("url") and not told["secret"]:
            self.add_error("secret", "Give a secret: without it the receiver cannot tell who posts.")
        return told


class CollectorForm(GroupForm):
    """The live collector."""

    group, title = service.Collector, "Live collector"
    help = "Receives NetFlow v5 and v9, IPFIX and sFlow, and watches for attacks as they come."
    on = forms.BooleanField(required=False, label="Collect")
    address = forms.GenericIPAddressField(
        label="Listen on", help_text="0.0.0.0 is every address of this machine."
    )
    port = forms.IntegerField(min_value=1, max_value=65535, label="UDP port")


class WatchingForm(GroupForm):
    """Watched folders."""

    title = "Watched folders"
    help = "A file that comes to rest there is read in and analysed by itself."
    folders = LinesField(
        required=False, label="Folders", help_text="Absolute paths on the node's machine, one per line."
    )

    @classmethod
    def now(cls) -> dict[str, Any]:
        """The folders that are watched."""
        return {"folders": [row.folder for row in telemetry.watched()]}

    def clean_folders(self) -> tuple[str, ...]:
        """Folders that are there."""
        folders: tuple[str, ...] = self.cleaned_data["folders"]
        for folder in folders:
            if not Path(folder).is_absolute() or not Path(folder).is_dir():
                raise forms.ValidationError(
                    f"{folder} is no folder of this machine. Write its absolute path."
                )
        return folders

    def save(self, actor: Actor) -> None:
        """Watch what is new, and leave what is gone."""
        wanted, held = set(self.cleaned_data["folders"]), set(self.now()["folders"])
        for folder in sorted(wanted ^ held):
            telemetry.watch(Path(folder), actor, on=folder in wanted)


class StorageForm(GroupForm):
    """How much is kept."""

    group, title = service.Storage, "Storage"
    help = "Flows beyond this are removed, oldest first; what was found in them stays."
    flows_gib = forms.IntegerField(min_value=1, max_value=1_000_000, label="Flows, GiB")
    upload_gib = forms.IntegerField(min_value=1, max_value=1_000, label="Largest upload, GiB")


FORMS: dict[str, type[GroupForm]] = {
    "mail": MailForm,
    "webhook": WebhookForm,
    "collector": CollectorForm,
    "watching": WatchingForm,
    "storage": StorageForm,
}
