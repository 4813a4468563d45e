"""May an actor do this with that? The one place that says so, with all reasons.

The rules, in the order in which they are asked. Each refusal is collected, so that a person sees at once all
that is missing:

======================  =====================================================================================
`role.missing`          no role of the actor gives the action
`scope`                 the token is limited to other actions
`step-up`               the action needs a passkey proved in the last five minutes
`second-person`         the action is for another person than the one who began it, and for persons only
`retention.over`        the retention date is past: nothing but purging is left
`tlp.LEVEL`             more people would come to know it than the level allows
`embargo.hour`          it is under an embargo, and the actor is none of the people it was given to
`team.need-to-know`     it belongs to a team that the actor is not in
`releasable`            the actor's authority is not among those it is releasable to
`purpose`               it is limited to purposes that the actor does not work for
`handling.h0`           not used for preventing or combating crime
`embargo`               who oversees needs a second person to open a body that others may not all read
`pap.LEVEL`             the action could be noticed more than the level allows
`handling.h1`           made to be evidence
`handling.h2`, `.h3`    it would leave the authority; the text of H3 is for people to judge
`originator`            a new marking is weaker than the old one, which another authority gave (`may_mark`)
======================  =====================================================================================

What an authority alone originated is its own: `releasable` and `handling.*` bind others. TLP, PAP, purposes,
embargo and retention bind everybody; the originator who wants otherwise marks anew, which is an entry of the ledger.

Everything here is pure and monotone: with all else equal, a stricter marking never allows what a weaker one
refuses.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from hanse.kernel.actors import Actor
from hanse.kernel.markings import CRIME_PURPOSES, Audience, Marking, Pap, Tlp, is_at_least, satisfies
from hanse.policy.actions import ACTIONS, Action, action_named
from hanse.policy.roles import Grant, grant, roles

STEP_UP_US: Final = 300_000_000
"""How long a proved passkey counts as fresh, in microseconds: five minutes, enough to read what one approves."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a decision.

    Attributes:
        rule: Id of the rule, such as `tlp.red`.
        words: One sentence for people.
    """

    rule: str
    words: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes or no, and why; true in a condition exactly when it is a yes.

    Attributes:
        allowed: Whether the actor may.
        reasons: The rule that grants it, or all that refuse it.
    """

    allowed: bool
    reasons: tuple[Reason, ...]

    def __bool__(self) -> bool:
        """Whether the actor may."""
        return self.allowed

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of the rules."""
        return tuple(reason.rule for reason in self.reasons)

    @property
    def words(self) -> str:
        """All reasons as one text."""
        return " ".join(reason.words for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Subject:
    """What an action is about, as far as policy asks.

    Attributes:
        kind: What it is, for texts: `attack`, `entry`.
        marking: Its marking.
        team: Id of the need-to-know team it belongs to; None or empty is none.
        created_by: Id of the actor who made or proposed it, where an action asks for a second person.
        opened_to: Ids of those who oversee to whom a second person opened it.
    """

    kind: str
    marking: Marking
    team: str | None = None
    created_by: str | None = None
    opened_to: frozenset[str] = frozenset()


def may(
    actor: Actor, action: str, subject: Subject | None = None, *, now_us: int, purpose: str | None = None
) -> Decision:
    """Whether an actor may do an action with a thing.

    Args:
        actor: Who asks.
        action: Name of the action, of `hanse.policy.actions`.
        subject: What it is about. None asks whether the actor may do it with anything, as for a menu or for
            what has no marking.
        now_us: The time of asking, microseconds UTC.
        purpose: What the actor says it is for; None is any purpose that the actor's roles work for.

    Returns:
        The decision: the granting rule, or every refusing one.

    Raises:
        UnknownActionError: When there is no such action.
    """
    known = ACTIONS.get(action) or action_named(action)
    given = grant(actor.roles, action)
    refused = _about_actor(actor, known, given, subject, now_us)
    if subject is not None:
        refused += _about_subject(actor, known, given, subject, now_us, purpose)
    if refused:
        return Decision(allowed=False, reasons=tuple(refused))
    return _granted(given.role if actor.kind != "system" else "", action)


def may_mark(actor: Actor, subject: Subject, new: Marking, *, now_us: int) -> Decision:
    """Whether an actor may give a thing a new marking: `policy.mark`, and never weaker than another's wish.

    Only the authority that alone originated a thing may weaken its marking, and nobody drops an originator.

    Args:
        actor: Who marks.
        subject: The thing as it is marked now.
        new: Its marking to be.
        now_us: The time of asking, microseconds UTC.
    """
    decision = may(actor, "policy.mark", subject, now_us=now_us)
    old = subject.marking
    weaker = not is_at_least(new, old) and not _is_own(actor, old)
    if not weaker and new.originators >= old.originators:
        return decision
    reason = Reason("originator", "Only the originator may weaken a marking, and nobody drops an originator.")
    return Decision(allowed=False, reasons=(*(() if decision else decision.reasons), reason))


@lru_cache(maxsize=4096)
def _granted(role: str, action: str) -> Decision:
    """The yes that a role, or being the node itself, gives."""
    words = ACTIONS[action].words
    if not role:
        return Decision(allowed=True, reasons=(Reason("system", f"The node itself may {words}."),))
    return Decision(allowed=True, reasons=(Reason(f"role.{role}", f"The role {role} may {words}."),))


def _about_actor(
    actor: Actor, action: Action, given: Grant, subject: Subject | None, now_us: int
) -> list[Reason]:
    """What the actor lacks for the action, whatever it is about."""
    refused = []
    if not given.role and actor.kind != "system":
        refused.append(Reason("role.missing", _without_role(actor, action)))
    if actor.kind == "token" and action.name not in (actor.scopes or ()):
        refused.append(Reason("scope", f"The token's scope does not hold {action.name}."))
    if action.step_up and not is_fresh(actor, now_us):
        refused.append(Reason("step-up", f"To {action.words}, prove your passkey first."))
    if action.second_person and not (
        actor.kind == "person"
        and (subject is None or (subject.created_by is not None and subject.created_by != actor.id))
    ):
        refused.append(Reason("second-person", "It takes a person other than the one who began it."))
    return refused


def _without_role(actor: Actor, action: Action) -> str:
    """What somebody reads whose roles do not give an action: of people, which roles would."""
    words = f"None of your roles may {action.words}."
    giving = [role.title for role in roles().values() if action.name in role.actions]
    if actor.kind == "partner" or not giving:
        return words
    return f"{words} It takes the role of {' or '.join(giving)}."


def is_fresh(actor: Actor, now_us: int) -> bool:
    """Whether a person proved a passkey within `STEP_UP_US` before a time, microseconds UTC; no token ever did."""
    proved = actor.stepped_up_us
    return actor.kind == "person" and proved is not None and 0 <= now_us - proved <= STEP_UP_US


def _about_subject(
    actor: Actor, action: Action, given: Grant, subject: Subject, now_us: int, purpose: str | None
) -> list[Reason]:
    """What the thing's marking and team hold against it."""
    if given.oversight and not action.content:
        return []
    marking = subject.marking
    refused = []
    if action.content and marking.retention_us is not None and now_us > marking.retention_us:
        refused.append(Reason("retention.over", "Its retention date is past; it is to be purged."))
    own = _is_own(actor, marking)
    if actor.kind != "system":
        knowing = _knowing(actor, action, subject, now_us, own=own)
        if action.content:
            knowing += _using(marking, given, purpose, own=own)
        refused += _overseeing(actor, given, subject, knowing, now_us) if given.oversight else knowing
    if action.touch or actor.kind == "partner" or action.audience > Audience.ORGANISATION:
        refused += _leaving(action, marking, own=own)
    return refused


