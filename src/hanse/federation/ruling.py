"""Rules by which things are shared by themselves: two people make one, one person ends it, the worker follows it."""

from contextlib import suppress
from dataclasses import replace
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec

from hanse.accounts import approvals
from hanse.accounts.approvals import Approvable, Pending
from hanse.federation.contents import RuleSet
from hanse.federation.models import Group, Rule, RuleMark
from hanse.federation.partners import active, called
from hanse.federation.sending import speaker
from hanse.federation.sharing import Audience, Sharing, give, shareable, sorts
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import TIER_WORDS, Tlp
from hanse.ledger.writing import append, writing
from hanse.policy.asking import require
from hanse.policy.guarded import NotVisibleError

RULE: Final = "federation.rule"


class UnknownRuleError(UsageError):
    """There is no such rule."""

    status = 404


def propose(
    sort: str, audience: Audience, withheld: frozenset[str], why: str, actor: Actor, tlp: str = ""
) -> UUID:
    """Propose that things of a sort are shared by themselves from now on; the proposal's id.

    Args:
        sort: Of what sort.
        audience: With whom.
        withheld: Names of the parts that nobody gets.
        why: Why, for who approves it.
        actor: Who proposes it.
        tlp: The strictest level of TLP that is shared so; empty for any that the marking lets leave.

    Raises:
        UsageError: Nothing of that name is shared, a part or level has another name, or nobody would get it.
        RefusedError: The actor may not.
    """
    require(actor, "federation.share")
    if not shareable(sort).by_rule:
        raise UsageError(f"Nothing called {sort} is shared by a rule.")
    if unknown := withheld - shareable(sort).parts.keys():
        raise UsageError(f"{min(unknown)!r} is no part that can be withheld.")
    if tlp not in {"", *Tlp}:
        raise UsageError(f"{tlp[:40]!r} is no level of TLP; they are {', '.join(Tlp)}.")
    if not audience.partners():
        raise UsageError(
            "No active partner is meant by that. Choose authorities, groups, tiers or states of partners."
        )
    subject = {
        "sort": sort,
        "authorities": sorted(audience.authorities),
        "tiers": sorted(audience.tiers),
        "states": sorted(audience.states),
        "groups": sorted(audience.groups),
        "withheld": sorted(withheld),
        "tlp": str(tlp),
    }
    return approvals.propose(RULE, subject, why, actor)


def _make(pending: Pending, actor: Actor) -> str:
    content = msgspec.convert({**pending.subject, "proposal": pending.id.hex}, RuleSet)
    append("federation.rule_set", content, actor=actor, reason=pending.why, object_id=uuid4())
    return ""


def end(rule: UUID, why: str, actor: Actor) -> None:
    """Share by a rule no longer; what was shared stays with those who have it.

    Raises:
        UsageError: There is no such rule.
        RefusedError: The actor may not.
    """
    require(actor, "federation.share")
    row = rule_of(rule)
    if not why.strip():
        raise UsageError("Say why it ends.")
    append("federation.rule_set", RuleSet(sort=row.sort, ended=True), actor=actor, reason=why, object_id=rule)


def rule_of(rule: UUID) -> Rule:
    """The rule of that id.

    Raises:
        UnknownRuleError: There is none, or it has ended.
    """
    row = Rule.objects.filter(pk=rule).first()
    if row is None:
        raise UnknownRuleError("There is no such rule, or it has ended.")
    return row


def follow() -> int:
    """Share what rules say and what is new since they last looked; how many things.

    What may not be given to somebody is not: its marking holds, whatever the rule says.
    """
    return sum(_follow(row) for row in Rule.objects.order_by("since") if row.sort in sorts())


def _follow(row: Rule) -> int:
    mark, _ = RuleMark.objects.get_or_create(pk=row.pk, defaults={"through": row.since})
    done = 0
    for sequence, thing in shareable(row.sort).changed(mark.through):
        with writing():  # nobody ends the rule or marks the thing between looking and giving
            rule = Rule.objects.filter(pk=row.pk).first()
            if rule is None:
                return done
            done += _gives(rule, thing)
            RuleMark.objects.filter(pk=row.pk).update(through=sequence)
    return done


def _gives(rule: Rule, thing: UUID) -> bool:
    """Share a thing as a rule says; whether anybody got it. The caller has locked the ledger."""
    audience = Audience(**{name: frozenset(values) for name, values in rule.audience.items()})
    sharing = Sharing(rule.sort, thing, _still(audience), frozenset(rule.withheld))
    with suppress(
        NotVisibleError, UsageError
    ):  # purged meanwhile, or not fit to be given: no other thing waits for it
        if not rule.tlp or shareable(rule.sort).find(None, thing).marking.tlp <= Tlp(rule.tlp):
            return any(one.content is not None for one in give(sharing, speaker(), "A rule says so."))
    return False


def _still(audience: Audience) -> Audience:
    """Without the authorities that are no active partners now, and groups that are none: it goes on for the others."""
    here = {one.authority for one in active()}
    groups = audience.groups & {one.pk.hex for one in Group.objects.all()}
    return replace(audience, authorities=audience.authorities & here, groups=groups)


def _words(told: dict[str, Any]) -> str:
    names = {one.pk.hex: f"the group {one.name} ({', '.join(one.members)})" for one in Group.objects.all()}
    groups = [names.get(one, "a group that was dissolved") for one in told.get("groups", ())]
    tiers = [f"every {TIER_WORDS[one]}" for one in told["tiers"]]
    whom = ", ".join([*map(called, told["authorities"]), *groups, *tiers, *told["states"]])
    without = f" without {', '.join(told['withheld'])}" if told["withheld"] else ""
    level = f" of TLP:{told['tlp']} and below" if told.get("tlp") else ""
    return f"Each {told['sort']}{level} is shared with {whom} as it is found{without}, as far as its marking lets."


APPROVAL = Approvable(RULE, "federation.share", _words, _make)
