"""Evidence for tests: files that are brought as the pages bring them, on a node with a home of its own."""

from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.conf import settings

from hanse.cases import evidence
from hanse.kernel import keys
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.keys import Keyring
from hanse.kernel.markings import Marking, join
from hanse.ledger import keyfile, keyring
from hanse.settings import SETTINGS_FILE, Node

CANARY = "Ev6-canary-Nt4"
FOREIGN = "lv-police"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """The node under test, in a folder of its own, with keys and settings on disk."""
    home = tmp_path / "home"
    home.mkdir()
    (home / keyfile.KEYS).parent.mkdir()
    (home / keyfile.KEYS).write_bytes(_wrapped(keyring.current(), keys._stretched))
    (home / SETTINGS_FILE).write_text('authority = "ee-cert"\n')
    made = replace(settings.HANSE_NODE, home=home)
    monkeypatch.setattr(settings, "HANSE_NODE", made)
    return made


@lru_cache(maxsize=4)
def _wrapped(held: Keyring, _stretched: object) -> bytes:
    """Keys as they lie on disk; wrapping them takes long, on purpose, but where a test has them stretched otherwise."""
    return keys.wrap(held, "for tests")


def brought(content: bytes = CANARY.encode(), name: str = "disk.img", **more: object) -> evidence.Brought:
    """A file as an upload leaves it: an encrypted draft."""
    folder = settings.HANSE_NODE.home / "inbox"
    folder.mkdir(exist_ok=True)
    draft = evidence.store().draft(folder / uuid4().hex)
    draft.write(content)
    draft.close()
    told = {
        "draft": Path(draft.name), "name": name, "size": len(content), "sha256": sha256(content).hexdigest(),
        "description": "Image of a disk", "source": "Search of 9 May", "received_us": now_us(), **more,
    }  # fmt: skip
    return evidence.Brought(**told)


def added(case: UUID, actor: Actor, content: bytes = CANARY.encode(), **more: object) -> UUID:
    """A piece of evidence in a case."""
    return evidence.add(case, brought(content, **more), "Seized by order 7.", actor)


def coded(*codes: str, own: bool = False) -> Marking:
    """A marking with handling codes, of another authority or of this one."""
    origin = Marking.own("ee-cert" if own else FOREIGN)
    text = frozenset({"Ask us first."}) if "H3" in codes else frozenset()
    return join(origin, replace(origin, handling=frozenset(codes), handling_text=text))
