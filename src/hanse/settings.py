"""A node's settings: typed, from its home folder and the environment, and what Django is told of them."""

import os
import re
import tomllib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from platformdirs import user_data_path

from hanse.kernel.errors import HanseError, UsageError

ROOMS = (
    "hanse.ledger",
    "hanse.policy",
    "hanse.web",
    "hanse.accounts",
    "hanse.federation",
    "hanse.taxii",
    "hanse.webhooks",
    "hanse.telemetry",
    "hanse.constituency",
    "hanse.intel",
    "hanse.attacks",
    "hanse.cases",
    "hanse.tracing",
    "hanse.campaigns",
    "hanse.matching",
    "hanse.console",
)
"""The rooms with tables or pages, ground first."""

FOREIGN_APPS = (
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_tasks",
    "django_tasks_db",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
)
"""What others made and the rooms stand on."""

TEMPLATES: dict[str, Any] = {
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {
        "context_processors": [
            "django.template.context_processors.request",
            "django.contrib.messages.context_processors.messages",
            "hanse.web.frame.context",
        ],
    },
}
"""How pages are made."""

SETTINGS_FILE = "settings.toml"

_WEB_ADDRESS = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?")
_MEANT: dict[str, tuple[type, str]] = {
    "exercise": (bool, "true or false, without quotes"),
    "partner_gigabytes": (int, "a whole number"),
    "oidc": (list, "tables that begin with [[oidc]]"),
}
"""What a setting is that is no text."""

HSTS_S = 31_536_000
"""Seconds that a browser keeps to https after a visit (RFC 6797): a year."""


class SettingsError(HanseError):
    """The node's settings are missing or cannot be meant."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node's settings.

    Attributes:
        home: The folder that holds everything of the node.
        authority: The authority's id: lower-case letters, digits, dots and dashes, such as ``ee-cert``.
        name: The authority's name, as people write it.
        country: ISO alpha-2 code; empty for an organisation of several states.
        tier: ``member``, ``associated``, ``organisation`` or ``private``.
        url: Where browsers reach the node; passkeys are bound to its host.
        listen: Address and port that the web server binds.
        database: ``sqlite`` (in `home`) or ``postgresql://user:password@host:port/name``.
        exercise: Whether this node rehearses: every page says so.
        partner_gigabytes: How many GB (of 1,000,000,000 bytes) of entries of one partner are taken in a day, UTC; the
            rest waits at the partner until the next. As much is taken of one that comes by TAXII.
        metrics: Loopback address and port at which a monitor reads the node's metrics, such as ``127.0.0.1:9464``;
            empty is off. There is no sign-in there, so it takes no other address.
        oidc: OpenID Connect issuers that people may sign in at: tables of ``id``, ``name``, ``issuer`` (its URL),
            ``client_id`` and ``secret_file`` (a file that holds nothing but the client secret).
    """

    home: Path
    authority: str
    name: str
    country: str
    tier: str = "member"
    url: str = "http://localhost:8007"
    listen: str = "127.0.0.1:8007"
    database: str = "sqlite"
    exercise: bool = False
    partner_gigabytes: int = 10
    metrics: str = ""
    oidc: tuple[dict[str, str], ...] = ()

    @property
    def host(self) -> str:
        """The host name in `url`."""
        return urlsplit(self.url).hostname or "localhost"

    @property
    def secure(self) -> bool:
        """Whether browsers come over TLS."""
        return self.url.startswith("https://")


def home_folder() -> Path:
    """``HANSE_HOME``, or the user's data folder."""
    named = os.environ.get("HANSE_HOME")
    return Path(named) if named else user_data_path("hanse")


