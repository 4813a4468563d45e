"""A node with every kind of history: each registered kind is on its ledger, and each projection has rows.

A new kind or table that has none here fails the tests that rest on this, so that they forget no kind and no table.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

from hanse.accounts import approvals, consultations, contents, issuers, openings, passkeys, service, tokens
from hanse.accounts.links import digest_of
from hanse.accounts.models import Issuer, Passkey, Token
from hanse.attacks import service as attacks
from hanse.attacks.attack import Attack as Found
from hanse.attacks.models import Attack
from hanse.cases import service as cases
from hanse.cases import working
from hanse.cases.selector import read
from hanse.console import endpoints
from hanse.console import service as console
from hanse.constituency import service as constituency
from hanse.constituency.registry import Target
from hanse.intel import authoring, feeds, grades, offering, searches
from hanse.intel import service as intel
from hanse.intel.authoring import Piece
from hanse.intel.feed_contents import FeedRan, FeedReached, FeedTook
from hanse.intel.models import Item, Posting
from hanse.intel.own import Written
from hanse.intel.values import Value
from hanse.kernel.actors import Actor, system
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger import objects, tree
from hanse.ledger.kinds import all_kinds
from hanse.ledger.models import Entry
from hanse.ledger.service import purge, revoke, rotate, vouch
from hanse.ledger.writing import append
from hanse.policy import service as policy
from hanse.recording import record, with_derived
from hanse.taxii import partners as edge_partners
from hanse.taxii import reading
from hanse.taxii import service as taxii
from hanse.taxii.asked import Asked
from hanse.taxii.contents import Got
from hanse.taxii.models import Partner
from hanse.telemetry import reading_in, removing
from hanse.telemetry import service as telemetry
from hanse.webhooks import hooks
from hanse.webhooks.contents import Begun, Dropped, HookTested, Tried
from hanse.webhooks.models import Hook
from tests.accounts.people import NODE, acting, credential, newcomer, secret_in
from tests.attacks.build import icmp_flood, write
from tests.campaigns.plans import Maker, estonia, estonia_registry
from tests.cases.history import evidence_and_subjects
from tests.cases.made import DAY_US, investigator, opened, said
from tests.federation.history import partners
from tests.ledger.made import found
from tests.matching.history import runs
from tests.matching.history_asking import asked_and_standing
from tests.matching.history_counting import counted
from tests.node.made import analysis_of

CLERK = system("tests", "ee-cert", "EE")
ISSUER = "https://issuer.example"
SECRET = "relay-secret-Wb4"


def missing() -> set[str]:
    """Registered kinds that have no entry; the room that only the tests of the ledger have is not counted."""
    named = {kind.name for kind in all_kinds() if not kind.name.startswith("things.")}
    return named - set(Entry.objects.values_list("kind", flat=True).distinct())


def everything(home: Path, inputs: Path) -> None:
    """Let a node live through everything that is registered, and keep some of each sort.

    Args:
        home: The node's home, to which keys and flows are written.
        inputs: A folder for captures, outside of it.
    """
    mari = _people()
    _telemetry(mari, inputs)
    _attacks(mari)
    _intelligence(mari)
    _cases()
    _settings(mari)
    partners(mari, _other(mari))
    runs()
    asked_and_standing(mari, _other(mari))
    counted(mari, _other(mari))
    _edge(mari)
    _webhooks(mari)
    tree.integrate()
    first = Entry.objects.get(pk=0).key
    rotated = rotate(home, "for tests", mari, "A year is over.")
    revoke(first, mari, "It lay on a machine that was sold.", rotated.time_us)
    vouch(first, rotated.sequence, rotated.sequence, mari, "Nobody else had it yet.")
    gone = Attack.projected.order_by("-start_us")[0].pk
    purge(with_derived([gone]), mari, "Its retention is over.", law="Directive (EU) 2016/680, article 5")
    tree.integrate()
    attacks.note(Attack.projected.order_by("start_us")[0].pk, "Written after the last checkpoint.", mari)


def _intelligence(mari: Actor) -> None:
    """Two items that share an address, one that names the other, and a correlation undone, restored and undone."""
    one = {"type": "indicator", "id": "indicator--1", "pattern": "[ipv4-addr:value = '8.8.8.8']"}
    other = {"type": "sighting", "id": "sighting--1", "sighting_of_ref": "indicator--1"}
    bundle = {"type": "bundle", "id": "bundle--1", "objects": [one, {**one, "id": "indicator--2"}, other]}
    intel.bring_in(json.dumps(bundle).encode(), "bundle.json", mari)
    row = Item.projected.get(source_id="indicator--1")
    value = Posting.objects.filter(item=row.number).values_list("value", flat=True)[0]
    intel.restore(intel.undo(value, row, "A public resolver.", mari), mari)
    intel.undo(value, row, "A public resolver, indeed.", mari)
    policy.mark(row.pk, Marking.own("ee-cert"), "operation-amber", mari, "Only those who work on it.")
    _written(mari)
    _feeds(mari)
    for name in ("Booters", "Suspect"):
        search = searches.save(name, {"q": ["8.8.8.8"]}, mari)
    searches.change(search, mari, name="Suspect of 2026", notify=False)
    searches.looked_at(searches.save("Looked at", {"type": ["tool"]}, mari), 0, mari)
    append("intel.search_looked_at", searches.SearchLookedAt(10**6), actor=mari, object_id=search)
    searches.delete(search, mari)


def _written(mari: Actor) -> None:
    """A report on an attack, changed; an indicator, graded, not graded and graded again; a sighting that was taken back."""
    about = Attack.projected.order_by("start_us")[0].pk
    told = Written(
        type="report", title="Booters", text="Of spring.", values=(Value("iban", "EE382200221020145685"),)
    )
    one = authoring.write(Piece(written=told, cites=(about,)), mari)
    version = Item.projected.get(pk=one).source_version
    authoring.change(one, version, Piece(written=replace(told, confidence=70), cites=(about,)), mari)
    value = Written(type="indicator", values=(Value("address", "8.8.8.8"),))
    seen = authoring.write(Piece(written=value), mari)
    grades.grade(seen, "europol A1", None, "We saw it ourselves.", mari)
    grades.withdraw(seen, "", mari)
    grades.grade(seen, "admiralty B2", 60, "Two partners say so.", mari)
    sighting = authoring.write(Piece(written=Written(type="sighting"), of=seen), mari)
    authoring.take_back(
        sighting, Item.projected.get(pk=sighting).source_version, "It was another host.", mari
    )


def _feeds(mari: Actor) -> None:
    """A feed that failed and goes on, one that is paused, and one that was removed."""
    said = feeds.Said(
        name="Feed of Riga", format="misp", url=f"https://feed.example/?key={SECRET}", secret=SECRET
    )
    kept, paused, gone = (feeds.subscribe(replace(said, url=f"{said.url}?{at}"), mari) for at in range(3))
    for feed in (kept, gone):
        took = FeedTook(feed.hex, "5c8e0b3b-0000-4000-8000-000000000001", "001700000000")
        append("intel.feed_took", took, actor=CLERK)
        reached = FeedReached(feed.hex, "0" * 64, "2007-05-09T14:32:00Z", "17", "2007-05-09T15:00:00Z")
        append("intel.feed_reached", reached, actor=CLERK, object_id=objects.named("feed place", feed.hex))
        for outcome in ("whole", "failed"):
            ran = FeedRan(
                feed=feed.hex, outcome=outcome, words="", began_us=1, requests=2, bytes=3, parts=1, fresh=4, newer=0,
                known=0, older=0, clashes=0, left_out=0, wrong_marking=0, detail={"clashes": [], "left_out": []}, etag='"1"',
            )  # fmt: skip
            append("intel.feed_ran", ran, actor=CLERK)
    feeds.resume(kept, mari)
    feeds.pause(paused, mari)
    feeds.remove(gone, mari, "Its operator stopped.")


def _cases() -> None:
    """A case with one of each part, some of which were changed and taken out; closed, reopened and kept for longer."""
    case, kaja = opened(investigator(), reference="KrK 12-7")
    told = working.Told(
        category="suspect", name="Jaan Tamm", born="1970-12-31", country="EE", note="Runs it."
    )
    person = working.add_person(case, told, kaja)
    working.add_list(case, b"value\nboss@example.org\n8.8.8.8\n", kaja)
    working.add_selector(case, read("phone", "+372 612 3456"), kaja, person=person)
    tasks = [working.set_task(case, what, kaja, owner=UUID(kaja.id)) for what in ("Ask the bank", "Hear him")]
    working.tick(case, tasks[0], kaja)
    notes = [working.write_note(case, text, kaja) for text in ("He was seen.", "By mistake.")]
    working.remove(case, notes[1], "It was of another case.", kaja)
    working.tie(case, "item", Item.projected.get(source_id="indicator--2").pk, "The same address.", kaja)
    cases.change(case, said("Three gangs"), kaja, "One more.")
    cases.set_status(case, "closed", "Convicted.", kaja)
    cases.set_status(case, "open", "An appeal.", kaja)
    cases.keep(case, now_us() + 900 * DAY_US, now_us() + DAY_US, "The appeal is long.", kaja)
    evidence_and_subjects(case, kaja)


def _people() -> Actor:
    """People who came in, left and came back; what they were given, proposed, decided and looked at."""
    found()
    link = service.invite_first(NODE)
    mari = acting(service.join(digest_of(secret_in(link)), "Mari", "passkey", credential=credential("m")).pk)
    second, link = service.invite("Jaan", "", ["approver", "administrator"], "", mari)
    service.join(digest_of(secret_in(link)), "Jaan", "passkey", credential=credential("j"))
    jaan = acting(second)
    for role in ("officer", "auditor"):
        approvals.approve(service.grant_role(UUID(mari.id), role, "Needed.", jaan), _other(mari))
    mari = acting(UUID(mari.id))
    team = service.make_team("Operation Amber", mari)
    service.close_team(service.make_team("Operation Green", mari), mari)
    for name in ("Tiina", "Peeter"):
        person = newcomer("analyst", name=name)
        approvals.approve(service.add_to_team(team, person, "Needed.", mari), jaan)
    service.remove_from_team(team, person, "Done.", mari)
    service.revoke_role(newcomer("analyst", name="Kadri"), "analyst", "Moved on.", mari)
    _ways_in(acting(person), mari)
    service.deactivate(person, "Left.", mari)
    approvals.approve(service.propose_reactivation(person, "Is back.", mari), jaan)
    _proposals(person, mari, jaan)
    service.invite("Never came", "never@example.org", [], "", mari)
    return acting(UUID(mari.id))


def _other(than: Actor) -> Actor:
    """An approver who is somebody else."""
    return acting(newcomer("approver", name=f"Second to {than.name}"))


def _ways_in(one: Actor, mari: Actor) -> None:
    """Passkeys, identities and tokens, of which some are taken away again; and how a person wants the pages."""
    for name in ("a", "b"):
        content = contents.PasskeyAdded(one.id, name, name, credential(name))
        append("accounts.passkey_added", content, actor=one)
        service.bind_issuer(ISSUER, f"{one.id}-{name}", one)
    passkeys.remove(Passkey.objects.filter(person=one.id).earliest("said_by").pk, one)
    issuers.unbind(Issuer.objects.earliest("said_by").pk, one)
    for name in ("script", "another"):
        tokens.make(name, ["attacks.view"], 30, mari)
    tokens.revoke(Token.objects.earliest("said_by").pk, mari)
    service.rename("Peeter P.", "peeter@example.org", one)
    service.prefer("en", "dark", one)
    service.end_sessions(UUID(one.id), mari)


def _proposals(person: UUID, mari: Actor, jaan: Actor) -> None:
    """What two people agreed on, refused and took back, and what was looked at."""
    approvals.withdraw(service.grant_role(person, "investigator", "Perhaps.", mari), mari)
    approvals.reject(service.grant_role(person, "investigator", "Please.", mari), "No.", jaan)
    service.grant_role(person, "investigator", "It waits.", mari)
    body = uuid4()
    approvals.approve(openings.ask_for(body, "Complaint 12/2026.", mari), jaan)
    consultations.record(mari, "attacks.view", [body], "Case 7.")
    consultations.record(mari, "attacks.export", [body], "Case 7.", recipient="Police and Border Guard")


def _telemetry(mari: Actor, inputs: Path) -> None:
    """Flows that were read and removed, and folders that are watched."""
    for name, pps in (("one", 200), ("two", 300)):
        (inputs / name).mkdir()
        reading_in.read_in(write(inputs / name, icmp_flood(60.0, 400.0, pps)), mari)
        telemetry.watch(inputs / name, mari)
    telemetry.watch(inputs / "two", mari, on=False)
    proposal = removing.propose_removal([telemetry.partitions(mari)[0].pk], "The quota is full.", mari)
    approvals.approve(proposal, _other(mari))
    shutil.rmtree(telemetry.flows_folder(), ignore_errors=True)


def _attacks(mari: Actor) -> None:
    """Attacks and campaigns that were found, grew together and were decided on; live ones; and whom they hit."""
    constituency.load(estonia_registry(), mari, "ee.csv")
    constituency.change(Target("2001:db8::/32", "University", "research", "EE"), mari, "They asked.")
    maker = estonia(7)
    ordered = sorted(maker.attacks, key=lambda each: each.start_us)
    record(analysis_of(maker, ordered[:12]), mari)
    red = replace(Marking.own("ee-cert"), tlp=Tlp.RED, handling=frozenset({"H1"}))
    record(analysis_of(maker, ordered[30:42]), mari, replace(red, retention_us=4_102_444_800_000_000))
    record(analysis_of(maker, ordered[:42]), mari)
    rows = list(Attack.objects.for_actor(mari, "attacks.view").order_by("start_us"))
    kept = attacks.mark_false_positive(rows[0].pk, "It is our own backup.", mari)
    attacks.withdraw(attacks.split(rows[1].pk, rows[1].start_us + 1_000_000, "Two waves.", mari), "No.", mari)
    assert kept
    for one in ordered[100:102]:
        attacks.begun(one, None, CLERK)
        row = attacks.object_of(one.id)
        told = attacks.Alerted("mail", "duty@example.org", delivered=False, words="refused")
        attacks.alerted(row, told, CLERK)
    attacks.ended(one, None, CLERK)
    _found_to_be_one(maker, ordered[50], mari)


def _found_to_be_one(maker: Maker, one: Found, mari: Actor) -> None:
    """Two attacks on one victim, and then telemetry that joins them to one that began before both."""
    minute_us = 60_000_000
    later = replace(
        one, id="A-later", start_us=one.end_us + 10 * minute_us, end_us=one.end_us + 20 * minute_us
    )
    record(analysis_of(maker, [one, later]), mari)
    whole = replace(one, id="A-whole", start_us=one.start_us - minute_us, end_us=later.end_us)
    record(analysis_of(maker, [whole]), mari)


def _edge(mari: Actor) -> None:
    """Edge partners, of which one was revoked; one fetched, where a thing was left out, and sent something."""
    for authority in ("lv-cert", "fi-cert"):
        proposal = edge_partners.propose_partner(
            authority, authority, "", "organisation", "The agreement.", mari
        )
        secret = approvals.approve(proposal, _other(mari))
    edge_partners.revoke(Partner.objects.get(authority="lv-cert").pk, "It has a node now.", mari)
    told = edge_partners.who(secret)
    assert told is not None
    marking = Marking(originators=frozenset({"ee-cert"}), tlp=Tlp.GREEN)
    bad = {"type": "bundle", "id": "bundle--2", "objects": [{"type": "indicator", "id": "indicator--bad"}]}
    intel.bring_in(json.dumps(bad).encode(), "bad.json", mari, marking=marking)
    found = reading.page(offering.Offer(told[1]), Asked())
    taxii.left_out(found.faults, told[1])
    taxii.got(uuid4(), Got(told[1].id, now_us(), 2, 1, [("", "", "No object.")], "/"), told[1])


def _webhooks(mari: Actor) -> None:
    """Webhooks, of which one was paused and let go on, and one removed; messages that went, failed and were not told."""
    for way in ("ed25519", "hmac"):
        partner = Partner.objects.get(authority="fi-cert").pk
        proposal = hooks.propose_hook(
            partner, "https://hooks.example/", ["attack.began"], way, "The agreement.", mari
        )
        approvals.approve(proposal, _other(mari))
    kept, gone = Hook.objects.order_by("made_us").values_list("pk", flat=True)
    append(
        "webhooks.tested", HookTested(delivered=True, words="It answered 200."), actor=mari, object_id=kept
    )
    for hook in (kept, gone):
        for content in (Tried(hook.hex, True, "200"), Tried(hook.hex, False, "503", 2), Dropped(hook.hex)):
            message = uuid4()
            append(
                "webhooks.begun",
                Begun(hook.hex, "attack.began", uuid4().hex, 17),
                actor=CLERK,
                object_id=message,
            )
            kind = "webhooks.tried" if isinstance(content, Tried) else "webhooks.dropped"
            append(kind, content, actor=CLERK, object_id=message)
    hooks.pause(kept, mari)
    hooks.resume(kept, mari)
    hooks.remove(gone, "It has a node now.", mari)


def _settings(mari: Actor) -> None:
    """Settings, tried channels, and endpoints that two people allowed."""
    mail = console.Mail(relay="relay.example", password=SECRET, recipients=("duty@example.org",))
    console.change(mail, mari, "The new relay.")
    tested = console.ChannelTested("mail", "duty@example.org", delivered=True)
    append("console.channel_tested", tested, actor=mari)
    told = console.SightTold("blind", ("No exporter sends.",), "mail", "duty@example.org", delivered=True)
    append("console.sight_told", told, actor=CLERK)
    for address in ("10.0.0.5", "10.0.0.6"):
        proposal = endpoints.propose_endpoint("relay.example", 587, address, "Our relay.", mari)
        approvals.approve(proposal, _other(mari))
    endpoints.withdraw_endpoint("relay.example", 587, "10.0.0.5", mari)
