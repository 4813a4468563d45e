"""The API of the settings: groups, test alerts, non-public addresses that may be reached, and how the node is."""

from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from hanse.console import alerting, endpoints
from hanse.console.forms import FORMS, SECRETS, GroupForm
from hanse.console.health import collector_now
from hanse.egress.errors import RefusedError
from hanse.egress.rules import HTTPS
from hanse.kernel.errors import UsageError
from hanse.policy.asking import require
from hanse.policy.guarded import NotVisibleError
from hanse.telemetry.exporters import advice
from hanse.web.api import In, endpoint
from hanse.web.page import signed_in

router = Router(tags=["settings"])


class GroupOut(Schema):
    """One group of settings; of a secret only whether it is set."""

    name: str
    title: str
    values: dict[str, Any]
    secrets: dict[str, bool]


class GroupIn(In):
    """The fields to change; the others stay."""

    values: dict[str, Any] = Field(max_length=20)


class TestedOut(Schema):
    """What came of a test alert."""

    channel: str
    to: str
    delivered: bool
    words: str


class ExporterOut(Schema):
    """One exporter's one domain, as it was heard of since the collector started."""

    address: str
    protocol: str
    domain: int
    datagrams: int
    flows: int
    share: float = Field(description="Part of all flows of the last five to ten minutes, 0 to 1.")
    skew_s: float | None = Field(
        description="Seconds that its clock is ahead of the node's; null where it tells no time."
    )
    dated: int = Field(description="Flows dated by their receipt, as their own times cannot be right.")
    changes: int = Field(description="How often a template came to mean something else.")
    flaps: bool = Field(description="Whether a template does so again and again.")


class CollectorOut(Schema):
    """How the collector is."""

    state: str = Field(
        description="off, starting, running, blind (flows are stored and their analysis fails) or failed."
    )
    address: str
    words: str
    since_s: float
    again_s: float | None
    datagrams: int
    flows: int
    kernel_dropped: int
    truncated: int
    unseen: int
    unsaid: int = Field(description="Beginnings of attacks that were left for later, there being too many.")
    refused: int = Field(description="Datagrams of senders that are not among the exporters.")
    lost: int = Field(description="What exporters counted and what never arrived.")
    skipped: int = Field(description="Records and datagrams that could not be read.")
    exporters: list[ExporterOut] = Field(description="Those that sent most flows lately.")
    exporters_all: int = Field(description="How many exporters there are.")
    advice: list[str] = Field(description="What is wrong with exporters, and what to do.")


class EndpointIn(In):
    """A port of a non-public address and whose it is."""

    host: str = Field(min_length=1, max_length=253)
    port: int = Field(HTTPS, ge=1, le=65_535, description="TCP port; that of https where none is given.")
    address: str = Field(min_length=2, max_length=64)


class ProposeIn(EndpointIn):
    """A non-public address to be allowed, and why."""

    why: str = Field(min_length=1, max_length=500)


class EndpointOut(Schema):
    """A port of a non-public address that the node may reach."""

    host: str
    port: int
    address: str


class ProposedOut(Schema):
    """The proposal that another person decides on."""

    proposal: UUID


@router.get("", response=list[GroupOut], summary="All groups as they are set", operation_id="settings_list")
@endpoint("settings.view")
def list_groups(request: HttpRequest) -> Any:  # noqa: ARG001 - Ninja gives it
    """Every group."""
    return [_out(name, form) for name, form in FORMS.items()]


@router.get(
    "/collector/state",
    response=CollectorOut,
    summary="How the collector is",
    operation_id="settings_collector",
)
@endpoint("settings.view")
def collector(request: HttpRequest) -> Any:  # noqa: ARG001 - Ninja gives it
    """Whether it runs, why not, and what it has counted."""
    told = collector_now(settings.HANSE_NODE.home)
    return {**msgspec.structs.asdict(told), "advice": advice(told.exporters)}