def load(home: Path) -> Node:
    """Read a node's settings; ``HANSE_DATABASE``, ``HANSE_URL``, ``HANSE_LISTEN`` and ``HANSE_METRICS`` go first.

    Raises:
        SettingsError: There is no node in that folder, or a setting is unknown or missing.
    """
    path = home / SETTINGS_FILE
    try:
        told: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"There is no node in {home}. Make one with `hanse node init`, or set HANSE_HOME to its folder."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}. Mend the file; it is TOML.") from None
    unknown = sorted(set(told) - (set(Node.__dataclass_fields__) - {"home"}))
    if unknown:
        raise SettingsError(f"{path}: unknown settings {', '.join(unknown)}. See docs/reference/settings.")
    for name, value in told.items():
        kind, words = _MEANT.get(name, (str, "text in quotes"))
        if type(value) is not kind:
            raise SettingsError(f"{path}: {name} = {value!r} is not {words}. See docs/reference/settings.")
    for name in ("database", "url", "listen", "metrics"):
        if value := os.environ.get(f"HANSE_{name.upper()}"):
            told[name] = value
    if "url" in told:
        told["url"] = web_address(told["url"])
    try:
        return Node(home=home, **told)
    except TypeError as error:
        raise SettingsError(f"{path}: {error}. See docs/reference/settings.") from None


def web_address(text: str) -> str:
    """The setting `url` as pages are addressed with it: scheme, host and port, with no slash behind them.

    Raises:
        SettingsError: It cannot be meant.
    """
    address = str(text).strip().rstrip("/").lower()
    found = _WEB_ADDRESS.fullmatch(address)
    if found is None or int(found["port"] or 1) not in range(1, 65_536):
        raise SettingsError(
            f"url = {text!r} is no address that browsers can be sent to. Write scheme, host and, where it is another "
            "than usual, the port, with nothing behind them: https://hanse.example. Letters of other alphabets as "
            "browsers send them (xn--...)."
        )
    return address


def metrics_address(text: str) -> tuple[str, int]:
    """Address and port of the setting `metrics`.

    Raises:
        SettingsError: It cannot be meant.
    """
    address, port = _address_and_port(text)
    if address is None or not address.is_loopback:
        raise SettingsError(
            f"metrics = {text!r} is no loopback address and port. Write 127.0.0.1:9464, and let a monitor on "
            "another machine come through a proxy that asks who it is."
        )
    return str(address), port


def listen_address(text: str) -> tuple[str, int]:
    """Address and port of the setting `listen`.

    Raises:
        SettingsError: It cannot be meant.
    """
    address, port = _address_and_port(text)
    if address is None:
        raise SettingsError(
            f"listen = {text!r} is no IP address and port. Write 127.0.0.1:8007, or [::1]:8007 for IPv6."
        )
    return str(address), port


def listens_at(url: str) -> str | None:
    """Where a node listens that has no proxy before it: at the port of its `url` on localhost; None for others."""
    parts = urlsplit(url)
    alone = parts.scheme == "http" and is_localhost(parts.hostname or "")
    return f"127.0.0.1:{parts.port or 80}" if alone else None


def is_localhost(host: str) -> bool:
    """Whether a name is of this machine to every browser (RFC 6761, 6.3)."""
    return host == "localhost" or host.endswith(".localhost")


def _address_and_port(text: str) -> tuple[IPv4Address | IPv6Address | None, int]:
    """Both, or None and 0 where one of them is none."""
    host, _, port = text.rpartition(":")
    try:
        address, number = ip_address(host.removeprefix("[").removesuffix("]")), int(port)
    except ValueError:
        return None, 0
    return (address, number) if 0 < number < 65_536 else (None, 0)


