"""What is written here: valid STIX, one version after the other, never over another's words, never weaker than its sources."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import stix2

from hanse.attacks import service as attacks
from hanse.attacks.models import Attack
from hanse.intel import authoring, cited, own, service
from hanse.intel.authoring import EditedError, Piece
from hanse.intel.models import Item, Posting
from hanse.intel.own import Version, Written
from hanse.intel.values import KINDS, Value, normalise
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.policy import service as policy
from hanse.policy.asking import RefusedError
from hanse.policy.guarded import NotVisibleError
from hanse.recording import record
from tests.campaigns.plans import estonia
from tests.conftest import AUTHORITY
from tests.intel.test_room import bundle, indicator
from tests.intel.valid import validated
from tests.ledger.made import findings
from tests.node.made import analysis_of

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]
OWN = Marking.own(AUTHORITY)
RED = replace(OWN, tlp=Tlp.RED)


def report(title: str = "Booters in spring", **more: Any) -> Piece:
    """A report that names two values."""
    told = {
        "text": "First line.\nSecond line.", "values": (Value("address", "8.8.4.4"), Value("iban", "EE382200221020145685")),
        "tags": ("booter", 'admiralty-scale:source-reliability="b"'), "confidence": 70, **more,
    }  # fmt: skip
    return Piece(written=Written(type="report", title=title, **told))


def an_attack(mari: Actor) -> Attack:
    """An attack on record."""
    maker = estonia(7)
    record(analysis_of(maker, sorted(maker.attacks, key=lambda each: each.start_us)[:1]), mari)
    return Attack.projected.select_related("marking").get()


def held(object_id: Any) -> Item:
    """The row of an item."""
    return Item.projected.select_related("marking").get(pk=object_id)


def taken(row: Item, actor: Actor) -> str:
    """An item as it leaves."""
    return json.dumps(service.taken_out([row], "test", actor).document)


def test_what_is_written_is_valid_and_loads_elsewhere(actor: People) -> None:
    """A report that cites an attack, an indicator and a sighting leave as STIX that OASIS's validator and stix2 accept."""
    mari = actor("analyst")
    about = an_attack(mari)
    first = authoring.write(replace(report(), cites=(about.pk,)), mari)
    second = authoring.write(
        Piece(
            written=Written(
                type="indicator", values=(Value("domain", "evil.example"), Value("network", "8.8.0.0/16"))
            )
        ),
        mari,
    )
    third = authoring.write(
        Piece(written=Written(type="sighting", text="In our mail log.", count=3), of=second), mari
    )
    for one in (first, second, third):
        text = taken(held(one), mari)
        result = validated(text, enforce_refs=True)
        assert result.is_valid, [str(error) for error in result.errors]
        stix2.parse(text, allow_custom=False)
    incident = cited.seen([about.pk], mari)[about.pk].cite.id
    told = json.loads(taken(held(first), mari))["objects"]
    assert {one["type"] for one in told} >= {
        "report",
        "incident",
        "identity",
        "marking-definition",
        "ipv4-addr",
    }
    assert incident in next(one for one in told if one["type"] == "report")["object_refs"]
    assert findings() == []


def test_what_was_typed_is_read_back() -> None:
    """Everything that stands in a form comes back out of the object that was made of it."""
    typed = replace(report().written, cites=(own.Cite("attack", "00" * 16, "incident--1"),))
    version = Version(
        "report--00000000-0000-4000-8000-000000000001", "identity--00000000-0000-4000-8000-000000000002",
        "2024-01-01T00:00:00.000Z", "2024-01-02T00:00:00.000Z",
    )  # fmt: skip
    assert own.typed(own.made(typed, version)) == typed


SAMPLES = {
    "address": "8.8.8.8", "network": "2001:db8::/32", "domain": "evil.example", "url": "https://evil.example/a'b\\c",
    "email": "a@evil.example", "asn": "AS64496", "mac": "00:11:22:33:44:55", "md5": "0" * 31 + "1",
    "sha1": "0" * 39 + "1", "sha256": "0" * 63 + "1", "sha512": "0" * 127 + "1", "imphash": "0" * 31 + "1",
    "file-name": "it's.exe", "registry-key": "HKLM\\Software\\A", "mutex": "a'b", "account": "root", "user-agent": "curl'",
}  # fmt: skip


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_pattern_names_the_value_that_it_was_made_of(kind: str) -> None:
    """Whatever signs a value holds, its pattern is valid, and the value is read back out of it."""
    value = normalise(kind, SAMPLES[kind])
    version = Version(
        "indicator--00000000-0000-4000-8000-000000000001", "identity--00000000-0000-4000-8000-000000000002",
        "2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z",
    )  # fmt: skip
    raw = own.made(Written(type="indicator", values=(value,)), version)
    assert own.typed(raw).values == (value,)
    result = validated(json.dumps(raw))
    assert result.is_valid, [str(error) for error in result.errors]


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(SAMPLES)))
def test_a_value_that_stix_has_no_pattern_for_is_refused(kind: str) -> None:
    """No pattern is invented: the reason is told, and a report can name the value."""
    with pytest.raises(UsageError, match="no pattern"):
        own.pattern([Value(kind, "anything")])


def test_of_two_who_edit_at_once_the_second_is_told(actor: People) -> None:
    """What the first saved stands, and nothing of either is lost in silence."""
    mari, jaan = actor("analyst"), actor("analyst", name="Jaan")
    one = authoring.write(report(), mari)
    before = held(one).source_version
    authoring.change(one, before, report("Mari's words"), mari)
    with pytest.raises(EditedError):
        authoring.change(one, before, report("Jaan's words"), jaan)
    assert held(one).title == "Mari's words"
    authoring.change(one, held(one).source_version, report("Jaan's words"), jaan)
    assert held(one).title == "Jaan's words"
    assert service.item_of(held(one)).raw["created"] < service.item_of(held(one)).raw["modified"]


