"""Telephone numbers."""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from hanse.intel.values.problem import ValueProblem


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
        wanted = "" if region else " Write it with its country code, like +372 612 3456."
        raise ValueProblem(f"{text[:40]!r} is no telephone number: {error}.{wanted}") from None
    if not phonenumbers.is_possible_number(number):
        raise ValueProblem(f"{text[:40]!r} has too many or too few digits for its country.")
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))
