"""The API's one shape: guarded operations, problem details, pages by cursor, repeatable requests, entity tags.

A room's ``api.py`` makes a `ninja.Router`; each operation stands under ``@endpoint(action)``. The composition makes
one API of all routers with `make_api`.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from functools import wraps
from typing import Annotated, Any, Generic, TypeVar

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import RawPostDataException, UnreadablePostError
from django.utils.cache import get_conditional_response
from ninja import NinjaAPI, Router, Schema
from ninja.decorators import decorate_view
from ninja.errors import HttpError, Throttled, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.openapi.urls import get_openapi_urls, get_root_url
from ninja.operation import Operation
from ninja.throttling import AuthRateThrottle
from ninja.utils import contribute_operation_callback
from pydantic import ConfigDict, Field

from hanse.kernel.actors import Actor
from hanse.kernel.clock import FIRST_MOMENT_US, LAST_MOMENT_US, now_us
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.strict_json import StrictJsonError
from hanse.ledger.fields import altered
from hanse.ledger.writing import writing
from hanse.policy.actions import action_named
from hanse.policy.decision import may
from hanse.web import keyset
from hanse.web.idempotency import HEADER, KeyProblem, once
from hanse.web.openapi import describe
from hanse.web.page import (
    RATE,
    actor_of,
    from_our_page,
    holds_nul,
    is_fresh,
    public,
    shown_to_nobody,
    whole,
)
from hanse.web.problems import CONTENT_TYPE, details, see, status_of, there_of
from hanse.web.reading import MediaTypeError, StrictParser, digest_tag

_log = logging.getLogger(__name__)

T = TypeVar("T")
View = Callable[..., Any]
Run = Callable[..., HttpResponseBase]
Ahead = Callable[..., AbstractContextManager[None]]

_CHANGES = frozenset({"PUT", "PATCH", "DELETE"})
"""Methods that change what GET at the same address tells."""

_OF_ALL = ("why",)
"""What every operation takes: the reason why somebody looks, where the law asks for one."""

FILE_TYPE = "application/octet-stream"
"""Of bodies that are stored as they come; no JSON is of it."""

Moment = Annotated[int, Field(ge=FIRST_MOMENT_US, le=LAST_MOMENT_US)]
"""Microseconds UTC of a moment that calendars know: from the year 1 to 9999."""


# What checks a body is made with the first request that has one: to make all seven hundred at once takes a fifth of the
# time in which the web process reads its pages.
Schema.model_config["defer_build"] = True


class In(Schema):
    """Base of request bodies: a member that nobody knows is a mistake, not something to leave out."""

    model_config = ConfigDict(extra="forbid")


class Paging(Schema):
    """Which page of a list."""

    cursor: str | None = Field(None, max_length=2000, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=500, description="Items of one page.")


class Page(Schema, Generic[T]):
    """One page of a list: its items, and the cursor of the next page where there is one."""

    items: list[T]
    next: str | None = None
    altered: list[str] = Field(
        [], description="Rows left out because they were altered in the database: which, and what to do."
    )


def paged(rows: QuerySet[Any], order: keyset.Order, paging: Paging) -> dict[str, Any]:
    """The page of a list that was asked for, for an operation whose response is a `Page`.

    A row that was altered behind the node's back is named instead of shown: the others are told all the same.

    Raises:
        UsageError: The cursor is none of this list.
    """
    found = keyset.part(rows, order, paging.limit, after=paging.cursor)
    wrong = {row.pk: why for row in found.rows if (why := altered(row))}
    items = [row for row in found.rows if row.pk not in wrong]
    return {"items": items, "next": found.after, "altered": list(wrong.values())}


def endpoint(
    action: str,
    *,
    step_up: bool = False,
    waits: bool = False,
    in_parts: bool = False,
    ahead: Ahead | None = None,
) -> Callable[[View], View]:
    """Guard an operation: it stands below ``@router.get(...)`` and is asked about before anything is read.

    1. Who acts: a session (with CSRF token where something changes) or a bearer token; else 401. It is asked anew where
       the body takes its time to come.
    2. Policy is asked about `action`; a refusal is 403 with the rules.
    3. What no database can hold (NUL in the address) is 400, and a parameter that the operation does not have 422: a filter
       with a letter left out would let everything through.
    4. POST and PATCH with an ``Idempotency-Key`` happen once; see `hanse.web.idempotency`.
    5. Answers to GET carry an ``ETag``; ``If-None-Match`` gets 304.
    6. PUT, PATCH and DELETE with ``If-Match`` change only what GET at the same address still answers so; else 412.

    Args:
        action: An action of `hanse.policy.actions`.
        step_up: Whether a passkey must have been proved in the last five minutes.
        waits: Whether it waits for somebody outside. Then 4 is left out: its transaction would be open for as long as
            they like, and on SQLite nobody else could write.
        in_parts: Whether it takes long, is done in transactions of its own, and doing it again changes nothing or is refused.
            Then 4 keeps the answer beside it and not with it, so that others can write meanwhile.
        ahead: Holds what the operation takes and what takes long, from the request and its path: with 4, it is worked out
            before the transaction, in which nobody else could write on SQLite.
    """
    action_named(action)
    taken: set[str] = set(_OF_ALL)

    def guard(run: Run) -> Run:
        @wraps(run)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            refusal = _refused(request, action, step_up=step_up)
            if refusal is None and (refusal := unread(request)) is None and whole(request):
                refusal = _refused(request, action, step_up=step_up)
            if refusal is None:
                refusal = _strange(request, taken)
            if refusal is not None:
                return refusal

            def do() -> HttpResponseBase:
                return _if_same(request, lambda: run(request, *args, **kwargs))

            if request.method in {"POST", "PATCH"} and not waits:
                with ahead(request, **kwargs) if ahead and HEADER in request.headers else nullcontext():
                    return _once(request, do, in_parts=in_parts)
            return _tagged(request, do())

        return guarded

    def describe_action(operation: Operation) -> None:
        for model in operation.models:
            if model.__ninja_param_source__ == "query":
                taken.update(model.__ninja_flatten_map__)
        operation.openapi_extra = {**(operation.openapi_extra or {}), "x-hanse-action": action}

    def mark(view: View) -> View:
        view.action = action  # type: ignore[attr-defined]  # the walk over all routes reads it
        contribute_operation_callback(view, describe_action)
        return decorate_view(guard)(view)

    return mark


class Api(NinjaAPI):
    """The API, with problem details also where the framework itself refuses."""

    def _get_urls(self) -> list[Any]:
        """The routes: those of the framework are public and say why, those of operations name their operations."""
        described = get_openapi_urls(self)
        for pattern in described:
            pattern.callback = _made_once(pattern.callback)
        patterns: list[Any] = [*described, get_root_url(self)]
        for pattern in patterns:
            pattern.callback = _told(public(_NO_DATA)(pattern.callback))
        for bound in self._get_bound_routers():
            views = [view for view in bound.path_operations.values() for _ in view.operations]
            for pattern, view in zip(bound.urls_paths(bound.prefix), views, strict=True):
                pattern.callback = _told(pattern.callback, _guarded(view.operations))
                patterns.append(pattern)
        return patterns

    def get_openapi_schema(self, **where: Any) -> OpenAPISchema:
        """The description, with authentication and problems that all operations share."""
        return describe(super().get_openapi_schema(**where))


def make_api(routers: Iterable[tuple[str, Router]], *, version: str = "1", rate: str = RATE) -> NinjaAPI:
    """One API of the rooms' routers.

    Args:
        routers: Pairs of prefix, such as ``/attacks``, and router.
        version: Of the API.
        rate: Requests of one actor, such as ``1200/m``.
    """
    api = Api(
        title="Hanse",
        version=version,
        description="What the console can do. Times are microseconds UTC, rates bit/s and packets/s.",
        docs_url=None,
        openapi_url="/openapi.json",
        urls_namespace="api",
        parser=StrictParser(),
        throttle=[AuthRateThrottle(rate)],
    )
    for error, handler in _HANDLERS.items():
        api.add_exception_handler(error, handler)
    for prefix, router in routers:
        api.add_router(prefix, router)
    return api


def _refused(request: HttpRequest, action: str, *, step_up: bool) -> HttpResponse | None:
    """Steps 1 to 3 of `endpoint`."""
    actor = actor_of(request)
    if actor is None:
        response = details(401, "Sign in, or send a token: Authorization: Bearer hanse_...")
        response["WWW-Authenticate"] = "Bearer"
        return response
    if not from_our_page(request):
        return details(403, "Send the cookie's CSRF token as X-CSRFToken, or use a token.", rules=("csrf",))
    request.auth = actor.id  # type: ignore[attr-defined]  # the throttle counts by it
    now = now_us()
    decision = may(actor, action, now_us=now)
    if decision.rules == ("step-up",) or (decision.allowed and step_up and not is_fresh(actor, now)):
        return _not_fresh(actor)
    if not decision:
        return details(403, decision.words, rules=decision.rules)
    if holds_nul(request):
        return details(400, "The address holds a NUL character, which no value here has.")
    return None


def _strange(request: HttpRequest, taken: Collection[str]) -> HttpResponse | None:
    """The answer to a parameter that an operation does not have; None where there is none."""
    strange = sorted(set(request.GET) - set(taken))
    if not strange or shown_to_nobody(request):  # then the parameters are those of the change
        return None
    known = f"Known are {', '.join(sorted(taken))}."
    return details(422, f"There is no parameter {strange[0][:40]!r} here. {known}")


def unread(request: HttpRequest) -> HttpResponse | None:
    """Read the body, unless it is a file that is stored as it comes; the answer where it cannot be read."""
    if request.method in {"GET", "HEAD"} or request.content_type == FILE_TYPE:
        return None
    try:
        _ = request.body
    except RequestDataTooBig:
        return details(413, _TOO_BIG)
    except UnreadablePostError:
        return details(400, "The request broke off. Send it again.")
    except RawPostDataException:
        pass  # the check of the CSRF token has read it to its end, as a form
    return None


def _not_fresh(actor: Actor) -> HttpResponse:
    """The answer where only a fresh passkey is missing: a person can prove one (RFC 9470, section 3), no token can."""
    if actor.kind != "person":
        return details(
            403, "This takes a person who proves a passkey: a token cannot do it.", rules=("step-up",)
        )
    response = details(401, "Prove your passkey first.", rules=("step-up",))
    response["WWW-Authenticate"] = 'Bearer error="insufficient_user_authentication"'
    return response


def _once(request: HttpRequest, run: Callable[[], HttpResponseBase], *, in_parts: bool) -> HttpResponseBase:
    """Step 4."""
    try:
        return once(request, run, in_parts=in_parts)
    except KeyProblem as error:
        return details(error.status, str(error))
    except RequestDataTooBig:
        return details(413, _TOO_BIG)


def _tagged(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Step 5."""
    if request.method != "GET" or response.status_code != 200 or not isinstance(response, HttpResponse):
        return response
    if not response.has_header("ETag"):
        response["ETag"] = digest_tag(response.content)
    return get_conditional_response(request, etag=response["ETag"], response=response) or response


