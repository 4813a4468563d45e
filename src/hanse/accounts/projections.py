"""From entries about people to rows. Nothing here reads the clock, draws a number or asks anybody."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from allauth.mfa.models import Authenticator

from hanse.accounts import contents
from hanse.accounts.models import (
    Consultation,
    Invitation,
    Issuer,
    Membership,
    Opening,
    Passkey,
    Person,
    Proposal,
    RoleGrant,
    Team,
    Token,
)
from hanse.ledger.fields import packed
from hanse.ledger.kinds import Kind
from hanse.ledger.models import Entry
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop, insert, set_row

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def grant_id(person: UUID, role: str) -> UUID:
    """The object of a person's role: always the same, so that all that was ever said about it is together."""
    return uuid5(person, f"role/{role}")


def membership_id(team: UUID, person: UUID) -> UUID:
    """The object of a person's place in a team."""
    return uuid5(team, f"person/{person.hex}")


def _invited(recorded: Recorded, content: contents.Invited) -> None:
    Person.objects.create(
        id=recorded.object_id,
        name=content.name,
        email=content.email,
        invited_us=recorded.time_us,
        said_by=recorded.sequence,
    )


def _link_made(recorded: Recorded, content: contents.LinkMade) -> None:
    if _known(content.person):
        Invitation.objects.create(
            object_id=recorded.object_id,
            person_id=UUID(content.person),
            purpose=content.purpose,
            digest=content.digest,
            roles=content.roles,
            expires_us=content.expires_us,
            said_by=recorded.sequence,
        )


def _link_closed(recorded: Recorded, _: contents.LinkClosed) -> None:
    Invitation.objects.filter(pk=recorded.object_id).update(open=False, said_by=recorded.sequence)


def _joined(recorded: Recorded, content: contents.Joined) -> None:
    Person.objects.filter(pk=recorded.object_id).update(
        name=content.name, is_active=True, joined_us=recorded.time_us, said_by=recorded.sequence
    )


def _renamed(recorded: Recorded, content: contents.Renamed) -> None:
    Person.objects.filter(pk=recorded.object_id).update(
        name=content.name, email=content.email, said_by=recorded.sequence
    )


def _preferred(recorded: Recorded, content: contents.Preferred) -> None:
    Person.objects.filter(pk=recorded.object_id).update(
        language=content.language, theme=content.theme, said_by=recorded.sequence
    )


def _deactivated(recorded: Recorded, _: contents.Deactivated) -> None:
    Person.objects.filter(pk=recorded.object_id).update(
        is_active=False, epoch=recorded.sequence, said_by=recorded.sequence
    )


def _reactivated(recorded: Recorded, _: contents.Reactivated) -> None:
    Person.objects.filter(pk=recorded.object_id).update(is_active=True, said_by=recorded.sequence)


def _sessions_ended(recorded: Recorded, _: contents.SessionsEnded) -> None:
    Person.objects.filter(pk=recorded.object_id).update(epoch=recorded.sequence, said_by=recorded.sequence)


def _role_granted(recorded: Recorded, content: contents.RoleGranted) -> None:
    if _known(content.person):
        set_row(
            RoleGrant.objects,
            recorded.object_id,
            {
                "person_id": UUID(content.person),
                "role": content.role,
                "since_us": recorded.time_us,
                "said_by": recorded.sequence,
            },
        )


def _role_revoked(recorded: Recorded, _: contents.RoleRevoked) -> None:
    RoleGrant.objects.filter(pk=recorded.object_id).delete()


def _team_made(recorded: Recorded, content: contents.TeamMade) -> None:
    Team.objects.create(object_id=recorded.object_id, name=content.name, said_by=recorded.sequence)


def _team_closed(recorded: Recorded, _: contents.TeamClosed) -> None:
    Team.objects.filter(pk=recorded.object_id).update(closed=True, said_by=recorded.sequence)


