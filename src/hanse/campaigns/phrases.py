"""Numbers and times as verdicts say them."""

from hanse.kernel import units


def many(number: int, one: str) -> str:
    """``1 victim``, ``9 victims``."""
    return f"{number} {one if number == 1 else one + 's'}"


def period(first_us: int, last_us: int) -> str:
    """``on 9 May 2007``, ``from 3 to 11 May 2007``, ``from 30 April to 2 May 2007``; days UTC."""
    first, last = units.moment(first_us), units.moment(last_us)
    end = f"{last.day} {last:%B %Y}"
    if first.date() == last.date():
        return f"on {end}"
    begin = str(first.day)
    if (first.month, first.year) != (last.month, last.year):
        begin += f" {first:%B}"
    if first.year != last.year:
        begin += f" {first.year}"
    return f"from {begin} to {end}"
