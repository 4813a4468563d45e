"""Use cases about people: coming in, roles, teams, leaving. The only writer of who may do what.

Giving takes two people from the moment on when a second person has joined; taking away takes one, because a
stolen account has to be stopped at once. The first person founds the node as administrator, analyst and approver;
the second one must be made an approver, or nobody could ever approve what the first one proposes.
"""

import hmac
import secrets
import unicodedata
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from hanse.accounts import contents, links, openings, passkeys, projections
from hanse.accounts.approvals import Approvable, Pending, propose, withdraw_all_of
from hanse.accounts.issuers import person_at
from hanse.accounts.models import Issuer, Membership, Passkey, Person, RoleGrant, Team, Token
from hanse.accounts.projections import grant_id, membership_id
from hanse.accounts.rules import (
    UnknownPersonError,
    ask,
    ask_own,
    founding,
    keep_one,
    person_of,
    refuse,
)
from hanse.accounts.sessions import end_all
from hanse.accounts.who import person_actor
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.printable import is_printable
from hanse.kernel.units import minute
from hanse.ledger.models import Entry
from hanse.ledger.writing import append, writing
from hanse.policy.roles import roles as all_roles

KINDS = projections.KINDS
"""The kinds of entries of this room."""

FIRST_ROLES = ("administrator", "analyst", "approver")
"""What the founder gets: a node with one person is usable, and the second person's proposals find an approver.

No auditor: who oversees is not who runs it. The founder can add more while alone.
"""


def invite_first(actor: Actor, name: str = "First administrator") -> str:
    """Make the one-time administrator link of a new node, in place of any earlier one; its path on this node.

    Args:
        actor: The node itself.
        name: What the person is called until they say their name.

    Raises:
        UsageError: Somebody has joined already.
    """
    with writing():
        if has_people():
            raise UsageError("This node has people already. Ask one of its administrators for an invitation.")
        first = Person.objects.order_by("invited_us").first()
        person = first.pk if first is not None else _invited(name, "", actor)
        return links.make(person, "join", list(FIRST_ROLES), actor)


def has_people() -> bool:
    """Whether anybody ever joined this node."""
    return Entry.objects.filter(kind="accounts.joined").exists()


def invite(name: str, email: str, roles: Iterable[str], why: str, actor: Actor) -> tuple[UUID, str]:
    """Invite a person; their id, and the path of their one-time link, which is shown once.

    While the node is being founded the link carries the roles; afterwards each of them becomes a proposal.

    Raises:
        UsageError: A name is missing, a role is unknown, or the second person would be no approver.
        RefusedError: The actor may not invite, or not give roles.
    """
    ask(actor, "accounts.invite")
    wanted = [_role(role) for role in sorted(set(roles))]
    if wanted:
        ask(actor, "accounts.grant")
    if not name.strip():
        raise UsageError("Give the person a name; they can change it.")
    with writing():
        alone = founding()
        if alone and "approver" not in wanted:
            raise UsageError(
                "The second person has to be an approver: from then on each role takes two people."
            )
        person = _invited(_shown(name), email.strip()[:254], actor)
        if not alone:
            for role in wanted:
                propose("accounts.grant_role", {"person": person.hex, "role": role}, why, actor)
        return person, links.make(person, "join", wanted if alone else [], actor)


def invite_again(person: UUID, actor: Actor) -> str:
    """A new one-time link for somebody who has not joined yet; its path. Errors as of `invite`.

    While the node is being founded it gives what the earlier one would have given: a second person who comes in without
    being an approver leaves nobody who could approve a role for anybody.
    """
    ask(actor, "accounts.invite")
    row = person_of(person)
    if row.joined_us is not None:
        raise UsageError("They have joined already. If they lost their passkey, propose to bring them back.")
    with writing():
        return links.make(person, "join", links.carried(person) if founding() else [], actor)