def _team_joined(recorded: Recorded, content: contents.TeamJoined) -> None:
    if _known(content.person) and Team.objects.filter(pk=UUID(content.team)).exists():
        set_row(
            Membership.objects,
            recorded.object_id,
            {
                "team_id": UUID(content.team),
                "person_id": UUID(content.person),
                "since_us": recorded.time_us,
                "said_by": recorded.sequence,
            },
        )


def _team_left(recorded: Recorded, _: contents.TeamLeft) -> None:
    Membership.objects.filter(pk=recorded.object_id).delete()


def _passkey_added(recorded: Recorded, content: contents.PasskeyAdded) -> None:
    """Two rows: ours, and the one with the public key that allauth reads; its key is the entry's sequence."""
    if not _known(content.person):
        return
    Passkey.objects.create(
        object_id=recorded.object_id,
        person_id=UUID(content.person),
        name=content.name,
        credential_id=content.credential_id,
        added_us=recorded.time_us,
        said_by=recorded.sequence,
    )
    Authenticator.objects.create(
        pk=recorded.sequence,
        user_id=UUID(content.person),
        type=Authenticator.Type.WEBAUTHN,
        data={"name": content.name, "credential": content.credential},
        created_at=EPOCH + timedelta(microseconds=recorded.time_us),
    )


def _passkey_removed(recorded: Recorded, _: contents.PasskeyRemoved) -> None:
    _drop_passkeys(recorded.object_id)


def _drop_passkeys(object_id: UUID) -> None:
    rows = Passkey.objects.filter(pk=object_id)
    Authenticator.objects.filter(pk__in=list(rows.values_list("said_by", flat=True))).delete()
    rows.delete()


def _issuer_bound(recorded: Recorded, content: contents.IssuerBound) -> None:
    if _known(content.person):
        Issuer.objects.create(
            object_id=recorded.object_id,
            person_id=UUID(content.person),
            issuer=content.issuer,
            subject=content.subject,
            since_us=recorded.time_us,
            said_by=recorded.sequence,
        )


def _issuer_unbound(recorded: Recorded, _: contents.IssuerUnbound) -> None:
    Issuer.objects.filter(pk=recorded.object_id).delete()


def _token_made(recorded: Recorded, content: contents.TokenMade) -> None:
    if _known(content.person):
        Token.objects.create(
            object_id=recorded.object_id,
            person_id=UUID(content.person),
            name=content.name,
            digest=content.digest,
            scopes=content.scopes,
            made_us=recorded.time_us,
            expires_us=content.expires_us,
            said_by=recorded.sequence,
        )


def _token_revoked(recorded: Recorded, _: contents.TokenRevoked) -> None:
    Token.objects.filter(pk=recorded.object_id).delete()


def _signed_in(_: Recorded, __: contents.SignedIn) -> None:
    """Nothing: the entry is the log, and no page needs it as a row."""


def _proposed(recorded: Recorded, content: contents.Proposed) -> None:
    Proposal.objects.create(
        object_id=recorded.object_id,
        action=content.action,
        subject=content.subject,
        why=recorded.reason,
        proposed_by=recorded.actor_id,
        proposed_name=recorded.actor_name,
        proposed_us=recorded.time_us,
        expires_us=content.expires_us,
        said_by=recorded.sequence,
    )


def _decided(recorded: Recorded, _: contents.Decided) -> None:
    Proposal.objects.filter(pk=recorded.object_id).update(
        state=recorded.kind.removeprefix("accounts."),
        decided_by=recorded.actor_id,
        decided_name=recorded.actor_name,
        decided_us=recorded.time_us,
        said_by=recorded.sequence,
    )


def _opened(recorded: Recorded, content: contents.Opened) -> None:
    Opening.objects.create(
        sequence=recorded.sequence,
        opened=UUID(content.opened),
        person=content.person,
        until_us=content.until_us,
    )


def _consulted(recorded: Recorded, content: contents.Consulted) -> None:
    _consulted_many([(recorded, content)])


