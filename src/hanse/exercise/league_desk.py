"""What a league's node is told to do: its people invite, compare, approve, share and take back, by the use cases.

One process beside each node reads a job per line (JSON) and answers each with a line. It has the node's keys as the
node's other processes have, and nothing that they have not.
"""

import sys
from collections.abc import Callable
from threading import Thread
from typing import Any, Final, TextIO
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, Max

from hanse.accounts import approvals
from hanse.attacks.models import Attack, PartnerAttack
from hanse.attacks.vectors import vector_words
from hanse.campaigns import service as campaigns
from hanse.exercise.league_files import Files
from hanse.exercise.league_people import Cast
from hanse.exercise.league_state import Compared, Moved, Playing, Shown, Standing, Taken
from hanse.exercise.vantage import LEAGUE, Vantage
from hanse.federation import invitation as invitations
from hanse.federation import partnering, recalling, ruling, witnesses
from hanse.federation.models import Given, Partner, Recalling, Rule, Witness
from hanse.federation.models import Standing as Stands
from hanse.federation.partners import own_invitation
from hanse.federation.sharing import Audience
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.errors import HanseError, UsageError
from hanse.ledger.models import Entry

Rehearse = Callable[[str, int, float, Callable[[str, int, int], None]], object]
"""Loads an exercise: its name, seed and scale, and what is told each step, how much of it is done, and of how much."""

_AGREED: Final = "The authorities of the exercise agreed on it."
_TIERS: Final = frozenset({"member", "associated", "organisation"})
SHOWN = 5
"""Campaigns that are told."""


class Desk:
    """The people of one node at work.

    Args:
        one: Who the node is.
        rehearse: Loads the node's exercise.

    Attributes:
        files: Its case, and what its people do about it.
    """

    def __init__(self, one: Vantage, rehearse: Rehearse) -> None:
        self._who = one
        self._cast = Cast(one.people)
        self.files = Files(one, self._cast)
        self._rehearse = rehearse
        self._playing = Playing()

    def play(self, seed: int, scale: float, short: bool) -> None:
        """Begin the exercise; `playing` says how far it is."""
        self._playing = Playing("Beginning")
        told = (self._who.scenario(short=short), seed, scale)
        Thread(target=self._play, args=told, name="exercise", daemon=True).start()

    def _play(self, scenario: str, seed: int, scale: float) -> None:
        def told(step: str, done: int, total: int) -> None:
            self._playing = Playing(step, done, total)

        try:
            self._rehearse(scenario, seed, scale, told)
        except (HanseError, DatabaseError, OSError) as error:
            self._playing = Playing(error=str(error) or type(error).__name__)
        else:
            self._playing = Playing(over=True)
        finally:
            connection.close()

    def playing(self) -> Playing:
        """How far the exercise is."""
        return self._playing

    def invite(self) -> str:
        """This node's invitation."""
        return partnering.invite(self._cast.first).decode()

    def propose(self, invitation: str, address: str) -> Compared | None:
        """Propose to become partners with who is in an invitation; None for who is one already."""
        told = invitations.read(invitation.encode())
        if Partner.objects.filter(pk=told.authority, state=Stands.ACTIVE).exists():
            return None
        proposal = partnering.propose(invitation.encode(), address, _AGREED, self._cast.first)
        return Compared(proposal.hex, approvals.pending(proposal).subject["fingerprint"])

    def fingerprint(self, invitation: str) -> str:
        """What this node shows for the telephone call with who is in an invitation."""
        return invitations.fingerprint(invitations.read(invitation.encode()), own_invitation())

    def approve(self, proposal: str) -> None:
        """The second person approves."""
        approvals.approve(UUID(proposal), self._cast.second)

    def rule(self) -> str:
        """Two people have each attack shared as it is found; what the rule says, empty where there is one."""
        if Rule.objects.filter(sort="attack").exists():
            return ""
        audience = Audience(tiers=_TIERS)
        proposal = ruling.propose(
            "attack", audience, frozenset(self._who.withheld), _AGREED, self._cast.first
        )
        words = ruling.APPROVAL.words(approvals.pending(proposal).subject)
        approvals.approve(proposal, self._cast.second)
        return words

    def ask_witnesses(self) -> int:
        """Ask each partner that was not asked yet to witness this node's ledger; how many were asked now."""
        partners = Partner.objects.filter(state=Stands.ACTIVE).values_list("pk", flat=True)
        asked = [one for one in partners if not witnesses.of(one).named]
        for one in asked:
            witnesses.name(one, self._cast.first)
        return len(asked)

    def consent(self) -> int:
        """Consent to witness the ledgers of all who asked; how many partners consented to witness this node's."""
        for one in Witness.objects.filter(asks=True, agreed=False).values_list("partner", flat=True):
            witnesses.answer(one, self._cast.first, consents=True)
        return len(witnesses.named())

    def recall(self, reason: str) -> str:
        """Take the weakest of its attacks that no campaign names back from all who have it; what it is."""
        rows = Attack.objects.for_actor(self._cast.first, "attacks.view").filter(pk__in=_given_now())
        row = rows.filter(campaign=None).order_by("peak_bps").first() or rows.order_by("peak_bps").first()
        if row is None:
            raise UsageError("No partner has anything of this node, so that there is nothing to recall.")
        recalling.recall(row.pk, self._cast.first, reason)
        return f"{vector_words(row.vector)} on {row.victim}, {units.minute(row.start_us)}"

    def visitors(self) -> list[str]:
        """The paths of fresh one-time links for the visitors; empty for who has joined."""
        return self._cast.visitor_links()

    def state(self) -> Standing:
        """How the node stands, as its first person sees it."""
        actor = self._cast.first
        found = Attack.projected.aggregate(own=Count("pk"))
        last = Entry.objects.filter(kind="attacks.found").aggregate(last=Max("time_us"))["last"]
        largest = campaigns.biggest(actor, SHOWN)
        given = Given.objects.filter(recalled_us=None).values("recipient")
        there = PartnerAttack.projected.values("partner")
        return Standing(
            own=found["own"],
            found_us=last or 0,
            alone=tuple(one.verdict for one in largest),
            scopes=tuple(one.scope for one in largest),
            given={
                one["recipient"]: Moved(one["number"], one["last"])
                for one in given.annotate(number=Count("pk"), last=Max("given_us"))
            },
            received={
                one["partner"]: Moved(one["number"], one["last"])
                for one in there.annotate(number=Count("pk"), last=Max("received_us"))
            },
            taken_back={
                one.recipient: Taken(one.answer, one.asked_us, one.answered_us or 0)
                for one in Recalling.objects.order_by("sequence")
            },
            across=across(actor),
        )