def django_settings(node: Node, secret: str) -> dict[str, Any]:
    """Everything that Django is configured with; `secret` signs sessions and forms."""
    return {
        "SECRET_KEY": secret,
        "DEBUG": False,
        "ALLOWED_HOSTS": sorted({node.host, "localhost", "127.0.0.1", "[::1]"}),
        "ROOT_URLCONF": "hanse.urls",
        "INSTALLED_APPS": [*FOREIGN_APPS, *ROOMS],
        "MIDDLEWARE": _middleware(node),
        "TEMPLATES": [TEMPLATES],
        "DATABASES": {"default": database(node)},
        "DATABASE_ROUTERS": ["hanse.ledger.routing.Router"],
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "USE_I18N": True,
        "LANGUAGE_CODE": "en",
        "LANGUAGES": [("en", "English")],
        "STATIC_URL": "/static/",
        "WHITENOISE_USE_FINDERS": True,
        "TASKS": {
            "default": {
                "BACKEND": "django_tasks_db.DatabaseBackend",
                "QUEUES": ["default", "alerts", "feeds"],
            }
        },
        "LOGGING_CONFIG": None,
        "HANSE_NODE": node,
        **_browsers(node),
        **_accounts(node),
    }


def _middleware(node: Node) -> list[str]:
    """What every request goes through, the outermost first."""
    return [
        "hanse.web.security.own_scheme",
        *(["hanse.web.timing.measured"] if node.metrics else []),
        "django.middleware.security.SecurityMiddleware",
        "hanse.web.security.headers",
        "hanse.web.security.bounded",
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "allauth.account.middleware.AccountMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "hanse.accounts.middleware.actor",
    ]


def _browsers(node: Node) -> dict[str, Any]:
    """What browsers are held to, and what is taken from them: cookies, forms, uploads."""
    return {
        "CSRF_TRUSTED_ORIGINS": [node.url],
        "CSRF_FAILURE_VIEW": "hanse.web.problems.forged",
        "CSRF_COOKIE_SECURE": node.secure,
        "SESSION_COOKIE_SECURE": node.secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SECURE_HSTS_SECONDS": HSTS_S if node.secure else 0,
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "SECURE_REFERRER_POLICY": "same-origin",
        "X_FRAME_OPTIONS": "DENY",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 2_621_440,
        # Django's check of the CSRF token reads the forms of strangers too: nothing of them goes to the disk.
        "FILE_UPLOAD_HANDLERS": ["django.core.files.uploadhandler.MemoryFileUploadHandler"],
        "FILE_UPLOAD_TEMP_DIR": str(node.home / "uploads"),
    }


def _accounts(node: Node) -> dict[str, Any]:
    """How people come in: by invitation, with a passkey or at an OpenID Connect issuer; never with a password.

    A session ends after half an hour without use (and after twelve hours in any case, `hanse.accounts`). Over TLS
    its cookie can come from this host only (``__Host-``).
    """
    prefix = "__Host-" if node.secure else ""
    return {
        "AUTH_USER_MODEL": "accounts.Person",
        "AUTHENTICATION_BACKENDS": ["hanse.accounts.allauth_seam.People"],
        "SESSION_ENGINE": "hanse.accounts.sessions",
        "SESSION_COOKIE_NAME": f"{prefix}hanse",
        "SESSION_COOKIE_AGE": 1_800,
        "SESSION_EXPIRE_AT_BROWSER_CLOSE": True,
        "CSRF_COOKIE_NAME": f"{prefix}hanse-csrf",
        "CSRF_COOKIE_HTTPONLY": True,
        "ACCOUNT_DEFAULT_HTTP_PROTOCOL": "https" if node.secure else "http",
        "ACCOUNT_ADAPTER": "hanse.accounts.allauth_seam.AccountAdapter",
        "ACCOUNT_USER_MODEL_USERNAME_FIELD": None,
        "ACCOUNT_USER_MODEL_EMAIL_FIELD": None,
        "ACCOUNT_LOGIN_METHODS": {"email"},
        "ACCOUNT_SIGNUP_FIELDS": ["email*"],
        "ACCOUNT_EMAIL_VERIFICATION": "none",
        "SOCIALACCOUNT_ADAPTER": "hanse.accounts.allauth_seam.SocialAccountAdapter",
        "SOCIALACCOUNT_LOGIN_ON_GET": True,
        "SOCIALACCOUNT_PROVIDERS": {"openid_connect": {"APPS": [_issuer(told) for told in node.oidc]}},
        "MFA_ADAPTER": "hanse.accounts.allauth_seam.PasskeyAdapter",
        "MFA_SUPPORTED_TYPES": ["webauthn"],
        "MFA_PASSKEY_LOGIN_ENABLED": True,
        # A passkey cannot be guessed. Behind a proxy all come from one address: a limit would let strangers lock out everybody.
        "MFA_RATE_LIMITS": False,
        "MFA_WEBAUTHN_USER_VERIFICATION": "required",
        "LOGIN_URL": "/accounts/login/",
        "LOGIN_REDIRECT_URL": "/",
    }


