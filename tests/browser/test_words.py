"""Every word on a page can be translated: templates hold no words outside gettext's tags."""

import re
from html.parser import HTMLParser

import pytest

from tests.shared import ROOT

TEMPLATES = sorted(
    path
    for path in (ROOT / "src" / "hanse").glob("*/templates/**/*.html")
    if "report" not in path.relative_to(ROOT / "src" / "hanse").parts
)
"""The console's. The offline report has Jinja's templates and is written in English."""

NO_WORDS = {
    "AS", "CSV", "JSON", "Parquet", "SVG", "UTC", "Hanse", "bit", "bit/s", "p", "px", "TLP", "PAP", "SHA-256", "hanse verify FILE",
}  # fmt: skip
"""Names and units, the same in every language."""

_BLOCK = re.compile(r"{%\s*(blocktranslate|blocktrans|comment|verbatim)\b.*?{%\s*end\1\s*%}", re.DOTALL)
_TAG = re.compile(r"{%.*?%}|{#.*?#}|{{.*?}}", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]{2,}")
_SAID = {"title", "alt", "aria-label", "placeholder", "label", "aria-description"}


class _Bare(HTMLParser):
    """Collects words between elements and in attributes that are read out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag, attrs):
        self._silent += tag in {"code", "kbd", "script", "style"}
        for name, value in attrs:
            if name in _SAID or (name == "value" and tag == "button") or name.startswith("data-say"):
                self._look(value or "")

    def handle_endtag(self, tag):
        self._silent -= tag in {"code", "kbd", "script", "style"}

    def handle_data(self, data):
        if not self._silent:
            self._look(data)

    def _look(self, text: str) -> None:
        text = text.strip()
        if _WORD.search(text) and text not in NO_WORDS and not set(_WORD.findall(text)) <= NO_WORDS:
            self.found.append(text)


def bare(template: str) -> list[str]:
    """The words of a template that no translator would be given."""
    reader = _Bare()
    reader.feed(_TAG.sub("", _BLOCK.sub("", template)))
    reader.close()
    return reader.found


def test_the_checker_finds_bare_words():
    """The checker sees words in elements and attributes, and none in tags, variables, code and comments."""
    assert bare("<h1>Attacks</h1>") == ["Attacks"]
    assert bare('<a title="Open it" href="attacks">{{ name }}</a>') == ["Open it"]
    assert bare("{% translate 'Attacks' %} <code>attacks</code> {# attacks #} · 12 AS{{ number }}") == []
    assert bare("{% blocktranslate %}{{ number }} attacks{% endblocktranslate %}") == []
    assert bare("""<a aria-label="{% translate 'Path' %}">{% if one %}on{% endif %}</a>""") == ["on"]


def test_templates_are_found():
    """The rule is about the templates of every room that has pages."""
    rooms = {path.relative_to(ROOT / "src" / "hanse").parts[0] for path in TEMPLATES}
    assert {
        "web",
        "console",
        "attacks",
        "campaigns",
        "telemetry",
        "constituency",
        "accounts",
        "tracing",
    } <= rooms


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: "/".join(path.parts[-2:]))
def test_no_word_stands_outside_gettext(path):
    """A template's words stand in `translate` or `blocktranslate`, for which it loads i18n."""
    text = path.read_text(encoding="utf-8")
    assert bare(text) == []
    if re.search(r"{%\s*(translate|blocktranslate)\b", text):
        assert re.search(r"{%\s*load\b[^%]*\bi18n\b", text)
