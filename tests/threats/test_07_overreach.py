"""Threat 7: an insider reaches too far. The use cases about people, as every role, on every sort of target."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from hanse.accounts import approvals, contents, issuers, openings, passkeys, service, tokens, who
from hanse.accounts.models import Invitation, Issuer, Passkey, Proposal, RoleGrant, Token
from hanse.accounts.rules import RefusedError
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.models import Entry
from hanse.ledger.writing import append
from hanse.policy.roles import roles
from tests.accounts.people import NODE, acting, credential, newcomer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def addresses(settings):
    """Only the pages of accounts."""
    settings.ROOT_URLCONF = "tests.accounts.urls"


class Node:
    """A node of some size: administrators and approvers enough, a team, and somebody with everything."""

    def __init__(self) -> None:
        self.administrators = [newcomer("administrator") for _ in range(2)]
        self.approvers = [newcomer("approver") for _ in range(2)]
        self.team = service.make_team("Operation Amber", acting(self.administrators[0]))
        self.target = newcomer("analyst", "officer", teams=(self.team,), name="Target")
        for name in ("first", "second"):
            content = contents.PasskeyAdded(self.target.hex, name, name, credential(name))
            append("accounts.passkey_added", content, actor=NODE)
        content = contents.IssuerBound(self.target.hex, "https://issuer.example", "7")
        append("accounts.issuer_bound", content, actor=NODE)
        tokens.make("script", ["attacks.view"], 1, acting(self.target))
        self.invited = service.invite("Invited", "", [], "", acting(self.administrators[0]))[0]
        self.other_team = service.make_team("Operation Green", acting(self.administrators[0]))
        self._others = product([self.target, *self.administrators], sorted(set(roles()) - {"investigator"}))

    def proposal(self) -> UUID:
        """An open proposal of the first administrator, each about another role or person."""
        person, role = next(self._others)
        return service.grant_role(person, role, "Needed.", acting(self.administrators[0]))


USES: dict[str, tuple[set[str], Callable[[Node, Actor, UUID], object]]] = {
    "invite": ({"administrator"}, lambda _, actor, __: service.invite("New", "", [], "", actor)),
    "invite with roles": (
        {"administrator"}, lambda _, actor, __: service.invite("New", "", ["approver"], "Needed.", actor),
    ),
    "invite again": ({"administrator"}, lambda node, actor, _: service.invite_again(node.invited, actor)),
    "give a role": (
        {"administrator"}, lambda _, actor, target: service.grant_role(target, "investigator", "Needed.", actor),
    ),
    "take a role": (
        {"administrator"}, lambda node, actor, _: service.revoke_role(node.target, "officer", "Done.", actor),
    ),
    "deactivate": ({"administrator"}, lambda node, actor, _: service.deactivate(node.target, "Left.", actor)),
    "bring back": (
        {"administrator"}, lambda _, actor, target: service.propose_recovery(target, "Lost.", actor),
    ),
    "end sessions": ({"administrator"}, lambda node, actor, _: service.end_sessions(node.target, actor)),
    "make a team": ({"administrator"}, lambda _, actor, __: service.make_team("Another", actor)),
    "close a team": ({"administrator"}, lambda node, actor, _: service.close_team(node.team, actor)),
    "take into a team": (
        {"administrator"},
        lambda node, actor, target: service.add_to_team(node.other_team, target, "Needed.", actor),
    ),
    "take out of a team": (
        {"administrator"},
        lambda node, actor, _: service.remove_from_team(node.team, node.target, "Done.", actor),
    ),
    "remove another's passkey": (
        {"administrator"},
        lambda node, actor, _: passkeys.remove(Passkey.objects.filter(person=node.target)[0].pk, actor),
    ),
    "remove another's identity": (
        {"administrator"}, lambda _, actor, __: issuers.unbind(Issuer.objects.get().pk, actor),
    ),
    "revoke another's token": (
        {"administrator"}, lambda _, actor, __: tokens.revoke(Token.objects.get().pk, actor),
    ),
    "approve": ({"approver"}, lambda node, actor, _: approvals.approve(node.proposal(), actor)),
    "refuse": ({"approver"}, lambda node, actor, _: approvals.reject(node.proposal(), "No.", actor)),
    "make a token": (
        {"administrator", "analyst", "investigator"},
        lambda _, actor, __: tokens.make("mine", tokens.possible(actor)[:1], 1, actor),
    ),
    "ask to open an embargoed body": (
        {"analyst", "investigator", "officer", "approver", "auditor"},
        lambda _, actor, __: openings.ask_for(uuid4(), "An audit.", actor),
    ),
}  # fmt: skip
"""Every use case on others, the roles that may, and a use of it."""

TARGETS = ("target", "administrators", "approvers", "self")


def chosen(node: Node, actor: Actor, target: str) -> UUID:
    """The person that a use is about."""
    if target == "self":
        return UUID(actor.id)
    found = getattr(node, target)
    return found[1] if isinstance(found, list) else found


@contextmanager
def undone() -> Iterator[None]:
    """What is written in here is taken back at its end, so that one node serves many attempts."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def refused(do: Callable[[Node, Actor, UUID], object], *told: Any) -> bool:
    """Whether a use of the node is refused."""
    try:
        do(*told)
    except RefusedError:
        return True
    return False


