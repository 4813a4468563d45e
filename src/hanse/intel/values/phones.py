"""Telephone numbers."""

from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from hanse.intel.values.problem import ValueProblem

_WHY: Final = {
    NumberParseException.NOT_A_NUMBER: "it has no digits, or too few.",
    NumberParseException.TOO_SHORT_AFTER_IDD: "too few digits follow the country code.",
    NumberParseException.TOO_SHORT_NSN: "it has too few digits.",
    NumberParseException.TOO_LONG: "it has too many digits.",
}


def phone(text: str, region: str | None = None) -> str:
    """A telephone number as E.164 writes it: ``+3726123456``.

    Args:
        text: As it was written down.
        region: Country, in two letters, of numbers without a country code.

    Raises:
        ValueProblem: It is none, or its country is not said.
    """
    try:
        number = phonenumbers.parse(text.strip(), region)
    except NumberParseException as error:
        raise ValueProblem(f"{text[:40]!r} is no telephone number: {_why(error, region)}") from None
    if not phonenumbers.is_possible_number(number):
        raise ValueProblem(f"{text[:40]!r} has too many or too few digits for its country.")
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def country_of(number: str) -> str:
    """The country that a number of E.164 was given out in, two letters; empty for numbers of no one country."""
    code = phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    return "" if code == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else str(code)


def _why(error: NumberParseException, region: str | None) -> str:
    """Why a text is no telephone number, and what to do."""
    if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
        wanted = "" if region else " Write it with its country code, like +372 612 3456."
        return f"its country is not said or not known.{wanted}"
    return _WHY.get(error.error_type, "it cannot be read.")
