"""The second act of the league: two nodes with a case on the same gang, which neither knows the other has."""

from uuid import UUID

from hanse.accounts import approvals
from hanse.cases import joint, service, working
from hanse.cases.joint_models import JointCase
from hanse.cases.models import Case
from hanse.cases.selector import read
from hanse.exercise.gang_files import FILES, KINDS, File
from hanse.exercise.league_people import Cast
from hanse.exercise.league_state import Matched
from hanse.exercise.vantage import Vantage
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.matching import agreeing, contacting, running, showing
from hanse.matching.models import Agreement, Run

_YEAR_US = 365 * 86_400_000_000
_WHY = "The exercise compares the two files."


class Files:
    """The case of one node, and what its people do about it.

    Args:
        one: Who the node is.
        cast: Its people.
    """

    def __init__(self, one: Vantage, cast: Cast) -> None:
        self._who = one
        self._cast = cast

    @property
    def _file(self) -> File:
        if self._who.key not in FILES:
            raise UsageError(f"{self._who.short} has no case in this exercise.")
        return FILES[self._who.key]

    def open_case(self) -> str:
        """Open the case with all that is in its file, once; what it holds, in words, empty where it was there."""
        title = self._file.title
        if any(str(row) == title for row in Case.projected.all()):
            return ""
        said = service.Said(
            title=title,
            legal_basis=self._file.legal_basis,
            purpose="Rehearsing",
            review_us=now_us() + _YEAR_US // 4,
        )
        case = service.open_case(
            said, now_us() + _YEAR_US, self._cast.first, new_team="The case of the exercise"
        )
        actor, count = self._cast.first, 0
        for one in self._file.people:
            told = working.Told(category=one.category, name=one.name, born=one.born)
            person = working.add_person(case, told, actor)
            for kind, text in one.selectors:
                self._add(case, kind, text, actor, person)
                count += 1
        for kind, text in self._file.selectors:
            self._add(case, kind, text, actor)
            count += 1
        return f"opens a case of its own: {len(self._file.people)} people and {count} selectors, which nobody else sees"

    def _add(self, case: UUID, kind: str, text: str, actor: Actor, person: UUID | None = None) -> None:
        country = "" if kind != "phone" or text.startswith("+") else self._who.country
        working.add_selector(case, read(kind, text, country=country), actor, person=person)

    def agree(self, partner: str) -> str:
        """Two people agree what is compared with a partner; what was agreed, empty where it was."""
        if Agreement.objects.filter(partner=partner).exists():
            return ""
        terms = agreeing.Terms(
            partner=partner, kinds=KINDS, legal_basis=self._file.compared_under, case_class="Fraud by Internet",
            until_us=now_us() + _YEAR_US,
        )  # fmt: skip
        approvals.approve(agreeing.propose(terms, _WHY, self._cast.first), self._cast.second)
        return f"two people agree what is compared, under: {self._file.compared_under}"

    def compare(self, partner: str) -> None:
        """Ask for a comparison, unless one was made."""
        if not Run.objects.exists():
            running.ask(partner, self._cast.first, _WHY)

    def matched(self) -> Matched:
        """How the comparison and the contact stand, as its first person sees it."""
        row = Run.objects.order_by("begun_us").first()
        found = showing.hits_of(self._cast.first)
        joint_cases = JointCase.objects.for_actor(self._cast.first, "cases.view").order_by("opened_us")
        return Matched(
            state=row.state if row is not None else "",
            why=row.why if row is not None else "",
            took_s=((row.ended_us or 0) - row.begun_us) / 1e6 if row is not None and row.ended_us else 0.0,
            hits=tuple(sorted(f"{one.kind}: {one.selector}" for one in found if not one.hit.is_lead)),
            leads=tuple(sorted(f"{one.selector} ({one.words.lower()})" for one in found if one.hit.is_lead)),
            offered=any(one.stands.other is not None for one in found),
            wanted=any(one.stands.other is not None and one.stands.other.agrees for one in found),
            joint=next((str(one) for one in joint_cases), ""),
        )  # fmt: skip

    def contact(self, agrees: bool) -> str:
        """Offer a name and a telephone for the first hit, and say whether a joint case is wanted; what was offered."""
        found = [one for one in showing.hits_of(self._cast.first) if not one.hit.is_lead]
        if not found:
            raise UsageError("There is no hit to answer.")
        one = min(found, key=lambda each: each.kind)
        opening = joint.Opening(
            title="The gang of the exercise", purpose="Rehearse a joint case.",
            legal_basis=self._file.compared_under, members=frozenset(), retention_us=now_us() + _YEAR_US,
        )  # fmt: skip
        told = contacting.Told(
            name=self._cast.first.name, telephone="+44 20 7946 0000", case_class="Fraud by Internet", agrees=agrees,
            opening=opening,
        )  # fmt: skip
        stands = contacting.offer(one.hit.pk, told, self._cast.first, "The exercise goes on.")
        if stands.joint is not None:
            return "wants a joint case as well: it opens"
        more = ", and wants a joint case" if agrees else ""
        return f"offers a name and a telephone for what both have ({one.kind}){more}"
