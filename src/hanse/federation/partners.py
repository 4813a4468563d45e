"""The partners as this node knows them, as actors of policy, with the keys that are believed."""

from collections.abc import Iterable

from django.conf import settings

from hanse.egress.rules import AllowedEndpoint
from hanse.federation.invitation import Invitation
from hanse.federation.models import Link, Partner, PartnerKey, Standing
from hanse.kernel import envelope
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.keys import SealKey, SigningKey, VerifyKey
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.models import Entry, Head, NodeKey


class UnknownPartnerError(UsageError):
    """There is no such partner."""

    status = 404


def partner_of(name: str) -> Partner:
    """The partner of that id.

    Raises:
        UnknownPartnerError: There is none.
    """
    row = Partner.objects.filter(pk=name).first()
    if row is None:
        raise UnknownPartnerError(f"{name[:80]!r} is no partner of this authority.")
    return row


def names(authorities: Iterable[str]) -> dict[str, str]:
    """What authorities are called here, by id: a partner by its name, another by its id."""
    wanted = set(authorities)
    known = Partner.objects.filter(pk__in=wanted).values_list("authority", "name")
    return {one: one for one in wanted} | dict(known)


def called(authority_: str) -> str:
    """An authority in a sentence: its name and its id, which alone is its own; of one that is no partner, the id."""
    name = names([authority_])[authority_]
    return authority_ if name == authority_ else f"{name} ({authority_})"


def active() -> list[Partner]:
    """The partners with whom entries are exchanged, by id."""
    return list(Partner.objects.filter(state=Standing.ACTIVE).order_by("authority"))


def as_actor(partner: Partner) -> Actor:
    """The partner as policy knows it."""
    return Actor("partner", partner.authority, partner.name, partner.authority, partner.country, partner.tier)


def verify_keys(name: str) -> dict[str, VerifyKey]:
    """The keys of a partner that are believed, by id."""
    rows = PartnerKey.objects.filter(partner=name, revoked_us=None)
    return {row.key: VerifyKey(bytes.fromhex(row.verify)) for row in rows}


def seal_key(name: str) -> SealKey:
    """The newest key that a partner can open."""
    row = PartnerKey.objects.filter(partner=name, revoked_us=None).latest("said_by")
    return SealKey(bytes.fromhex(row.seal))


def link_of(name: str) -> Link:
    """How the exchange with a partner stands; made where it is the first time."""
    return Link.objects.get_or_create(pk=name)[0]


def locked_link(name: str) -> Link:
    """The same, which nobody else changes until the end of the transaction that asks."""
    return Link.objects.select_for_update().get_or_create(pk=name)[0]


def allowed(partner: Partner) -> tuple[AllowedEndpoint, ...]:
    """The non-public address at which two people said that the partner is reached."""
    if not partner.address:
        return ()
    return (AllowedEndpoint.of(partner.endpoint, partner.address),)


def own_key(partner: Partner, has: int) -> SigningKey:
    """The key that signs a message to a partner: the newest that the partner has surely heard of.

    Entries are signed with the newest key, and bring it in their order. A message that comes before them would be
    signed with a key that the partner does not know; were both to change keys at once, neither would hear the other.
    """
    told = partner.told
    since = NodeKey.objects.filter(pk=told).values_list("said_by", flat=True).first()
    changes = Entry.objects.filter(recipient=partner.authority, kind="federation.key_changed")
    for entry in changes.filter(sequence__gt=-1 if since is None else since).order_by("sequence"):
        if _place(entry) < has:
            told = _key_after(entry)
    return keyring.signing(told)


def answer_key(partner: Partner, has: int, sealed_to: str) -> SigningKey:
    """The key that signs an answer to a partner: none that is newer than the one that its question is sealed to.

    A partner that was put back from a backup has forgotten newer keys that it had heard of. Which it knows, its
    question says. A key that was revoked signs nothing.
    """
    newest = own_key(partner, has)
    rows = {row.pk: row for row in NodeKey.objects.all()}
    asked = next((row for row in rows.values() if SealKey(bytes.fromhex(row.seal)).id == sealed_to), None)
    known = rows.get(newest.id)
    if asked is None or known is None or asked.revoked_us is not None or asked.said_by >= known.said_by:
        return newest
    return keyring.signing(asked.pk)


def _place(entry: Entry) -> int:
    return envelope.decode(bytes(entry.payload)).seq


def _key_after(entry: Entry) -> str:
    """The key that a change of keys, which is addressed to a partner, brings: the next that the ledger names."""
    return str(NodeKey.objects.filter(said_by__gt=entry.sequence).earliest("said_by").pk)


def own_invitation() -> Invitation:
    """What this node hands to others: the keys that the ledger says are in use.

    Raises:
        UsageError: The ledger does not begin with the node's founding, so that it says no keys.
    """
    node = settings.HANSE_NODE
    key = NodeKey.objects.filter(pk__in=Head.objects.filter(pk=1).values("key")).first()
    if key is None:
        raise UsageError(
            "This node was not founded, so that it has nothing to invite with. Run: hanse node init"
        )
    return Invitation(
        authority=authority(),
        country=node.country,
        endpoint=f"{node.url.rstrip('/')}/league/",
        name=node.name,
        seal=key.seal,
        tier=node.tier,
        verify=key.verify,
    )
