"""What is recalled cannot be passed on: a partner's request about it closes, with a word, on both sides."""

from dataclasses import replace
from uuid import UUID

import pytest

from hanse.attacks.models import Attack
from hanse.federation import recalling, releases, sharing
from hanse.federation.contents import Recall, ReleaseAsked, ReleaseDecided
from hanse.federation.models import Release
from hanse.federation.sharing import Audience, Sharing
from hanse.kernel.errors import UsageError
from hanse.ledger.check import check
from hanse.ledger.models import Entry
from hanse.ledger.replay import rebuild
from hanse.ledger.service import purge
from hanse.recording import record
from tests.federation.peer import NODE, Peer
from tests.federation.test_onward import GREEN, THING, _last, _pull, _sends, fi, jaan, lv, mari
from tests.node.made import earliest

__all__ = ["fi", "jaan", "lv", "mari"]

pytestmark = pytest.mark.usefixtures("founded")


@pytest.fixture
def asked(fi: Peer, lv: Peer, mari) -> UUID:
    """An attack that two partners have; one of them asks whether a third may have it."""
    record(earliest(12), NODE)
    attack = Attack.projected.earliest("start_us")
    both = Audience(authorities=frozenset({"fi-cert", "lv-cert"}))
    sharing.share(Sharing("attack", attack.pk, both), mari, "They are next.")
    content = ReleaseAsked(
        object_id=sharing.shared_id(attack.pk).hex, version=1, to="se-cert", to_name="CERT Sweden", to_country="SE",
        to_tier="member", purpose="The same sources.",
    )  # fmt: skip
    fi.entry(releases.ASKED, content, object_id=UUID(int=5))
    assert _pull(fi) == []
    return attack.pk


def test_a_recall_closes_what_was_asked_about_it(asked: UUID, mari, jaan) -> None:
    """Who asked is told with the recall and its reason; nothing is left to decide here, and a rebuild finds the same."""
    recalling.recall(asked, mari, "It was no attack.")
    row = Release.objects.get()
    assert (row.state, row.digest) == ("refused", "")
    told = _last("fi-cert", releases.DECIDED)
    assert (told.request, told.granted, told.to) == (UUID(int=5).hex, False, "se-cert")
    assert "recalled" in told.reason
    assert "It was no attack." in told.reason
    with pytest.raises(UsageError, match="refused already"):
        releases.propose(row.pk, "They may.", mari)
    rows = list(Release.objects.values())
    rebuild()
    assert list(Release.objects.values()) == rows
    assert list(check()) == []


def test_a_recall_from_another_closes_nothing(asked: UUID, mari) -> None:
    """Who asked still has it."""
    recalling.recall(asked, mari, "Not for them.", to=["lv-cert"])
    assert Release.objects.get().state == "open"
    assert not Entry.objects.filter(kind=releases.DECIDED).exists()


def test_a_purge_closes_it_too(asked: UUID, mari) -> None:
    """What is purged here is recalled from all who have it, and what they asked about it is answered."""
    purge([asked], mari, "Its time is over.")
    assert Release.objects.get().state == "refused"
    assert _last("fi-cert", releases.DECIDED).reason.endswith(recalling.PURGED)


def test_what_was_asked_is_closed_by_the_recall_itself(fi: Peer, lv: Peer, mari) -> None:
    """Where the question crossed the recall, its originator never has it, and could answer nothing."""
    thing = _sends(fi, replace(GREEN, handling=frozenset({"H2"})))
    releases.ask(thing, "lv-cert", "They are next.", mari)
    fi.entry(recalling.RECALLED, Recall(THING.hex, "It was no attack."))
    assert _pull(fi) == []
    row = Release.objects.get()
    assert row.state == "refused"
    assert row.reason.endswith("It was no attack.")
    rows = list(Release.objects.values())
    rebuild()
    assert list(Release.objects.values()) == rows
    assert list(check()) == []


def test_who_asked_sees_that_it_is_closed(fi: Peer, lv: Peer, mari) -> None:
    """The recall purges the thing; that the request is refused, and why, stays."""
    thing = _sends(fi, replace(GREEN, handling=frozenset({"H2"})))
    request = releases.ask(thing, "lv-cert", "They are next.", mari)
    fi.entry(recalling.RECALLED, Recall(THING.hex, "It was no attack."))
    said = ReleaseDecided(
        request=request.hex,
        object_id=THING.hex,
        to="lv-cert",
        granted=False,
        reason="It was recalled.",
        digest="",
    )
    fi.entry(releases.DECIDED, said)
    assert _pull(fi) == []
    row = Release.objects.get()
    assert row.state == "refused"
    assert row.reason.endswith("It was no attack.")
