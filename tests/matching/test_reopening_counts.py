"""An auditor does a count of common sources again: invented sources, altered answers and numbers are found, none is shown."""

import msgspec
import pytest

from hanse.attacks.attack import Attack
from hanse.kernel.errors import UsageError
from hanse.ledger.models import Entry
from hanse.matching import common_sources, comparing, counting, parts, reopening
from hanse.matching.common_sources import Sample
from hanse.matching.models import RunPart, SourceCount
from hanse.matching.parts import POINTS, TOKENS, theirs
from hanse.policy.asking import RefusedError
from tests.matching.asker import turn
from tests.matching.test_counting import WHY, both, fi, given, home, mari, seen_by
from tests.web.conftest import client_as

__all__ = ["both", "client_as", "fi", "home", "mari", "seen_by"]
pytestmark = [pytest.mark.usefixtures("founded"), pytest.mark.django_db(transaction=True)]
YEARLY = "As every year."


def asked(both, fi, mari) -> SourceCount:
    """A count that this authority asked for."""
    own, other, _ = both
    count = counting.ask(own.pk, other.pk, WHY, mari)
    turn(fi)
    return SourceCount.projected.get(pk=count, state="counted")


def answered(both, fi, mari) -> SourceCount:
    """A count that the partner asked for."""
    fi.wants(given(both[0], mari))
    fi.goes_on()
    return SourceCount.projected.get(ours=False, state="counted")


@pytest.mark.parametrize("who", [asked, answered])
def test_an_honest_count_is_found_honest(who, both, fi, mari, auditor) -> None:
    """Whoever asked; that it was done again stands in the ledger, as strict as the count."""
    row = who(both, fi, mari)
    assert reopening.reopen_count(row.pk, auditor, YEARLY) == ()
    entry = Entry.objects.get(kind=reopening.REOPENED)
    assert entry.object_id == row.pk
    assert SourceCount.projected.get(pk=row.pk).marking == row.marking


@pytest.mark.parametrize("who", [asked, answered])
def test_sources_that_the_attack_never_had_are_found(who, both, fi, mari, auditor, monkeypatch) -> None:
    """Somebody lets the node put in guesses, to learn whether the partner has them."""
    honest = common_sources.sample_of
    guess = honest(msgspec.convert(both[0].detail, Attack)).values[0]

    def guessing(attack: Attack) -> Sample:
        real = honest(attack)
        return Sample(tuple(sorted({replace_text(guess), *real.values[1:]})), real.share)

    def replace_text(one):
        return type(one)(one.kind, "f" * len(one.text))

    with monkeypatch.context() as patched:
        patched.setattr(common_sources, "sample_of", guessing)
        row = who(both, fi, mari)
    [said] = reopening.reopen_count(row.pk, auditor, YEARLY)
    assert "invented" in said
    assert "ffff" not in said


def test_an_answer_that_was_made_up_is_found(both, fi, mari, auditor, monkeypatch) -> None:
    """Tokens of nonsense lower the number that the partner sees."""
    honest = common_sources.tokens_of
    with monkeypatch.context() as patched:
        patched.setattr(
            common_sources, "tokens_of", lambda points, secret: bytes(16) + honest(points, secret)[16:]
        )
        row = asked(both, fi, mari)
    assert any("What was answered" in said for said in reopening.reopen_count(row.pk, auditor, YEARLY))


def test_points_of_other_sources_than_were_committed_to_are_found(
    both, fi, mari, auditor, monkeypatch
) -> None:
    """The commitment names the attack's sources, and the points are of others."""
    honest = Sample.points

    def others(sample: Sample, secret, epoch: str) -> bytes:
        first = sample.values[0]
        return honest(
            Sample((type(first)(first.kind, "0" * 16), *sample.values[1:]), sample.share), secret, epoch
        )

    with monkeypatch.context() as patched:
        patched.setattr(Sample, "points", others)
        row = asked(both, fi, mari)
    [said] = reopening.reopen_count(row.pk, auditor, YEARLY)
    assert "not what comes of the sources on record" in said


@pytest.mark.parametrize("name", [POINTS, TOKENS, theirs(POINTS), theirs(TOKENS), counting.SIDES])
def test_what_is_kept_cannot_be_altered_unnoticed(name, both, fi, mari, auditor) -> None:
    """The hash of all that was sent stands in the ledger, the same on both sides."""
    row = asked(both, fi, mari)
    part = RunPart.objects.get(run=row.pk, name=name)
    if name == counting.SIDES:
        attack, sides = msgspec.msgpack.decode(part.data)
        sides["fi-cert"][2] = "00" * 32
        part.data = msgspec.msgpack.encode((attack, sides))
    else:
        part.data = bytes(part.data)[::-1]
    part.save()
    [said] = reopening.reopen_count(row.pk, auditor, YEARLY)
    assert "altered" in said


def test_a_number_that_does_not_come_of_it_is_found(both, fi, mari, auditor, monkeypatch) -> None:
    """Somebody writes another number down than was counted."""
    with monkeypatch.context() as patched:
        patched.setattr(counting.psi, "overlap", lambda _returned, _made: 0)
        row = asked(both, fi, mari)
    [said] = reopening.reopen_count(row.pk, auditor, YEARLY)
    assert "The number on record" in said


def test_only_who_oversees_does_it_and_says_why(both, fi, mari, auditor) -> None:
    """Not who asked, not without a reason, not of nothing, not of what is kept no more."""
    row = asked(both, fi, mari)
    with pytest.raises(RefusedError):
        reopening.reopen_count(row.pk, mari, YEARLY)
    with pytest.raises(UsageError, match="Say why"):
        reopening.reopen_count(row.pk, auditor, " ")
    with pytest.raises(UsageError, match="no such count"):
        reopening.reopen_count(both[0].pk, auditor, YEARLY)
    SourceCount.projected.filter(pk=row.pk).update(told_us=1)
    comparing.tidy()
    assert parts.count(row.pk, counting.SIDES) == 0
    with pytest.raises(UsageError, match="thirty days"):
        reopening.reopen_count(row.pk, auditor, YEARLY)


@pytest.mark.urls("hanse.urls")
def test_the_auditor_does_it_on_the_page_and_by_the_api(both, fi, mari, auditor, client_as) -> None:
    """The page lists counts, names no attack, and tells what was found."""
    row = asked(both, fi, mari)
    client = client_as(auditor)
    text = client.get("/matches/").content.decode()
    address = f"/matches/reopen-count/{row.pk}/"
    assert address in text
    assert both[0].victim not in text
    told = client.post(address, {"reason": YEARLY}, follow=True).content.decode()
    assert "It was honest: its sources are those of the attack on record" in told
    [one] = client.get("/api/matching/counts").json()["items"]
    assert (one["id"], one["state"], one["transcript"]) == (str(row.pk), "counted", row.transcript)
    answer = client.post(
        f"/api/matching/sources/{row.pk}/reopen", {"why": YEARLY}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()) == (200, [])
    assert client_as(mari).get("/matches/").content.decode().count("reopen-count") == 0
