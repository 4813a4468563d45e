"""What was put into a run may be kept out before anybody is told of it: then the run ends, to be begun anew without it.

As long as no tokens went either way, neither side knows what both have. A partner that was away over night would else be
told of an informant who was kept out the evening before.
"""

from typing import Final

from hanse.ledger.service import next_entry
from hanse.ledger.writing import writing
from hanse.matching import parts
from hanse.matching.agreeing import agreement_with
from hanse.matching.contents import RunEnded
from hanse.matching.models import Run, RunPart
from hanse.matching.offering import offered, still_offered, touched_since, values_of
from hanse.matching.parts import TOKENS, theirs
from hanse.matching.run_projecting import begun_at
from hanse.matching.running import finish

_ASKED: Final = "asked"
_WHY: Final = "Something that was put in is not to be compared any more. Begin it anew."


def may_tell(row: Run) -> bool:
    """Whether all that this side put into a run may be compared still, or tokens went already; asked before they go.

    No selector is opened where nothing of any case was put on record since the run began, or since this was asked. Where
    something may not, the run ends; where that changes just now, it is asked again at the next look.

    Raises:
        NoAgreementError: Nothing is agreed with the partner any more.
        ProtocolError: Something of it was purged, by which the run ended.
    """
    if parts.get(row.pk, parts.FETCHED, 0) is not None or parts.count(row.pk, theirs(TOKENS)):
        return True
    agreement, since = agreement_with(row.partner), next_entry()
    asked = parts.get(row.pk, _ASKED, 0)
    if touched_since(begun_at(row.pk) + 1 if asked is None else int.from_bytes(asked)) == set():
        return True
    own = offered(agreement)
    if not set(parts.values(row.pk)) <= set(values_of(own)):
        finish(row, RunEnded(state="failed", why=_WHY), to_partner="It ended early. It can be begun anew.")
        return False
    with writing():
        if not still_offered(agreement, own, since):
            return False
        data = since.to_bytes(8)
        RunPart.objects.update_or_create(run=row.pk, name=_ASKED, place=0, defaults={"data": data})
    return True
