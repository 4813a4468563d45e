"""What the entries of joint cases hold: a case that several authorities share, each entry signed by its author's node."""

from typing import Final

import msgspec

from hanse.kernel.clock import Moment

OPENED: Final = "cases.joint_opened"
SAID: Final = "cases.joint_said"

TITLE_LIMIT: Final = 300
TEXT_LIMIT: Final = 10_000
MEMBERS_LIMIT: Final = 100
PER_DAY: Final = 200
"""Things that one authority says in one joint case within 24 hours: its founder sends each to every other member."""


class JointMember(msgspec.Struct, frozen=True, kw_only=True):
    """An authority that is asked to take part; all of them know of each other."""

    authority: str
    name: str
    country: str
    tier: str


class JointOpened(msgspec.Struct, frozen=True, kw_only=True):
    """A joint case; the object is the case. Who signs it founds it, and everything goes by that authority.

    Attributes:
        title: What it is called.
        purpose: What it is for.
        legal_basis: The law that its founder opens it under; each other authority has its own.
        members: Who is asked to take part, the founder first.
    """

    title: str
    purpose: str
    legal_basis: str
    members: tuple[JointMember, ...]


class JointSaid(msgspec.Struct, frozen=True, kw_only=True):
    """Something that an authority says in a joint case; the object is what is said.

    Attributes:
        founder: Who founded the case.
        joint: The case, hexadecimal, as its founder names it.
        sort: One of `SORTS`.
        text: What is said, for people; what is to be done, or was decided.
        to: Id of the authority that a task is for; empty for everybody.
        due_us: Until when a task is to be done, microseconds UTC.
        of: Id of the authority whose task is done, and
        about: the task, hexadecimal, as that authority names it.
    """

    founder: str
    joint: str
    sort: str
    text: str = ""
    to: str = ""
    due_us: Moment | None = None
    of: str = ""
    about: str = ""


JOINING: Final = {"joined": "takes part", "declined": "declined", "left": "left"}
"""How a member stands by what it said last of it, in words; before that it is asked."""

CLOSING: Final = {"closed": "The case was closed", "reopened": "The case was reopened"}
"""What its founder alone says."""

SAYING: Final = {"note": "Note", "task": "Task", "done": "Done", "decision": "Decision"}
"""What those who take part say."""

SORTS: Final = (*JOINING, *CLOSING, *SAYING)
