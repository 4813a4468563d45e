"""Pages that replace the constituency: a registry file is tried first, then applied; the last import can be undone."""

import tempfile
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from hanse.constituency import service
from hanse.constituency.forms import ApplyForm, ImportForm
from hanse.constituency.registry import NAMED
from hanse.constituency.service import ImportReport
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking
from hanse.web import uploads
from hanse.web.page import Result, page, signed_in

LARGEST = 2_000_000
"""Bytes of a registry file: some thirty thousand rows. It goes to the page that asks and comes back from there."""

CAPS = uploads.Caps(file_bytes=LARGEST, total_bytes=LARGEST, files=1)

SHOWN = 500
"""Rows of a report on the page."""


@page("constituency.edit", "constituency/import.html")
def import_page(request: HttpRequest) -> Result:
    """Choose a file; or undo the last import."""
    before = service.before_last_import(signed_in(request))
    return {"form": ImportForm(), "before": before, "columns": NAMED, "caps": CAPS}


@uploads.takes_uploads
@page("constituency.edit", "constituency/try.html", methods=("POST",))
def try_file(request: HttpRequest) -> Result:
    """What a file would do, row by row; nothing is changed."""
    came = uploads.receive(request, CAPS)
    try:
        path = uploads.inbox_folder() / came.files[0].path
        name = came.files[0].name[:200] or "registry.csv"
        report = service.import_file(path, signed_in(request), apply=False, name=name)
        text = path.read_text("utf-8-sig", errors="replace")
    finally:
        uploads.drop(came)
    form = ImportForm(came.fields)
    marking = form.cleaned_data["marking"] if form.is_valid() else None
    if marking is None:
        raise UsageError(_("Choose one level each of TLP and PAP, then send the file again."))
    return _tried(report, name, text, marking)


@page("constituency.edit", "constituency/try.html", methods=("POST",))
def apply_file(request: HttpRequest) -> Result:
    """Apply a file that was tried, unless somebody has changed the constituency since."""
    actor = signed_in(request)
    form = ApplyForm(request.POST)
    if not form.is_valid():
        raise UsageError(_("The form is not whole. Send the file again."))
    told = form.cleaned_data
    fresh = told["version"] == service.version()
    report = _imported(told["csv"], told["name"], actor, told["marking"], apply=fresh)
    if not fresh or not report.sound:
        return _tried(report, told["name"], told["csv"], told["marking"]) | {"overtaken": not fresh}
    words = (
        _("Imported.")
        if report.applied
        else _("The file says what is on record already; nothing was changed.")
    )
    messages.success(request, words)
    return redirect("constituency:list")


@page("constituency.edit", "constituency/put_back.html", methods=("GET", "POST"))
def put_back(request: HttpRequest) -> Result:
    """What undoing the last import would do, and doing it."""
    actor = signed_in(request)
    before = service.before_last_import(actor)
    if before is None:
        raise UsageError(_("There is no import that could be undone: none was made, or it was purged."))
    fresh = request.POST.get("version") == str(service.version())
    if request.method == "POST" and fresh:
        service.put_back(actor)
        messages.success(request, _("Put back. It is in the ledger, and can be undone the same way."))
        return redirect("constituency:list")
    report = service.put_back(actor, apply=False)
    overtaken = request.method == "POST" and not fresh
    told = {"before": before, "marking": before.marking, "version": service.version(), "overtaken": overtaken}
    return _shown(report) | told


def _imported(text: str, name: str, actor: Actor, marking: Marking, *, apply: bool) -> ImportReport:
    with tempfile.TemporaryDirectory(prefix="hanse-") as folder:
        path = Path(folder) / "registry.csv"
        path.write_text(text, "utf-8", newline="")
        return service.import_file(path, actor, apply=apply, name=name, marking=marking)


def _tried(report: ImportReport, name: str, text: str, marking: Marking) -> dict[str, Any]:
    """The context of a report with the form that applies it."""
    kept = {"csv": text, "name": name, "version": service.version()}
    form = ApplyForm(initial=kept | {"marking": marking})
    return _shown(report) | {"name": name, "form": form, "marking": marking}


def _shown(report: ImportReport) -> dict[str, Any]:
    """A report as a page shows it: what changes first, what stays the same only counted."""
    rows = [row for row in report.rows if row.status != "same"]
    return {
        "report": report,
        "rows": rows[:SHOWN],
        "more_rows": max(0, len(rows) - SHOWN),
        "counts": {status: report.count(status) for status in ("new", "changed", "removed", "same", "wrong")},
    }