def join(digest: str, name: str, method: str, *, credential: dict[str, Any] | None = None,
         issuer: tuple[str, str] | None = None) -> Person:  # fmt: skip
    """Use a one-time link to join: with a passkey that was just registered, or an issuer's word.

    Args:
        digest: Hash of the secret in the link.
        name: The name the person chose; empty keeps the invitation's.
        method: How they proved themselves, for the log.
        credential: The browser's registration response, verified.
        issuer: Issuer and subject, verified.

    Raises:
        LinkError: The link holds no more.
        UsageError: The name cannot be shown as it is, or is that of somebody else here.
    """
    with writing():
        link = links.find(digest)
        if link.purpose != "join":
            raise links.LinkError
        row = person_of(link.person)
        actor = _themselves(row, name)
        links.use(link, actor)
        alone = founding()
        append("accounts.joined", contents.Joined(actor.name), actor=actor, object_id=row.pk)
        for role in link.roles if alone else ():
            _grant(row.pk, role, actor)
        _way_in(row.pk, credential, issuer, actor)
        signed_in(row.pk, method, actor)
    return person_of(row.pk)


def come_back(digest: str, code: str, credential: dict[str, Any]) -> Person:
    """Use a one-time link after losing every passkey: the old ones go, a new one comes, all sessions end.

    Identities at issuers and tokens go too, and what is proposed and still open: whoever has the passkeys now may have
    made some of them.

    Raises:
        LinkError: The link holds no more, or the code is another.
    """
    with writing():
        link = links.find(digest)
        given = links.digest_of(code.strip().lower())
        if link.purpose != "recover" or not hmac.compare_digest(link.code_digest, given):
            raise links.LinkError
        row = person_of(link.person)
        actor = _themselves(row, "")
        links.use(link, actor)
        passkeys.remove_all(list(Passkey.objects.filter(person=row)), actor)
        for identity in Issuer.objects.filter(person=row):
            content = contents.IssuerUnbound(row.pk.hex)
            append("accounts.issuer_unbound", content, actor=actor, object_id=identity.object_id)
        _revoke_tokens(row.pk, "", actor)
        withdraw_all_of(row.pk, "They come back after losing every passkey.", actor)
        end_all(row.pk)
        _way_in(row.pk, credential, None, actor)
        signed_in(row.pk, "link", actor)
    return person_of(row.pk)


def propose_recovery(person: UUID, why: str, actor: Actor) -> tuple[UUID, str]:
    """Propose to bring back somebody who lost every passkey; the proposal's id, and a code shown once.

    The approver gets the link, the proposer has the code: the person needs both.

    Raises:
        RefusedError: The actor may not.
        UsageError: The person is not active, or no reason was given.
    """
    row = person_of(person)
    if not row.is_active:
        raise UsageError("They are not active. Invite them, or let them in again first.")
    code = secrets.token_hex(8)
    subject = {"person": person.hex, "code_digest": links.digest_of(code)}
    return propose("accounts.recover", subject, why, actor), code


def grant_role(person: UUID, role: str, why: str, actor: Actor) -> UUID | None:
    """Give a person a role: at once while the node is being founded, by a proposal afterwards.

    Returns:
        The proposal's id, or None where it is done.

    Raises:
        RefusedError: The actor may not, or did not prove a passkey.
        UsageError: There is no such role, or no reason was given for a proposal.
    """
    ask(actor, "accounts.grant")
    person_of(person)
    with writing():
        if founding():
            _grant(person, _role(role), actor, why)
            return None
        return propose("accounts.grant_role", {"person": person.hex, "role": _role(role)}, why, actor)


def revoke_role(person: UUID, role: str, why: str, actor: Actor) -> None:
    """Take a role from a person, at once.

    Raises:
        RefusedError: The actor may not, or nobody else is administrator or approver.
        UnknownPersonError: They do not have it.
    """
    ask(actor, "accounts.grant")
    with writing():
        if not RoleGrant.objects.filter(pk=grant_id(person, role)).exists():
            raise UnknownPersonError(f"They are no {role}.")
        keep_one(role, without=person)
        content = contents.RoleRevoked(person.hex, role)
        append("accounts.role_revoked", content, actor=actor, object_id=grant_id(person, role), reason=why)


