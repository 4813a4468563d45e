"""People for tests: made by the entries that a real history would have."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock
from uuid import UUID, uuid4

from hanse.accounts import approvals, contents
from hanse.accounts.links import digest_of
from hanse.accounts.projections import grant_id, membership_id
from hanse.accounts.who import person_actor
from hanse.kernel.actors import Actor, system
from hanse.kernel.clock import now_us
from hanse.ledger.writing import Draft, append_many

NODE = system("tests", "ee-cert", "EE")


def newcomer(*roles: str, name: str = "Mari Maasikas", teams: tuple[UUID, ...] = ()) -> UUID:
    """A person who has joined and has roles."""
    person = uuid4()
    history = [
        Draft("accounts.invited", contents.Invited(name), person),
        Draft("accounts.joined", contents.Joined(name), person),
    ]
    for role in roles:
        content = contents.RoleGranted(person.hex, role)
        history.append(Draft("accounts.role_granted", content, grant_id(person, role)))
    for team in teams:
        joined = contents.TeamJoined(team.hex, person.hex)
        history.append(Draft("accounts.team_joined", joined, membership_id(team, person)))
    append_many(history, NODE)  # in one go: hundreds of tests begin with somebody
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


@contextmanager
def several_at_once() -> Iterator[None]:
    """Proposals about one thing wait beside each other, as those of an earlier version do: each is looked at again."""
    with mock.patch.object(approvals, "_check_first"):
        yield
