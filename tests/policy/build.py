"""Actors and markings for tests of policy: examples, and strategies for hypothesis."""

from hypothesis import strategies as st

from hanse.kernel.actors import Actor
from hanse.kernel.markings import HANDLING, PURPOSES, Marking, Pap, Tlp, join
from hanse.policy.actions import ACTIONS
from hanse.policy.decision import Subject
from hanse.policy.roles import roles

NOW = 1_178_150_400_000_000
"""3 May 2007, microseconds UTC."""

OWN, PARTNER = "ee-cert", "lv-cert"
TEAMS = ("alpha", "beta")
CONDITIONS = (
    f"authority:{OWN}",
    f"authority:{PARTNER}",
    "tier:member",
    "tier:private",
    "state:EE",
    "state:LV",
)


def person(*held: str, teams: tuple[str, ...] = (), fresh: bool = True, authority: str = OWN) -> Actor:
    """A person of the authority, with roles; `fresh` is a passkey proved just now."""
    return Actor(
        "person", "p-1", "Mari Maasikas", authority, "EE", "member", frozenset(held), frozenset(teams),
        stepped_up_us=NOW if fresh else None,
    )  # fmt: skip


def marking(originator: str = OWN, **parts: object) -> Marking:
    """A marking that refuses nothing inside the authority, but for the parts given."""
    return Marking(**{"originators": frozenset({originator}), "pap": Pap.CLEAR, **parts})


def about(mark: Marking | None = None, **more: object) -> Subject:
    """Something that somebody else made."""
    return Subject("attack", mark or marking(), **{"created_by": "p-2", **more})


@st.composite
def simple_markings(draw: st.DrawFn) -> Marking:
    """Markings whose releasability has single conditions only."""
    handling = draw(st.frozensets(st.sampled_from(sorted(HANDLING))))
    texts = st.frozensets(st.sampled_from(["ask first", "not abroad"]), min_size=1)
    return Marking(
        tlp=draw(st.sampled_from(Tlp)),
        pap=draw(st.sampled_from(Pap)),
        handling=handling,
        handling_text=draw(texts) if "H3" in handling else frozenset(),
        purposes=draw(st.none() | st.frozensets(st.sampled_from([*PURPOSES, "unheard-of"]))),
        releasable=draw(st.none() | st.frozensets(st.sampled_from(CONDITIONS))),
        retention_us=draw(st.none() | st.integers(NOW - 2, NOW + 2)),
        embargo_us=(embargo := draw(st.none() | st.none() | st.integers(NOW - 2, NOW + 2))),
        embargo_for=frozenset()
        if embargo is None
        else draw(st.frozensets(st.sampled_from(["Mari", "Kari"]))),
        originators=draw(st.frozensets(st.sampled_from([OWN, PARTNER, "eu-pol"]), min_size=1)),
    )


def markings() -> st.SearchStrategy[Marking]:
    """All sorts of markings, joined ones among them."""
    return simple_markings() | st.builds(join, simple_markings(), simple_markings())


@st.composite
def actors(draw: st.DrawFn) -> Actor:
    """All sorts of actors, partners and tokens among them."""
    return Actor(
        kind=draw(st.sampled_from(["person", "person", "token", "system", "partner"])),
        id=draw(st.sampled_from(["p-1", "p-2"])),
        name="N",
        authority=draw(st.sampled_from([OWN, PARTNER])),
        country=draw(st.sampled_from(["EE", "LV", ""])),
        tier=draw(st.sampled_from(["member", "private"])),
        roles=draw(st.frozensets(st.sampled_from(sorted(roles())), max_size=3)),
        teams=draw(st.frozensets(st.sampled_from(TEAMS))),
        scopes=draw(st.none() | st.frozensets(st.sampled_from(sorted(ACTIONS)), min_size=10)),
        stepped_up_us=draw(st.sampled_from([None, NOW, NOW - 400_000_000])),
    )


def actions() -> st.SearchStrategy[str]:
    """Names of all actions."""
    return st.sampled_from(sorted(ACTIONS))


def teams() -> st.SearchStrategy[str]:
    """No team, or one of three."""
    return st.sampled_from(["", *TEAMS, "gamma"])


def purposes() -> st.SearchStrategy[str | None]:
    """No stated purpose, or one."""
    return st.none() | st.sampled_from(sorted(PURPOSES))
