"""Who acts: from a person or a token to the actor that policy judges, with only what signed entries say."""

from dataclasses import replace
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.db import connections

from hanse.accounts import contents
from hanse.accounts.models import Token
from hanse.accounts.proof import Said, histories
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.routing import database

_HELD = """
SELECT object_id, role, NULL AS team FROM accounts_rolegrant WHERE person_id = %s
UNION ALL SELECT object_id, '', team_id FROM accounts_membership WHERE person_id = %s
"""
"""In plain SQL: every request waits for it, and Django would take longer to write it than the database to answer it."""

TOKEN_PREFIX = "hanse_"  # noqa: S105 - the recognisable start of every token, itself no secret


def person_actor(person: UUID, *, stepped_up_us: int | None = None, after: int | None = None) -> Actor | None:
    """The person as an actor, or None where the ledger knows no active person of that id.

    Args:
        person: The person's id.
        stepped_up_us: When they last proved a passkey in this session, microseconds UTC.
        after: The last entry about them when this session began: None too where one after it ended their sessions. That
            the session's row is there does not count: whoever writes to the database can put one back.
    """
    grants, teams = _held(person)
    said = histories([person, *grants, *teams])
    name = active_name(said[person])
    if name is None or (after is not None and _ended_since(said[person], after)):
        return None
    node = settings.HANSE_NODE
    return Actor(
        kind="person",
        id=person.hex,
        name=name,
        authority=node.authority,
        country=node.country,
        tier=node.tier,
        roles=frozenset(role for one, role in grants.items() if _grants(said[one], person, role)),
        teams=frozenset(team.hex for one, team in teams.items() if _joins(said[one], person, team)),
        stepped_up_us=stepped_up_us,
    )


def _ended_since(history: tuple[Said, ...], after: int) -> bool:
    """Whether an entry after one ended all sessions of a person."""
    ends = (contents.SessionsEnded, contents.Deactivated)
    return any(said.sequence > after and isinstance(said.content, ends) for said in history)


def _held(person: UUID) -> tuple[dict[UUID, str], dict[UUID, UUID]]:
    """The roles and teams that a person is said to have, by the object that gives each."""
    connection = connections[database()]
    told: UUID | str = person if connection.features.has_native_uuid_field else person.hex
    roles: dict[UUID, str] = {}
    teams: dict[UUID, UUID] = {}
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [told, told])
        for one, role, team in cursor.fetchall():
            object_id = one if isinstance(one, UUID) else UUID(one)
            if team is None:
                roles[object_id] = role
            else:
                teams[object_id] = team if isinstance(team, UUID) else UUID(team)
    return roles, teams


def token_actor(secret: str) -> Actor | None:
    """Who acts with a token: its maker, limited to its scopes; None for a token that holds no more."""
    digest = sha256(secret.encode()).hexdigest()
    row = Token.objects.filter(digest=digest).first()
    if row is None:
        return None
    made = _standing(row.object_id)
    if made is None or made.digest != digest:
        return None
    maker = person_actor(UUID(made.person))
    if maker is None:
        return None
    return Actor(
        kind="token",
        id=maker.id,
        name=f"{maker.name}, token {made.name}",
        authority=maker.authority,
        country=maker.country,
        tier=maker.tier,
        roles=maker.roles,
        teams=maker.teams,
        scopes=frozenset(made.scopes),
        token=row.object_id.hex,
    )


def _standing(token: UUID) -> contents.TokenMade | None:
    """What the ledger says of a token that still holds; None of one that was revoked or is over."""
    said = histories([token])[token]
    made = said[-1].content if said else None
    return made if isinstance(made, contents.TokenMade) and made.expires_us > now_us() else None


def still(actor: Actor) -> Actor:
    """An actor of earlier, such as who queued a job, with what they have kept until now of roles and teams.

    Whoever the ledger has no word of, such as the node itself, stays as they are.

    Raises:
        UsageError: The person is not active any more, or the token that was used was revoked or is over.
    """
    if actor.kind not in {"person", "token"}:
        return actor
    try:
        person = UUID(actor.id)
    except ValueError:
        return actor
    if not histories([person])[person]:
        return actor
    now = person_actor(person)
    if now is None:
        raise UsageError(f"{actor.name} is not active here any more. Somebody who is may start it anew.")
    if actor.kind == "token" and not (actor.token and _standing(UUID(actor.token))):
        raise UsageError(f"{actor.name}: the token holds no more. Start it anew with one that does.")
    return replace(actor, roles=actor.roles & now.roles, teams=actor.teams & now.teams)


def active_name(history: tuple[Said, ...]) -> str | None:
    """The name of a person who is active after these entries, or None for one who is not."""
    name, active = "", False
    for said in history:
        match said.content:
            case contents.Invited() | contents.Renamed():
                name = said.content.name
            case contents.Joined():
                name, active = said.content.name, True
            case contents.Deactivated():
                active = False
            case contents.Reactivated():
                active = True
            case _:
                pass
    return name if active else None


def _grants(history: tuple[Said, ...], person: UUID, role: str) -> bool:
    """Whether the last word on a grant is that the person has the role."""
    content = history[-1].content if history else None
    return isinstance(content, contents.RoleGranted) and (content.person, content.role) == (person.hex, role)


def _joins(history: tuple[Said, ...], person: UUID, team: UUID) -> bool:
    """Whether the last word on a membership is that the person is in the team."""
    content = history[-1].content if history else None
    return isinstance(content, contents.TeamJoined) and (content.person, content.team) == (
        person.hex,
        team.hex,
    )
