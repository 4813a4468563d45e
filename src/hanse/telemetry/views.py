"""The pages of telemetry: what files were read, which flows are held, and the ways in for more."""

from functools import partial

from django.http import HttpRequest
from django.shortcuts import redirect

from hanse.accounts.looking import asks_why, listed
from hanse.kernel import units
from hanse.telemetry.models import Input
from hanse.web import jobs, lists, uploads
from hanse.web.page import Result, page, signed_in

INPUTS = lists.Listed(
    name="inputs",
    caption="Inputs",
    order="-read",
    columns=(
        lists.Column(key="read", label="Read", value="read_us", format="when", sort="read_us"),
        lists.Column(key="name", label="Name", sort="name"),
        lists.Column(key="format", label="Format"),
        lists.Column(key="flows", label="Flows", format="count", sort="flows"),
    ),
)


@page("telemetry.view", "telemetry/list.html")
@asks_why
def flows(request: HttpRequest) -> Result:
    """The flows explorer."""
    return {}


@page("telemetry.view", "telemetry/inputs.html")
@asks_why
def inputs(request: HttpRequest) -> Result:
    """What was read, and how well."""
    return listed(request, INPUTS, partial(Input.objects.for_actor, signed_in(request)), "telemetry.view")


@uploads.takes_uploads
@page("telemetry.import", "telemetry/inputs.html", methods=("POST",))
def upload(request: HttpRequest) -> Result:
    """Take files into the inbox and start their analysis."""
    came = uploads.receive(request)
    names = ", ".join(one.name for one in came.files[:3])
    title = names if len(came.files) <= 3 else f"{names} and {units.count(len(came.files) - 3)} more"
    job = jobs.start("analyse", title, {"paths": [one.path for one in came.files]}, signed_in(request))
    return uploads.went(request, f"/jobs/{job.pk}/")


@page("telemetry.import", "telemetry/inputs.html", methods=("POST",))
def load_exercise(request: HttpRequest) -> Result:
    """Start loading the Estonia 2007 exercise."""
    job = jobs.start("load-exercise", "Estonia 2007", {}, signed_in(request))
    return redirect("jobs:job", job.pk)
