"""When looking at something is written down, and when the person is asked why.

Directive (EU) 2016/680 (the Law Enforcement Directive), article 25: logs of consultation and disclosure make it
possible to establish the justification, date and time, and as far as possible who consulted or disclosed and to
whom. Which actions consult or disclose is said by `Action.logged`; a reason is asked of persons and tokens, not
of the node itself, whose reason is the job that it does.
"""

from dataclasses import dataclass

from hanse.kernel.actors import Actor
from hanse.policy.actions import action_named
from hanse.policy.decision import Subject, is_embargoed


@dataclass(frozen=True, slots=True)
class Consultation:
    """What has to be recorded of one use of one thing.

    Attributes:
        logged: Whether who, when and which thing are recorded.
        reason: Whether the actor has to say why before the thing is shown.
        recipient: Whether the recipient is recorded: the thing leaves the node.
        rule: Id of the rule that asks for the most: `none`, `led.25`, `action`, `embargoed` or `purpose`.
    """

    logged: bool
    reason: bool
    recipient: bool
    rule: str


def consultation(actor: Actor, action: str, subject: Subject | None = None, *, now_us: int) -> Consultation:
    """What has to be recorded when an actor does an action with a thing.

    A reason is asked for when the action itself always has one (reading or exporting bodies, purging, marking
    anew), when not everybody with the role may read the thing, or when it is limited to purposes.

    Args:
        actor: Who does it.
        action: Name of the action.
        subject: The thing; None for none.
        now_us: The time, microseconds UTC.

    Raises:
        UnknownActionError: When there is no such action.
    """
    known = action_named(action)
    rule = "led.25" if known.logged else "none"
    if known.reason:
        rule = "action"
    elif known.logged and subject is not None:
        if is_embargoed(subject, now_us):
            rule = "embargoed"
        elif subject.marking.purposes is not None:
            rule = "purpose"
    asked = rule in {"action", "embargoed", "purpose"} and actor.kind != "system"
    leaves = known.logged and known.touch > 0
    return Consultation(known.logged or asked, reason=asked, recipient=leaves, rule=rule)
