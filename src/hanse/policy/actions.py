"""The actions that policy knows. A name that is not here is a mistake of the program, never a refusal."""

from dataclasses import dataclass
from typing import Final

from hanse.kernel.errors import HanseError
from hanse.kernel.markings import Audience, Touch


class UnknownActionError(HanseError):
    """A part of the program asks about an action that is not in the list of actions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that an actor can do, and what it means for a marked thing.

    Attributes:
        name: `<room>.<verb>`.
        words: What it is, after "may".
        content: Whether it shows or changes what a marked thing says. Without content (an envelope of the
            ledger, settings) only the rules about the actor apply to those who oversee.
        audience: Who comes to know the thing by it, besides the actor.
        touch: How far the value can be noticed by it.
        evidence: Whether what comes out is made to be evidence in judicial proceedings.
        step_up: Whether the person proves a passkey again shortly before.
        second_person: Whether it decides on what somebody else began, and never on one's own.
        logged: Whether it consults or discloses personal data (Directive (EU) 2016/680, article 25).
        reason: Whether the person always says why.
    """

    name: str
    words: str
    content: bool = True
    audience: Audience = Audience.ORGANISATION
    touch: Touch = Touch.NOTHING
    evidence: bool = False
    step_up: bool = False
    second_person: bool = False
    logged: bool = False
    reason: bool = False