def deactivate(person: UUID, why: str, actor: Actor) -> None:
    """Keep a person out from now on: their sessions end, their links and tokens hold no more, nor what they propose.

    Raises:
        RefusedError: The actor may not, or nobody else is administrator or approver.
    """
    ask(actor, "accounts.grant")
    row = person_of(person)
    with writing():
        for role in row.grants.values_list("role", flat=True):
            keep_one(role, without=person)
        links.close_all(person, actor)
        append("accounts.deactivated", contents.Deactivated(), actor=actor, object_id=person, reason=why)
        _revoke_tokens(person, why, actor)
        withdraw_all_of(person, why, actor)
        end_all(person)


def propose_reactivation(person: UUID, why: str, actor: Actor) -> UUID:
    """Propose to let a deactivated person in again, with the roles they had. Errors as of `approvals.propose`."""
    row = person_of(person)
    if row.is_active or row.joined_us is None:
        raise UsageError("They were not deactivated.")
    return propose("accounts.reactivate", {"person": person.hex}, why, actor)


def end_sessions(person: UUID, actor: Actor) -> None:
    """End every session of a person: one's own, or, for an administrator, anybody's.

    Raises:
        RefusedError: The actor may not.
    """
    if actor.id == person.hex:
        ask_own(actor, person, step_up=False)
    else:
        ask(actor, "accounts.grant")
    append("accounts.sessions_ended", contents.SessionsEnded(), actor=actor, object_id=person)
    end_all(person)


def rename(name: str, email: str, actor: Actor) -> None:
    """Change one's own name and the address to write to; neither identifies anybody.

    Raises:
        UsageError: The name is empty, cannot be shown as it is, or is that of somebody else here.
    """
    ask_own(actor, UUID(actor.id), step_up=False)
    if not name.strip():
        raise UsageError("A name is needed.")
    content = contents.Renamed(_own_name(name, UUID(actor.id)), email.strip()[:254])
    append("accounts.renamed", content, actor=actor, object_id=UUID(actor.id))


def prefer(language: str, theme: str, actor: Actor) -> None:
    """Say in which language and theme one wants the pages.

    Raises:
        UsageError: There is no such language or theme.
    """
    ask_own(actor, UUID(actor.id), step_up=False)
    if language and language not in dict(settings.LANGUAGES):
        raise UsageError(f"There is no language {language!r} here.")
    if theme not in {"", "light", "dark"}:
        raise UsageError("A theme is light, dark, or the system's.")
    append("accounts.preferred", contents.Preferred(language, theme), actor=actor, object_id=UUID(actor.id))


def signed_in(person: UUID, method: str, actor: Actor) -> None:
    """Write down that a person signed in, and how: ``passkey``, ``link`` or the issuer's URL."""
    append("accounts.signed_in", contents.SignedIn(person.hex, method), actor=actor, object_id=uuid4())


def make_team(name: str, actor: Actor) -> UUID:
    """Make a need-to-know team; its id. An empty team shows nobody anything.

    Raises:
        RefusedError: The actor may not.
        UsageError: The name is empty or taken.
    """
    ask(actor, "accounts.grant")
    return _named_team(name, actor)


def _named_team(name: str, actor: Actor) -> UUID:
    shown, taken = _shown(name), set(Team.objects.values_list("name", flat=True))
    if not shown or _folded(shown) in map(_folded, taken):
        raise UsageError("A team needs a name that no other team has, nor had before it was closed.")
    team = uuid4()
    append("accounts.team_made", contents.TeamMade(shown), actor=actor, object_id=team)
    return team


def found_team(name: str, actor: Actor) -> UUID:
    """Make a need-to-know team in which only its maker is, for a new case; its id.

    It lets nobody see anything that was there before, so that who opens cases needs no administrator for it. Others
    come into it as into every team.

    Raises:
        RefusedError: The actor may not open cases, or is no person.
        UsageError: The name is empty or taken.
    """
    ask(actor, "cases.open")
    if actor.kind != "person":
        refuse("person", "Only a person can be in a team. Name a team that there is.")
    team = _named_team(name, actor)
    _join_team(team, UUID(actor.id), actor)
    return team


def close_team(team: UUID, actor: Actor) -> None:
    """Take nobody into a team any more; who is in it stays, and sees what it has.

    Raises:
        RefusedError: The actor may not.
    """
    ask(actor, "accounts.grant")
    append("accounts.team_closed", contents.TeamClosed(), actor=actor, object_id=_team(team).pk)