def _is_own(actor: Actor, marking: Marking) -> bool:
    """Whether the actor's authority alone originated what is so marked."""
    return len(marking.originators) == 1 and actor.authority in marking.originators


def _knowing(actor: Actor, action: Action, subject: Subject, now_us: int, *, own: bool) -> list[Reason]:
    """Why the actor, or those who come to know it by the action, may not know the thing."""
    refused = []
    tlp = subject.marking.tlp
    audience = action.audience
    if audience < Audience.COMMUNITY and actor.kind == "partner" and not own:
        audience = Audience.COMMUNITY
    if audience > tlp.audience and not (
        tlp is Tlp.RED and audience is Audience.ORGANISATION and _is_named(actor, subject)
    ):
        refused.append(Reason(f"tlp.{tlp.colour}", f"TLP:{tlp} keeps it to {_KEPT[tlp]}."))
    if subject.marking.is_embargoed(now_us) and not (
        audience <= Audience.ORGANISATION and _is_named(actor, subject)
    ):
        refused.append(
            Reason("embargo.hour", "It is under an embargo, for the people it was given to alone.")
        )
    if subject.team and subject.team not in actor.teams:
        refused.append(Reason("team.need-to-know", "It belongs to a team that you are not in."))
    if subject.marking.releasable is not None and not (
        own or satisfies(subject.marking, actor.authority, actor.tier, actor.country)
    ):
        refused.append(Reason("releasable", "It is not releasable to your authority."))
    return refused


