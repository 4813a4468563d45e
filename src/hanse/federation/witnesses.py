"""Naming witnesses and consenting to be one: what two authorities agree on before they watch each other's ledger."""

from contextlib import suppress
from typing import Final

from hanse.federation.contents import WitnessAnswered, WitnessAsked
from hanse.federation.handlers import Arrived, Handler
from hanse.federation.models import Partner, PartnerKey, Standing, Witness
from hanse.federation.partners import partner_of, verify_keys
from hanse.federation.sending import send
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.keys import KeysError, VerifyKey
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.witness import seen_by
from hanse.ledger.witnessed import Keys
from hanse.ledger.writing import Draft, writing
from hanse.policy.asking import require

ASKED: Final = "federation.witness_asked"
ANSWERED: Final = "federation.witness_answered"


def name(partner: str, actor: Actor, *, asked: bool = True) -> None:
    """Ask a partner to witness this ledger, or ask it no longer.

    Raises:
        UnknownPartnerError: There is no such partner.
        UsageError: It is no active partner, or stands so already.
        RefusedError: The actor may not.
    """
    require(actor, "federation.partner")
    row = _active(partner)
    with writing():
        if of(partner).named == asked:
            done = "asked to witness this ledger already" if asked else "not asked to witness this ledger"
            raise UsageError(f"{row.name} is {done}.")
        if not asked:
            _tell_fellows(without=partner)
        send([Draft(ASKED, WitnessAsked(asked, _fellows() if asked else ()), recipient=partner)])


def answer(partner: str, actor: Actor, *, consents: bool) -> None:
    """Consent to witness a partner's ledger, or consent no longer.

    Raises:
        UnknownPartnerError: There is no such partner.
        UsageError: It is no active partner, did not ask, or was answered so already.
        RefusedError: The actor may not.
    """
    require(actor, "federation.partner")
    row = _active(partner)
    with writing():
        stands = of(partner)
        if consents and not stands.asks:
            raise UsageError(f"{row.name} has not asked this authority to witness its ledger.")
        if stands.agreed == consents:
            raise UsageError(f"{row.name} was told so already.")
        send([Draft(ANSWERED, WitnessAnswered(consents), recipient=partner)])


def _active(partner: str) -> Partner:
    row = partner_of(partner)
    if row.state != Standing.ACTIVE:
        raise UsageError(f"{row.name} is {row.get_state_display()}: nothing can be agreed on with it.")
    return row


def of(partner: str) -> Witness:
    """How a partner and this authority witness each other's ledger; unsaved where nothing was said yet."""
    return Witness.objects.filter(pk=partner).first() or Witness(partner=partner)


def named() -> list[str]:
    """Ids of the active partners that this node named and that consented."""
    active = Partner.objects.filter(state=Standing.ACTIVE).values("pk")
    rows = Witness.objects.filter(named=True, consents=True, partner__in=active)
    return sorted(rows.values_list("partner", flat=True))


def watched() -> list[str]:
    """Ids of the active partners whose ledger this node consented to witness."""
    active = Partner.objects.filter(state=Standing.ACTIVE).values("pk")
    rows = Witness.objects.filter(asks=True, agreed=True, partner__in=active)
    return sorted(rows.values_list("partner", flat=True))


def named_keys() -> Keys:
    """The keys that are believed of each named witness that consented."""
    return {one: list(verify_keys(one).values()) for one in named()}


def ever_keys() -> Keys:
    """All keys that any partner ever had: a cosignature stays what it is when its key changes.

    A row that was edited into no key is left out: the check of rows against the ledger names it.
    """
    found: dict[str, list[VerifyKey]] = {}
    for partner, key in PartnerKey.objects.order_by("said_by").values_list("partner", "verify"):
        with suppress(ValueError, KeysError):
            found.setdefault(partner, []).append(VerifyKey(bytes.fromhex(key)))
    return dict(found)


def seen_of(note: str) -> dict[str, int]:
    """Who saw a checkpoint of a partner as a witness, and when (s UTC): this node and partners, whose keys are known."""
    if not note:
        return {}
    return seen_by(note, ever_keys() | {authority(): keyring.current().verify_keys()})


def _fellows() -> tuple[str, ...]:
    return tuple(named())


def _tell_fellows(without: str = "") -> None:
    """Tell all witnesses who they are now."""
    fellows = tuple(one for one in named() if one != without)
    send([Draft(ASKED, WitnessAsked(asked=True, fellows=fellows), recipient=one) for one in fellows])


def _project_asked(recorded: Recorded, content: WitnessAsked) -> None:
    """This node asked."""
    told = {"named": content.asked} if content.asked else {"named": False, "consents": False}
    Witness.objects.update_or_create(partner=recorded.recipient, defaults=told)


def _project_answered(recorded: Recorded, content: WitnessAnswered) -> None:
    """This node answered."""
    Witness.objects.update_or_create(partner=recorded.recipient, defaults={"agreed": content.consents})


def _asked(here: Arrived, content: WitnessAsked) -> None:
    """A partner asks; who asks no longer has to ask anew, and be answered anew."""
    told = {"asks": content.asked, "fellows": list(content.fellows)}
    if not content.asked:
        told["agreed"] = False
    Witness.objects.update_or_create(partner=here.partner, defaults=told)


def _answered(here: Arrived, content: WitnessAnswered) -> None:
    """A partner answers what it was asked."""
    Witness.objects.filter(partner=here.partner, named=True).update(consents=content.consents)


def _check(here: Arrived, content: WitnessAsked) -> None:
    if len(content.fellows) > _MOST_FELLOWS or any(len(one) > _LONGEST for one in content.fellows):
        raise UsageError(f"{here.partner} names more witnesses than a ledger can have.")


def _then_tell(here: Arrived, _: WitnessAnswered) -> None:
    """The witnesses learn of each other: two that are shown different histories find out by comparing."""
    if Witness.objects.filter(partner=here.partner, named=True).exists():
        _tell_fellows()


_MOST_FELLOWS: Final = 200
_LONGEST: Final = 128

KINDS = (
    Kind(ASKED, WitnessAsked, _project_asked),
    Kind(ANSWERED, WitnessAnswered, _project_answered),
)
HANDLERS = (
    Handler(ASKED, WitnessAsked, _asked, check=_check),
    Handler(ANSWERED, WitnessAnswered, _answered, then=_then_tell),
)
