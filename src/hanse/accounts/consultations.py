"""Who looked at what, when and why, and to whom it was disclosed: one entry per page or answer.

Directive (EU) 2016/680 (the Law Enforcement Directive), article 25. Whether a use is logged, and whether a reason
is asked for, says `hanse.policy.consultation`; here it is asked, checked and written.
"""

from collections.abc import Iterable
from uuid import UUID

from django.http import HttpRequest

from hanse.accounts.contents import Consulted
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.strict_json import canonical
from hanse.ledger.recorded import Recorded
from hanse.ledger.writing import Draft, append_many
from hanse.policy.consultation import consultation
from hanse.policy.decision import Subject

SESSION_KEY = "consultation_reason"
"""Where a session keeps the reason that was given last: one case is looked at through many pages."""


class ReasonNeededError(UsageError):
    """The law asks why, and nobody said.

    Attributes:
        rule: By which rule of `hanse.policy.consultation`.
    """

    def __init__(self, words: str, rule: str) -> None:
        super().__init__(words)
        self.rule = rule


def record(
    actor: Actor, what: str, object_ids: Iterable[UUID], why: str = "", recipient: str = ""
) -> Recorded:
    """Write down that objects were consulted, or disclosed where there is a recipient: one entry for all.

    Args:
        actor: Who.
        what: The action of policy.
        object_ids: What was shown.
        why: The reason given.
        recipient: To whom it was disclosed, in words; empty for a consultation.
    """
    return record_named(actor, what, [one.hex for one in object_ids], why, recipient)


def record_named(actor: Actor, what: str, ids: list[str], why: str = "", recipient: str = "") -> Recorded:
    """As `record`, of objects whose ids are at hand as the entry has them: 32 hexadecimal digits each."""
    kind = "accounts.disclosed" if recipient else "accounts.consulted"
    content = Consulted(what, ids, recipient)
    # Of that type as it is: reading thousands of ids back would take as long as writing them.
    return append_many([Draft(kind, content, reason=why, encoded=canonical(content))], actor)[0]


def required(
    actor: Actor,
    what: str,
    subjects: Iterable[tuple[UUID, Subject]],
    why: str = "",
    recipient: str = "",
) -> Recorded | None:
    """Write down what the law wants written down of these objects, and nothing of the others.

    Args:
        actor: Who.
        what: The action of policy.
        subjects: Each object that is shown, as policy sees it.
        why: The reason given.
        recipient: To whom it is disclosed, in words.

    Returns:
        The entry, or None where nothing has to be written down.

    Raises:
        ReasonNeededError: A reason is asked for, or a recipient, and there is none.
    """
    logged = []
    for object_id, subject in subjects:
        needed = consultation(actor, what, subject, now_us=now_us())
        if needed.reason and not why.strip():
            words = "Say why you look at this: the law wants the reason written down."
            raise ReasonNeededError(words, needed.rule)
        if needed.recipient and not recipient:
            words = "Say to whom this goes: the law wants the recipient written down."
            raise ReasonNeededError(words, needed.rule)
        if needed.logged:
            logged.append(object_id)
    return record(actor, what, logged, why.strip(), recipient) if logged else None


def reason_in(request: HttpRequest) -> str:
    """The reason that came with a request, or the one given before in this session; empty where none was."""
    given = request.POST.get("why") or request.GET.get("why") or ""
    if given.strip():
        request.session[SESSION_KEY] = given.strip()[:500]
    return str(request.session.get(SESSION_KEY, ""))
