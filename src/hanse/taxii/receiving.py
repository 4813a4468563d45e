"""What partners send: read in one meaning at once, taken in by a job, and told by the status resource (section 4.3)."""

import os
import shutil
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from django.http import HttpRequest

from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.kernel.on_disk import settle
from hanse.kernel.strict_json import StrictJsonError, canonical, loads
from hanse.taxii import contents, service, volume
from hanse.taxii.asker import NOTHING, Asker, TaxiiError
from hanse.taxii.media import stamp
from hanse.taxii.models import Partner, Receipt
from hanse.taxii.shelves import taker
from hanse.web import jobs
from hanse.web.jobs import Progress
from hanse.web.models import Job, State
from hanse.web.uploads import inbox_folder

MOST_BYTES: Final = 8_000_000
"""Of one request; it is read whole."""
KIND: Final = "taxii-objects"
"""The kind of the jobs that take in what was sent."""
_TOLD: Final = 1_000
"""Failures that a receipt names; it counts all of them."""
MOST_WAITING: Final = 50
"""Sendings of one partner that wait or run: together 400 MB at most, so that none fills the disk with what nobody has read."""
KEEP_FREE_BYTES: Final = 1_000_000_000
"""So much of the disk stays free, so that the ledger can go on writing."""
_RECENT: Final = 1_000
"""Sendings of a partner without a receipt among which one is looked for: they wait, run or broke off."""
_OVER: Final = (State.FAILED, State.CANCELLED, State.INTERRUPTED)


def receive(request: HttpRequest, asker: Asker) -> dict[str, Any]:
    """Keep what was sent and have it taken in; the status resource.

    Raises:
        TaxiiError: It is too large, no JSON in one meaning, or no envelope; or too much waits, or came today.
    """
    _check_room(asker)
    found = _objects(_body(request))
    one = uuid4()
    bundle = {"type": "bundle", "id": f"bundle--{one}", "objects": found}
    path, written = inbox_folder() / f"taxii-{one.hex}.json", canonical(bundle)
    volume.count(asker, len(written))
    try:
        _write(path, written)
    except OSError as problem:
        path.unlink(missing_ok=True)
        raise TaxiiError(507, "The node's disk is full. Send it again later.") from problem
    params = {"path": path.name, "request": one.hex, "asked_us": now_us(), "total": len(found)}
    try:
        jobs.start(KIND, f"{len(found)} objects from {asker.actor.name}", params, asker.actor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return status_of(one, asker.partner)


def take_in(params: dict[str, Any], progress: Progress, actor: Actor) -> str:
    """The job: take in what a partner sent.

    Args:
        params: As `receive` has it.
        progress: Told how many objects are done.
        actor: The partner.

    Returns:
        Address of the account.
    """
    progress.step("Reading")
    path = inbox_folder() / Path(params["path"]).name
    total, asked_us = int(params["total"]), int(params["asked_us"])
    try:
        came = taker()(path.read_bytes(), f"TAXII from {actor.authority}", actor, progress.at)
    except jobs.Cancelled:
        raise  # what was sent stays: the job is begun again, or another worker is at it
    except HanseError as error:
        refused = contents.Got(actor.id, asked_us, total, 0, [("", "", str(error))])
        service.got(UUID(params["request"]), refused, actor)
        path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)
    told = contents.Got(
        actor.id, asked_us, total, min(came.taken, total), came.failures[:_TOLD], came.account
    )
    service.got(UUID(params["request"]), told, actor)
    return came.account


def status_of(request: UUID, partner: Partner) -> dict[str, Any]:
    """The status resource of something that was sent.

    Raises:
        TaxiiError: That partner sent no such thing.
    """
    row = Receipt.objects.filter(pk=request, partner=partner.pk).first()
    if row is not None:
        return _resource(request, row.asked_us, row.total, row.taken, row.failures)
    mine = Job.objects.filter(kind=KIND, owner=partner.pk.hex).order_by("-created_us")[:_RECENT]
    sent = next((one for one in mine if jobs.opens(one) and one.params.get("request") == request.hex), None)
    if sent is None:
        raise TaxiiError(404, NOTHING)
    total, asked_us = sent.params["total"], sent.params["asked_us"]
    if sent.state in _OVER:
        return _resource(request, asked_us, total, 0, [])
    return {
        "id": str(request), "status": "pending", "request_timestamp": stamp(asked_us), "total_count": total,
        "success_count": 0, "failure_count": 0, "pending_count": total,
    }  # fmt: skip


def _check_room(asker: Asker) -> None:
    """Whether more may be sent now.

    Raises:
        TaxiiError: What was sent before is not taken in yet, or the disk is full.
    """
    jobs.settle()
    under_way = Job.objects.filter(
        kind=KIND, owner=asker.partner.pk.hex, state__in=(State.WAITING, State.RUNNING)
    )
    if under_way.count() >= MOST_WAITING:
        raise TaxiiError(
            429, f"{MOST_WAITING} sendings of yours wait to be taken in. Send more once one is done."
        )
    if shutil.disk_usage(inbox_folder()).free < KEEP_FREE_BYTES:
        raise TaxiiError(507, "The node's disk has no room for it. Send it again later.")


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it is on disk when this returns: the partner is told that it was accepted."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    settle(path.parent)


def _resource(
    request: UUID, asked_us: int, total: int, taken: int, failures: list[list[str]]
) -> dict[str, Any]:
    """The status resource of what is done. The failures are named where all of them can be."""
    named = [{"id": one, "version": version, "message": why} for one, version, why in failures if one]
    told: dict[str, Any] = {
        "id": str(request), "status": "complete", "request_timestamp": stamp(asked_us), "total_count": total,
        "success_count": taken, "failure_count": total - taken, "pending_count": 0,
    }  # fmt: skip
    return told | ({"failures": named} if named and len(named) == total - taken else {})


def _body(request: HttpRequest) -> bytes:
    """What was sent, up to `MOST_BYTES`."""
    data = request.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise TaxiiError(413, f"More than {MOST_BYTES:,} bytes were sent at once. Send them in parts.")
    return bytes(data)


def _objects(data: bytes) -> list[Any]:
    """The objects of an envelope (section 3.7); a STIX bundle counts as one."""
    try:
        told = loads(data, limit_bytes=MOST_BYTES)
    except StrictJsonError as problem:
        raise TaxiiError(400, str(problem)) from None
    known = {"objects", "more", "next"}
    if isinstance(told, dict) and told.get("type") == "bundle":
        known |= {"type", "id", "spec_version"}
    if not isinstance(told, dict) or not isinstance(told.get("objects"), list) or told.keys() - known:
        raise TaxiiError(422, 'This is no envelope. Send {"objects": [...]} with STIX objects in it.')
    if not told["objects"]:
        raise TaxiiError(422, "The envelope is empty. Send at least one object.")
    objects: list[Any] = told["objects"]
    return objects
