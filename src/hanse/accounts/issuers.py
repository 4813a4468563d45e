"""OpenID Connect: a person is who an issuer's subject was bound to, by a signed entry; never by e-mail."""

from uuid import UUID

from hanse.accounts import contents
from hanse.accounts.models import Issuer
from hanse.accounts.proof import last
from hanse.accounts.rules import UnknownPersonError, ask, ask_own
from hanse.kernel.actors import Actor
from hanse.ledger.writing import append


def person_at(issuer: str, subject: str) -> UUID | None:
    """The person whom an issuer calls by a subject, or None for a stranger."""
    row = Issuer.objects.filter(issuer=issuer, subject=subject).first()
    said = last(row.object_id) if row is not None else None
    content = said.content if said is not None else None
    if not isinstance(content, contents.IssuerBound) or (content.issuer, content.subject) != (
        issuer,
        subject,
    ):
        return None
    return UUID(content.person)


def unbind(binding: UUID, actor: Actor) -> None:
    """Forget an identity: one's own, or, for an administrator, anybody's.

    Raises:
        UnknownPersonError: There is no such identity.
        RefusedError: The actor may not.
    """
    row = Issuer.objects.filter(pk=binding).first()
    if row is None:
        raise UnknownPersonError("There is no such identity.")
    if actor.id == row.person_id.hex:
        ask_own(actor, row.person_id)
    else:
        ask(actor, "accounts.grant")
    content = contents.IssuerUnbound(row.person_id.hex)
    append("accounts.issuer_unbound", content, actor=actor, object_id=binding)
