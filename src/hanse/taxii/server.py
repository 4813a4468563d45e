"""The endpoints of TAXII 2.1 (OASIS Standard, 10 June 2021), each in a few lines; `guard` says who may ask."""

from dataclasses import replace
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from hanse.accounts import consultations
from hanse.taxii import ahead, answers, kept, receiving, service
from hanse.taxii.asked import Asked, asked
from hanse.taxii.asker import NOTHING, Asker, TaxiiError
from hanse.taxii.collections import COLLECTIONS, Collection, collection_of
from hanse.taxii.guard import answer, endpoint
from hanse.taxii.kept import Answer
from hanse.taxii.media import STIX, TAXII, stamp
from hanse.taxii.reading import Page, page
from hanse.taxii.shelves import ACTION, Together

ROOT = "taxii2/root/"
"""Path of the one API root."""


@endpoint(GET="taxii.fetch")
def discovery(_request: HttpRequest, _asker: Asker) -> HttpResponseBase:
    """Discovery (section 4.1): where the API root is."""
    root = f"{settings.HANSE_NODE.url.rstrip('/')}/{ROOT}"
    return answer({
        "title": settings.HANSE_NODE.name, "description": "What this authority releases to its partners.",
        "default": root, "api_roots": [root],
    })  # fmt: skip


@endpoint(GET="taxii.fetch")
def api_root(_request: HttpRequest, _asker: Asker) -> HttpResponseBase:
    """The API root (section 4.2)."""
    return answer({
        "title": settings.HANSE_NODE.name, "description": "What this authority releases to its partners.",
        "versions": [TAXII], "max_content_length": receiving.MOST_BYTES,
    })  # fmt: skip


@endpoint(GET="taxii.send")
def status(_request: HttpRequest, asker: Asker, request_id: UUID) -> HttpResponseBase:
    """What became of something that was sent (section 4.3)."""
    return answer(receiving.status_of(request_id, asker.partner))


@endpoint(GET="taxii.fetch")
def collections(_request: HttpRequest, asker: Asker) -> HttpResponseBase:
    """The partner's collections (section 5.1)."""
    return answer({"collections": [one.resource(asker.partner.pk) for one in COLLECTIONS]})


@endpoint(GET="taxii.fetch")
def collection(_request: HttpRequest, asker: Asker, name: str) -> HttpResponseBase:
    """One collection (section 5.2)."""
    return answer(_collection(asker, name).resource(asker.partner.pk))


@endpoint(GET="taxii.fetch")
def manifest(request: HttpRequest, asker: Asker, name: str) -> HttpResponseBase:
    """Which objects there are (section 5.3)."""
    found = _page(asker, _wanted(_readable(asker, name), asked(dict(request.GET.lists()))))
    times = answers.times(found)
    records = [
        {"id": one.piece.id, "date_added": stamp(us), "version": one.version or stamp(us),
         "media_type": STIX[one.spec_version == "2.0"]}
        for one, us in zip(found.told, times, strict=True)
    ]  # fmt: skip
    return _listed(answers.answer(found, times, "objects", answers.inner(records)))


@endpoint(GET="taxii.fetch", POST="taxii.send")
def objects(request: HttpRequest, asker: Asker, name: str) -> HttpResponseBase:
    """The objects of a collection (section 5.4), and adding some (section 5.5)."""
    if request.method == "POST":
        _writable(asker, name)
        return answer(receiving.receive(request, asker), 202)
    wanted = _wanted(_readable(asker, name), asked(dict(request.GET.lists())))
    ahead.noticed(asker.partner.pk, wanted)
    with ahead.standing_still():
        shelf = Together(asker.actor)
        told = kept.answer(shelf, wanted)
        if told is None:
            newest = shelf.newest()
            found = page(shelf, wanted)
            service.left_out(found.faults, asker.actor)
            told = answers.objects(found)
            kept.keep(shelf, wanted, found, newest, told)
        _disclosed(asker, told.ids)
        return _listed(told)


@endpoint(GET="taxii.fetch", DELETE="taxii.send")
def one_object(request: HttpRequest, asker: Asker, name: str, object_id: str) -> HttpResponseBase:
    """One object (section 5.6); deleting one (section 5.7), which no collection here lets anybody do."""
    if request.method == "DELETE":
        _readable(asker, name)
        _writable(asker, name)
    wanted = asked(dict(request.GET.lists()), ("version", "spec_version"))
    return _listed(answers.objects(_one(asker, name, object_id, wanted)))


@endpoint(GET="taxii.fetch")
def versions(request: HttpRequest, asker: Asker, name: str, object_id: str) -> HttpResponseBase:
    """The versions of one object (section 5.8)."""
    wanted = replace(asked(dict(request.GET.lists()), ("spec_version",)), versions=("all",))
    found = _one(asker, name, object_id, wanted)
    times = answers.times(found)
    told = [one.version or stamp(us) for one, us in zip(found.told, times, strict=True)]
    return _listed(answers.answer(found, times, "versions", answers.inner(told)))


def _collection(asker: Asker, name: str) -> Collection:
    found = collection_of(asker.partner.pk, name)
    if found is None:
        raise TaxiiError(404, NOTHING)
    return found


def _readable(asker: Asker, name: str) -> Collection:
    found = _collection(asker, name)
    if found.inbox:
        raise TaxiiError(403, "This collection takes what you send, and tells nothing.")
    return found


def _writable(asker: Asker, name: str) -> None:
    if not _collection(asker, name).inbox:
        raise TaxiiError(403, "This collection can be read, not written. Send to the inbox.")


def _wanted(of: Collection, wanted: Asked) -> Asked:
    """What is wanted of a collection."""
    if of.types is None:
        return wanted
    return replace(
        wanted,
        types=of.types if wanted.types is None else tuple(one for one in wanted.types if one in of.types),
    )


def _one(asker: Asker, name: str, object_id: str, wanted: Asked) -> Page:
    """The page of one object's versions.

    Raises:
        TaxiiError: There is no such object, or the partner may not see it.
    """
    of = _readable(asker, name)
    found = _page(asker, _wanted(of, replace(wanted, ids=(object_id,))))
    if not found.told and not page(Together(asker.actor), _wanted(of, Asked(limit=1, ids=(object_id,)))).told:
        raise TaxiiError(404, NOTHING)
    return found


def _page(asker: Asker, wanted: Asked) -> Page:
    """A page, with what the law wants written down of it."""
    found = page(Together(asker.actor), wanted)
    service.left_out(found.faults, asker.actor)
    _disclosed(asker, answers.ids(found))
    return found


def _disclosed(asker: Asker, ids: list[str]) -> None:
    """Directive (EU) 2016/680, article 25: who got what, when, why."""
    if ids:
        recipient = f"{asker.actor.name} ({asker.actor.authority}), by TAXII"
        consultations.record_named(asker.actor, ACTION, ids, asker.partner.why, recipient)


def _listed(told: Answer) -> HttpResponse:
    """The response that an answer makes."""
    response = HttpResponse(told.body, content_type=TAXII)
    if told.first_us is not None and told.last_us is not None:
        response["X-TAXII-Date-Added-First"] = stamp(told.first_us)
        response["X-TAXII-Date-Added-Last"] = stamp(told.last_us)
    return response