@router.get(
    "/endpoints",
    response=list[EndpointOut],
    summary="Non-public addresses that may be reached",
    operation_id="settings_endpoints",
)
@endpoint("settings.view")
def list_endpoints(request: HttpRequest) -> Any:  # noqa: ARG001 - Ninja gives it
    """Those that two people have allowed."""
    return [{"host": one.host, "port": one.port, "address": one.address} for one in endpoints.allowed()]


@router.post(
    "/endpoints",
    response={201: ProposedOut},
    summary="Propose a non-public address",
    operation_id="settings_endpoint_propose",
)
@endpoint("settings.edit")
def propose(request: HttpRequest, told: ProposeIn) -> Any:
    """Another person approves it among the approvals of people."""
    try:
        proposal = endpoints.propose_endpoint(
            told.host, told.port, told.address, told.why, signed_in(request)
        )
    except RefusedError as error:
        raise UsageError(str(error)) from error
    return Status(201, {"proposal": proposal})


@router.post(
    "/endpoints/close",
    response={204: None},
    summary="Reach a non-public address no longer",
    operation_id="settings_endpoint_close",
)
@endpoint("settings.edit", step_up=True)
def close(request: HttpRequest, told: EndpointIn) -> Any:
    """One person is enough to close a door."""
    endpoints.withdraw_endpoint(told.host, told.port, told.address, signed_in(request))
    return Status(204, None)


@router.get("/{name}", response=GroupOut, summary="One group as it is set", operation_id="settings_get")
@endpoint("settings.view")
def get_group(request: HttpRequest, name: str) -> Any:  # noqa: ARG001 - Ninja gives it
    """One group."""
    return _out(name, _form(name))


@router.patch("/{name}", response=GroupOut, summary="Change one group", operation_id="settings_change")
@endpoint("settings.view")
def change_group(request: HttpRequest, name: str, told: GroupIn) -> Any:
    """Change fields of a group; they are checked as on the page.

    Channels of alerts and the collector take a passkey proved just now. To keep fewer flows is proposed, and stays until
    approved.
    """
    kind, actor = _form(name), signed_in(request)
    require(actor, kind.action)
    if unknown := sorted(set(told.values) - set(kind.base_fields)):
        raise UsageError(
            f"The group {name} has no {', '.join(unknown)}. It has {', '.join(kind.base_fields)}."
        )
    held = {
        key: one for key, one in kind.now().items() if key not in SECRETS
    }  # as on the page: nothing keeps them
    form = kind({key: _typed(one) for key, one in {**held, **told.values}.items()})
    if not form.is_valid():
        raise UsageError(
            " ".join(f"{key}: {' '.join(map(str, words))}" for key, words in form.errors.items())
        )
    form.save(actor)
    return _out(name, kind)


@router.post(
    "/{name}/test", response=list[TestedOut], summary="Send a test alert", operation_id="settings_test"
)
@endpoint("settings.edit", waits=True)
def test_channel(request: HttpRequest, name: str) -> Any:
    """Send a test alert to everybody whom a channel reaches, and wait for what comes of it."""
    if not _form(name).channel:
        raise UsageError(f"The group {name} sends no alerts.")
    return alerting.send_test(name, signed_in(request))


def _form(name: str) -> type[GroupForm]:
    """The form of a group.

    Raises:
        NotVisibleError: There is none.
    """
    if name not in FORMS:
        raise NotVisibleError(f"There is no group of settings called {name[:40]!a}.")
    return FORMS[name]


def _out(name: str, form: type[GroupForm]) -> dict[str, Any]:
    told = form.now()
    return {
        "name": name,
        "title": form.title,
        "values": {key: one for key, one in told.items() if key not in SECRETS},
        "secrets": {key: bool(one) for key, one in told.items() if key in SECRETS},
    }


def _typed(value: Any) -> Any:
    """A value as it would be typed into the form."""
    if isinstance(value, list | tuple):
        return "\n".join(map(str, value))
    return value if isinstance(value, bool) or value is None else str(value)
