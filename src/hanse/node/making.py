"""Making a node: its folder, its keys, its tables, its founding entry, and the first person's invitation."""

import os
import secrets
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

from hanse.kernel.actors import AUTHORITY_ID, is_authority_id, system
from hanse.kernel.countries import STATES
from hanse.kernel.errors import UsageError
from hanse.kernel.keys import Keyring
from hanse.kernel.markings import TIERS
from hanse.ledger import keyfile
from hanse.settings import SETTINGS_FILE, Node, is_localhost, listen_address, web_address

PASSPHRASE = Path("keys") / "passphrase"
"""Where an unattended node keeps its passphrase: beside the keys, so it protects backups and not the machine."""


@dataclass(frozen=True, slots=True)
class Made:
    """A node that was made.

    Attributes:
        node: Its settings.
        invitation: Address at which the first person registers a passkey, once.
        fingerprint: Fingerprint of its first key, to be published.
    """

    node: Node
    invitation: str
    fingerprint: str


def make(node: Node, passphrase: str, *, keep_beside: bool) -> Made:
    """Make a node in an empty folder; this process serves it afterwards.

    Args:
        node: Its settings.
        passphrase: What its keys are wrapped with; empty makes one up, which needs `keep_beside`.
        keep_beside: Keep the passphrase in a file beside the keys, for a node that starts by itself.

    Raises:
        UsageError: There is a node already, a setting cannot be meant, or there is no passphrase.
        SettingsError: No browser can be sent to its address.
    """
    node = replace(node, url=web_address(node.url), name=" ".join(node.name.split()))
    _refuse_wrong(node)
    if not passphrase and not keep_beside:
        raise UsageError(
            "The passphrase is empty: nobody could open the keys again. Write one into its file first."
        )
    passphrase = passphrase or secrets.token_urlsafe(24)
    make_folders(node.home)
    keys = Keyring.new()
    keyfile.save(node.home, keys, passphrase)
    if keep_beside:
        _write_private(node.home / PASSPHRASE, passphrase + "\n")
    _write_private(node.home / SETTINGS_FILE, _as_toml(node))
    return _found(node, keys)


def make_folders(home: Path) -> None:
    """Make a node's folders, which nobody but their owner enters; one that is there keeps its mode."""
    for folder in (home, *(home / name for name in ("keys", "flows", "inbox", "uploads", "backups"))):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _found(node: Node, keys: Keyring) -> Made:
    """Make the tables, and write what a ledger begins with."""
    from hanse.bootstrap import configure, make_tables  # noqa: PLC0415 - Django is configured from here on

    configure(node, keys)
    make_tables()
    from hanse.accounts.service import invite_first  # noqa: PLC0415 - needs the tables
    from hanse.ledger.service import Founded  # noqa: PLC0415
    from hanse.ledger.verify import fingerprint  # noqa: PLC0415
    from hanse.ledger.writing import append  # noqa: PLC0415

    actor = system("node", node.authority, node.country, node.tier)
    signing, opening = keys.signing.public, keys.opening.public
    content = Founded(
        node.authority, node.name, node.country, node.tier, signing.raw.hex(), opening.raw.hex()
    )
    append("ledger.founded", content, actor=actor, reason="The node was made.")
    return Made(node, node.url + invite_first(actor), fingerprint(signing))


def _refuse_wrong(node: Node) -> None:
    """Refuse settings that cannot be meant.

    Raises:
        UsageError: One of them.
    """
    if (node.home / SETTINGS_FILE).exists():
        raise UsageError(f"There is a node in {node.home} already. Serve it with `hanse node serve`.")
    if not is_authority_id(node.authority):
        raise UsageError(f"{node.authority!r} is no id: use {AUTHORITY_ID}.")
    if not node.name:
        raise UsageError("It has no name. Write the authority's name as people know it.")
    if why := _no_passkeys(node):
        raise UsageError(
            f"{node.url}: {why} Write its name with https, or http://localhost for this machine alone."
        )
    if node.tier not in TIERS:
        raise UsageError(f"{node.tier!r} is no tier. It is one of {', '.join(TIERS)}.")
    if not node.country and node.tier != "organisation":
        raise UsageError(
            "It has a country: write its two letters, such as EE. Only an organisation has none."
        )
    if node.country and node.country not in STATES:
        raise UsageError(
            f"{node.country!r} is no country. Write its two letters, such as EE, or none for an organisation of "
            "several states."
        )
    listen_address(node.listen)


def _no_passkeys(node: Node) -> str:
    """Why browsers would make no passkey at the node's address, and so nobody could come in (W3C WebAuthn, 5.1.2)."""
    try:
        ip_address(node.host)
    except ValueError:
        return "" if node.secure or is_localhost(node.host) else "browsers make passkeys over TLS only."
    return "browsers make no passkeys for a bare IP address."


def _as_toml(node: Node) -> str:
    """The settings file."""
    lines = ["# This node's settings; docs/reference/settings.md explains each."]
    for name in Node.__dataclass_fields__:
        value = getattr(node, name)
        if name not in {"home", "oidc"}:  # issuers are added by hand, once people are there
            text = (
                str(value).lower()
                if isinstance(value, int)  # truth as well, which TOML writes small
                else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
            )
            lines.append(f"{name} = {text}")
    return "\n".join(lines) + "\n"


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads."""
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
