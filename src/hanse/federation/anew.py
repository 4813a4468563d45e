"""Giving anew what partners refused because it was signed with a key of this node that is in force no more.

A partner that learned the key in force from an invitation has never believed those before it, nor does one that was told of
a revocation believe what comes under that key. What was shared so is refused for good: only under the key in force is it
taken. Whoever had a revoked key, and the node as well, may have shared things: a person looks before they are given anew.
"""

from collections import Counter

from hanse.federation.models import Given, Partner, Standing
from hanse.federation.sharing import again
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.ledger.among import among
from hanse.ledger.models import Entry, NodeKey
from hanse.policy.asking import require


def refused_by(partner: str) -> list[Given]:
    """What a partner was given and refused, and what was signed with a key that is in force no more; the first given first."""
    rows = list(
        Given.objects.filter(recipient=partner, recalled_us=None).exclude(refused="").order_by("number")
    )
    past = set(NodeKey.objects.exclude(until_us=None).values_list("pk", flat=True))
    if not rows or not past:
        return []
    sent = Entry.objects.filter(recipient=partner, object_id__in=among({one.shared for one in rows}))
    last = dict(sent.order_by("sequence").values_list("object_id", "key"))
    return [one for one in rows if last.get(one.shared) in past]


def refused() -> Counter[str]:
    """How many such things there are, by active partner; those with none are left out."""
    wanted = Given.objects.filter(recalled_us=None).exclude(refused="").values("recipient")
    partners = Partner.objects.filter(state=Standing.ACTIVE, pk__in=wanted).values_list("pk", flat=True)
    return +Counter({one: len(refused_by(one)) for one in partners})


def give_anew(partner: Partner, actor: Actor, reason: str) -> tuple[int, int]:
    """Give a partner all such things anew, each as it is now and without what was withheld; how many, and how many not.

    What its marking, or what is agreed with the partner, keeps back by now is not given, and stays in the list.

    Raises:
        RefusedError: The actor may not share.
        UsageError: The partner is not active, no reason is given, or there is nothing to be given anew.
    """
    require(actor, "federation.share")
    if not reason.strip():
        raise UsageError("Say why it is shared: the law wants the reason written down.")
    if partner.state != Standing.ACTIVE:
        raise UsageError(f"{partner.name} is no active partner. Take it in again first.")
    rows = refused_by(partner.authority)
    if not rows:
        raise UsageError(
            f"{partner.name} refused nothing that was signed with a key that is in force no more."
        )
    told = again(rows, actor, reason.strip())
    given = sum(one.content is not None for one in told)
    return given, len(rows) - given
