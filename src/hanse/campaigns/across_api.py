"""The API of campaigns across borders: the same as the pages say, whole."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from hanse.campaigns import service
from hanse.campaigns.across import Across, Bond, Member
from hanse.campaigns.across_views import across_for, looked_at
from hanse.web.api import endpoint
from hanse.web.page import signed_in

router = Router(tags=["campaigns"])


class ContributionOut(Schema):
    """What one authority contributed."""

    authority: str
    name: str
    own: bool = Field(description="Whether it is this authority.")
    attacks: int
    victims: int
    states: list[str]
    start_us: int
    end_us: int


class WithoutOut(Schema):
    """What would be left if nothing that one partner says were believed."""

    authority: str
    name: str
    stands: list[str] = Field(description="What is still linked, in words; empty for nothing.")
    alone: int = Field(description="Attacks of others that nothing links any more.")


class AcrossOut(Schema):
    """A campaign seen by several authorities, as far as the caller may know it."""

    id: UUID = Field(description="Of its first attack; every other attack of it finds it as well.")
    title: str
    verdict: str
    states: list[str]
    start_us: int
    end_us: int
    attacks: int
    links: int
    campaigns: list[UUID] = Field(description="The own campaigns that are part of it.")
    contributions: list[ContributionOut]
    without: list[WithoutOut]
    evidence: list[str]
    refuted_by: list[str]
    marking: dict[str, Any]

    @staticmethod
    def resolve_id(one: Across) -> UUID:
        """By what it is found."""
        return one.key

    @staticmethod
    def resolve_attacks(one: Across) -> int:
        """How many attacks it has."""
        return len(one.members)

    @staticmethod
    def resolve_links(one: Across) -> int:
        """How many links across borders it has."""
        return len(one.bonds)

    @staticmethod
    def resolve_campaigns(one: Across) -> list[UUID]:
        """The own campaigns in it."""
        return list(one.homes)

    @staticmethod
    def resolve_marking(one: Across) -> dict[str, Any]:
        """As strict as all that it is made of."""
        return one.marking.as_json()


class AcrossAttackOut(Schema):
    """An attack of it."""

    id: UUID
    contributor: str = Field(description="The authority that saw it.")
    vector: str
    country: str = Field(description="The victim's state; empty where its authority does not say.")
    whom: str = Field(description="Whose the victim is, or its address; empty where both are withheld.")
    start_us: int
    end_us: int
    peak_bps: float

    @staticmethod
    def resolve_id(one: Member) -> UUID:
        """The attack's object."""
        return one.object_id


class AcrossLinkOut(Schema):
    """A link across borders, and who contributed which end."""

    id: UUID
    first: UUID
    second: UUID
    contributors: list[str] = Field(description="Who saw the first attack, and who the second.")
    p_value: float = Field(description="Of the strongest of its tests.")
    tests: list[dict[str, Any]]
    entry: int

    @staticmethod
    def resolve_id(one: Bond) -> UUID:
        """The link's object."""
        return one.object_id

    @staticmethod
    def resolve_first(one: Bond) -> UUID:
        """The earlier attack."""
        return one.first.object_id

    @staticmethod
    def resolve_second(one: Bond) -> UUID:
        """The later attack."""
        return one.second.object_id

    @staticmethod
    def resolve_tests(one: Bond) -> list[dict[str, Any]]:
        """Name, p-value and words of each."""
        return one.told

    @staticmethod
    def resolve_entry(one: Bond) -> int:
        """The entry that says so."""
        return one.sequence


class AcrossWhole(AcrossOut):
    """One of them with its attacks and links."""

    members: list[AcrossAttackOut] = Field(description="In order of start.")
    bonds: list[AcrossLinkOut] = Field(description="The links across borders, the weakest first.")


@router.get("/across", response=list[AcrossOut], operation_id="campaigns_across")
@endpoint("campaigns.view")
def list_across(request: HttpRequest) -> Any:
    """The campaigns that several authorities see together, those on most states first."""
    found = service.across(signed_in(request))
    looked_at(request, found, 0, 0)
    return found


@router.get("/across/{uuid:across_id}", response=AcrossWhole, operation_id="campaigns_across_get")
@endpoint("campaigns.view")
def get_across(request: HttpRequest, across_id: UUID) -> Any:
    """The campaign across borders that an attack, own or a partner's, is part of."""
    one = across_for(signed_in(request), across_id)
    looked_at(request, [one], None, None)
    return one
