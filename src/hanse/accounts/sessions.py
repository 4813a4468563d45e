"""Sessions in the database: short, found by the hash of their cookie, their data bound to it and signed.

Who reads the database finds no cookie in it; who writes to it can neither make a session nor copy the data of
one into another, because the signature covers the cookie's own value.
"""

from hashlib import sha256
from typing import Any
from uuid import UUID

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from hanse.accounts.models import Session

LONGEST_US = 12 * 3_600 * 1_000_000
"""A session ends after twelve hours, whatever happens in it: one long shift."""
TOUCH_US = 60_000_000
"""A session's last use is written down once a minute, so that not every page writes to the database."""

AT_ONCE = 500
"""Sessions that are removed in one transaction: nobody waits long for it."""

BEGAN, SEEN, STEPPED_UP, LABEL = "began_us", "seen_us", "stepped_up_us", "browser"
"""Keys in a session: when it was signed in, last used, last proved by passkey (microseconds UTC), and where."""
AFTER = "after"
"""Key in a session: the last entry about its person when it was signed in."""


def hashed(key: str) -> str:
    """What the database knows of a cookie's value."""
    return sha256(key.encode()).hexdigest()[:40]


class SessionStore(DatabaseStore):
    """Django's database sessions, under the hash of their key."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """The table."""
        return Session

    @property
    def key_salt(self) -> str:
        """The signature's context: this very session."""
        return f"hanse.session.{self.session_key}"

    def _get_session_from_db(self) -> Session | None:
        """The row of this session, or None."""
        found = Session.objects.filter(
            session_key=hashed(self.session_key or ""), expire_date__gt=timezone.now()
        ).first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        """Whether there is a session of that key."""
        return bool(super().exists(hashed(session_key)))

    def delete(self, session_key: str | None = None) -> None:
        """End a session, this one by default."""
        if (key := session_key or self.session_key) is not None:
            super().delete(hashed(key))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row to write."""
        key, person = self.session_key or "", data.get(SESSION_KEY)  # create() has drawn a key before
        return Session(
            session_key=hashed(key),
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            person_id=UUID(person) if person else None,
            began_us=data.get(BEGAN),
            label=data.get(LABEL, "")[:100],
        )


def forget_expired() -> int:
    """Remove the sessions that are over, among them those of strangers who asked for a challenge; how many."""
    gone = 0
    while some := list(
        Session.objects.filter(expire_date__lt=timezone.now()).values_list("pk", flat=True)[:AT_ONCE]
    ):
        gone += Session.objects.filter(pk__in=some).delete()[0]
    return gone


def end_all(person: UUID) -> None:
    """End every session of a person."""
    Session.objects.filter(person_id=person).delete()
