"""What was read and how well, and the ways in for more: uploads, watched folders, the exercise, analysing again."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from hanse.accounts.looking import asks_why, listed, looked_at
from hanse.kernel import units
from hanse.kernel.errors import UsageError
from hanse.telemetry import panels, rehearsal, service
from hanse.telemetry.forms import AgainForm, FolderForm, UploadForm
from hanse.telemetry.imports import by_import
from hanse.telemetry.limits import limits
from hanse.telemetry.models import Input, Partition
from hanse.telemetry.views import allowed
from hanse.web import jobs, lists, uploads
from hanse.web.page import Result, page, signed_in


def _url(row: Input) -> str:
    return f"/flows/inputs/{row.pk}/"


def _whole(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise ValueError(text)
    return text == "yes"


INPUTS = lists.Listed(
    name="inputs",
    caption="Inputs",
    order="-read",
    columns=(
        lists.Column(key="state", label="Read", value=lambda row: "wholly" if row.whole else "not wholly",
                     template="telemetry/input_state.html"),
        lists.Column(key="name", label="Name", sort="name", link=_url),
        lists.Column(key="read", label="When", value="read_us", format="when", sort="read_us"),
        lists.Column(key="format", label="Format", sort="format"),
        lists.Column(key="flows", label="Flows", format="count", sort="flows"),
        lists.Column(key="packets", label="Packets", format="count", sort="packets"),
        lists.Column(key="lost", label="Lost", format="count", sort="lost"),
        lists.Column(key="skipped", label="Skipped", format="count", sort="skipped"),
        lists.Column(key="problem_count", label="Problems", format="count", sort="problem_count"),
        lists.Column(key="sha256", label="SHA-256", shown=False),
    ),
    filters=(
        lists.Filter(key="whole", label="Read", field="whole", read=_whole,
                     choices=[("yes", "wholly"), ("no", "not wholly")]),
        lists.Filter(key="name", label="Name", field="name__icontains"),
        lists.Filter(key="format", label="Format", field="format__icontains"),
        lists.Filter(key="sha256", label="SHA-256", field="sha256", help="The whole digest."),
    ),
    row_url=_url,
    export="telemetry.export",
    empty=lists.Empty("What is read in appears here, with what could not be read and why."),
)  # fmt: skip


@page("telemetry.view", "telemetry/inputs.html")
@asks_why
def inputs(request: HttpRequest) -> Result:
    """What was read, and how well."""
    actor = signed_in(request)
    mine = replace(INPUTS, filters=(*INPUTS.filters, by_import(actor)))
    told = listed(request, mine, partial(Input.objects.for_actor, actor), "telemetry.view")
    if not isinstance(told, dict):
        return told
    may = allowed(actor)
    caps = limits().upload
    ways = {
        "upload_form": UploadForm(),
        "folder_form": FolderForm(),
        "watched": service.watched(),
        "caps": caps,
    }
    return told | may | (ways if may["may_import"] else {})


@page("telemetry.view", "telemetry/input.html")
@asks_why
def detail(request: HttpRequest, input_id: UUID) -> Result:
    """One input: what came of it, and each problem with its place."""
    actor = signed_in(request)
    row = Input.objects.get_for(actor, "telemetry.view", input_id)
    looked_at(request, "telemetry.view", [row])
    parts = Partition.objects.for_actor(actor, "telemetry.view").filter(batch=row.batch)
    spans = list(parts.values_list("start_us", "end_us")) if row.batch and row.flows else []
    span = (min(one[0] for one in spans), max(one[1] for one in spans)) if spans else None
    together = Input.objects.for_actor(actor, "telemetry.view").filter(batch=row.batch, flows__gt=0).count()
    return {
        "row": row,
        "marking": row.marking.marking,
        "problems": [placed(text, row.name) for text in row.problems],
        "more_problems": row.problem_count - len(row.problems),
        "span": span,
        "since": units.second(span[0]) if span else "",
        "until": units.second(span[1]) if span else "",
        "partitions": len(spans),
        "others": together - 1,
        "analyses": [one for links in panels.analyses for one in links(row, span, actor)] if span else [],
        **allowed(actor),
    }


@uploads.takes_uploads
@page("telemetry.import", "telemetry/inputs.html", methods=("POST",))
def upload(request: HttpRequest) -> Result:
    """Take files into the inbox and start their analysis."""
    came = uploads.receive(request, limits().upload)
    form = UploadForm(came.fields)
    if not form.is_valid():
        uploads.drop(came)
        raise UsageError(" ".join(map(str, form.errors["columns"])))
    names = ", ".join(one.name for one in came.files[:3])
    title = names if len(came.files) <= 3 else f"{names} and {units.count(len(came.files) - 3)} more"
    params = {"paths": [one.path for one in came.files]}
    if form.cleaned_data["columns"]:
        params["columns"] = form.cleaned_data["columns"]
    job = jobs.start("analyse", title[:500], params, signed_in(request))
    return uploads.went(request, f"/jobs/{job.pk}/")


@page("telemetry.import", "telemetry/inputs.html", methods=("POST",))
def load_exercise(request: HttpRequest) -> Result:
    """Start loading the Estonia 2007 exercise."""
    return redirect("jobs:job", rehearsal.begin(signed_in(request)).pk)


@page("telemetry.import", "telemetry/analyse.html", methods=("GET", "POST"))
def analyse(request: HttpRequest) -> Result:
    """Look for attacks again in what is stored of a time: the form, and starting it."""
    posted = request.method == "POST"
    form = AgainForm(request.POST if posted else None, initial=request.GET.dict())
    if posted and form.is_valid():
        told = form.cleaned_data
        named = {"since_us": told["since"], "until_us": told["until"], "gap_s": told["gap_s"]}
        params = {name: value for name, value in named.items() if value is not None}
        job = jobs.start("analyse", _title(told["since"], told["until"]), params, signed_in(request))
        return redirect("jobs:job", job.pk)
    return {"form": form}


@page("telemetry.import", "telemetry/folder.html", methods=("POST",))
def watch(request: HttpRequest) -> Result:
    """Watch a folder from now on, or no longer."""
    form = FolderForm(request.POST)
    on = "off" not in request.POST
    if form.is_valid():
        try:
            service.watch(Path(form.cleaned_data["folder"]), signed_in(request), on=on)
        except (UsageError, OSError, ValueError) as error:
            form.add_error("folder", str(error))
        else:
            words = _("New files in it are read in and analysed.") if on else _("It is watched no longer.")
            messages.success(request, words)
            return redirect("telemetry:inputs")
    return {"form": form}


def placed(text: str, name: str) -> tuple[str, str]:
    """A problem's place inside its input (byte offset, field; may be empty), and what is wrong in words.

    Args:
        text: As `hanse.kernel.errors.Problem` writes it.
        name: Name of the input, without folders.
    """
    _path, found, rest = text.partition(name)
    place, colon, words = (rest if found else f": {text}").partition(": ")
    return (place.strip(", "), words) if colon else ("", text)


def _title(since_us: int | None, until_us: int | None) -> str:
    if since_us is None and until_us is None:
        return _("All stored flows")
    begin = units.minute(since_us) if since_us is not None else _("the first")
    end = units.minute(until_us) if until_us is not None else _("the last")
    return _("Stored flows from %(begin)s to %(end)s") % {"begin": begin, "end": end}
