"""The finding in a sentence, how sure it is and why, and what would refute it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from hanse.attacks.attack import Attack
from hanse.campaigns.campaign import Campaign
from hanse.campaigns.report import words
from hanse.campaigns.report.findings import Findings
from hanse.campaigns.report.timeline import MONTHS
from hanse.kernel import units

REASONS = 4
"""Reasons shown beside a finding without a campaign, most frequent first; each attack has its own below."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One claim with its two sides; `text` is empty where the headline already makes the claim."""

    text: str
    anchor: str
    sure: tuple[str, ...]
    refuted_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """The headline, what follows it, and a caution where the telemetry was not whole."""

    headline: str
    remark: str
    statements: tuple[Statement, ...]
    caution: str


@dataclass(frozen=True, slots=True)
class TestSummary:
    """One kind of test over all links of a campaign: how often passed, and its p-values."""

    name: str
    asks: str
    links: int
    strongest: str
    middle: str
    weakest: str
    example: str


def finding(findings: Findings) -> Finding:
    """What the report says first."""
    if findings.campaigns:
        return _of_campaigns(findings)
    return _of_attacks(findings) if findings.attacks else _of_nothing(findings)


def _of_campaigns(findings: Findings) -> Finding:
    campaigns = findings.campaigns
    alone = len(lone_attacks(findings))
    remark = f"{words.many(alone, 'attack')} belong{'s' * (alone == 1)} to no campaign." if alone else ""
    if len(campaigns) == 1:
        headline = campaigns[0].verdict
    else:
        members = len({attack for campaign in campaigns for attack in campaign.attacks})
        headline = (
            f"{words.many(len(campaigns), 'campaign')} found, together {words.many(members, 'attack')}."
        )
    statements = tuple(
        Statement(
            campaign.verdict if len(campaigns) > 1 else "",
            f"campaign-{number}",
            (*_strength(campaign), *campaign.evidence),
            campaign.refuted_by,
        )
        for number, campaign in enumerate(campaigns, 1)
    )
    return Finding(headline, remark, statements, caution(findings))


def _strength(campaign: Campaign) -> tuple[str, ...]:
    """What holds the campaign together at its weakest place, because that is where it would break."""
    if not campaign.links:
        return ()
    fewest = min(len(link.tests) for link in campaign.links)
    weakest = max(min((test.p_value for test in link.tests), default=1.0) for link in campaign.links)
    return (
        (
            f"{words.many(len(campaign.links), 'link')} between its attacks, each resting on at least "
            f"{words.many(fewest, 'independent test')}; in the weakest link the best single test has "
            f"p = {words.probability(weakest)} before correction."
        ),
    )


def _of_attacks(findings: Findings) -> Finding:
    attacks = findings.attacks
    who = {findings.organisation(attack.victim) for attack in attacks}
    named = "organisation" if findings.organisation_of else "victim"
    first, last = min(attack.start_us for attack in attacks), max(attack.end_us for attack in attacks)
    headline = (
        f"{words.many(len(attacks), 'attack')} on {words.many(len(who), named)}, {_days(first, last)}; "
        "no evidence that they belong together."
        if len(attacks) > 1
        else f"One attack on {findings.organisation(attacks[0].victim)}, {units.minute(first)}, "
        f"lasting {units.duration(attacks[0].duration_s)}."
    )
    sure = (_confidences(attacks), *_common(attack.reasons for attack in attacks))
    refuted_by = _common(attack.refuted_by for attack in attacks)
    return Finding(headline, "", (Statement("", "attacks", sure, refuted_by),), caution(findings))


def _days(first_us: int, last_us: int) -> str:
    """``9 May 2007`` or ``3 May to 11 May 2007`` (UTC)."""
    first, last = (f"{when.day} {MONTHS[when.month - 1]}" for when in map(units.moment, (first_us, last_us)))
    years = units.moment(first_us).year, units.moment(last_us).year
    if years[0] != years[1]:
        return f"{first} {years[0]} to {last} {years[1]}"
    return f"{last} {years[1]}" if first == last else f"{first} to {last} {years[1]}"


def _confidences(attacks: tuple[Attack, ...]) -> str:
    counts = Counter(attack.confidence for attack in attacks)
    parts = [f"{units.count(counts[level])} {level}" for level in ("high", "medium", "low") if counts[level]]
    return f"Confidence that these are attacks: {', '.join(parts)}."


def _common(texts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    counts = Counter(text for group in texts for text in group)
    return tuple(text for text, _ in counts.most_common(REASONS))


def _of_nothing(findings: Findings) -> Finding:
    flows = sum(report.flows for report in findings.inputs)
    span = findings.span_us
    if not findings.inputs or not flows:
        headline = "Nothing to look at: no flow was read, so nothing can be said about attacks."
        return Finding(headline, "", (), caution(findings))
    length = f" in {units.duration((span[1] - span[0]) / 1e6)} of telemetry" if span else " in this telemetry"
    looked = f"{words.many(flows, 'flow')} from {words.many(len(findings.inputs), 'input')} looked at"
    when = f", {units.minute(span[0])} to {units.minute(span[1])}" if span else ""
    thresholds = findings.parameters.get("thresholds") or findings.parameters.get("Thresholds")
    sure = [f"{looked}{when}."]
    if thresholds:
        sure.append(f"Thresholds: {thresholds}.")
    refuted = (
        "Telemetry from a vantage point, a time or an address range that is not in these inputs.",
        "An attack that stays below every threshold named under Method and limits.",
    )
    statement = Statement("", "method", tuple(sure), refuted)
    return Finding(f"No attack found{length}.", "", (statement,), caution(findings))


def caution(findings: Findings) -> str:
    """What was lost on the way, in a sentence; empty where every input was read wholly."""
    broken = sum(not report.whole for report in findings.inputs)
    lost = sum(report.lost for report in findings.inputs)
    parts = []
    if broken:
        parts.append(f"{words.many(broken, 'input')} of {len(findings.inputs)} could not be read wholly")
    if lost:
        parts.append(f"{words.many(lost, 'record')} never arrived from the exporters")
    if not parts:
        return ""
    return f"{' and '.join(parts)}: attacks may be missing and volumes are lower bounds."


def lone_attacks(findings: Findings) -> list[Attack]:
    """Attacks that no campaign claims."""
    members = {attack for campaign in findings.campaigns for attack in campaign.attacks}
    return [attack for attack in findings.attacks if attack.id not in members]


def tests(campaign: Campaign) -> tuple[TestSummary, ...]:
    """The campaign's links by kind of test, most often passed first."""
    kinds: dict[str, list[tuple[float, str]]] = {}
    for link in campaign.links:
        for test in link.tests:
            kinds.setdefault(test.name, []).append((test.p_value, test.words))
    rows = []
    for name, results in sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0])):
        values = [value for value, _ in results]
        rows.append(
            TestSummary(
                words.plain(name),
                words.TEST_ASKS.get(name, ""),
                len(results),
                words.probability(min(values)),
                words.probability(median(values)),
                words.probability(max(values)),
                min(results)[1],
            )
        )
    return tuple(rows)
