"""Files of evidence at rest: what is written is read, and whatever is altered, moved or cut off is found."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from hanse.cases.evidence_store import CHUNK, HEAD_BYTES, TAG_BYTES, EvidenceError, Store
from hanse.kernel.keys import Keyring
from tests.shared import ROOT

KEYS = Keyring.new()
CANARY = b"Rk5-canary-Lm2"


def put(store: Store, content: bytes, pieces: int = 1_000) -> str:
    """Store content that comes in pieces; its name."""
    store.root.mkdir(parents=True, exist_ok=True)
    draft = store.draft(store.root / "draft")
    for at in range(0, len(content), pieces):
        draft.write(content[at : at + pieces])
    draft.close()
    return store.take(Path(draft.name), draft.sha256)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "evidence", KEYS)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7])
def test_what_is_written_is_read(store: Store, size: int) -> None:
    """Content of every length around the borders of chunks comes back, however it came in pieces."""
    content = os.urandom(size)
    name = put(store, content, pieces=50_000)
    assert b"".join(store.read(name)) == content
    assert store.names() == [name]
    assert store.problem(name) == ""


def test_the_disk_says_nothing(store: Store) -> None:
    """Neither the content, nor its hash, nor its file's name is in the file or in the name under which it lies."""
    content = CANARY * 10_000
    name = put(store, content)
    data = store.path_of(name).read_bytes()
    plain = sha256(content).hexdigest()
    assert CANARY not in data
    assert plain not in name
    assert bytes.fromhex(plain) not in data
    assert store.path_of(name).stat().st_mode & 0o077 == 0


def test_one_content_lies_once_and_another_key_names_it_otherwise(store: Store, tmp_path: Path) -> None:
    """The same content has one name on a node, and another one on every other node."""
    assert put(store, b"content") == put(store, b"content")
    assert len(store.names()) == 1
    assert put(Store(tmp_path / "other", Keyring.new()), b"content") != store.names()[0]


def test_a_damaged_file_is_mended_by_adding_it_again(store: Store) -> None:
    """What is added again takes the place of what lies there, whole or not."""
    name = put(store, b"content")
    store.path_of(name).write_bytes(b"damaged")
    assert "is no file of evidence" in store.problem(name)
    assert put(store, b"content") == name
    assert store.problem(name) == ""


def test_every_altered_byte_is_found(store: Store) -> None:
    """A byte altered anywhere, in head, content or tags, is found."""
    name = put(store, os.urandom(2 * CHUNK + 100))
    path = store.path_of(name)
    data = path.read_bytes()
    places = [*range(HEAD_BYTES), *range(HEAD_BYTES, len(data), 997), len(data) - 1]
    for place in places:
        altered = bytearray(data)
        altered[place] ^= 1
        path.write_bytes(altered)
        assert store.problem(name), place


def test_chunks_that_are_moved_repeated_or_left_out_are_found(store: Store) -> None:
    """Chunks stand in their order, each once, and the last one is there."""
    name = put(store, os.urandom(3 * CHUNK))
    path, long = store.path_of(name), CHUNK + TAG_BYTES
    data = path.read_bytes()
    head, chunks = data[:HEAD_BYTES], [data[HEAD_BYTES + at * long :][:long] for at in range(3)]
    a, b, c = chunks
    for order in ([b, a, c], [a, a, c], [a, c], [a, b], [a, b, c, c], [a, b, c[:-1]], [a, b, c, b"x"]):
        path.write_bytes(head + b"".join(order))
        assert store.problem(name), len(order)


def test_a_file_under_anothers_name_is_found_before_a_byte_is_given(store: Store) -> None:
    """Two files that changed places, or an older file of another node, do not open."""
    one, other = put(store, b"one" * 100), put(store, b"other" * 100)
    first, second = store.path_of(one), store.path_of(other)
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)
    for name in (one, other):
        with pytest.raises(EvidenceError, match="another file's"):
            next(store.read(name))


def test_a_missing_file_is_said_to_be_missing(store: Store) -> None:
    """Reading what is not there says so; removing it does nothing."""
    name = store.name_of("0" * 64)
    with pytest.raises(EvidenceError, match="No such file"):
        next(store.read(name))
    store.remove(name)


@pytest.mark.parametrize("name", ["", "../../keys/keyring", "ab/" + "0" * 61, "A" * 64, "0" * 64 + "\n"])
def test_no_name_from_a_table_leads_out_of_the_folder(store: Store, name: str) -> None:
    """What is no name of ours is neither read nor overwritten."""
    with pytest.raises(EvidenceError, match="names no file of evidence"):
        store.remove(name)


def test_what_is_removed_is_gone_with_its_key(store: Store) -> None:
    """Whoever kept the file open finds its key overwritten, not only its name gone."""
    name = put(store, CANARY)
    with store.path_of(name).open("rb") as kept:
        before = kept.read()
        store.remove(name)
        kept.seek(0)
        after = kept.read()
    assert before[HEAD_BYTES:] == after[HEAD_BYTES:]
    assert before[:HEAD_BYTES] != after[:HEAD_BYTES]
    assert not store.names()


def test_a_broken_off_draft_is_taken_for_nothing(store: Store) -> None:
    """A draft that was never closed, or is of other content than is said, is refused and changes nothing."""
    store.root.mkdir()
    draft = store.draft(store.root / "broken")
    draft.write(b"half" * CHUNK)
    with pytest.raises(EvidenceError):
        store.take(Path(draft.name), draft.sha256)
    draft.close()
    with pytest.raises(EvidenceError):
        store.take(Path(draft.name), sha256(b"other").hexdigest())
    assert not store.names()


def test_a_full_disk_ends_a_draft_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk refuses the end of a draft that is said once, closing it again is harmless, and nothing is taken."""
    store.root.mkdir()
    draft = store.draft(store.root / "full")
    draft.write(b"content")
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            draft.close()
    draft.close()
    with pytest.raises(EvidenceError, match="ended"):
        draft.write(b"more" * CHUNK)
    assert not store.names()


def test_it_opens_after_the_keys_were_rotated(store: Store) -> None:
    """A file sealed under an earlier data key opens with the keys of today; its name stays."""
    name = put(store, b"content")
    rotated = Store(store.root, KEYS.rotated())
    assert b"".join(rotated.read(name)) == b"content"
    assert put(rotated, b"content") == name


_LARGE = """
import resource, sys
from pathlib import Path
from hanse.cases.evidence_store import Store
from hanse.kernel.keys import Keyring
store = Store(Path(sys.argv[1]), Keyring.new())
store.root.mkdir()
piece = bytes(2**20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
draft = store.draft(store.root / "draft")
for _ in range(100):
    draft.write(piece)
draft.close()
name = store.take(Path(draft.name), draft.sha256)
assert sum(map(len, store.read(name))) == 100 * 2**20
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Writing and reading 100 MB takes less than 20 MB of memory."""
    told = subprocess.run(
        [sys.executable, "-c", _LARGE, str(tmp_path / "evidence")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(told.stdout) < 20_000, "kilobytes"
