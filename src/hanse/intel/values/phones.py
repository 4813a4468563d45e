"""Telephone numbers."""

import re
from typing import TYPE_CHECKING, Final

from hanse.intel.values.problem import ValueProblem

if TYPE_CHECKING:
    from phonenumbers import NumberParseException

# The library is loaded with the first number: it reads the plans of all countries, a twentieth of the time to start.

_ABROAD: Final = re.compile(r"^\s*00[\s./()-]*(?=[1-9])")
"""The access code for calls abroad of all member states (Directive 2002/22/EC, article 27), as a number may begin with it."""


def phone(text: str, region: str | None = None) -> str:
    """A telephone number as E.164 writes it: ``+3726123456``.

    Args:
        text: As it was written down; where no region is said, 00 at its beginning stands for +.
        region: Country, in two letters, of numbers without a country code.

    Raises:
        ValueProblem: It is none, or its country is not said.
    """
    import phonenumbers  # noqa: PLC0415 - see above

    try:
        number = phonenumbers.parse(text.strip() if region else _ABROAD.sub("+", text, count=1), region)
    except phonenumbers.NumberParseException as error:
        raise ValueProblem(f"{text[:40]!r} is no telephone number: {_why(error, region)}") from None
    if not phonenumbers.is_possible_number(number):
        raise ValueProblem(f"{text[:40]!r} has too many or too few digits for its country.")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def country_of(number: str) -> str:
    """The country that a number of E.164 was given out in, two letters; empty for numbers of no one country.

    A number that no country's plan gives out, such as one kept for fiction, has the main country of its calling code.
    """
    import phonenumbers  # noqa: PLC0415 - see above

    parsed = phonenumbers.parse(number)
    code = phonenumbers.region_code_for_number(parsed)
    code = code or phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    if code == phonenumbers.UNKNOWN_REGION:
        return ""
    return "" if code == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else str(code)


def _why(error: "NumberParseException", region: str | None) -> str:
    """Why a text is no telephone number, and what to do."""
    if error.error_type == error.INVALID_COUNTRY_CODE:
        wanted = "" if region else " Write it with its country code, like +372 612 3456."
        return f"its country is not said or not known.{wanted}"
    known = {
        error.NOT_A_NUMBER: "it has no digits, or too few.",
        error.TOO_SHORT_AFTER_IDD: "too few digits follow the country code.",
        error.TOO_SHORT_NSN: "it has too few digits.",
        error.TOO_LONG: "it has too many digits.",
    }
    return known.get(error.error_type, "it cannot be read.")