_LIST: Final = (
    Action(name="situation.view", words="see the situation", content=False),
    Action(name="telemetry.view", words="look at flows", logged=True),
    Action(name="telemetry.export", words="take flows out as a file", touch=Touch.LEAVES, logged=True),
    Action(name="telemetry.import", words="read captures and flow files in", content=False),
    Action(name="telemetry.collect", words="start and stop the collector", content=False),
    Action(name="telemetry.remove", words="remove stored flows for good", content=False, step_up=True, reason=True),
    Action(name="constituency.view", words="see whom the authority protects"),
    Action(name="constituency.edit", words="change whom the authority protects"),
    Action(name="constituency.export", words="take the list of whom the authority protects out as a file",
           touch=Touch.LEAVES, logged=True),
    Action(name="attacks.view", words="see attacks", logged=True),
    Action(name="attacks.decide", words="decide on attacks: false positive, merge, split"),
    Action(name="attacks.export", words="export attacks", touch=Touch.LEAVES, logged=True),
    Action(name="tracing.view", words="see where attacks come from", logged=True),
    Action(name="campaigns.view", words="see campaigns", logged=True),
    Action(name="campaigns.export", words="export campaigns", touch=Touch.LEAVES, logged=True),
    Action(name="intel.view", words="see intelligence", logged=True),
    Action(name="intel.import", words="bring intelligence in", content=False),
    Action(name="intel.subscribe", words="have feeds of intelligence fetched", content=False),
    Action(name="intel.write", words="write reports, indicators and sightings"),
    Action(name="intel.edit", words="grade intelligence, and say that a correlation is none"),
    Action(name="intel.export", words="export intelligence", touch=Touch.LEAVES, logged=True),
    Action(name="intel.look_up", words="ask third parties what they know of a value", touch=Touch.PASSIVE,
           logged=True),
    Action(name="intel.query", words="query a value so that its owner could notice", touch=Touch.ACTIVE,
           logged=True),
    Action(name="cases.view", words="see cases", logged=True),
    Action(name="cases.open", words="open cases", content=False),
    Action(name="cases.edit", words="work on cases"),
    Action(name="cases.joint", words="work on joint cases with partners", touch=Touch.LEAVES, logged=True),
    Action(name="cases.joint_open", words="open joint cases with partners", touch=Touch.LEAVES, step_up=True,
           logged=True, reason=True),
    Action(name="cases.keep", words="say until when a case is kept", step_up=True, reason=True),
    Action(name="cases.export", words="take a case out as a file", touch=Touch.LEAVES, evidence=True, logged=True,
           reason=True),
    Action(name="cases.inspect", words="open evidence to look at it", logged=True, reason=True),
    Action(name="cases.take", words="hand evidence out", touch=Touch.LEAVES, logged=True, reason=True),
    Action(name="cases.answer", words="answer people who ask what is held on them", logged=True),
    Action(name="cases.tell", words="tell people what is held on them", touch=Touch.LEAVES, logged=True),
    Action(name="cases.erase", words="erase evidence, and what is held on a person", step_up=True, reason=True),
    Action(name="matching.view", words="see what partners have too", logged=True),
    Action(name="matching.oversee", words="see what is compared with partners, how much and on what legal basis",
           content=False),
    Action(name="matching.agree", words="agree what is compared with partners", content=False, step_up=True),
    Action(name="matching.run", words="have selectors compared with partners", touch=Touch.LEAVES, logged=True),
    Action(name="matching.count", words="have it counted how many sources attacks have in common with partners'",
           touch=Touch.LEAVES, logged=True),
    Action(name="matching.reopen", words="do a comparison again, and see whether it was honest", content=False,
           step_up=True, reason=True),
    Action(name="matching.keep_out", words="keep cases and selectors out of comparing", reason=True),
    Action(name="matching.contact", words="answer partners who have the same selector", touch=Touch.LEAVES,
           logged=True, step_up=True),
    Action(name="prevention.block", words="have a value blocked", touch=Touch.ACTIVE, logged=True),
    Action(name="ledger.view", words="see envelopes of the ledger", content=False),
    Action(name="ledger.prove", words="see the proof of an entry", content=False),
    Action(name="ledger.read_body", words="read the body of an entry", logged=True, reason=True),
    Action(name="ledger.export", words="export an entry with its proof", touch=Touch.LEAVES, evidence=True,
           logged=True, reason=True),
    Action(name="ledger.purge", words="purge a body for good", content=False, step_up=True, reason=True),
    Action(name="policy.mark", words="mark a thing anew and release it", step_up=True, reason=True),
    Action(name="federation.view", words="see partners, and how the exchange with each stands", content=False),
    Action(name="federation.partner", words="make, suspend and expel partners", content=False, step_up=True),
    Action(name="federation.share", words="share things with partners, and recall them", touch=Touch.LEAVES,
           logged=True, step_up=True, reason=True),
    Action(name="accounts.view", words="see people, roles and teams", content=False),
    Action(name="accounts.invite", words="invite people", content=False, step_up=True),
    Action(name="accounts.grant", words="give and take roles and teams", content=False, step_up=True),
    Action(name="accounts.approve", words="approve what somebody else proposes", content=False, step_up=True,
           second_person=True),
    Action(name="accounts.tokens", words="make API tokens", content=False, step_up=True),
    Action(name="taxii.view", words="see edge partners", content=False),
    Action(name="taxii.partner", words="make and revoke edge partners", content=False, step_up=True),
    Action(name="taxii.fetch", words="fetch what is released to edge partners", audience=Audience.COMMUNITY,
           touch=Touch.LEAVES, logged=True),
    Action(name="taxii.send", words="send intelligence as an edge partner", content=False),
    Action(name="webhooks.view", words="see webhooks", content=False),
    Action(name="webhooks.edit", words="make, test, pause and remove webhooks", content=False, step_up=True),
    Action(name="webhooks.receive", words="be told by webhook", audience=Audience.COMMUNITY, touch=Touch.LEAVES,
           logged=True),
    Action(name="settings.view", words="see settings and the state of the node", content=False),
    Action(name="settings.edit", words="change settings", content=False),
    Action(name="jobs.view", words="see jobs", content=False),
    Action(name="jobs.cancel", words="cancel jobs", content=False),
)  # fmt: skip

ACTIONS: Final = {action.name: action for action in _LIST}
"""All actions by name."""


def action_named(name: str) -> Action:
    """The action of a name.

    Raises:
        UnknownActionError: When there is none.
    """
    action = ACTIONS.get(name)
    if action is None:
        raise UnknownActionError(
            f"no action is named {name!r}. Add it to hanse.policy.actions, or correct it."
        )
    return action