def _given_now() -> list[UUID]:
    """The things that partners have."""
    return list(Given.objects.filter(recalled_us=None).values_list("thing", flat=True))


def across(actor: Actor) -> tuple[Shown, ...]:
    """The campaigns across borders that a node shows."""
    found = campaigns.across(actor)
    return tuple(Shown(one.title, one.verdict, len(one.states)) for one in found[:SHOWN])


def here() -> Vantage:
    """Which node of the league this process is beside.

    Raises:
        UsageError: It is none.
    """
    node = settings.HANSE_NODE
    found = next((one for one in LEAGUE if one.authority == node.authority), None)
    if found is None:
        raise UsageError(f"{node.authority} is no authority of the league that the exercise makes.")
    return found


def work(rehearse: Rehearse, lines: TextIO = sys.stdin, answers: TextIO = sys.stdout) -> None:
    """Do jobs until there are no more: ``{"job": NAME, ...}``, answered by ``{"said": ...}`` or ``{"error": WORDS}``.

    The first answer, to no job, says that the desk is open.
    """
    desk = Desk(here(), rehearse)
    jobs = {
        name: getattr(desk, name)
        for name in (
            "invite", "propose", "fingerprint", "approve", "rule", "ask_witnesses", "consent", "recall", "visitors",
            "state", "play", "playing",
        )
    }  # fmt: skip
    jobs |= {
        name: getattr(desk.files, name) for name in ("open_case", "agree", "compare", "matched", "contact")
    }
    _answer(answers, {"said": "open"})
    for line in lines:
        told = msgspec.json.decode(line)
        try:
            answer = {"said": jobs[told.pop("job")](**told)}
        except HanseError as error:
            answer = {"error": str(error)}
        _answer(answers, answer)


def _answer(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(msgspec.json.encode(answer).decode() + "\n")
    answers.flush()
