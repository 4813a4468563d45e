"""May a thing be given to another authority? What its marking says of passing it on.

=====================  =====================================================================================
`retention.over`       the retention date is past: nothing but purging is left
`team.need-to-know`    it belongs to a team; it is given when it is nobody's alone any more, or to people there
                       whom somebody of the team names
`pap.red`              nothing of it leaves this node
`releasable`           the other authority is not among those it is releasable to
`tlp.LEVEL`            another's: TLP:AMBER and above stay with the authority that got them
`embargo.hour`         another's: not passed on before the hour
`handling.h2`, `.h3`   another's: not passed on without its provider's permission
=====================  =====================================================================================

What this authority alone originated it may give to whom it wants, within what it marked itself. What others
originated is given as they marked it, or with their signed release, which names the authority that may have it.
Pure; a stricter marking never allows what a weaker one refuses.
"""

from hanse.kernel.actors import Actor
from hanse.kernel.markings import Audience, Marking, Touch, satisfies
from hanse.policy.decision import Decision, Reason


def may_give(
    giver: str, receiver: Actor, marking: Marking, team: str, *, now_us: int, released: bool = False,
    named: bool = False,
) -> Decision:  # fmt: skip
    """Whether an authority may give what is so marked to another one.

    Args:
        giver: Id of the authority that gives.
        receiver: The other one, as an actor.
        marking: The marking of the thing.
        team: Id of its need-to-know team; empty for none.
        now_us: The time, microseconds UTC.
        released: Whether its originator has signed that the other authority may have it.
        named: Whether somebody of the team gives it, and only to people whom the other authority has to name.

    Returns:
        Yes, or every reason against it.
    """
    refused = []
    if marking.retention_us is not None and now_us > marking.retention_us:
        refused.append(Reason("retention.over", "Its retention date is past; it is to be purged."))
    if team and not named:
        refused.append(Reason("team.need-to-know", "It belongs to a team. Mark it for more people first."))
    if marking.pap.touch < Touch.LEAVES:
        refused.append(Reason("pap.red", "PAP:RED keeps it on this node."))
    if marking.releasable is not None and not satisfies(
        marking, receiver.authority, receiver.tier, receiver.country
    ):
        refused.append(Reason("releasable", f"It is not releasable to {receiver.name}."))
    if not released:
        refused += _of_others(giver, receiver, marking, now_us)
    if refused:
        return Decision(allowed=False, reasons=tuple(refused))
    return Decision(allowed=True, reasons=(Reason("marking", "Its marking allows it."),))


def _of_others(giver: str, receiver: Actor, marking: Marking, now_us: int) -> list[Reason]:
    """What binds the giver where others originated it, also in part; nothing keeps it from those alone who did."""
    if marking.originators in ({giver}, {receiver.authority}):
        return []
    whose = ", ".join(sorted(marking.originators - {giver}))
    refused = []
    if marking.tlp.audience < Audience.COMMUNITY:
        words = f"TLP:{marking.tlp}: {whose} gave it to this authority. Ask for a release."
        refused.append(Reason(f"tlp.{marking.tlp.colour}", words))
    if marking.is_embargoed(now_us):
        refused.append(Reason("embargo.hour", f"Under an embargo of {whose}: not passed on before the hour."))
    if "H2" in marking.handling:
        refused.append(Reason("handling.h2", f"H2: not passed on without the permission of {whose}."))
    if "H3" in marking.handling:
        texts = "; ".join(sorted(marking.handling_text))
        refused.append(Reason("handling.h3", f"H3: {whose} says: {texts}"))
    return refused
