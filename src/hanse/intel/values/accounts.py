"""Bank accounts and payment cards."""

from typing import Final

from stdnum import iban as iban_number
from stdnum import luhn
from stdnum.exceptions import InvalidChecksum, InvalidComponent, InvalidFormat, ValidationError

from hanse.intel.values.problem import ValueProblem

_WHY: Final = {
    InvalidChecksum: "its checksum is wrong, so that a sign is mistyped or missing",
    InvalidComponent: "no country with IBANs begins so",
    InvalidFormat: "it has other signs, or another length, than its country's IBANs have",
}


def iban(text: str) -> str:
    """An IBAN without spaces, its length and checksum as ISO 13616 asks.

    Raises:
        ValueProblem: It is none.
    """
    try:
        return str(iban_number.validate(text, check_country=False))
    except ValidationError as error:
        raise ValueProblem(
            f"{text[:50]!r} is no IBAN: {_WHY.get(type(error), str(error).rstrip('.'))}."
        ) from None


def card(text: str) -> str:
    """A payment card's number without spaces, 12 to 19 digits with Luhn's checksum (ISO/IEC 7812-1).

    Raises:
        ValueProblem: It is none. The words never repeat the number.
    """
    digits = text.strip().replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19):
        raise ValueProblem("A card's number has 12 to 19 digits.")
    if not luhn.is_valid(digits):
        raise ValueProblem("The checksum of this card's number is wrong: a digit is mistyped.")
    return digits
