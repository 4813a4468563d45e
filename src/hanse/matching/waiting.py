"""What of matching waits for somebody: hits of their cases that nobody has answered, or of which a joint case is to be opened."""

from django.urls import reverse
from django.utils.translation import gettext as _

from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.matching.contacting import standing
from hanse.matching.hits import visible_hits
from hanse.matching.models import Offer
from hanse.policy.decision import may
from hanse.web.frame import Waiting


def unanswered(actor: Actor) -> Waiting | None:
    """Hits of the actor's cases without an answer, or that this authority has to open what both want; None for who works on no cases."""
    if not actor.teams or not may(actor, "matching.view", now_us=now_us()):
        return None
    own = Offer.objects.filter(theirs=False)
    seen = visible_hits(actor)
    count = seen.exclude(pk__in=own.values("pk")).count()
    wanted = seen.filter(pk__in=own.filter(wants=True).values("pk"))
    count += sum(one.needs_us for one in standing(wanted, actor).values())
    return Waiting(str(_("Matches to answer")), count, reverse("matching:matches"))
