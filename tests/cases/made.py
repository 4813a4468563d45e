"""Cases for tests, made as people make them."""

from uuid import UUID

from hanse.accounts.models import Team
from hanse.cases import service, working
from hanse.cases.selector import read
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from tests.accounts.people import acting, newcomer

DAY_US = service.DAY_US


def investigator(*roles: str, name: str = "Kaja Kask", teams: tuple[UUID, ...] = ()) -> Actor:
    """An investigator who has joined."""
    return acting(newcomer("investigator", *roles, name=name, teams=teams))


def said(title: str = "Two gangs", **more: object) -> service.Said:
    """What a case says of itself."""
    told = {
        "title": title, "legal_basis": "Code of Criminal Procedure, section 193", "purpose": "Fraud investigation",
        "review_us": now_us() + 30 * DAY_US, "reference": "", **more,
    }  # fmt: skip
    return service.Said(**told)


def opened(actor: Actor, title: str = "Two gangs", **more: object) -> tuple[UUID, Actor]:
    """A case of a new team; its id, and the actor as a member of the team."""
    case = service.open_case(
        said(title, **more), now_us() + 400 * DAY_US, actor, new_team=f"Team {Team.objects.count() + 1}"
    )
    return case, acting(UUID(actor.id))


def filled(actor: Actor, team: UUID) -> tuple[UUID, Actor]:
    """A case of a team, with a person, selectors, a task and a note."""
    case = service.open_case(said(), now_us() + 400 * DAY_US, actor, team=team)
    person = working.add_person(case, working.Told(category="suspect", name="Jaan", born="1970-12-31"), actor)
    working.add_selector(case, read("email", "boss@example.org"), actor, person=person)
    working.set_task(case, "Ask the bank", actor)
    working.write_note(case, "He was seen.", actor)
    return case, actor
