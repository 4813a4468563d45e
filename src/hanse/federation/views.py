"""The pages of partners: who they are and how the exchange with each stands."""

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from hanse.federation.models import Partner, Received
from hanse.web.page import Result, page


@page("federation.view", "federation/partners.html")
def partners(_request: HttpRequest) -> Result:
    """All partners."""
    mine = Received.objects.filter(partner=OuterRef("pk")).order_by().values("partner")
    received = Coalesce(Subquery(mine.annotate(number=Count("pk")).values("number")), 0)
    return {"rows": Partner.objects.annotate(received=received).order_by("authority")}
