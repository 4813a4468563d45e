"""The page: everything in one file, nothing from anywhere else."""

import base64
import hashlib
import os
import tempfile
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hanse.campaigns.report import charts, rows, sources, timeline, verdict, words, worldmap
from hanse.campaigns.report.findings import Findings
from hanse.kernel import units
from hanse.kernel.countries import country_name

PACKAGE = "hanse.campaigns.report"
SHOWN_LINKS = 200
"""Links listed one by one for a campaign, the weakest first: they are where it would break."""


def render(findings: Findings) -> str:
    """The whole report as one HTML document without any reference to the outside."""
    return _environment().get_template("report.html").render(_context(findings))


def write(findings: Findings, path: Path) -> None:
    """Write the report; the file is whole or, after a failure, what it was before.

    Raises:
        OSError: The folder cannot be written to.
    """
    text = render(findings)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    value = os.umask(0o077)
    os.umask(value)
    return value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Every text that a template prints passes here, before escaping.
        finalize=_visible,
    )
    environment.filters |= {
        "minute": units.minute,
        "second": units.second,
        "count": units.count,
        "duration": units.duration,
        "bit_rate": units.bit_rate,
        "packet_rate": units.packet_rate,
        "volume": units.volume,
        "percent": words.percent,
        "probability": words.probability,
        "plain": words.plain,
        "vector": words.vector,
        "country": country_name,
        "anchor": lambda name: quote(words.visible(name), safe=""),
        "pc": lambda value: f"{value:.3f}".rstrip("0").rstrip("."),
    }
    environment.globals |= {"many": words.many, "listed": words.listed, "figure": words.figure}
    return environment


def _visible(value: Any) -> Any:
    return words.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _own(name: str) -> Markup:
    """One of the report's own style or script files, to stand in the page as it is."""
    return Markup(resources.files(PACKAGE).joinpath("static", name).read_text(encoding="utf-8"))  # noqa: S704 (a file of this package)


def _policy() -> str:
    """The page's content security policy: nothing but this very style and this very script."""
    style, script = (
        base64.b64encode(hashlib.sha256(_own(name).encode()).digest()).decode()
        for name in ("report.css", "report.js")
    )
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _context(findings: Findings) -> dict[str, Any]:
    attacks = findings.attacks
    found = sources.build(findings)
    return {
        "f": findings,
        "style": _own("report.css"),
        "script": _own("report.js"),
        "policy": _policy(),
        "finding": verdict.finding(findings),
        "lone": verdict.lone_attacks(findings),
        "timeline": timeline.build(findings) if attacks else None,
        "victims": charts.victims(findings),
        "victims_drawn": charts.VICTIMS,
        "peaks": charts.peaks(attacks),
        "durations": charts.durations(attacks),
        "over_time": charts.over_time(attacks, *timeline.window(attacks, findings.span_us))
        if attacks
        else None,
        "sources": found,
        "why_hidden": sources.why_hidden(found.hidden),
        "maps": worldmap.maps(findings.borders, found),
        "shades": [
            *((5 - rank, label) for rank, (_, label) in enumerate(sources.SHADES)),
            (1, sources.LIGHTEST),
        ],
        "rows": rows.build(findings),
        "vectors": [name for name, _ in timeline.ranked_vectors(attacks)],
        "tests": {campaign.id: verdict.tests(campaign) for campaign in findings.campaigns},
        "weakest_links": {campaign.id: _weakest(campaign) for campaign in findings.campaigns},
        "class_words": words.CLASS_WORDS,
        "class_means": words.CLASS_MEANS,
    }


def _weakest(campaign: Any) -> list[Any]:
    return sorted(campaign.links, key=lambda link: -min((test.p_value for test in link.tests), default=1.0))[
        :SHOWN_LINKS
    ]
