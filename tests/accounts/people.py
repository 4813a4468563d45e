"""People for tests: made by the entries that a real history would have."""

from uuid import UUID, uuid4

from hanse.accounts import contents
from hanse.accounts.links import digest_of
from hanse.accounts.projections import grant_id, membership_id
from hanse.accounts.who import person_actor
from hanse.kernel.actors import Actor, system
from hanse.kernel.clock import now_us
from hanse.ledger.writing import append

NODE = system("tests", "ee-cert", "EE")


def newcomer(*roles: str, name: str = "Mari Maasikas", teams: tuple[UUID, ...] = ()) -> UUID:
    """A person who has joined and has roles."""
    person = uuid4()
    append("accounts.invited", contents.Invited(name), actor=NODE, object_id=person)
    append("accounts.joined", contents.Joined(name), actor=NODE, object_id=person)
    for role in roles:
        content = contents.RoleGranted(person.hex, role)
        append("accounts.role_granted", content, actor=NODE, object_id=grant_id(person, role))
    for team in teams:
        content = contents.TeamJoined(team.hex, person.hex)
        append("accounts.team_joined", content, actor=NODE, object_id=membership_id(team, person))
    return person


def acting(person: UUID, *, fresh: bool = True) -> Actor:
    """The person as an actor, with a passkey proved just now or never."""
    actor = person_actor(person, stepped_up_us=now_us() if fresh else None)
    assert actor is not None
    return actor


def credential(name: str = "one") -> dict[str, object]:
    """A registration response as far as the services look at it."""
    return {"id": name, "response": {}}


def secret_in(path: str) -> str:
    """The secret in a one-time link."""
    return path.rstrip("/").rsplit("/", 1)[1]


def digest_in(path: str) -> str:
    """The hash of the secret in a one-time link."""
    return digest_of(secret_in(path))