def add_to_team(team: UUID, person: UUID, why: str, actor: Actor) -> UUID | None:
    """Take a person into a team: at once while the node is being founded, by a proposal afterwards.

    Returns:
        The proposal's id, or None where it is done. Errors as of `grant_role`.
    """
    ask(actor, "accounts.grant")
    person_of(person)
    if _team(team).closed:
        raise UsageError("The team is closed.")
    with writing():
        if founding():
            _join_team(team, person, actor, why)
            return None
        return propose("accounts.add_to_team", {"team": team.hex, "person": person.hex}, why, actor)


def remove_from_team(team: UUID, person: UUID, why: str, actor: Actor) -> None:
    """Take a person out of a team, at once.

    Raises:
        RefusedError: The actor may not.
        UnknownPersonError: They are not in it.
    """
    ask(actor, "accounts.grant")
    if not Membership.objects.filter(pk=membership_id(team, person)).exists():
        raise UnknownPersonError("They are not in that team.")
    content = contents.TeamLeft(team.hex, person.hex)
    append("accounts.team_left", content, actor=actor, object_id=membership_id(team, person), reason=why)


def bind_issuer(issuer: str, subject: str, actor: Actor) -> None:
    """Let oneself be known by an issuer's subject, after proving a passkey.

    Raises:
        RefusedError: No passkey was proved, or somebody has that identity already.
    """
    ask_own(actor, UUID(actor.id))
    _bind(UUID(actor.id), issuer, subject, actor)


def _invited(name: str, email: str, actor: Actor) -> UUID:
    person = uuid4()
    append("accounts.invited", contents.Invited(name, email), actor=actor, object_id=person)
    return person


def _revoke_tokens(person: UUID, why: str, actor: Actor) -> None:
    for token in Token.objects.filter(person=person):
        content = contents.TokenRevoked(person.hex)
        append("accounts.token_revoked", content, actor=actor, object_id=token.pk, reason=why)


def _grant(person: UUID, role: str, actor: Actor, why: str = "", proposal: str = "") -> None:
    content = contents.RoleGranted(person.hex, role, proposal)
    append("accounts.role_granted", content, actor=actor, object_id=grant_id(person, role), reason=why)


def _join_team(team: UUID, person: UUID, actor: Actor, why: str = "", proposal: str = "") -> None:
    content = contents.TeamJoined(team.hex, person.hex, proposal)
    append("accounts.team_joined", content, actor=actor, object_id=membership_id(team, person), reason=why)


def _way_in(
    person: UUID, credential: dict[str, Any] | None, issuer: tuple[str, str] | None, actor: Actor
) -> None:
    """A new person's passkey, or their identity at an issuer."""
    if credential is not None:
        passkeys.add(person, "First passkey", credential, actor)
    if issuer is not None:
        _bind(person, *issuer, actor)


def _bind(person: UUID, issuer: str, subject: str, actor: Actor) -> None:
    if person_at(issuer, subject) is not None:
        refuse("issuer-taken", "Somebody here is known by that identity already.")
    content = contents.IssuerBound(person.hex, issuer, subject)
    append("accounts.issuer_bound", content, actor=actor, object_id=uuid4())


def _role(role: str) -> str:
    if role not in all_roles():
        raise UsageError(f"There is no role {role!r}; the roles are {', '.join(all_roles())}.")
    return role


def _team(team: UUID) -> Team:
    row = Team.objects.filter(pk=team).first()
    if row is None:
        raise UnknownPersonError("There is no such team.")
    return row


def _shown(name: str) -> str:
    """A name as it is kept: others decide by what they read.

    Raises:
        UsageError: Something in it is not shown, or turns round how the rest is read.
    """
    if not is_printable(name):
        raise UsageError(
            "Write the name in signs that are shown as they are, without breaks and marks of direction."
        )
    return " ".join(name.split())[:200]


def _folded(name: str) -> str:
    """What is the same for names that one takes for each other: width, case, and signs put together or apart."""
    return unicodedata.normalize("NFKC", name).casefold()


def _own_name(name: str, person: UUID) -> str:
    """A name that somebody chooses, which nobody else who is active here has.

    Raises:
        UsageError: It cannot be shown as it is, or is somebody else's.
    """
    shown = _shown(name)
    others = Person.objects.filter(is_active=True).exclude(pk=person).values_list("name", flat=True)
    if _folded(shown) in map(_folded, others):
        raise UsageError("Somebody here is called so already. Add what tells the two of you apart.")
    return shown