def _if_same(request: HttpRequest, run: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Step 6. What is read for it is read as the asker reads it, and nobody writes between that and the change.

    Of what is read nothing is told, but whether it is as it was: nobody has looked at it (`shown_to_nobody`).
    """
    wanted = request.headers.get("If-Match")
    if wanted is None or request.method not in _CHANGES:
        return run()
    read: Callable[[], HttpResponseBase] | None = getattr(request, "read_again", None)
    if read is None:
        return details(412, "Nothing can be read at this address, so nothing can be as If-Match says.")
    with writing():
        now = read()
        if now.status_code != 200:
            return now
        if wanted.strip() != "*" and now.get("ETag", "") not in [one.strip() for one in wanted.split(",")]:
            return details(412, "Somebody changed it since you read it. Read it again, then decide.")
        return run()


def _reader(
    view: Callable[..., HttpResponseBase], request: HttpRequest, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Callable[[], HttpResponseBase]:
    """GET at the address of another request, by the same actor, whose answer nobody is shown."""
    asked = copy(request)
    asked.shown_to_nobody = True  # type: ignore[attr-defined]  # `shown_to_nobody` reads it
    asked.method = "GET"
    left_out = {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"}
    asked.META = {name: value for name, value in request.META.items() if name not in left_out}
    vars(asked).pop("headers", None)  # they are kept as they were first read
    return lambda: view(asked, *args, **kwargs)


def _guarded(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """The operations, if each is guarded or says why not; the API does not start with a hole.

    Raises:
        UsageError: One is not.
    """
    for one in operations:
        if not hasattr(one.view_func, "action") and not hasattr(one.view_func, "public"):
            raise UsageError(
                f"The operation {one.view_func.__qualname__} has no @endpoint. Put one below its route."
            )
    return tuple(operations)


def _made_once(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """A view whose answer is always the same, made for the first who asks.

    To describe the API takes half a second of the one process that serves everybody, and strangers may ask.
    """
    kept: dict[str, tuple[bytes, str]] = {}

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        under = request.META.get("SCRIPT_NAME", "")
        if under not in kept:
            response = view(request, *args, **kwargs)
            if response.status_code != 200:
                return response
            kept.clear()
            kept[under] = response.content, response["Content-Type"]
        content, kind = kept[under]
        return HttpResponse(content, content_type=kind)

    return answer


def _told(
    view: Callable[..., HttpResponseBase], operations: tuple[Operation, ...] | None = None
) -> Callable[..., HttpResponseBase]:
    """A view whose refusals are all problem details."""

    @wraps(view)
    def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method in _CHANGES and any("GET" in one.methods for one in operations or ()):
            request.read_again = _reader(view, request, args, kwargs)  # type: ignore[attr-defined]  # `endpoint` asks it
        response = view(request, *args, **kwargs)
        if response.status_code < 400 or response.get("Content-Type", "") == CONTENT_TYPE:
            return response
        answer = details(
            response.status_code, _WORDS.get(response.status_code, "The request cannot be meant.")
        )
        for name in ("Allow", "Retry-After", "ETag"):
            if response.has_header(name):
                answer[name] = response[name]
        return answer

    if operations is not None:
        told.operations = operations  # type: ignore[attr-defined]  # the walk over all routes reads it
    told.csrf_exempt = True  # type: ignore[attr-defined]  # `endpoint` checks it, for sessions only
    return told


_TOO_BIG = "The request is larger than this node takes. Send less at once; files go into the inbox."
_NO_DATA = "It shows no data of the node: the API's description, or that there is nothing here."

_ERRORS = 20
"""So many mistakes of one request are told; with them mended, the next ones show."""

_WORDS = {
    404: "There is nothing here that you can see.",
    405: "The address does not take this method; Allow says which it takes.",
    412: "It is not as If-Match says. Read it again.",
}


def _invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [{"where": list(map(str, one["loc"])), "what": one["msg"]} for one in error.errors[:_ERRORS]]
    first = f"{'.'.join(errors[0]['where'])}: {errors[0]['what']}." if errors else "Something is missing."
    return details(422, first, errors=errors)


def _http(_request: HttpRequest, error: HttpError) -> HttpResponse:
    cause = error.__cause__
    if isinstance(cause, MediaTypeError):
        return details(415, str(cause))
    if isinstance(cause, StrictJsonError):
        return details(400, str(cause))
    response = details(error.status_code, error.message)
    if isinstance(error, Throttled):
        response = details(
            429, "You ask more often than this node answers. Wait as long as Retry-After says."
        )
    return response


def _hanse(_request: HttpRequest, error: HanseError) -> HttpResponse:
    status = status_of(error)
    return details(status, _WORDS[404] if status == 404 else str(error), **see(there_of(error)[0]))


def _broken(request: HttpRequest, error: Exception) -> HttpResponse:
    _log.error("the API failed at %s %s", request.method, request.path, exc_info=error)
    return details(500, "The node made a mistake; nothing was changed. Its log says more.")


_HANDLERS: dict[type[Exception], Callable[..., HttpResponse]] = {
    Exception: _broken,
    HanseError: _hanse,
    Http404: lambda _request, _error: details(404, _WORDS[404]),
    HttpError: _http,
    RequestDataTooBig: lambda _request, _error: details(413, _TOO_BIG),
    SuspiciousOperation: lambda _request, _error: details(400, "The request cannot be meant."),
    ValidationError: _invalid,
}
