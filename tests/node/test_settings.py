"""What stands in a node's settings is what is meant by it, or is refused in words."""

from pathlib import Path

import pytest

from hanse.kernel.errors import UsageError
from hanse.settings import SETTINGS_FILE, Node, SettingsError, database, django_settings, load

NAMED = 'authority = "ee-cert"\nname = "CERT Estonia"\ncountry = "EE"\n'


def written(home: Path, more: str) -> Path:
    """A node's folder with these settings."""
    (home / SETTINGS_FILE).write_text(NAMED + more, encoding="utf-8")
    return home


def test_settings_are_read_as_they_are_meant(tmp_path: Path) -> None:
    """Truths, numbers and tables are none of them text."""
    more = 'exercise = true\npartner_gigabytes = 3\n[[oidc]]\nid = "x"\n'
    node = load(written(tmp_path, more))
    assert (node.exercise, node.partner_gigabytes, node.oidc[0]["id"]) == (True, 3, "x")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('exercise = "false"', "exercise = 'false' is not true or false"),
        ("exercise = 0", "is not true or false"),
        ('partner_gigabytes = "10"', "is not a whole number"),
        ("partner_gigabytes = true", "is not a whole number"),
        ("listen = 8007", "is not text in quotes"),
        ("url = 1.5", "is not text in quotes"),
        ('oidc = "https://issuer.example"', r"\[\[oidc\]\]"),
    ],
)
def test_a_setting_of_another_sort_is_refused(tmp_path: Path, more: str, words: str) -> None:
    """A node for which `exercise = "false"` is written would rehearse, for any text is true to Python."""
    with pytest.raises(SettingsError, match=words):
        load(written(tmp_path, more))


@pytest.mark.parametrize(
    "text",
    ["mysql://localhost/hanse", "postgresql://localhost", "postgresql://localhost:port/hanse", "postgresql://[::1/hanse",
     "postgresql://localhost:99999/hanse", "hanse.sqlite3"],
)  # fmt: skip
def test_a_database_that_cannot_be_meant_is_refused_in_words(text: str) -> None:
    """Before anything runs, and without the password that stands in it."""
    with pytest.raises(UsageError, match="neither sqlite nor postgresql"):
        database(Node(Path("home"), "ee-cert", "CERT", "EE", database=text))


ISSUER = {"id": "ee", "name": "TARA", "client_id": "hanse", "issuer": "https://issuer.example"}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("https://issuer.example", r"a table under \[\[oidc\]\]"),
        ({**ISSUER, "id": 5}, "each value as text in quotes"),
        ({"id": "ee"}, "has no 'secret_file'"),
        ({**ISSUER, "secret_file": "nowhere/at-all"}, "'nowhere/at-all': No such file"),
        ({**ISSUER, "secret_file": "a\0b"}, "cannot be read from"),
        ({**ISSUER, "secret_file": "latin-1"}, "it is no text in UTF-8"),
    ],
)
def test_an_issuer_that_cannot_be_meant_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: object, words: str
) -> None:
    """Where it is wrong and what to do; nothing of a secret stands in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latin-1").write_bytes("geheimnis für alle".encode("latin-1"))
    with pytest.raises(SettingsError, match=words) as raised:
        django_settings(Node(tmp_path, "ee-cert", "CERT", "EE", oidc=[told]), "secret")  # type: ignore[list-item]  # wrong on purpose
    assert "geheimnis" not in str(raised.value)