_KEPT: Final = {
    Tlp.RED: "the persons it was given to",
    Tlp.AMBER_STRICT: "this authority",
    Tlp.AMBER: "this authority and those it protects",
    Tlp.GREEN: "the authorities and those they protect",
}


def _is_named(actor: Actor, subject: Subject) -> bool:
    """Whether a person of the authority is one whom a TLP:RED thing, or one under an embargo, was given to.

    That is its team; until it has one, those who may mark, because one of them has to give it to a team.
    """
    if actor.kind == "partner":
        return False
    return subject.team in actor.teams if subject.team else bool(grant(actor.roles, "policy.mark").role)


def _using(marking: Marking, given: Grant, purpose: str | None, *, own: bool) -> list[Reason]:
    """Why the actor may not use the thing for what the actor works for."""
    purposes = given.purposes if purpose is None else given.purposes & {purpose}
    refused = []
    if (purpose is not None and not purposes) or (
        marking.purposes is not None and purposes.isdisjoint(marking.purposes)
    ):
        limit = (
            "" if marking.purposes is None else f" It is for {', '.join(sorted(marking.purposes)) or 'none'}."
        )
        refused.append(Reason("purpose", f"That is no purpose of your role with this thing.{limit}"))
    if "H0" in marking.handling and not own and purposes.isdisjoint(CRIME_PURPOSES):
        refused.append(Reason("handling.h0", "H0: for preventing and combating crime only."))
    return refused


def is_embargoed(subject: Subject, now_us: int) -> bool:
    """Whether not everybody with the role may read it: TLP:RED, a handling code, an embargo, or a need-to-know team."""
    marking = subject.marking
    restricted = marking.tlp is Tlp.RED or bool(marking.handling) or marking.is_embargoed(now_us)
    return restricted or bool(subject.team)


def _overseeing(
    actor: Actor, given: Grant, subject: Subject, knowing: list[Reason], now_us: int
) -> list[Reason]:
    """What is held against one who oversees, given what would be held against the actor's other roles."""
    if given.ordinary and not knowing:
        return []
    if not is_embargoed(subject, now_us) or actor.id in subject.opened_to:
        return []
    return [*(knowing if given.ordinary else ()), Reason("embargo", "A second person has to open it to you.")]


def _leaving(action: Action, marking: Marking, *, own: bool) -> list[Reason]:
    """Why the thing may not leave the authority by this action, or be noticed."""
    refused = []
    if action.touch > marking.pap.touch:
        refused.append(
            Reason(f"pap.{marking.pap.colour}", f"PAP:{marking.pap} allows {_ALLOWED[marking.pap]}.")
        )
    if own or not marking.handling:
        return refused
    if action.evidence and "H1" in marking.handling:
        refused.append(
            Reason("handling.h1", "H1: not for use as evidence without the provider's permission.")
        )
    if "H2" in marking.handling:
        refused.append(Reason("handling.h2", "H2: not to be passed on without the provider's permission."))
    if "H3" in marking.handling:
        texts = "; ".join(sorted(marking.handling_text))
        refused.append(Reason("handling.h3", f"H3: it leaves only as its provider allows: {texts}"))
    return refused


_ALLOWED: Final = {
    Pap.RED: "only what stays inside this node: no look-up, no export, no blocking",
    Pap.AMBER: "look-ups at third parties, but nothing that its owner could notice",
}
