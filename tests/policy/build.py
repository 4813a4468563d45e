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


# Made once: to make a strategy takes longer than to draw from it, and markings are drawn by the thousand.
_TLP, _PAP = st.sampled_from(Tlp), st.sampled_from(Pap)
_HANDLING = st.frozensets(st.sampled_from(sorted(HANDLING)))
_TEXTS = st.frozensets(st.sampled_from(["ask first", "not abroad"]), min_size=1)
_PURPOSES = st.none() | st.frozensets(st.sampled_from([*PURPOSES, "unheard-of"]))
_RELEASABLE = st.none() | st.frozensets(st.sampled_from(CONDITIONS))
_RETENTION = st.none() | st.integers(NOW - 2, NOW + 2)
_ORIGINATORS = st.frozensets(st.sampled_from([OWN, PARTNER, "eu-pol"]), min_size=1)


_EMBARGO = st.none() | st.none() | st.integers(NOW - 2, NOW + 2)
_NAMES = st.frozensets(st.sampled_from(["Mari", "Kari"]))


@st.composite
def simple_markings(draw: st.DrawFn) -> Marking:
    """Markings whose releasability has single conditions only."""
    handling = draw(_HANDLING)
    return Marking(
        tlp=draw(_TLP),
        pap=draw(_PAP),
        handling=handling,
        handling_text=draw(_TEXTS) if "H3" in handling else frozenset(),
        purposes=draw(_PURPOSES),
        releasable=draw(_RELEASABLE),
        retention_us=draw(_RETENTION),
        embargo_us=(embargo := draw(_EMBARGO)),
        embargo_for=frozenset() if embargo is None else draw(_NAMES),
        originators=draw(_ORIGINATORS),
    )


_SIMPLE = simple_markings()
_MARKINGS = _SIMPLE | st.builds(join, _SIMPLE, _SIMPLE)


def markings() -> st.SearchStrategy[Marking]:
    """All sorts of markings, joined ones among them."""
    return _MARKINGS


_ACTIONS = st.sampled_from(sorted(ACTIONS))
_KINDS = st.sampled_from(["person", "person", "token", "system", "partner"])
_IDS = st.sampled_from(["p-1", "p-2"])
_AUTHORITIES = st.sampled_from([OWN, PARTNER])
_COUNTRIES = st.sampled_from(["EE", "LV", ""])
_TIERS = st.sampled_from(["member", "private"])
_ROLES = st.frozensets(st.sampled_from(sorted(roles())), max_size=3)
_TEAMS = st.frozensets(st.sampled_from(TEAMS))
_SCOPES = st.none() | st.frozensets(_ACTIONS, min_size=10)
_STEPPED_UP = st.sampled_from([None, NOW, NOW - 400_000_000])


@st.composite
def actors(draw: st.DrawFn) -> Actor:
    """All sorts of actors, partners and tokens among them."""
    return Actor(
        kind=draw(_KINDS),
        id=draw(_IDS),
        name="N",
        authority=draw(_AUTHORITIES),
        country=draw(_COUNTRIES),
        tier=draw(_TIERS),
        roles=draw(_ROLES),
        teams=draw(_TEAMS),
        scopes=draw(_SCOPES),
        stepped_up_us=draw(_STEPPED_UP),
    )


def actions() -> st.SearchStrategy[str]:
    """Names of all actions."""
    return _ACTIONS


def teams() -> st.SearchStrategy[str]:
    """No team, or one of three."""
    return st.sampled_from(["", *TEAMS, "gamma"])


def purposes() -> st.SearchStrategy[str | None]:
    """No stated purpose, or one."""
    return st.none() | st.sampled_from(sorted(PURPOSES))
