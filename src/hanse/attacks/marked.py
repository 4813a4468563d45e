"""How strictly an attack is marked: as what names its victim, and as each attack that it is made one with."""

from collections.abc import Sequence

from hanse.attacks import models
from hanse.constituency import service as constituency
from hanse.constituency.registry import Target
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, join
from hanse.ledger.identity import authority


def named_by(target: Target, marking: Marking | None) -> Marking | None:
    """A marking (None: the authority's own) that is as strict as the constituency's row that names the victim."""
    theirs = constituency.markings_of([target.prefix]).get(target.prefix)
    return marking if theirs is None else join(marking or Marking.own(authority()), theirs)


def check_alike(rows: Sequence[models.Attack]) -> None:
    """Refuse one decision on attacks that not the same people may see: on each, it speaks of all of them.

    The detector then finds them as one, whose traffic is that of all: the earliest would carry the others' under a
    weaker marking than theirs.

    Raises:
        UsageError: They differ in marking or team.
    """
    if len({(row.marking_id, row.team) for row in rows}) > 1:
        marked = ", ".join(f"{row.name} {row.marking.marking.banner()}" for row in rows)
        raise UsageError(
            f"These attacks differ in marking or team ({marked}), and merged they are one. "
            "Mark the less strict ones anew like the strictest, then merge."
        )
