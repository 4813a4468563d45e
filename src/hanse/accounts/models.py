"""Tables of people: projections of entries, all but the sessions.

Each row says which entry brought its present state (`said_by`), so that whoever relies on a row can ask the
ledger whether it really says so (`hanse.accounts.proof`).
"""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from hanse.ledger.fields import IdsField, SealedTextField
from hanse.policy.roles import roles


class People(BaseUserManager["Person"]):
    """The manager of people; Django looks users up through it."""


class Person(AbstractBaseUser):
    """Somebody of this authority. There are no passwords, and an e-mail address identifies nobody.

    Attributes:
        id: The person's UUID, which never changes; entries name it as the actor.
        name: As other people see it.
        email: Where to write to; empty where nobody said.
        is_active: Whether the person may sign in: has joined, and was not deactivated.
        invited_us: When they were invited, microseconds UTC.
        joined_us: When they first signed in; null before.
        language: Language of pages; empty for the browser's.
        theme: ``light``, ``dark``, or empty for the system's.
        epoch: Sequence of the entry that ended all sessions before it.
        said_by: Sequence of the entry that brought the present state of name and activity.
    """

    password: Any = None
    last_login: Any = None

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=200)
    email = models.CharField(max_length=254, default="")
    is_active = models.BooleanField(default=False)
    invited_us = models.BigIntegerField()
    joined_us = models.BigIntegerField(null=True)
    language = models.CharField(max_length=12, default="")
    theme = models.CharField(max_length=8, default="")
    epoch = models.BigIntegerField(default=0)
    said_by = models.BigIntegerField()

    objects: ClassVar[People] = People()

    USERNAME_FIELD = "id"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        """The name."""
        return self.name

    def has_usable_password(self) -> bool:
        """Never: there are no passwords."""
        return False

    def set_unusable_password(self) -> None:
        """Nothing to do: there are no passwords."""

    def get_session_auth_hash(self) -> str:
        """What sessions are bound to: they end when it changes."""
        return str(self.epoch)


class RoleGrant(models.Model):
    """A role that a person has now."""

    object_id = models.UUIDField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=32)
    since_us = models.BigIntegerField()
    said_by = models.BigIntegerField()

    def __str__(self) -> str:
        """The role."""
        return self.role

    @property
    def title(self) -> str:
        """The role as pages call it; its name where there is none of that name any more."""
        return roles()[self.role].title if self.role in roles() else self.role


class Team(models.Model):
    """A need-to-know team."""

    object_id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=200)
    closed = models.BooleanField(default=False)
    said_by = models.BigIntegerField()

    def __str__(self) -> str:
        """The name."""
        return self.name


class Membership(models.Model):
    """A person who is in a team now."""

    object_id = models.UUIDField(primary_key=True)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="memberships")
    since_us = models.BigIntegerField()
    said_by = models.BigIntegerField()

    def __str__(self) -> str:
        """The team."""
        return str(self.team)


class Passkey(models.Model):
    """A passkey that opens a person's account.

    Attributes:
        object_id: Its UUID in the ledger.
        person: Whose it is.
        name: What its owner calls it.
        credential_id: WebAuthn credential id, base64url.
        added_us: When it was registered, microseconds UTC.
        said_by: Sequence of its entry; also the primary key of allauth's row with the public key.
    """

    object_id = models.UUIDField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=100)
    credential_id = models.TextField(unique=True)
    added_us = models.BigIntegerField()
    said_by = models.BigIntegerField(unique=True)

    def __str__(self) -> str:
        """Its name."""
        return self.name


class Issuer(models.Model):
    """A person's identity at an OpenID Connect issuer: the pair (issuer, subject), never an e-mail address."""

    object_id = models.UUIDField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="issuers")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    since_us = models.BigIntegerField()
    said_by = models.BigIntegerField()

    class Meta:
        """One person per identity."""

        constraints = (models.UniqueConstraint(fields=["issuer", "subject"], name="accounts_one_identity"),)

    def __str__(self) -> str:
        """Issuer and subject."""
        return f"{self.subject} at {self.issuer}"


