"""Partners as rows of a list, each with how the exchange with it stands."""

from typing import Any

from django.db.models import BigIntegerField, Count, F, Model, OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce, Greatest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from hanse.federation import witnesses
from hanse.federation.models import Contradiction, Link, Partner, Received, Standing
from hanse.kernel.markings import TIER_WORDS, TIERS
from hanse.web import lists
from hanse.web.templatetags import hanse as show

CLASSES = {Standing.ACTIVE: "good", Standing.SUSPENDED: "needs", Standing.EXPELLED: "off"}
"""The class of `span.state` for how a partner stands."""


def partners() -> QuerySet[Partner, Partner]:
    """The partners, each with how the exchange stands.

    Beside the partner's own fields, each row has ``received``, ``waiting`` (addressed to this authority and not
    here yet), ``unproven`` (here, and not proven to be in the partner's tree yet), ``refused``, ``contradictions``,
    ``has`` (what it has of ours), ``answered_us`` (null for never), ``failing_us``, ``error`` and ``checkpoint`` (the
    last verified note of its ledger; empty for none).
    """
    mine = Received.objects.filter(partner=OuterRef("pk"), place__isnull=False).order_by("-place")
    told = Partner.objects.annotate(
        received=_number(
            mine.values(next=F("place") + 1)[:1]
        ),  # places have no gaps, so that none is counted
        refused=_counted(Received.objects.filter(partner=OuterRef("pk"), state="refused")),
        contradictions=_counted(Contradiction.objects.filter(partner=OuterRef("pk"))),
        total=_number(_link("total")),
        proven=_number(_link("proven")),
        has=_number(_link("has")),
        answered_us=Subquery(Link.objects.filter(pk=OuterRef("pk"), answered_us__gt=0).values("answered_us")),
        failing_us=Subquery(_link("failing_us")),
        error=Coalesce(Subquery(_link("error")), Value(""), output_field=TextField()),
        checkpoint=Coalesce(Subquery(_link("checkpoint")), Value(""), output_field=TextField()),
    )
    return told.annotate(
        waiting=Greatest(F("total") - F("received"), 0), unproven=Greatest(F("received") - F("proven"), 0)
    )


def _link(field: str) -> QuerySet[Any, Any]:
    rows: QuerySet[Any, Any] = Link.objects.filter(pk=OuterRef("pk")).values(field)
    return rows


def _number(rows: QuerySet[Any, Any]) -> Coalesce:
    return Coalesce(Subquery(rows, output_field=BigIntegerField()), 0)


def _counted(rows: QuerySet[Any, Any]) -> Coalesce:
    return _number(rows.order_by().values("partner").annotate(number=Count("pk")).values("number"))


def page_of(row: Partner) -> str:
    """The address of a partner's page."""
    return reverse("federation:partner", args=[row.authority])


def _stands(row: Partner) -> SafeString:
    return format_html(
        '<span class="state {}">{}</span>', CLASSES[Standing(row.state)], row.get_state_display()
    )


def _tier(row: Partner) -> SafeString:
    return format_html("{}", show.tier(row.tier))


def _wrong(name: str) -> Any:
    """A column's writer: a number that should be nought stands out where it is not."""

    def write(row: Model) -> SafeString:
        number = getattr(row, name)
        return format_html('<span class="{}">{}</span>', "wrong" if number else "", show.count(number))

    return write


def _seen(row: Any) -> str:
    """Who saw the partner's newest checkpoint as a witness, as far as their keys are known here."""
    seen = witnesses.seen_of(row.checkpoint)
    return ", ".join(sorted(seen)) if seen else "unwitnessed" if row.checkpoint else ""


def _failing(row: Any) -> SafeString:
    if row.failing_us is None:
        return SafeString("")
    return format_html('<span class="wrong">{} {}</span>', show.when(row.failing_us), row.error)


def _answered(row: Any) -> SafeString:
    """When it last answered, and since when it does not: one column, as the second is empty while all is well."""
    last = show.when(row.answered_us) if row.answered_us is not None else ""
    if row.failing_us is None:
        return format_html("{}", last)
    return format_html("{}<br>{} {}", last, _("failing since"), _failing(row))


LIST = lists.Listed(
    name="partners",
    caption="Partners",
    order="partner",
    columns=(
        lists.Column(key="partner", label="Partner", value="name", sort="authority", link=page_of),
        lists.Column(key="authority", label="Id", shown=False),
        lists.Column(key="tier", label="Tier", sort="tier", html=_tier),
        lists.Column(key="country", label="Country", sort="country"),
        lists.Column(key="state", label="Stands", html=_stands),
        lists.Column(key="received", label="Received", format="count"),
        lists.Column(key="waiting", label="Waiting", format="count", shown=False),
        lists.Column(key="unproven", label="Not yet proven", format="count", shown=False),
        lists.Column(key="refused", label="Refused", format="count", html=_wrong("refused")),
        lists.Column(key="contradictions", label="Contradictions", format="count", html=_wrong("contradictions")),
        lists.Column(key="witnessed", label="Ledger seen by", value=_seen),
        lists.Column(key="answered", label="Last answered", value="answered_us", format="when", html=_answered),
        lists.Column(key="failing", label="Failing since", html=_failing, shown=False),
        lists.Column(key="endpoint", label="Reached at", shown=False),
        lists.Column(key="since", label="Since", value="since_us", format="when", sort="since_us", shown=False),
    ),
    filters=(
        lists.Filter(key="state", label="Stands", field="state", choices=Standing.choices),
        lists.Filter(key="tier", label="Tier", field="tier", choices=[(one, TIER_WORDS[one]) for one in TIERS]),
        lists.Filter(key="country", label="Country", field="country", read=str.upper, help="Two letters, such as EE."),
    ),
    row_url=page_of,
    empty=lists.Empty(
        "Authorities that this one exchanges with appear here. Send your invitation to one of them and add theirs.",
        (
            ("Your invitation", "/partners/invitation/", "federation.view"),
            ("Add a partner by its invitation", "/partners/add/", "federation.partner"),
        ),
    ),
    live_seconds=10,
)  # fmt: skip