def _consulted_many(entries: Sequence[tuple[Recorded, contents.Consulted]]) -> None:
    """Most entries of a node are of this kind: each page that is looked at waits for one, and one may name thousands.

    Django's models would take longer for them than the database.
    """
    fields: Any = Consultation._meta
    why, recipient = fields.get_field("why"), fields.get_field("recipient")
    insert(
        Consultation,
        ("sequence", "time_us", "actor_id", "actor_name", "action", "objects_seen", "why", "recipient"),
        [
            (
                recorded.sequence, recorded.time_us, recorded.actor_id, recorded.actor_name, content.action,
                packed(content.objects), why.seal(recorded.reason, (recorded.sequence,)).data,
                recipient.seal(content.recipient, (recorded.sequence,)).data,
            )
            for recorded, content in entries
        ],
    )  # fmt: skip


def _known(person: str) -> bool:
    """Whether the person has a row; one who was purged has none, and nothing that follows has."""
    return Person.objects.filter(pk=UUID(person)).exists()


def _forget(object_id: UUID) -> None:
    """Remove every row that came from an object's entries; a person takes along all that is theirs."""
    _drop_passkeys(object_id)
    for rows in (
        RoleGrant.objects,
        Membership.objects,
        Issuer.objects,
        Token.objects,
        Invitation.objects,
        Proposal.objects,
    ):
        drop(rows, object_id)
    sequences = list(Entry.objects.filter(object_id=object_id).values_list("sequence", flat=True))
    Opening.objects.filter(sequence__in=sequences).delete()
    Consultation.objects.filter(sequence__in=sequences).delete()
    Team.objects.filter(pk=object_id).delete()
    Person.objects.filter(pk=object_id).delete()


KINDS = (
    Kind("accounts.invited", contents.Invited, _invited, _forget),
    Kind("accounts.link_made", contents.LinkMade, _link_made),
    Kind("accounts.link_closed", contents.LinkClosed, _link_closed),
    Kind("accounts.joined", contents.Joined, _joined),
    Kind("accounts.renamed", contents.Renamed, _renamed),
    Kind("accounts.preferred", contents.Preferred, _preferred),
    Kind("accounts.deactivated", contents.Deactivated, _deactivated),
    Kind("accounts.reactivated", contents.Reactivated, _reactivated),
    Kind("accounts.sessions_ended", contents.SessionsEnded, _sessions_ended),
    Kind("accounts.role_granted", contents.RoleGranted, _role_granted),
    Kind("accounts.role_revoked", contents.RoleRevoked, _role_revoked),
    Kind("accounts.team_made", contents.TeamMade, _team_made),
    Kind("accounts.team_closed", contents.TeamClosed, _team_closed),
    Kind("accounts.team_joined", contents.TeamJoined, _team_joined),
    Kind("accounts.team_left", contents.TeamLeft, _team_left),
    Kind("accounts.passkey_added", contents.PasskeyAdded, _passkey_added),
    Kind("accounts.passkey_removed", contents.PasskeyRemoved, _passkey_removed),
    Kind("accounts.issuer_bound", contents.IssuerBound, _issuer_bound),
    Kind("accounts.issuer_unbound", contents.IssuerUnbound, _issuer_unbound),
    Kind("accounts.token_made", contents.TokenMade, _token_made),
    Kind("accounts.token_revoked", contents.TokenRevoked, _token_revoked),
    Kind("accounts.signed_in", contents.SignedIn, _signed_in),
    Kind("accounts.proposed", contents.Proposed, _proposed, sealed=True),
    Kind("accounts.approved", contents.Decided, _decided, sealed=True),
    Kind("accounts.refused", contents.Decided, _decided, sealed=True),
    Kind("accounts.withdrawn", contents.Decided, _decided, sealed=True),
    Kind("accounts.opened", contents.Opened, _opened),
    Kind("accounts.consulted", contents.Consulted, _consulted, sealed=True, project_many=_consulted_many),
    Kind("accounts.disclosed", contents.Consulted, _consulted, sealed=True, project_many=_consulted_many),
)
"""All kinds of this room; `accounts.invited` forgets for all of them, as forgetting is by object."""