def _themselves(row: Person, name: str) -> Actor:
    """The actor of a person who is just coming in, or back, and has no session yet; errors as of `_own_name`."""
    node = settings.HANSE_NODE
    chosen = row.name if row.joined_us is not None else _own_name(name.strip() or row.name, row.pk)
    return Actor("person", row.pk.hex, chosen, node.authority, node.country, node.tier)


def _name(subject: dict[str, Any]) -> str:
    row = Person.objects.filter(pk=UUID(subject["person"])).first()
    return row.name if row else "somebody who is gone"


def _has_to_come_first(row: Person) -> bool:
    """Whether nobody can be asked yet who somebody is. Where a node rehearses, visitors have their roles before they come."""
    return row.joined_us is None and not settings.HANSE_NODE.exercise


def _before_grant(subject: dict[str, Any]) -> str:
    """What the approver has to know of who is to come into a role."""
    name = _name(subject)
    row = Person.objects.filter(pk=UUID(subject["person"])).first()
    if row is None:
        return ""
    if _has_to_come_first(row):
        return f"{name} has not come in yet: it can be approved from then on."
    if row.joined_us is None:
        return f"{name} has not come in yet, which a node that rehearses lets pass."
    came = f"came in on {minute(row.joined_us)}, by a link that whoever invited {name} was shown"
    return f"{name} {came}: ask {name} whether that was they."


def _do_grant(proposal: Pending, approver: Actor) -> str:
    """Give the role to somebody who has come in, whom the approver can ask.

    Whoever has the link of somebody who was invited comes in as them: an administrator could be a second person so, with
    whatever roles that one had already been given.

    Raises:
        UsageError: They have not come in.
    """
    subject = proposal.subject
    if _has_to_come_first(person_of(UUID(subject["person"]))):
        raise UsageError(
            "They have not come in yet. Approve it once they have, and once they told you themselves that it was they."
        )
    _grant(UUID(subject["person"]), _role(subject["role"]), approver, proposal.why, proposal.id.hex)
    return ""


def _do_team(proposal: Pending, approver: Actor) -> str:
    subject = proposal.subject
    if _team(UUID(subject["team"])).closed:
        raise UsageError("The team was closed since this was proposed: nobody comes into it any more.")
    _join_team(UUID(subject["team"]), UUID(subject["person"]), approver, proposal.why, proposal.id.hex)
    return ""


def _do_reactivate(proposal: Pending, approver: Actor) -> str:
    content = contents.Reactivated(proposal.id.hex)
    person = UUID(proposal.subject["person"])
    append("accounts.reactivated", content, actor=approver, object_id=person, reason=proposal.why)
    return ""


def _do_recover(proposal: Pending, approver: Actor) -> str:
    """Make the link; not for who was deactivated since, whose links were closed by that."""
    subject = proposal.subject
    if person_actor(UUID(subject["person"])) is None:
        raise UsageError("They are not active any more. Let them in again first, then propose this anew.")
    return links.make(UUID(subject["person"]), "recover", [], approver, code_digest=subject["code_digest"])


def _team_words(subject: dict[str, Any]) -> str:
    team = Team.objects.filter(pk=UUID(subject["team"])).first()
    return f"Take {_name(subject)} into the team {team.name if team else 'that is gone'}."


APPROVALS = (
    Approvable("accounts.grant_role", "accounts.grant",
               lambda subject: f"Give {_name(subject)} the role {subject['role']}.", _do_grant, before=_before_grant),
    Approvable("accounts.add_to_team", "accounts.grant", _team_words, _do_team),
    Approvable("accounts.reactivate", "accounts.grant",
               lambda subject: f"Let {_name(subject)} in again.", _do_reactivate),
    Approvable("accounts.recover", "accounts.grant",
               lambda subject: f"Bring back {_name(subject)}, who lost every passkey.", _do_recover,
               about=lambda subject: [subject["person"]]),
    openings.APPROVABLE,
)  # fmt: skip
"""What takes two people in this room."""
