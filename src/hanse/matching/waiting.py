"""What of matching waits for somebody: hits of their cases that nobody has answered."""

from django.urls import reverse
from django.utils.translation import gettext as _

from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.matching.hits import visible_hits
from hanse.matching.models import Offer
from hanse.policy.decision import may
from hanse.web.frame import Waiting


def unanswered(actor: Actor) -> Waiting | None:
    """Hits of the actor's cases without an answer; None for who works on no cases."""
    if not actor.teams or not may(actor, "matching.view", now_us=now_us()):
        return None
    answered = Offer.objects.filter(theirs=False).values("pk")
    count = visible_hits(actor).exclude(pk__in=answered).count()
    return Waiting(str(_("Matches to answer")), count, reverse("matching:matches"))