def _issuer(told: Any) -> dict[str, Any]:
    """One issuer as allauth wants it: with PKCE, and believing the signed-for ID token alone.

    Raises:
        SettingsError: It is no table of texts, something of it is missing, or its secret cannot be read.
    """
    if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
        raise SettingsError(
            f"{SETTINGS_FILE}: an issuer is a table under [[oidc]] with each value as text in quotes. "
            "See docs/reference/settings."
        )
    try:
        secret = Path(told["secret_file"]).read_text(encoding="utf-8").strip()
        return {
            "provider_id": told["id"],
            "name": told["name"],
            "client_id": told["client_id"],
            "secret": secret,
            "settings": {
                "server_url": told["issuer"].rstrip("/"),
                "issuer": told["issuer"],
                "fetch_userinfo": False,
                "oauth_pkce_enabled": True,
            },
        }
    except KeyError as error:
        raise SettingsError(f"{SETTINGS_FILE}: an issuer under [[oidc]] has no {error}. Add it.") from None
    except (OSError, ValueError) as error:  # a name with NUL in it, or no text in UTF-8
        words = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise SettingsError(
            f"{SETTINGS_FILE}: the secret of an issuer cannot be read from {told['secret_file']!r}: {words}."
        ) from None


def database(node: Node) -> dict[str, Any]:
    """Django's settings of the node's database.

    SQLite: WAL with a flush at every commit (nothing is acknowledged before it is on disk), transactions that
    take the write lock at once, and freed pages overwritten so that what is purged is gone from the file.

    Raises:
        UsageError: The address is no database that Hanse knows.
    """
    if node.database == "sqlite":
        return {
            "ENGINE": "hanse.ledger.sqlite",
            "NAME": str(node.home / "hanse.sqlite3"),
            # Kept open between requests, so that each finds its pages read and its settings made.
            "CONN_MAX_AGE": 60,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": (
                    # For a new file: bodies and entries fill such pages better than SQLite's 4,096 (a tenth less on disk), and
                    # an import takes a tenth less CPU. A file that is there keeps its own.
                    "PRAGMA page_size=8192;"
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
                    "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
                    # 16 MB of pages at hand, as far as they are used: the attacks of a big campaign with their traces
                    # take 8, and with SQLite's own 2 each page of the console read them anew.
                    "PRAGMA cache_size=-16384;"
                    # Pages of the log that are written back at once: each write back is a flush, and the same pages
                    # change again and again while much comes in. 32 MB of log at most until then.
                    "PRAGMA wal_autocheckpoint=4000"
                ),
            },
        }
    try:
        parts = urlsplit(node.database)
        meant = parts.port != 0 and parts.scheme in {"postgresql", "postgres"} and parts.path.strip("/")
    except ValueError:  # a port that is no number, or half of an IPv6 address
        meant = ""
    if not meant:
        raise UsageError(
            "HANSE_DATABASE is neither sqlite nor postgresql://user:password@host:port/name. Mend it."
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            # Each question is short. Where PostgreSQL knows a table badly it would take a quarter of a second to compile one.
            "options": "-c jit=off",
            # A question that comes again is not read and planned again: half of what the server does for a page.
            "server_side_binding": True,
            "prepare_threshold": 2,
        },
    }