@pytest.mark.parametrize("role", [*roles(), "none"])
def test_every_role_with_every_use_on_every_target(role):
    """A use case works for the roles that may and refuses all others, leaving not even an entry."""
    node = Node()
    person = newcomer(*([role] if role != "none" else []))
    for use, (may, do) in USES.items():
        for target in TARGETS if role not in may else TARGETS[:1]:
            with undone():
                actor = acting(person)
                about = chosen(node, actor, target)
                if role in may:
                    before = Entry.objects.count()
                    do(node, actor, about)
                    assert Entry.objects.count() > before, (use, target)
                    continue
                before = Entry.objects.exclude(kind="accounts.proposed").count()
                assert refused(do, node, actor, about), (
                    f"a person with the role {role} may {use}, about {target}"
                )
                assert Entry.objects.exclude(kind="accounts.proposed").count() == before, (use, target)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("role", roles())
def test_an_administrator_gives_no_role_alone(target, role):
    """Whatever the role and whoever gets it, the administrator above all: nothing is given, it is proposed."""
    node = Node()
    actor = acting(node.administrators[0])
    before = set(RoleGrant.objects.values_list("person", "role"))
    proposal = service.grant_role(chosen(node, actor, target), role, "I want it.", actor)
    assert proposal is not None
    assert set(RoleGrant.objects.values_list("person", "role")) == before
    with pytest.raises(RefusedError):
        approvals.approve(proposal, actor)


def test_nobody_approves_their_own_proposal_whatever_roles_they_have():
    """Administrator and approver in one person still need a second one, also to refuse."""
    node = Node()
    both = newcomer(*roles())
    proposal = service.grant_role(both, "officer", "Me.", acting(both))
    for decide in (approvals.approve, lambda one, actor: approvals.reject(one, "No.", actor)):
        with pytest.raises(RefusedError) as refusal:
            decide(proposal, acting(both))
        assert "second-person" in refusal.value.decision.rules
    assert approvals.waiting_for(acting(both)) == []
    assert approvals.count_waiting_for(acting(both)) == 0
    approvals.approve(proposal, acting(node.approvers[0]))


def test_a_token_never_approves_nor_makes_its_maker_two_people():
    """A token acts as its maker: it cannot be the second person, whatever its scope."""
    node = Node()
    proposal = node.proposal()
    maker = acting(node.approvers[0])
    token = Actor(
        "token", maker.id, "script", maker.authority, roles=maker.roles,
        scopes=frozenset({"accounts.approve"}), stepped_up_us=now_us(),
    )  # fmt: skip
    with pytest.raises(RefusedError):
        approvals.approve(proposal, token)


def test_changing_the_row_of_a_proposal_changes_nothing():
    """What is approved is what was signed: not another person, another role or another proposer put in by SQL."""
    node = Node()
    administrator = acting(node.administrators[0])
    proposal = service.grant_role(node.target, "investigator", "Needed.", administrator)
    mine = newcomer("approver", "administrator")
    own = service.grant_role(mine, "officer", "Me.", acting(mine))
    Proposal.objects.filter(pk=proposal).update(subject={"person": mine.hex, "role": "officer"})
    Proposal.objects.filter(pk=own).update(proposed_by=administrator.id)
    with pytest.raises(RefusedError):
        approvals.approve(own, acting(mine))
    approvals.approve(proposal, acting(node.approvers[0]))
    assert "officer" not in acting(mine).roles
    assert "investigator" in acting(node.target).roles


