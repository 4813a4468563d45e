"""Pages on which attacks are shared with partners and recalled, and what partners shared with this authority."""

from functools import partial
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from hanse.accounts.looking import asks_why, listed, looked_at
from hanse.attacks.models import Attack, PartnerAttack
from hanse.attacks.shared import Shared
from hanse.attacks.vectors import vector_words, vectors
from hanse.federation import sharing_pages
from hanse.federation.sharing_pages import Place
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.web import lists
from hanse.web.page import Result, page, signed_in


def held_html(attack_id: UUID, actor: Actor) -> str:
    """The section of an attack's page that says who has it; empty where nobody has, or the actor may not know."""
    return sharing_pages.held_html(attack_id, actor, reverse("attacks:recall", args=[attack_id]))


def _place(row: Attack) -> Place:
    return Place(
        sort="attack",
        thing=row.pk,
        marking=row.marking.marking,
        above=((_("Attacks"), reverse("attacks:list")),),
        title=_("%(vector)s on %(victim)s") % {"vector": vector_words(row.vector), "victim": row.victim},
        page=reverse("attacks:detail", args=[row.pk]),
    )


@page("federation.share", "federation/share.html", methods=("GET", "POST"))
@asks_why
def share(request: HttpRequest, attack_id: UUID) -> Result:
    """With whom an attack is shared; a dry run of it; and doing it."""
    row = Attack.objects.get_for(signed_in(request), "attacks.view", attack_id)
    looked_at(request, "attacks.view", [row])
    return sharing_pages.share(request, _place(row), facts)


def facts(content: Shared, left_out: frozenset[str]) -> list[tuple[str, str]]:
    """What partners get, in words; what is unknown here is left out, what is withheld says so."""
    attack = content.attack
    withheld = _("withheld")
    sources = withheld if "sources" in left_out else ""
    whose = withheld if left_out & {"organisation", "victim"} else ""
    networks = ", ".join(str(name) for name, _share in attack.top_networks)
    told = [
        (_("Vector"), vector_words(attack.vector)),
        (_("Victim"), attack.victim or withheld),
        (_("Organisation"), content.organisation or whose),
        (_("Sector"), content.sector),
        (_("Country"), content.country),
        (_("State"), content.state),
        (_("Start"), f"{units.second(attack.start_us)} UTC"),
        (_("Duration"), units.duration((attack.end_us - attack.start_us) / 1_000_000)),
        (_("Peak"), f"{units.bit_rate(attack.peak_bps)}, {units.packet_rate(attack.peak_pps)}"),
        (_("Packets"), units.count(attack.packets)),
        (_("Sources"), units.count(attack.sources)),
        (_("Networks of sources"), networks or sources),
        (_("Sketch of all sources"), _("included") if attack.source_sketch else sources),
        (_("Why it is one"), " ".join(attack.reasons)),
    ]
    return [(name, words) for name, words in told if words]


@page("federation.share", "federation/recall.html", methods=("GET", "POST"))
def recall(request: HttpRequest, attack_id: UUID) -> Result:
    """Take an attack back from partners that have it: the form, and doing it."""
    row = Attack.objects.get_for(signed_in(request), "attacks.view", attack_id)
    return sharing_pages.recall(request, _place(row))


def _page_of(row: PartnerAttack) -> str:
    return reverse("attacks:of-partner", args=[row.pk])


def _victim(row: PartnerAttack) -> SafeString:
    if row.victim:
        return format_html("<code>{}</code>", row.victim)
    return format_html('<span class="muted">{}</span>', _("withheld"))


LIST = lists.Listed(
    name="partners-attacks",
    caption="Partners' attacks",
    order="-start",
    columns=(
        lists.Column(key="partner", label="Partner", sort="partner"),
        lists.Column(key="vector", label="Vector", value=lambda row: vector_words(row.vector), sort="vector", link=_page_of),
        lists.Column(key="victim", label="Victim", html=_victim),
        lists.Column(key="mark", label="Victim's mark", value="victim_mark", shown=False),
        lists.Column(key="country", label="Country", sort="country"),
        lists.Column(key="organisation", label="Organisation", sort="organisation"),
        lists.Column(key="sector", label="Sector", shown=False),
        lists.Column(key="start", label="Start", value="start_us", format="when", sort="start_us"),
        lists.Column(key="duration", label="Duration", value=lambda row: row.end_us - row.start_us, format="span_us"),
        lists.Column(key="peak", label="Peak", value="peak_bps", format="bps", sort="peak_bps"),
        lists.Column(key="peak_pps", label="Peak packets", format="pps", sort="peak_pps", shown=False),
        lists.Column(key="sources", label="Sources", format="count", sort="sources"),
        lists.Column(key="source_class", label="Source test", shown=False),
        lists.Column(key="state", label="State"),
        lists.Column(key="received", label="Received", value="received_us", format="when", sort="received_us", shown=False),
    ),
    filters=(
        lists.Filter(key="partner", label="Partner", field="partner"),
        lists.Filter(key="vector", label="Vector", field="vector",
                     choices=lambda: [(one.name, vector_words(one.name)) for one in vectors().values()]),
        lists.Filter(key="victim", label="Victim", field="victim__startswith", help="An address, or how it begins."),
        lists.Filter(key="mark", label="Victim's mark", field="victim_mark"),
        lists.Filter(key="country", label="Country", field="country", read=str.upper, help="Two letters, such as EE."),
    ),
    row_url=_page_of,
    empty=lists.Empty("Attacks that partners share with this authority appear here.", (("Partners", "/partners/", "federation.view"),)),
    export="attacks.export",
)  # fmt: skip


@page("attacks.view", "attacks/of_partners.html")
@asks_why
def of_partners(request: HttpRequest) -> Result:
    """The attacks that partners shared, as far as the actor may see them."""
    actor = signed_in(request)
    return listed(request, LIST, partial(PartnerAttack.objects.for_actor, actor), "attacks.view")
