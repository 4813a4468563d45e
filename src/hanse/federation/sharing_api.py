"""What the APIs of sharing have in common, whatever is shared: who is meant, what each gets, who has it, passing on."""

from typing import Any
from uuid import UUID

import msgspec
from ninja import Schema
from pydantic import Field

from hanse.federation import acting, sharing
from hanse.federation.sharing import Audience, Shown
from hanse.federation.showing import Holder
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, MarkingError, Pap, Tlp
from hanse.ledger.identity import authority
from hanse.web.api import In, Moment

_Names: Any = Field(default_factory=list, max_length=500)


class CopiesIn(In):
    """How copies are to be marked beside the thing's own marking, which holds in any case."""

    tlp: Tlp = Tlp.CLEAR
    pap: Pap = Pap.CLEAR
    handling: list[str] = Field(default_factory=list, max_length=4, description="Of H0, H1, H2, H3.")
    handling_text: list[str] = Field(default_factory=list, max_length=20, description="The texts of H3.")
    purposes: list[str] | None = Field(None, max_length=20, description="Null is any purpose.")
    releasable: list[str] | None = Field(None, max_length=100, description="Null leaves it to TLP.")
    retention_us: Moment | None = Field(None, description="Until when it is kept, microseconds UTC.")
    embargo_us: Moment | None = Field(
        None, description="Until when only those it is given to know of it, µs UTC."
    )
    embargo_for: list[str] = Field(default_factory=list, max_length=20, description="Who they are, in words.")


class AudienceIn(In):
    """With whom, and without what; a partner that any of the lists names is meant."""

    authorities: list[str] = _Names
    tiers: list[str] = _Names
    states: list[str] = Field(default_factory=list, max_length=500, description="ISO 3166 alpha-2 codes.")
    groups: list[str] = Field(default_factory=list, max_length=100, description="Ids of groups.")
    withheld: list[str] = Field(default_factory=list, max_length=20, description="Names of parts.")
    copies: CopiesIn | None = Field(
        None,
        description="How the copies are to be marked; null for what was said of each partner's copy before.",
    )


class ShareIn(AudienceIn):
    """With whom, without what, and why."""

    reason: str = Field(min_length=1, max_length=4_000)


class PartnerGets(Schema):
    """What one partner gets."""

    authority: str
    gets: bool
    rules: list[str] = Field(description="The rules that forbid it; empty where it gets it.")
    words: str = Field(description="Why not, in words.")
    marking: dict[str, Any]
    content: dict[str, Any] | None = Field(description="Exactly what it gets; null where it may not.")
    held_us: int | None = Field(
        description="When it was given it last before, microseconds UTC; null where it did not have it."
    )


class HolderOut(Schema):
    """A partner that has a thing, or had it."""

    authority: str
    name: str
    given_us: int
    withheld: list[str]
    opened_us: int | None
    acted: str = Field(
        alias="row.acted",
        description="`warned`, `mitigated`, `blocked`, `investigates`, `nothing`; empty for none yet.",
    )
    acted_words: str = Field(alias="row.acted_words")
    acted_us: int | None = Field(alias="row.acted_us")
    refused: str = Field(alias="row.refused", description="Why it refused it; empty where it did not.")
    recalled_us: int | None
    answer: str = Field(description="`purged`, `unknown` where it never came; empty for none yet.")

    @staticmethod
    def resolve_authority(one: Holder) -> str:
        """Its id."""
        return one.row.recipient

    @staticmethod
    def resolve_given_us(one: Holder) -> int:
        """When it got it."""
        return one.row.given_us

    @staticmethod
    def resolve_withheld(one: Holder) -> list[str]:
        """What it did not get."""
        return list(one.row.withheld)

    @staticmethod
    def resolve_opened_us(one: Holder) -> int | None:
        """When somebody there opened it."""
        return one.row.opened_us

    @staticmethod
    def resolve_recalled_us(one: Holder) -> int | None:
        """When it was recalled."""
        return one.row.recalled_us

    @staticmethod
    def resolve_answer(one: Holder) -> str:
        """What came of that."""
        return one.recall.answer if one.recall else ""


class RecallIn(In):
    """From whom a thing is taken back, and why."""

    authorities: list[str] | None = Field(None, max_length=500, description="All that have it by default.")
    reason: str = Field(min_length=1, max_length=4_000, description="The partners read it.")


class RecalledOut(Schema):
    """How many partners were told."""

    told: int


class PassOnIn(In):
    """To whom what a partner shared goes, and why."""

    authority: str = Field(min_length=1, max_length=128)
    reason: str = Field(min_length=1, max_length=4_000)


class AskReleaseIn(In):
    """For whom the originator is asked, and what for."""

    authority: str = Field(min_length=1, max_length=128)
    purpose: str = Field(min_length=1, max_length=4_000, description="Two people of the originator read it.")


class ReleaseAskedOut(Schema):
    """The request."""

    request: UUID


class ActedIn(In):
    """What this authority did with what a partner shared."""

    what: str = Field(
        max_length=16, description="`warned`, `mitigated`, `blocked`, `investigates` or `nothing`."
    )
    text: str = Field("", max_length=acting.LONGEST)


def asked(sort: str, thing: UUID, told: AudienceIn) -> sharing.Sharing:
    """What is meant by what was asked.

    Raises:
        UsageError: The marking of the copies means nothing.
    """
    whom = Audience(*map(frozenset, (told.authorities, told.tiers, told.states, told.groups)))
    return sharing.Sharing(sort, thing, whom, frozenset(told.withheld), _copies(told.copies))


def passed_on(sort: str, thing: UUID, told: PassOnIn, actor: Actor) -> dict[str, Any]:
    """What one partner got of what another shared, or why not."""
    whom = Audience(authorities=frozenset({told.authority}))
    [shown] = sharing.share(sharing.Sharing(sort, thing, whom), actor, told.reason)
    return gets(shown)


def _copies(told: CopiesIn | None) -> Marking | None:
    """The marking that is meant.

    Raises:
        UsageError: It means nothing.
    """
    if told is None:
        return None
    parts: dict[str, Any] = {name: None if value is None else frozenset(value) if isinstance(value, list) else value
             for name, value in told.dict().items()}  # fmt: skip
    try:
        return Marking(originators=frozenset({authority()}), **parts)
    except MarkingError as error:
        raise UsageError(str(error)) from error


def gets(one: Shown) -> dict[str, Any]:
    """What one partner gets, or would get, as `PartnerGets` has it."""
    return {
        "authority": one.partner.authority,
        "gets": one.content is not None,
        "rules": [] if one.content is not None else list(one.decision.rules),
        "words": "" if one.content is not None else one.decision.words,
        "marking": one.marking.as_json(),
        "content": msgspec.to_builtins(one.content) if one.content is not None else None,
        "held_us": one.held_us,
    }