def test_a_proposal_is_decided_once_and_within_seven_days(monkeypatch):
    """A decided, withdrawn or old proposal cannot be approved, also when its row says that it is open."""
    node = Node()
    approver = acting(node.approvers[0])
    refused, withdrawn, late = node.proposal(), node.proposal(), node.proposal()
    approvals.reject(refused, "No.", approver)
    with pytest.raises(RefusedError):
        approvals.withdraw(withdrawn, acting(node.administrators[1]))
    approvals.withdraw(withdrawn, acting(node.administrators[0]))
    Proposal.objects.update(state="open")
    now = now_us()
    for proposal in (refused, withdrawn):
        with pytest.raises(approvals.ProposalOverError):
            approvals.approve(proposal, approver)
    monkeypatch.setattr(approvals, "now_us", lambda: now + approvals.EXPIRES_US + 60_000_000)
    with pytest.raises(approvals.ProposalOverError):
        approvals.approve(late, approver)


def test_a_proposal_needs_a_reason():
    """Whoever has to decide is told why."""
    node = Node()
    with pytest.raises(UsageError, match="Say why"):
        service.grant_role(node.target, "investigator", "  ", acting(node.administrators[0]))


def test_a_token_can_no_more_than_its_maker_and_its_scope():
    """A token has the roles of its maker, limited to its actions; none that wants a passkey or a second person."""
    analyst = newcomer("analyst", "approver")
    for scope in ("settings.edit", "accounts.approve", "accounts.tokens", "no.such"):
        with pytest.raises(UsageError):
            tokens.make("script", [scope], 1, acting(analyst))
    secret = tokens.make("script", ["attacks.view"], 1, acting(analyst))
    actor = who.token_actor(secret)
    assert (actor.id, actor.kind, actor.scopes) == (analyst.hex, "token", {"attacks.view"})
    with pytest.raises(RefusedError):
        tokens.make("another", ["attacks.view"], 1, actor)


def test_a_token_ends_with_its_time_its_revocation_and_its_maker(monkeypatch):
    """An expired or revoked token is nobody, and so is that of somebody who was deactivated."""
    analyst, admin = newcomer("analyst"), newcomer("administrator")
    secrets = [tokens.make(name, ["attacks.view"], 1, acting(analyst)) for name in "abc"]
    revoked = Token.objects.get(name="a")
    tokens.revoke(revoked.pk, acting(analyst))
    revoked.save(force_insert=True)
    assert who.token_actor(secrets[0]) is None
    assert who.token_actor(secrets[1]) is not None
    with monkeypatch.context() as later:
        at = now_us() + tokens.DAY_US + 1
        later.setattr(who, "now_us", lambda: at)
        assert who.token_actor(secrets[1]) is None
    service.deactivate(analyst, "Left.", acting(admin))
    assert who.token_actor(secrets[2]) is None


def test_the_last_administrator_and_approver_stay():
    """Nobody, not even they themselves, takes away the last of those without whom nobody gets a role again."""
    admin, approver = newcomer("administrator"), newcomer("approver")
    for role, person in (("administrator", admin), ("approver", approver)):
        with pytest.raises(RefusedError, match="Nobody else"):
            service.revoke_role(person, role, "Done.", acting(admin))
        with pytest.raises(RefusedError, match="Nobody else"):
            service.deactivate(person, "Done.", acting(admin))


def test_an_embargoed_body_opens_with_a_second_person_for_a_day(monkeypatch):
    """Who oversees asks, an approver opens it, to that person only, until the day is over."""
    node, auditor, body = Node(), newcomer("auditor"), uuid4()
    proposal = openings.ask_for(body, "Complaint 12/2026.", acting(auditor))
    assert openings.opened_to(body) == frozenset()
    approvals.approve(proposal, acting(node.approvers[0]))
    assert openings.opened_to(body) == {auditor.hex}
    assert openings.opened_to(uuid4()) == frozenset()
    later = now_us() + openings.HOLDS_US + 60_000_000
    monkeypatch.setattr(openings, "now_us", lambda: later)
    assert openings.opened_to(body) == frozenset()


def test_a_link_carries_no_roles_once_there_are_two_people():
    """An invitation of an administrator gives nothing by itself."""
    node = Node()
    service.invite("New", "", ["officer"], "Needed.", acting(node.administrators[0]))
    assert all(row.roles == [] for row in Invitation.objects.all())


def test_what_a_token_queued_ends_with_the_token():
    """A job that waits does nothing once the token that started it was revoked, though its maker is still here."""
    analyst = newcomer("analyst")
    queued = [who.token_actor(tokens.make(name, ["attacks.view"], 1, acting(analyst))) for name in "ab"]
    assert who.still(queued[0]) == queued[0]
    tokens.revoke(Token.objects.get(name="a").pk, acting(analyst))
    with pytest.raises(UsageError, match="token holds no more"):
        who.still(queued[0])
    assert who.still(queued[1]) == queued[1]
    with pytest.raises(UsageError, match="token holds no more"):
        who.still(replace(queued[1], token=""))
