"""Lines of witnesses under this ledger's checkpoints."""

import pytest

from hanse.kernel import notes
from hanse.kernel.keys import SigningKey
from hanse.ledger import tree, witnessed
from hanse.ledger.models import Checkpoint
from tests.ledger.made import findings, found

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_witness_cannot_make_the_ledger_look_altered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Base64 has several texts for the same bytes: whichever a witness sends, the note is kept in its one form."""
    found()
    head, key = tree.integrate(), SigningKey(bytes(32))
    monkeypatch.setattr(witnessed, "_ever", [lambda: {"fi-cert": [key.public]}])
    line = notes.cosign(head.note, "hanse/fi-cert", key, 1_700_000_000).removeprefix(head.note)
    assert line.endswith("==\n")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = f"{line[:-4]}{letters[letters.index(line[-4]) ^ 1]}==\n"
    assert notes.verify_cosignature(head.note + other, "hanse/fi-cert", key.public) == 1_700_000_000
    witnessed.add_cosignatures([(head.size, other)])
    assert Checkpoint.objects.get(pk=head.size).note == head.note + line
    assert findings() == []
