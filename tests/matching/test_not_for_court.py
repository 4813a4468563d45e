"""What is said of a case for the comparing of its selectors is no part of what goes to court."""

import zipfile
from io import BytesIO
from uuid import UUID

import pytest

from hanse.cases import court
from hanse.cases.models import Happening, Selector
from hanse.matching import withholding
from tests.accounts.people import newcomer

pytestmark = pytest.mark.usefixtures("founded")


def test_who_answers_for_an_informant_does_not_go_to_court(case) -> None:
    """That a selector is kept out of comparisons, why, and that one officer answers for it: who reads the archive would know the informant."""
    made, kaja = case
    informant = Selector.objects.filter(case=made, kind="email").get()
    before = court.choose(made, kaja).untold
    alone = newcomer("officer", name="Alone", teams=tuple(UUID(one) for one in kaja.teams))
    withholding.keep_out(made, informant.pk, alone, "She is our CANARY in the gang.", kaja)
    withholding.keep_out(made, None, None, "CANARY too, all of it.", kaja)
    assert court.choose(made, kaja).untold == before + 2
    _, pieces = court.export(made, "Harju County Court", "Indictment 12-7", kaja)
    with zipfile.ZipFile(BytesIO(b"".join(pieces))) as archive:
        everything = {name: archive.read(name) for name in archive.namelist()}
    assert not [name for name, data in everything.items() if b"CANARY" in data]
    kept = Happening.objects.filter(case=made, kind=withholding.KEPT_OUT).values_list("sequence", flat=True)
    assert len(kept) == 2
    assert not {f"entries/{one:09}.json" for one in kept} & everything.keys()
