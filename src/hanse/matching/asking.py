"""Putting questions to partners: the set first, then a hundred points, then the look-up at home.

A question that was put and not answered is put again, point for point the same, so that the partner can neither count
nor compare; with other points it is another one.
"""

from hashlib import sha256
from typing import Final
from uuid import UUID

from hanse.cases.models import Case
from hanse.egress.client import Client
from hanse.federation import exchange
from hanse.federation.models import Partner
from hanse.intel.values import Value
from hanse.kernel import strict_json
from hanse.kernel.printable import one_line
from hanse.ledger.identity import authority
from hanse.ledger.writing import append, writing
from hanse.matching import fetching, hits, tags
from hanse.matching.agreeing import NoAgreementError, agreement_with
from hanse.matching.answering import WHO_ELSE, Evaluated, Put
from hanse.matching.group import ProtocolError
from hanse.matching.hello import check_same
from hanse.matching.models import Agreement
from hanse.matching.offering import Offered, matcher, values_of
from hanse.matching.quota import DAY_US
from hanse.matching.secret import RunSecret
from hanse.matching.tag_contents import QuestionAnswered
from hanse.matching.tag_keys import PROTOCOL
from hanse.matching.tag_models import Question, Reply, TheirTagKey
from hanse.matching.who_else import ANSWERED, WAITING, chosen_of

_NOTHING_LEFT: Final = "Nothing of what was asked can be compared any more."


def waiting() -> list[str]:
    """Partners to whom something is to be put."""
    return sorted(set(Reply.objects.filter(state=WAITING).values_list("partner", flat=True)))


def give_up(now: int) -> int:
    """Wait no longer for answers to questions whose day is over; how many."""
    late = Question.objects.filter(asked_us__lt=now - DAY_US).values("pk")
    rows = list(Reply.objects.filter(state=WAITING, question__in=late))
    for row in rows:
        _close(row, "unanswered", f"{row.partner} did not answer within a day.")
    return len(rows)


def step(partner: Partner, client: Client) -> None:
    """Put each question that waits for a partner.

    Raises:
        LinkError: It did not answer; it is asked again.
    """
    rows = Reply.objects.filter(partner=partner.authority, state=WAITING)
    questions = {one.pk: one for one in Question.objects.filter(pk__in=rows.values("question"))}
    for row in sorted(rows, key=lambda one: questions[one.question].asked_us):
        try:
            _put(row, questions[row.question], partner, client)
        except fetching.NotYetError:
            continue
        except ProtocolError as error:
            _close(row, "failed", str(error))


def _put(row: Reply, question: Question, partner: Partner, client: Client) -> None:
    try:
        agreement = agreement_with(row.partner)
    except NoAgreementError as error:
        _close(row, "refused", str(error))
        return
    key = TheirTagKey.objects.filter(partner=row.partner, epoch=question.epoch).first()
    if key is None:
        return  # it comes with what the partner sends
    check_same(PROTOCOL, question.epoch, key.speaks)
    if not (values := values_of(_own(question, agreement))):
        _close(row, "refused", _NOTHING_LEFT)
        return
    published = fetching.fetched(partner, question.epoch, client)
    hides = _hides(question, row.partner, values)
    made = tags.ask(values, question.epoch, hides)
    name = hides.part(b"name").sealed().hex()[:32]
    told = exchange.ask(partner, WHO_ELSE, Put(name, question.epoch, made.blinded.points), Evaluated, client)
    if told.refused:
        _close(row, "refused", f"{row.partner}: {one_line(told.refused)}")
        return
    found = tags.found_with(made, told.evaluated, told.proof, bytes.fromhex(key.public), published)
    _learn(row, question, dict(found))


def _learn(row: Reply, question: Question, proofs: dict[Value, bytes]) -> None:
    """Put on record what the partner has too, of what may be compared still.

    It answers in its own time: what is purged, kept out or closed meanwhile becomes no hit.
    """
    with writing():
        if not Reply.objects.filter(pk=row.pk, state=WAITING).exists():
            return
        try:
            own = _own(question, agreement_with(row.partner))
        except NoAgreementError as error:
            _close(row, "refused", str(error))
            return
        if not (values := values_of(own)):
            _close(row, "refused", _NOTHING_LEFT)
            return
        found = {value: proofs[value] for value in values if value in proofs}
        references = {
            value: reference(row.partner, authority(), question.epoch, one) for value, one in found.items()
        }
        tagged = {value: one.hex() for value, one in found.items()}
        same = hits.record(row.partner, "who-else", None, own, references, tagged)
        _close(row, "found" if found else "nothing", same=same)


def reference(holder: str, asker: str, epoch: str, proof: bytes) -> str:
    """What names a hit to both.

    Args:
        holder: Whose key it is.
        asker: Who asked.
        epoch: The month.
        proof: As of `tags.proof_of`: only who asked and who holds the key have it.
    """
    return hits.reference(strict_json.canonical([PROTOCOL, holder, asker, epoch]), proof)


def _own(question: Question, agreement: Agreement) -> list[Offered]:
    selectors = [UUID(one) for one in question.selectors]
    return chosen_of(agreement, question.case, selectors, question.officer)


def _hides(question: Question, partner: str, values: list[Value]) -> RunSecret:
    """What hides a question to one partner: its own, and another one for other selectors."""
    told = strict_json.canonical([[one.kind, one.text] for one in values])
    return RunSecret(bytes.fromhex(question.secret)).part(partner.encode(), sha256(told).digest())


def _close(row: Reply, state: str, why: str = "", *, same: int = 0) -> None:
    """Put on record what came of a question at a partner; once."""
    with writing():
        if Reply.objects.filter(pk=row.pk, state=WAITING).exists():
            content = QuestionAnswered(partner=row.partner, state=state, why=why[:500], hits=same)
            case = Case.projected.select_related("marking").get(pk=Question.objects.get(pk=row.question).case)
            marking = case.marking.marking
            append(ANSWERED, content, actor=matcher(), object_id=row.question, marking=marking)


def key_lacks(partner: str, epoch: str) -> bool:
    """Whether a partner has not told its key of a month yet: why a question to it still waits."""
    return not TheirTagKey.objects.filter(partner=partner, epoch=epoch).exists()
