"""A campaign as it is told to somebody: with those of its attacks and links that they may know, and marked for that."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from hanse.attacks.models import Attack
from hanse.campaigns import service
from hanse.campaigns.campaign import Campaign as Found
from hanse.campaigns.campaign import Link, LinkTest
from hanse.campaigns.models import Campaign
from hanse.kernel.markings import Marking, strictest


def marking_of(row: Campaign, attacks: Sequence[Attack]) -> Marking:
    """As strict as the strictest of what the page or file shows."""
    return strictest([row.marking.marking, *(one.marking.marking for one in attacks)])


def found_of(row: Campaign, attacks: Sequence[Attack]) -> Found:
    """The campaign as the linker gave it, with those of its attacks and links that are told."""
    names = {one.pk: one.name for one in attacks}
    held = tuple(
        Link(names[one.first], names[one.second], msgspec.convert(one.tests, tuple[LinkTest, ...]))
        for one in service.links_in(row)
        if one.first in names and one.second in names
    )
    plain = {
        "id": row.name, "attacks": [one.name for one in attacks], "links": (), "scope": row.scope,
        "country": row.country, "start_us": row.start_us, "end_us": row.end_us, "verdict": row.verdict,
        **row.detail,
    }  # fmt: skip
    return replace(msgspec.convert(plain, Found), links=held)
