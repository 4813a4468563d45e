"""What the page of a finished job says came of it: counted in what is on record now, as far as its reader may see that."""

import re
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hanse.attacks.models import Membership, Run, RunAttack
from hanse.attacks.within import masked_runs
from hanse.campaigns.service import standing
from hanse.intel.feed_models import FeedRun
from hanse.intel.models import Batch
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.web.jobs import Outcome
from hanse.web.models import Job

_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")


def of_analysis(actor: Actor, job: Job) -> Outcome | None:
    """How many attacks an analysis found, in how many flows, and the campaign that they are of."""
    run = _runs(actor).filter(pk__in=_named(job)).first()
    return _of_run(actor, run) if run else None


def of_exercise(actor: Actor, job: Job) -> Outcome | None:
    """The same of an exercise: its result is the whole situation, so that its analysis is found by what it looked at."""
    scenario = str(job.params.get("scenario", "estonia-2007"))
    newest = _runs(actor).filter(time_us__lte=job.ended_us).order_by("-time_us")
    run = next((one for one in newest if scenario in dict(one.detail["inputs"])), None)
    return _of_run(actor, run) if run else None


def of_import(actor: Actor, job: Job) -> Outcome | None:
    """How many items came in, and how many did not."""
    return _of_account(Batch.objects.for_actor(actor, "intel.view").filter(pk__in=_named(job)).first())


def of_feed(actor: Actor, job: Job) -> Outcome | None:
    """The same of one run of a feed."""
    run = FeedRun.objects.for_actor(actor, "intel.view").filter(pk__in=_named(job)).first()
    if run is not None and run.outcome == "unchanged":
        return Outcome(_("Nothing had changed since the last time."))
    return _of_account(run)


def _runs(actor: Actor) -> QuerySet[Run]:
    rows: QuerySet[Run] = Run.objects.for_actor(actor, "attacks.view")
    return rows


def _named(job: Job) -> list[UUID]:
    """The last id in the address of a job's result, if it has one."""
    return [UUID(one) for one in _ID.findall(str(job.result))[-1:]]


def _of_run(actor: Actor, run: Run) -> Outcome:
    attacks = masked_runs([run], actor)[0].attacks
    flows = sum(number for _name, number in run.detail["inputs"])
    counted = ngettext("%(shown)s flow", "%(shown)s flows", flows) % {"shown": units.count(flows)}
    among = counted if run.detail["inputs"] else _("flows that this node holds")
    if not attacks:
        words = _("No attack was found in %(flows)s.") % {"flows": among}
        return Outcome(words, ((_("How the files were read"), reverse("telemetry:inputs")),))
    found = ngettext(
        "%(shown)s attack was found in %(flows)s.", "%(shown)s attacks were found in %(flows)s.", attacks
    )
    said = [found % {"shown": units.count(attacks), "flows": among}]
    named = Membership.objects.filter(attack__in=RunAttack.objects.filter(run=run.pk).values("attack"))
    campaigns = list(
        standing(actor, "campaigns.view").filter(pk__in=named.values("campaign")).values_list("pk", flat=True)
    )
    links: tuple[tuple[str, str], ...] = ()
    if len(campaigns) == 1:
        said.append(_("They are of one campaign."))
        links = ((_("Open the campaign"), reverse("campaigns:detail", args=campaigns)),)
    elif campaigns:
        said.append(_("They are of %(number)s campaigns.") % {"number": units.count(len(campaigns))})
        links = ((_("Open the campaigns"), reverse("campaigns:list")),)
    return Outcome(" ".join(said), links)


def _of_account(account: Batch | FeedRun | None) -> Outcome | None:
    if account is None:
        return None
    counts = (
        (account.fresh, _("%(shown)s new")),
        (account.newer, _("%(shown)s newer than what was here")),
        (account.known, _("%(shown)s known already")),
        (account.older, _("%(shown)s older, left alone")),
        (account.clashes, _("%(shown)s not taken, because they contradict what is here")),
        (account.left_out, _("%(shown)s left out or not understood")),
    )
    said = [words % {"shown": units.count(number)} for number, words in counts if number]
    if not said:
        return Outcome(_("There was nothing in it."))
    held = account.fresh + account.newer
    links = ((_("Its items"), f"{reverse('intel:list')}?batch={account.pk.hex}"),) if held else ()
    return Outcome(_("Items: %(counts)s.") % {"counts": ", ".join(said)}, links)
