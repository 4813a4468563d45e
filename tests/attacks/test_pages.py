"""The attacks' pages: decisions by form, what they teach, and what leaves."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.urls import reverse

from hanse.accounts.models import Consultation
from hanse.attacks import service
from hanse.attacks.choosing import on_organisations
from hanse.attacks.models import Attack, Decision, State
from hanse.attacks.views import facts, verdict
from hanse.constituency import service as constituency
from hanse.constituency.models import Protected
from hanse.constituency.registry import Target
from hanse.kernel import envelope, units
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.models import Entry
from hanse.pipeline import Analysis
from hanse.policy import service as policy
from hanse.recording import record
from tests.campaigns.plans import estonia
from tests.node.made import analysis_of
from tests.web.acting import ActingClient

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]


def some(number: int = 18) -> Analysis:
    """The first of the Estonian attacks."""
    maker = estonia(7)
    return analysis_of(maker, sorted(maker.attacks, key=lambda each: each.start_us)[:number])


@pytest.fixture
def mari(actor: People) -> Actor:
    """An analyst with attacks on record."""
    who = actor("analyst")
    record(some(), who)
    return who


@pytest.fixture
def client(mari: Actor, client_as: Clients) -> ActingClient:
    """Her browser."""
    return client_as(mari)


def longest() -> Attack:
    """An attack long enough to be cut."""
    return max(Attack.projected.all(), key=lambda row: row.end_us - row.start_us)


def pair() -> tuple[Attack, Attack]:
    """Two attacks on one victim by one vector."""
    for row in Attack.projected.order_by("start_us"):
        same = list(Attack.projected.filter(victim=row.victim, vector=row.vector).order_by("start_us")[:2])
        if len(same) == 2:
            return same[0], same[1]
    raise AssertionError("The made attacks hold no such pair.")


def test_an_organisation_is_found_by_a_part_of_its_name(client: ActingClient) -> None:
    """The list has the attacks whose organisation holds the text, however it is written, and no sign stands for others."""
    rows = list(Attack.projected.order_by("start_us"))
    names = ["Õnne 100% Pank", "ÕNNE 1000 PANK", "onne 100% pank"]
    for number, row in enumerate(rows):
        Attack.projected.filter(pk=row.pk).update(organisation=names[number % 3])
    mine = [[str(row.pk) for row in rows[number::3]] for number in range(3)]

    def found(text: str) -> set[str]:
        answer = client.get("/attacks/", {"organisation": text})
        return {str(row.pk) for row in answer.context["listing"].part.rows}

    assert found("õNNE") == {*mine[0], *mine[1]}
    assert found("100%") == {*mine[0], *mine[2]}
    assert found("_nne") == found("nowhere") == set()
    assert client.get("/attacks/?organisation=a&organisation=b").status_code == 400


def test_names_of_what_is_hidden_are_not_looked_through(mari: Actor, actor: People) -> None:
    """The names that are looked through are those of attacks that the actor may see."""
    row = Attack.projected.order_by("start_us").first()
    marking = replace(row.marking.marking, tlp=Tlp.RED)
    policy.mark(row.pk, marking, "alpha", mari, "It is about an officer.")
    Attack.projected.filter(pk=row.pk).update(organisation="Secret Service")
    insider = actor("analyst", teams=("alpha",))
    for who, told in ((insider, ["Secret Service"]), (mari, []), (insider, ["Secret Service"])):
        rows = Attack.objects.for_actor(who, "attacks.view")
        assert list(on_organisations(rows, "secret").rhs) == told


def test_a_false_positive_teaches(client: ActingClient) -> None:
    """Marked on its page, an attack stands no more, says who decided and why, and the next analysis knows it."""
    row = longest()
    done = client.post(
        f"/attacks/{row.pk}/decide/",
        {"what": "false-positive", "reason": "It is our own backup."},
        follow=True,
    )
    assert done.redirect_chain[-1][0] == f"/attacks/{row.pk}/"
    text = done.content.decode()
    assert "It is our own backup." in text
    assert "Mari Maasikas" in text
    assert Attack.projected.get(pk=row.pk).state == State.FALSE_POSITIVE
    (lesson,) = service.lessons_for()
    assert (lesson.kind, lesson.victim, lesson.vector) == ("false-positive", row.victim, row.vector)


def test_a_false_positive_is_decided_once(client: ActingClient, mari: Actor) -> None:
    """Of two tabs the second is told that it is decided: taking one back would otherwise leave the other."""
    row = longest()
    decision = service.mark_false_positive(row.pk, "A backup.", mari)
    told = {"what": "false-positive", "reason": "A backup, I say."}
    again = client.post(f"/attacks/{row.pk}/decide/", told).content.decode()
    assert "false positive already" in again
    assert "A backup, I say." in again
    assert len(service.lessons_for()) == 1
    service.withdraw(decision, "It was none.", mari)
    service.mark_false_positive(row.pk, "It was one after all.", mari)


def test_a_withdrawn_decision_teaches_no_more(client: ActingClient, mari: Actor) -> None:
    """Taken back on its page, a decision is still told, struck through, and the next analysis does not follow it."""
    row = longest()
    decision = service.mark_false_positive(row.pk, "A backup.", mari)
    address = f"/attacks/{row.pk}/withdraw/"
    form = client.get(f"{address}?decision={decision}").content.decode()
    assert "A backup." in form
    done = client.post(address, {"decision": str(decision), "reason": "It was none."}, follow=True)
    assert "<s>False positive</s>" in done.content.decode()
    assert service.lessons_for() == ()
    assert Attack.projected.get(pk=row.pk).state == State.OVER


def test_a_split_is_inside_the_attack(client: ActingClient) -> None:
    """A cut outside of the attack is refused beside its field with what was typed; inside, it is a lesson."""
    row = longest()
    address, middle = f"/attacks/{row.pk}/decide/", (row.start_us + row.end_us) // 2
    outside = {"what": "split", "at": units.second(row.end_us + 60_000_000), "reason": "Two waves."}
    text = client.post(address, outside).content.decode()
    assert "Two waves." in text
    assert 'aria-invalid="true"' in text
    assert not Decision.objects.exists()
    client.post(address, outside | {"at": units.second(middle)})
    (lesson,) = service.lessons_for()
    assert (lesson.kind, lesson.value) == ("split", middle // 1_000_000)


def test_a_note_teaches_nothing(client: ActingClient) -> None:
    """A note stands on the page and changes nothing else."""
    row = longest()
    client.post(f"/attacks/{row.pk}/decide/", {"what": "note", "reason": "Ask the <b>host</b>."})
    text = client.get(f"/attacks/{row.pk}/").content.decode()
    assert "Ask the &lt;b&gt;host&lt;/b&gt;." in text
    assert service.lessons_for() == ()
    assert Attack.projected.get(pk=row.pk).state == State.OVER


def test_what_is_not_asked_for_a_vector_is_not_said(mari: Actor) -> None:
    """Whether sources were asked first is asked of reflections alone: of others, it is not called unseen."""
    found = service.attack_in(Attack.projected.first())
    seen = dict(facts(replace(found, answered_share=0.0, requested_share=None)))
    assert seen["Sources that the victim conversed with"] == "0%"
    assert "Sources that were asked first" not in seen
    assert dict(facts(replace(found, requested_share=0.25)))["Sources that were asked first"] == "25%"


def test_merging_asks_why_first(client: ActingClient) -> None:
    """Attacks chosen in the list are merged after the reason was given; the earliest stands for all."""
    first, second = pair()
    ids = {"ids": [str(second.pk), str(first.pk)]}
    asked = client.post("/attacks/merge/", ids)
    assert asked.status_code == 200
    assert not Decision.objects.exists()
    done = client.post("/attacks/merge/", ids | {"reason": "One wave."}, follow=True)
    assert done.redirect_chain[-1][0] == f"/attacks/{first.pk}/"
    assert Attack.projected.get(pk=second.pk).state == State.MERGED
    assert [lesson.kind for lesson in service.lessons_for()] == ["merge"]
    assert f"/attacks/{first.pk}/" in client.get(f"/attacks/{second.pk}/").content.decode()


def test_what_cannot_be_merged_is_said(client: ActingClient) -> None:
    """Attacks on different victims stay two, and the page says why with the reason still there."""
    first = Attack.projected.order_by("start_us").first()
    other = Attack.projected.exclude(victim=first.victim).first()
    told = client.post("/attacks/merge/", {"ids": [str(first.pk), str(other.pk)], "reason": "Both."})
    assert "one victim by one vector" in told.content.decode()
    assert "Both." in told.content.decode()
    assert not Decision.objects.exists()


@pytest.mark.parametrize("what", ["false-positive", "split", "note"])
def test_looking_decides_nothing(client: ActingClient, what: str) -> None:
    """A GET shows the form; without a reason nothing is decided."""
    address = f"/attacks/{longest().pk}/decide/"
    assert client.get(f"{address}?what={what}&reason=Because").status_code == 200
    assert client.post(address, {"what": what, "reason": "  "}).status_code == 200
    assert client.post(address, {"what": "delete", "reason": "Because."}).status_code == 400
    assert not Decision.objects.exists()


@pytest.mark.parametrize("role", ["investigator", "officer", "approver"])
def test_who_may_only_see_decides_nothing(mari: Actor, actor: People, client_as: Clients, role: str) -> None:
    """Who may not decide is offered no form, and a sent one is refused."""
    client, row = client_as(actor(role)), longest()
    text = client.get(f"/attacks/{row.pk}/").content.decode()
    assert "decide/" not in text
    told = {"what": "note", "reason": "x", "ids": [str(one.pk) for one in pair()]}
    assert client.post(f"/attacks/{row.pk}/decide/", told).status_code == 403
    assert client.post("/attacks/merge/", told).status_code == 403
    assert not Decision.objects.exists()


def test_pap_red_leaves_in_no_file(actor: People, client_as: Clients) -> None:
    """What is marked PAP:RED is seen and decided on, but in no export, single or of the list."""
    chief = actor("analyst")
    record(some(5), chief, replace(Marking.own("ee-cert"), pap=Pap.RED))
    client, row = client_as(chief), longest()
    text = client.get(f"/attacks/{row.pk}/").content.decode()
    assert row.victim in text
    assert f"/attacks/{row.pk}/export/" not in text
    assert client.get(f"/attacks/{row.pk}/export/").status_code == 404
    assert client.get(f"/attacks/{row.pk}/flows/?as=csv").status_code == 404
    assert row.victim not in b"".join(client.get("/attacks/?as=csv")).decode()


def test_the_export_has_its_trace(client: ActingClient) -> None:
    """The file of an attack holds the finding, whose the victim is, the trace, the marking and the entry."""
    row = longest()
    told = client.get(f"/attacks/{row.pk}/export/").json()
    assert told["attack"]["id"] == row.name
    assert told["victim"]["organisation"] == row.organisation
    assert told["trace"]["attack"] == row.name or told["trace"].get("attack_id") == row.name
    assert (told["marking"]["tlp"], told["entry"]) == ("AMBER", row.sequence)


@pytest.mark.parametrize(
    ("source_class", "words"),
    [
        ("direct", "apparent sources"),
        ("reflected", "reflectors"),
        ("spoofed", "forged source addresses"),
        ("undetermined", "source addresses"),
    ],
)
def test_the_verdict_claims_no_more_than_the_source_test(mari: Actor, source_class: str, words: str) -> None:
    """What addresses in packets are called follows from the class of the source test."""
    row = longest()
    row.source_class, row.sources = source_class, 61
    said = verdict(row, service.attack_in(row))
    assert f"from 61 {words}," in said
    assert row.organisation in said


def looks() -> list[list[str]]:
    """What was written down as looked at, one list of ids for each look."""
    return list(Consultation.objects.order_by("sequence").values_list("objects_seen", flat=True))


def test_a_part_of_the_list_is_written_down_unless_it_was_looked_at(
    client: ActingClient, actor: People, client_as: Clients
) -> None:
    """Who asks for the table alone, as a page does by itself, sees nothing that the log does not name."""
    part = {"HX-Request": "true", "HX-Target": "list-attacks"}
    rows = [row.pk.hex for row in Attack.projected.order_by("-start_us", "-object_id")]
    victim = Attack.projected.get(pk=rows[0]).victim
    on_it = sorted(row.pk.hex for row in Attack.projected.filter(victim=victim))
    assert client.get("/attacks/", {"victim": victim}, headers=part).status_code == 200
    assert [sorted(one) for one in looks()] == [on_it]
    client.get("/attacks/", headers=part)
    assert sorted(looks()[1]) == sorted(set(rows) - set(on_it))
    client.get("/attacks/", headers=part)
    assert len(looks()) == 2
    other = client_as(replace(actor("analyst"), id="somebody-else"))
    other.get("/attacks/", headers=part)
    assert sorted(looks()[2]) == sorted(rows)


def test_a_part_of_the_list_asks_for_the_reason_that_the_page_asks_for(
    actor: People, client_as: Clients
) -> None:
    """What is for few is not shown in the table alone to who never said why."""
    mari = actor("analyst", teams=("alpha",))
    record(some(), mari)
    row = Attack.projected.order_by("start_us").first()
    policy.mark(row.pk, replace(row.marking.marking, tlp=Tlp.RED), "alpha", mari, "It is about an officer.")
    client, part = client_as(mari), {"HX-Request": "true", "HX-Target": "list-attacks"}
    refused = client.get("/attacks/", {"victim": row.victim}, headers=part)
    assert (refused.status_code, looks()) == (403, [])
    client.get("/attacks/?why=Case+7")
    assert client.get("/attacks/", {"victim": row.victim}, headers=part).status_code == 200
    assert row.pk.hex in looks()[-1]


def test_pictures_of_other_pages_are_written_down(client: ActingClient) -> None:
    """A picture that a person's page did not ask for is a look as any other; that of the page they are at is none more."""
    row = longest()
    assert client.get(f"/api/attacks/{row.pk}/rates").status_code == 200
    assert looks() == [[row.pk.hex]]
    client.get(f"/attacks/{row.pk}/")
    client.get(f"/api/attacks/{row.pk}/rates")
    assert looks() == [[row.pk.hex]] * 2
    client.get("/api/attacks/timeline")
    assert len(looks()) == 2
    other = Attack.projected.exclude(victim=row.victim).earliest("start_us")
    client.get("/api/attacks/timeline", {"victim": other.victim})
    assert other.pk.hex in looks()[2]


