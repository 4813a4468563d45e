"""Asking partners: one signed question, one signed answer, and what is done with it."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
from django.db import transaction
from django.db.models import Max

from hanse.egress.client import Client
from hanse.egress.errors import RefusedError, TooLargeError, UnreachableError
from hanse.egress.rules import AllowedEndpoint, Rules
from hanse.federation import quota, receiving, stream, witnessing
from hanse.federation.models import Link, Partner
from hanse.federation.partners import allowed, link_of, locked_link, own_key, seal_key, verify_keys
from hanse.federation.stream import Page
from hanse.federation.wire import ANSWERS, CONTENT_TYPE, Noted, Refusal
from hanse.kernel import message
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import KeysError
from hanse.kernel.message import MessageError
from hanse.kernel.notes import NoteError
from hanse.kernel.sealing import SealingError
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.models import Entry
from hanse.ledger.routing import database

T = TypeVar("T", bound=msgspec.Struct)

ANSWER_BYTES: Final = stream.PAGE_BYTES + stream.LARGEST + 2_000_000
"""A page, its proofs, and one entry of the largest size."""
TIMEOUT_S: Final = 30.0
"""For one question: a partner that does not answer by then is asked again later."""


class LinkError(HanseError):
    """A partner did not answer as it should; says what it did."""


class RecoversError(LinkError):
    """A partner does not answer that yet: it was put back to a backup, and recovers."""


def _refused_by(partner: Partner, refusal: Refusal) -> LinkError:
    kind = RecoversError if refusal.recovers else LinkError
    return kind(f"{partner.name} refuses: {refusal.words}")


def ask(partner: Partner, what: str, content: msgspec.Struct, answer: type[T], client: Client) -> T:
    """Ask a partner.

    Args:
        partner: Who is asked.
        what: What the message is.
        content: What it says.
        answer: The type of the answer.
        client: The one way out.

    Raises:
        LinkError: There is no answer, or none that is proven to be the partner's to this question.
    """
    told: T | Refusal = _once(partner, what, content, answer, client)
    if isinstance(told, Refusal) and link_of(partner.authority).said < told.heard < message.MOST:
        # The node was put back, or its clock was: the partner has heard greater numbers from it.
        Link.objects.filter(pk=partner.authority).update(said=told.heard)
        told = _once(partner, what, content, answer, client)
    if isinstance(told, Refusal):
        raise _refused_by(partner, told)
    return told


def _once(
    partner: Partner, what: str, content: msgspec.Struct, answer: type[T], client: Client
) -> T | Refusal:
    return _sent(_asking(partner, what, content), answer, client)


@dataclass(frozen=True, slots=True)
class _Asking:
    """A question that is ready to be sent: it has its number, and nothing of it needs the database any more."""

    partner: Partner
    what: str
    number: int
    data: bytes
    allowed: tuple[AllowedEndpoint, ...]


def _asking(partner: Partner, what: str, content: msgspec.Struct) -> _Asking:
    link = _numbered(partner.authority)
    data = message.write(
        sender=authority(),
        audience=partner.authority,
        what=what,
        number=link.said,
        time_us=now_us(),
        body=msgspec.msgpack.encode(content),
        key=own_key(partner, link.has),
        seal=seal_key(partner.authority),
    )
    return _Asking(partner, what, link.said, data, allowed(partner))


def _sent(asking: _Asking, answer: type[T], client: Client) -> T | Refusal:
    return _proven(asking.partner, ANSWERS[asking.what], asking.number, _posted(asking, client), answer)


def _posted(asking: _Asking, client: Client) -> bytes:
    """The partner's answer, unread.

    Raises:
        LinkError: There is none.
    """
    partner = asking.partner
    try:
        got = client.post(
            partner.endpoint,
            body=asking.data,
            headers={"Content-Type": CONTENT_TYPE},
            limit_bytes=ANSWER_BYTES,
            timeout_s=TIMEOUT_S,
            allow=asking.allowed,
            http=partner.endpoint.startswith("http:"),
        )
    except (UnreachableError, RefusedError, TooLargeError) as error:
        raise LinkError(str(error)) from error
    if got.headers.get("content-type", "") != CONTENT_TYPE:
        words = "".join(sign for sign in got.body[:300].decode("utf-8", "replace") if sign.isprintable())
        raise LinkError(f"{partner.name} answered {got.status}: {words or 'nothing'}")
    return got.body


def _proven(partner: Partner, wanted: str, number: int, data: bytes, answer: type[T]) -> T | Refusal:
    """The answer, if the partner surely gave it to this question."""
    try:
        head, told = message.parse(data)
        _check(partner, number, head, told)
        body = message.opened(head, told, keyring.current().open_key(head.seal))
        if head.what == "refusal":
            return msgspec.msgpack.decode(body, type=Refusal)
        if head.what != wanted:
            raise MessageError(f"It is a {head.what[:40]!r}; a {wanted!r} was asked for.")  # noqa: TRY301 - as the others
        return msgspec.msgpack.decode(body, type=answer)
    except (MessageError, KeysError, SealingError, msgspec.DecodeError) as error:
        raise LinkError(f"The answer of {partner.name} cannot be believed: {error}") from None


def _check(partner: Partner, number: int, head: message.Head, told: message.Message) -> None:
    """Refuse what the partner did not surely answer to this question; errors as of `message.check`."""
    key = verify_keys(partner.authority).get(head.key)
    if key is None or head.sender != partner.authority or head.answers != number:
        raise MessageError(f"What {partner.name} answered is not proven to be its answer to this question.")
    message.check(head, told, key, audience=authority(), at_us=now_us())


def _numbered(partner: str) -> Link:
    """How the exchange stands, with a number said that no message to the partner has had, on disk before it is used."""
    with transaction.atomic(using=database()):
        link = locked_link(partner)
        link.said = max(link.said + 1, now_us())
        link.save(update_fields=["said"])
    return link


def pull(partner: Partner, client: Client) -> receiving.Result:
    """Fetch and take one page of what a partner has for this authority.

    Raises:
        LinkError: It did not answer as it should.
        StreamError: What it answered is not what was asked for, or contradicts what it signed before.
        NotWrittenError: The own database did not take it.
    """
    with _told(partner.authority):
        _check_quota(partner)
        page = ask(partner, "pull", receiving.reached(partner.authority), Page, client)
        result = receiving.take(partner, page)
        quota.count(partner.authority, page)
        return result


def _check_quota(partner: Partner) -> None:
    """Refuse to fetch more than is taken of a partner in a day."""
    if why := quota.spent(partner.authority):
        raise LinkError(why)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Show on the partners' page how asking went."""
    link_of(name)
    Link.objects.filter(pk=name).update(tried_us=now_us())
    try:
        yield
    except (LinkError, stream.StreamError) as error:
        failed(name, error)
        raise
    Link.objects.filter(pk=name).update(answered_us=now_us(), failing_us=None, error="")