class Token(models.Model):
    """A token for the API. Only its hash is kept."""

    object_id = models.UUIDField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField()
    made_us = models.BigIntegerField()
    expires_us = models.BigIntegerField()
    said_by = models.BigIntegerField()

    def __str__(self) -> str:
        """Its name."""
        return self.name


class Invitation(models.Model):
    """A one-time link with which a person joins, or comes back after losing a passkey. Only its hash is kept.

    Attributes:
        purpose: ``join`` or ``recover``.
        roles: Roles that joining gives.
        open: Whether it can still be used, its expiry apart.
    """

    object_id = models.UUIDField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="invitations")
    purpose = models.CharField(max_length=8)
    digest = models.CharField(max_length=64, unique=True)
    roles = models.JSONField()
    expires_us = models.BigIntegerField()
    open = models.BooleanField(default=True)
    said_by = models.BigIntegerField()

    def __str__(self) -> str:
        """What it is for."""
        return self.purpose


class Proposal(models.Model):
    """What one person proposes and another one has to approve.

    Attributes:
        action: What happens on approval, such as ``accounts.grant``.
        subject: With what, as the action defines it.
        why: The proposer's reason.
        proposed_by: Id of the proposer.
        state: ``open``, ``approved``, ``refused`` or ``withdrawn``; expiry is by the clock.
        decided_by: Id of who decided; empty while open.
        said_by: Sequence of the entry that brought the present state.
    """

    object_id = models.UUIDField(primary_key=True)
    action = models.CharField(max_length=64)
    subject = models.JSONField()
    why = SealedTextField()
    proposed_by = models.CharField(max_length=64)
    proposed_name = models.CharField(max_length=200)
    proposed_us = models.BigIntegerField()
    expires_us = models.BigIntegerField()
    state = models.CharField(max_length=10, default="open")
    decided_by = models.CharField(max_length=64, default="")
    decided_name = models.CharField(max_length=200, default="")
    decided_us = models.BigIntegerField(null=True)
    said_by = models.BigIntegerField()

    class Meta:
        """How it is searched."""

        indexes = (models.Index(fields=["state", "expires_us"], name="accounts_proposals"),)

    def __str__(self) -> str:
        """What is proposed."""
        return self.action


class Opening(models.Model):
    """An embargoed object that two people opened to somebody who oversees."""

    sequence = models.BigIntegerField(primary_key=True)
    opened = models.UUIDField(db_index=True)
    person = models.CharField(max_length=64)
    until_us = models.BigIntegerField()

    def __str__(self) -> str:
        """What was opened."""
        return self.opened.hex


class Consultation(models.Model):
    """Who looked at what, when and why, and to whom it was disclosed (Directive (EU) 2016/680, article 25).

    Attributes:
        sequence: The entry that says so.
        time_us: When, microseconds UTC.
        actor_id: Who.
        actor_name: Their name as it was then.
        action: What they did.
        objects_seen: Ids of the objects, 32 hexadecimal digits each.
        why: The reason they gave; empty where none was asked for.
        recipient: To whom it was disclosed; empty for a consultation. Sealed, as the reason is.
    """

    sequence = models.BigIntegerField(primary_key=True)
    time_us = models.BigIntegerField()
    actor_id = models.CharField(max_length=64)
    actor_name = models.CharField(max_length=200)
    action = models.CharField(max_length=64)
    objects_seen = IdsField()
    why = SealedTextField()
    recipient = SealedTextField(default="")

    class Meta:
        """How it is searched."""

        indexes = (models.Index(fields=["actor_id", "sequence"], name="accounts_consulted"),)

    def __str__(self) -> str:
        """What was done."""
        return self.action


class Session(AbstractBaseSession):
    """A signed-in browser. Not a projection: short-lived, found by the hash of its cookie, its data signed.

    Attributes:
        person_id: Whose session it is; null before signing in.
        began_us: When it was signed in.
        label: The browser, in a few words.
    """

    person_id = models.UUIDField(null=True, db_index=True)
    began_us = models.BigIntegerField(null=True)
    label = models.CharField(max_length=100, default="")

    class Meta(AbstractBaseSession.Meta):
        """Its table."""

        db_table = "accounts_session"