def test_a_decision_is_marked_as_its_attack_is_when_it_is_written(
    mari: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who marks an attack strictly while somebody decides on it finds the reason for the decision marked so as well."""
    row = Attack.projected.select_related("marking").first()
    learn = service.lessons.false_positive

    def meanwhile(*told: object) -> object:
        policy.mark(
            row.pk, replace(row.marking.marking, tlp=Tlp.AMBER_STRICT), "", mari, "It is about an officer."
        )
        return learn(*told)

    assert row.marking.marking.tlp != Tlp.AMBER_STRICT
    monkeypatch.setattr(service.lessons, "false_positive", meanwhile)
    decision = service.mark_false_positive(row.pk, "Her own backup.", mari)
    said = Entry.objects.get(pk=Decision.objects.get(decision=decision).sequence)
    assert envelope.decode(bytes(said.payload)).marking["tlp"] == "AMBER+STRICT"


def test_whom_to_call_stands_on_an_attacks_page(mari: Actor, client: ActingClient) -> None:
    """To be copied; where none is on record, who keeps the constituency is led to its row, of what they may see."""
    row = longest()
    whose = Target(row.victim, "Harbour Bank", "banking", "EE")
    assert "<dt>Contact</dt>" not in client.get(f"/attacks/{row.pk}/").content.decode()
    constituency.change(whose, mari)
    where = reverse("constituency:row", args=[Protected.projected.get().pk])
    assert f'<a href="{where}">Say whom to call</a>' in client.get(f"/attacks/{row.pk}/").content.decode()
    said = client.post(
        where, {"organisation": "Harbour Bank", "sector": "banking", "country": "EE", "site": "", "contact": "noc@bank.example"}
    )  # fmt: skip
    assert said.status_code == 302
    copied = '<code data-copy tabindex="0">noc@bank.example</code>'
    assert copied in client.get(f"/attacks/{row.pk}/").content.decode()
    red = Marking(originators=frozenset({"ee-cert"}), tlp=Tlp.RED)
    inside = replace(mari, roles=mari.roles | {"officer"}, teams=frozenset({"amber"}))
    policy.mark(Protected.projected.get().pk, red, "amber", inside, "A contact of its own.")
    assert "noc@bank.example" not in client.get(f"/attacks/{row.pk}/").content.decode()