def test_saving_without_a_change_writes_nothing(actor: People) -> None:
    """The same words again are no version."""
    mari = actor("analyst")
    one = authoring.write(report(), mari)
    version = held(one).version
    authoring.change(one, held(one).source_version, report(), mari)
    assert held(one).version == version


def test_what_is_taken_back_stays_so(actor: People) -> None:
    """It is revoked with a reason, stays on record, and takes no further version."""
    mari = actor("analyst")
    one = authoring.write(report(), mari)
    with pytest.raises(UsageError):
        authoring.take_back(one, held(one).source_version, " ", mari)
    authoring.take_back(one, held(one).source_version, "The address was ours.", mari)
    assert held(one).revoked
    with pytest.raises(UsageError, match="taken back"):
        authoring.change(one, held(one).source_version, report("Again"), mari)
    assert findings() == []


def test_its_values_correlate_and_its_tags_grade_it(actor: People) -> None:
    """Values of a report, also those that STIX has no objects for, are found; a tag of the admiralty's scale is its grade."""
    mari = actor("analyst")
    row = held(authoring.write(report(), mari))
    assert Posting.objects.filter(item=row.number).count() == 2
    assert (row.grade, row.confidence, row.standing_grade) == ("admiralty B6", 70, "admiralty B6")
    authoring_grade = replace(report(), grade="europol A1")
    assert held(authoring.write(authoring_grade, mari)).grade == "europol A1"


@pytest.mark.parametrize(
    ("piece", "words"),
    [
        (report(""), "title"),
        (report(text="x" * (own.LONGEST_TEXT + 1)), "most"),
        (report(confidence=101), "0 to 100"),
        (report(values=(Value("card", "4111111111111111"),)), "cases"),
        (replace(report(), grade="B2"), "grade"),
        (Piece(written=Written(type="indicator")), "value"),
        (Piece(written=Written(type="sighting")), "STIX id"),
        (Piece(written=Written(type="malware", title="x")), "cannot be written"),
        (Piece(written=Written(type="indicator", values=(Value("domain", "a.example"),), nature="evil")), "shows"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused_with_the_reason(actor: People, piece: Piece, words: str) -> None:
    """Nothing is written, and the words say what to mend."""
    with pytest.raises(UsageError, match=words):
        authoring.write(piece, actor("analyst"))
    assert not Item.projected.exists()


def test_who_may_not_write_does_not(actor: People) -> None:
    """An approver reads and does not write; nobody changes what is not for them to see, nor what came from elsewhere."""
    mari, piia = actor("analyst", teams=("amber",)), actor("approver")
    with pytest.raises(RefusedError):
        authoring.write(report(), piia)
    service.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", mari)
    row = Item.projected.get()
    with pytest.raises(UsageError, match="not written here"):
        authoring.change(row.pk, row.source_version, report(), mari)
    policy.mark(row.pk, RED, "amber", mari, "Only those who work on it.")
    with pytest.raises(NotVisibleError):
        authoring.change(row.pk, row.source_version, report(), actor("analyst"))
    with pytest.raises(UsageError, match="nothing that you may cite"):
        authoring.write(replace(report(), cites=(row.pk,)), actor("analyst"))


def test_nobody_writes_what_they_could_not_read(actor: People) -> None:
    """TLP:RED of no team would be out of its writer's sight at once: it is refused with the reason."""
    with pytest.raises(RefusedError):
        authoring.write(report(), actor("analyst"), marking=RED)
    assert not Item.projected.exists()


def test_it_belongs_to_the_team_of_what_it_cites(actor: People) -> None:
    """A report on something that a team alone knows of is that team's, and no second team's thing goes into it."""
    mari = actor("analyst", teams=("amber", "green"))
    service.bring_in(bundle(indicator(1, "8.8.8.8"), indicator(2, "8.8.4.4")), "one.json", mari)
    first, second = Item.projected.order_by("number")
    policy.mark(first.pk, RED, "amber", mari, "Only those who work on it.")
    one = authoring.write(replace(report(), cites=(first.pk,)), mari)
    assert (held(one).team, held(one).marking.marking.tlp) == ("amber", Tlp.RED)
    policy.mark(second.pk, RED, "green", mari, "Only those who work on it.")
    with pytest.raises(UsageError, match="several"):
        authoring.write(replace(report(), cites=(first.pk, second.pk)), mari)
    plain = authoring.write(report(), mari)
    with pytest.raises(UsageError, match="team"):
        authoring.change(plain, held(plain).source_version, replace(report(), cites=(first.pk,)), mari)


def test_what_cites_a_thing_is_found_from_it(actor: People) -> None:
    """An attack knows the reports on it, within the reader's view."""
    mari = actor("analyst", teams=("amber",))
    about = an_attack(mari)
    cite = cited.seen([about.pk], mari)[about.pk].cite.id
    one = authoring.write(replace(report(), cites=(about.pk,)), mari)
    assert [row.pk for row in authoring.citing(cite, mari)] == [one]
    assert [row.pk for row in authoring.resting_on([cite])] == [one]
    policy.mark(one, RED, "amber", mari, "Only those who work on it.")
    assert authoring.citing(cite, actor("analyst")) == []
    assert attacks.attack_in(about).id
