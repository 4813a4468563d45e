"""The people of a league's node: two that the exercise plays, and two visitors who sign in.

They come in as people do: the first by the link of the founding, the second and the visitors by invitation, and every
role after that takes two of them. Instead of a passkey, the two are known by an issuer that no node lets anybody sign in
at, so that nobody ever signs in as one of them. Only a node that rehearses has them.
"""

from contextlib import suppress
from typing import Final
from uuid import UUID

from django.conf import settings

from hanse.accounts import approvals, links, service
from hanse.accounts.issuers import person_at
from hanse.accounts.models import Membership, Person, Proposal, RoleGrant
from hanse.accounts.who import person_actor
from hanse.kernel.actors import Actor, system
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError

ISSUER: Final = "urn:hanse:exercise"
"""Who says that the two are who they are; it is in no node's settings."""

VISITOR_ROLES: Final = ("administrator", "analyst", "approver", "investigator", "officer")
SECOND_ROLES: Final = ("approver", "auditor")
VISITORS: Final = {"Visitor": VISITOR_ROLES, "Second visitor": SECOND_ROLES}
"""So that a visitor can try everything but overseeing, which is not for who works; and, as a second person, approve what
the first one proposes, and oversee it."""

_WHY: Final = "The exercise plays two people of this authority."


class Cast:
    """The two people.

    Args:
        names: What they are called; pages add that they are played.

    Raises:
        UsageError: The node does not rehearse: no program plays people there.
    """

    def __init__(self, names: tuple[str, str]) -> None:
        if not settings.HANSE_NODE.exercise:
            raise UsageError("This node does not rehearse: its people act themselves.")
        self._first = person_at(ISSUER, "first") or self._founder(names[0])
        self._works()
        self._second = person_at(ISSUER, "second") or self._invited(names[1])

    @property
    def first(self) -> Actor:
        """Who proposes: officer, investigator, analyst, administrator and approver."""
        return _acting(self._first)

    @property
    def second(self) -> Actor:
        """Who approves."""
        return _acting(self._second)

    def _founder(self, name: str) -> UUID:
        node = settings.HANSE_NODE
        actor = system("node", node.authority, node.country, node.tier)
        return _joins(service.invite_first(actor, _played(name)), name, "first")

    def _works(self) -> None:
        """The founder gives itself two more roles, while it is alone."""
        for role in ("officer", "investigator"):
            if not RoleGrant.objects.filter(person=self._first, role=role).exists():
                service.grant_role(self._first, role, _WHY, self.first)

    def _invited(self, name: str) -> UUID:
        _, path = service.invite(
            _played(name), "", ("administrator", "analyst", "approver"), _WHY, self.first
        )
        return _joins(path, name, "second")

    def visitor_links(self) -> list[str]:
        """A fresh one-time link for each visitor; its path on this node, or empty where they have joined."""
        played = {self._first, self._second}
        there = list(Person.objects.exclude(pk__in=played).order_by("invited_us", "pk")[: len(VISITORS)])
        rows = [*there, *[None] * len(VISITORS)]
        return [self._link(name, row) for name, row in zip(VISITORS, rows, strict=False)]

    def _link(self, name: str, row: Person | None) -> str:
        if row is not None and row.joined_us is not None:
            return ""
        if row is None:
            person, path = service.invite(name, "", (), _WHY, self.first)
        else:
            person, path = row.pk, service.invite_again(row.pk, self.first)
        self._give_roles(person, VISITORS[name])
        self._let_into_teams(person)
        return path

    def _give_roles(self, person: UUID, roles: tuple[str, ...]) -> None:
        """A visitor's roles, each proposed by one and approved by the other where that takes two."""
        has = set(RoleGrant.objects.filter(person=person).values_list("role", flat=True))
        for role in roles:
            if role not in has:
                with suppress(
                    approvals.ProposedAlreadyError
                ):  # by an earlier start that ended before it was approved
                    service.grant_role(person, role, "The visitor tries everything.", self.first)
        for one in Proposal.objects.filter(state="open", action="accounts.grant_role"):
            if one.subject["person"] == person.hex and one.proposed_by == self._first.hex:
                approvals.approve(one.pk, self.second)

    def _let_into_teams(self, person: UUID) -> None:
        """The visitor works on the cases of the exercise too, let into their teams by two people."""
        there = set(Membership.objects.filter(person=person).values_list("team", flat=True))
        for team in Membership.objects.filter(person=self._first).exclude(team__in=there):
            proposal = service.add_to_team(team.team_id, person, "The visitor looks at the case.", self.first)
            if proposal is not None:
                approvals.approve(proposal, self.second)


def _joins(path: str, name: str, subject: str) -> UUID:
    """Use a one-time link as somebody whom the issuer of the exercise knows; who it is."""
    secret = path.rstrip("/").rsplit("/", 1)[1]
    return service.join(links.digest_of(secret), _played(name), ISSUER, issuer=(ISSUER, subject)).pk


def _played(name: str) -> str:
    """The name under which a person of the exercise is on record."""
    return f"{name} (played)"


def _acting(person: UUID) -> Actor:
    """A person of the exercise, as after proving a passkey just now."""
    actor = person_actor(person, stepped_up_us=now_us())
    if actor is None:
        raise UsageError("Somebody kept a person of the exercise out of this node. Let them in again.")
    return actor