def pull_all(
    partner: Partner, client: Client, each: Callable[[receiving.Result], None] = lambda _: None
) -> int:
    """Fetch page after page until there is no more; how many entries. Errors as of `pull`.

    The next page is fetched while one is written: the partner makes it meanwhile.

    Args:
        partner: Who is asked.
        client: The one way out.
        each: Is told what each page changed.
    """
    taken = 0
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        coming: Future[bytes] | None = None
        asking: _Asking | None = None
        while True:
            with _told(partner.authority):
                _check_quota(partner)
                if coming is not None and asking is not None:
                    page = _page(partner, asking, coming.result())
                else:
                    page = ask(partner, "pull", receiving.reached(partner.authority), Page, client)
                asking = _ahead(partner, page)
                coming = pool.submit(_posted, asking, client) if asking else None
                result = receiving.take(partner, page)
                quota.count(partner.authority, page)
            taken += result.taken
            each(result)
            if coming is None:
                return taken


def _page(partner: Partner, asking: _Asking, data: bytes) -> Page:
    page = _proven(partner, ANSWERS["pull"], asking.number, data, Page)
    if isinstance(page, Refusal):
        raise _refused_by(partner, page)
    return page


def _ahead(partner: Partner, page: Page) -> _Asking | None:
    """The question for the page after one that is not written yet; None where there is none."""
    has = receiving.reached(partner.authority)
    if page.first != has.first or not page.items or page.total <= page.first + len(page.items):
        return None
    try:
        size = stream.size_of(page.checkpoint) if page.checkpoint else has.size
    except NoteError:  # taking the page says what is wrong with it
        return None
    wanted = msgspec.structs.replace(
        has,
        ahead=min(len(page.items), stream.MOST),
        proven=page.proved + len(page.leaves) if page.leaves else has.proven,
        size=size,
    )
    return _asking(partner, "pull", wanted)


def failed(name: str, error: HanseError) -> None:
    """Show on the partners' page what was wrong, and since when."""
    Link.objects.filter(pk=name).update(error=str(error)[:500])
    Link.objects.filter(pk=name, failing_us=None).update(failing_us=now_us())


def hint(partner: Partner, client: Client) -> bool:
    """Tell a partner that there is something new for it, where it was not told yet; whether it was.

    Raises:
        LinkError: It did not answer as it should. It finds what is new by itself, later.
    """
    newest = Entry.objects.filter(recipient=partner.authority).aggregate(last=Max("sequence"))["last"]
    link = link_of(partner.authority)
    if newest is None or newest <= link.hint_said:
        return False
    # Said before it is tried: a partner that cannot be reached is not called again for the same entry.
    Link.objects.filter(pk=partner.authority).update(hint_said=newest)
    ask(partner, "hint", Noted(), Noted, client)
    return True


def offer(partner: Partner, client: Client) -> bool:
    """Have a named witness see the next checkpoints; whether there were any. Errors as of `hint`.

    Raises:
        PutBackError: It has seen another ledger than this one.
        WitnessError: Its answer does not hold.
    """
    wanted = witnessing.to_offer(partner.authority)
    if wanted is None:
        return False
    sizes, content = wanted
    answer = ask(partner, "witness", content, witnessing.Cosigned, client)
    witnessing.take_cosigned(partner, sizes, content, answer)
    return True


def show(partner: Partner, told: dict[str, int], client: Client) -> None:
    """Compare the newest checkpoints with a fellow witness; errors as of `offer`.

    Args:
        partner: The fellow witness.
        told: As of `witnessing.to_show`.
        client: The one way out.
    """
    for one in witnessing.to_show(partner.authority, told):
        answer = ask(partner, "show", one, witnessing.Compared, client)
        witnessing.take_compared(one, answer, partner.authority)


def make_client() -> Client:
    """The client that reaches partners."""
    return Client(Rules())
