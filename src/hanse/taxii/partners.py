"""Partners at the open edge: two people make one, one person closes the door again; and who it is that comes.

A secret is shown once, to the person who approves, and kept as its SHA-256: it has 256 bits of chance, so that nothing
slower is needed. Whoever comes is looked up by it and believed by the ledger's signed entries, never by a row.
"""

import secrets
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

from hanse.accounts.approvals import Approvable, Pending, propose
from hanse.accounts.models import Consultation, Proposal
from hanse.accounts.proof import histories
from hanse.kernel.actors import AUTHORITY_ID, Actor, is_authority_id
from hanse.kernel.clock import now_us
from hanse.kernel.countries import NAMES, STATES
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import TIER_WORDS, TIERS, Marking
from hanse.ledger.identity import authority as this_authority
from hanse.ledger.writing import append
from hanse.policy.asking import require
from hanse.policy.guarded import NotVisibleError
from hanse.taxii import contents
from hanse.taxii.models import Partner
from hanse.taxii.shelves import ACTION

SECRET_PREFIX: Final = "hanse-edge_"  # noqa: S105 - the recognisable start of every secret, itself no secret
ROLE: Final = "edge"
"""The role that partners have; no person can have it."""


def propose_partner(authority: str, name: str, country: str, tier: str, why: str, actor: Actor) -> UUID:
    """Propose that an authority may come by TAXII; another person has to approve it, and is shown its secret.

    Args:
        authority: Its id, as markings name it.
        name: What it is called.
        country: ISO 3166, two letters; empty where it has none, as for an organisation.
        tier: One of `hanse.kernel.markings.TIERS`.
        why: What for; it stands as the reason in each record of what is disclosed.
        actor: Who proposes.

    Raises:
        RefusedError: The actor may not.
        UsageError: One of it cannot be meant, or that authority comes already.
    """
    one = {
        "authority": authority.strip(),
        "name": name.strip()[:200],
        "country": country.strip().upper(),
        "tier": tier,
    }
    _check(one)
    return propose(APPROVABLE.action, one, why, actor)


def revoke(partner: UUID, why: str, actor: Actor) -> None:
    """Let a partner come no more, from its next request on; one person is enough to close a door.

    Raises:
        RefusedError: The actor may not.
        UsageError: No reason is given.
        NotVisibleError: There is no such partner, or it was revoked.
    """
    require(actor, "taxii.partner")
    if not why.strip():
        raise UsageError("Say why: it stands beside the partner's record.")
    if not Partner.objects.filter(pk=partner, revoked_us=None).exists():
        raise NotVisibleError("There is no such partner, or it was revoked already.")
    append(
        "taxii.partner_revoked", contents.PartnerRevoked(), actor=actor, object_id=partner, reason=why.strip()
    )


def waiting() -> list[Proposal]:
    """What is proposed and waits for a second person, newest first."""
    open_now = Proposal.objects.filter(action=APPROVABLE.action, state="open", expires_us__gt=now_us())
    return list(open_now.order_by("-proposed_us"))


_BY_DIGEST: Final = "SELECT * FROM taxii_partner WHERE digest = %s"
"""Every request of a partner begins with it; Django takes longer to write this than a database to answer it."""


def who(secret: str, user: str | None = None) -> tuple[Partner, Actor] | None:
    """The partner with a secret, and as policy sees it; None for one that the ledger knows no active partner with.

    Args:
        secret: As it was shown.
        user: The authority's id where it was said along with it, as by HTTP's Basic scheme.
    """
    if not secret.startswith(SECRET_PREFIX) or len(secret) > 100:
        return None
    digest = sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
    row = next(iter(Partner.objects.raw(_BY_DIGEST, [digest])), None)
    made = _standing(row.pk) if row is not None else None
    if row is None or made is None or made.digest != digest or user not in (None, made.authority):
        return None
    return row, _actor(row.pk, made)


