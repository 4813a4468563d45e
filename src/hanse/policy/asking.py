"""Asking policy before acting, where a refusal ends the matter."""

from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.policy.decision import Decision, Subject, may


class RefusedError(HanseError):
    """The actor may not do it; says by which rules.

    Attributes:
        decision: The refusal with its reasons.
        status: The HTTP status that says so.
    """

    status = 403

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.words)
        self.decision = decision


def require(actor: Actor, action: str, subject: Subject | None = None) -> None:
    """Go on only where an actor may do an action.

    Raises:
        RefusedError: The actor may not.
        UnknownActionError: There is no such action.
    """
    decision = may(actor, action, subject, now_us=now_us())
    if not decision:
        raise RefusedError(decision)


def may_begin(actor: Actor, action: str) -> bool:
    """Whether an actor may do an action once a passkey is proved: whether a page offers it."""
    decision = may(actor, action, now_us=now_us())
    return decision.allowed or (actor.kind == "person" and decision.rules == ("step-up",))