def still(actor: Actor) -> Actor:
    """A partner of earlier, such as who sent what a job takes in.

    Raises:
        UsageError: It was revoked meanwhile.
    """
    if actor.kind != "partner" or ROLE not in actor.roles:
        return actor
    made = _standing(UUID(actor.id))
    if made is None:
        raise UsageError(f"{actor.name} is no partner here any more.")
    return replace(_actor(UUID(actor.id), made), roles=actor.roles)


def active(partner: UUID) -> Actor | None:
    """A partner as policy sees it, whoever speaks for it; None for one that may not come, as the ledger says."""
    made = _standing(partner)
    return None if made is None else _actor(partner, made)


def last_fetched(partner: UUID) -> Consultation | None:
    """The last time that something was disclosed to a partner by TAXII, or None."""
    rows = Consultation.objects.filter(actor_id=partner.hex, action=ACTION)
    return rows.order_by("-sequence").first()


def _actor(partner: UUID, made: contents.PartnerMade) -> Actor:
    return Actor(
        kind="partner", id=partner.hex, name=made.name, authority=made.authority, country=made.country,
        tier=made.tier, roles=frozenset({ROLE}),
    )  # fmt: skip


def _standing(partner: UUID) -> contents.PartnerMade | None:
    """What the ledger says of a partner that may come; None of one that was revoked."""
    said = histories([partner])[partner]
    made = said[-1].content if said else None
    return made if isinstance(made, contents.PartnerMade) else None


def _check(one: dict[str, Any]) -> None:
    """Refuse what cannot be meant.

    Raises:
        UsageError: So it is.
    """
    if not is_authority_id(one["authority"]):
        raise UsageError(f"The authority's id has {AUTHORITY_ID}.")
    if one["authority"] == this_authority():
        raise UsageError("That is this authority itself. Its people use the console and the API.")
    if not one["name"] or not one["name"].isprintable():
        raise UsageError("Say in one line what the authority is called.")
    if one["tier"] not in TIERS:
        raise UsageError(f"There is no tier {one['tier'][:20]!r}; the tiers are {', '.join(TIERS)}.")
    if not one["country"] and one["tier"] != "organisation":
        raise UsageError(
            "It has a country: write its two letters, such as FI. Only an organisation has none."
        )
    if one["country"] and one["country"] not in STATES:
        raise UsageError(
            f"{one['country'][:20]!r} is no country: what is released to its state would never reach it. Write two letters, "
            "such as FI; leave it empty for an organisation."
        )
    # What markings could not name, no release could reach.
    Marking(originators=frozenset({one["authority"]}))
    if Partner.objects.filter(authority=one["authority"], revoked_us=None).exists():
        raise UsageError(f"{one['authority']} comes already. Revoke it first; then it gets a new secret.")


def _words(subject: dict[str, Any]) -> str:
    country = f", {NAMES.get(subject['country'], subject['country'])}" if subject["country"] else ""
    return (
        f"Let {subject['name']} ({subject['authority']}{country}, {TIER_WORDS[subject['tier']]}) fetch by TAXII what its markings release to "
        "it, and send intelligence. Its secret is shown to you once."
    )


def _execute(proposal: Pending, approver: Actor) -> str:
    told = proposal.subject
    _check(told)
    secret = SECRET_PREFIX + secrets.token_urlsafe(32)
    content = contents.PartnerMade(
        told["authority"], told["name"], told["country"], told["tier"], sha256(secret.encode()).hexdigest(),
        proposal.id.hex,
    )  # fmt: skip
    append("taxii.partner_made", content, actor=approver, reason=proposal.why, object_id=uuid4())
    return secret


_ONCE: Final = (
    "This is the partner's secret. Give it to them by a way that only they can read; the page Edge partners says what "
    "they enter with it. It is shown this once and kept nowhere."
)

APPROVABLE = Approvable(
    "taxii.partner", "taxii.partner", _words, _execute, lambda _subject: "/edge/", _ONCE,
    about=lambda subject: [subject["authority"]],
)  # fmt: skip
"""What the two people agree on."""
