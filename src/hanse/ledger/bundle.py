"""Several files under one proof: a zip archive with a manifest of hashes, to which an entry of the ledger commits.

Whoever has no node proves all of it offline with `hanse verify`, from the archive or from the folder into which it was
unpacked. The steps, in order:

1. `PROOF` proves an entry of the ledger, by the steps of `verify`, and is written in its one form; where a time stamp
   was added after the bundle was made (`STAMP`), it is over that proof's checkpoint, and so over everything in the
   bundle;
2. that entry names the SHA-256 of `MANIFEST`;
3. each file that the manifest lists is there, with the length and the SHA-256 that it lists, and no other file is;
4. each file that the manifest calls a proof proves an entry of the same authority, under the same first key;
5. most of the witnesses saw the checkpoints of these entries: those that are trusted, else those that the proofs
   themselves name. No witness can have seen an entry that was written as the archive was made, such as that of
   `PROOF`; with trusted witnesses, such a one has to be younger than the newest checkpoint that they saw, which shows
   that none was dated back, and one entry at least has to be under that.

An archive of the same files is the same bytes: no times of the clock, no compression, one order.
"""

import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

import msgspec

from hanse.kernel import strict_json
from hanse.kernel.errors import HanseError
from hanse.kernel.units import iso
from hanse.ledger.verify import CLOCK_US, Proof, ProofError, Proven, verify

FORMAT = "hanse/bundle/1"
MANIFEST, PROOF = "manifest.json", "manifest.proof.json"
STAMP = "manifest.proof.tsr"
"""RFC 3161 response over the checkpoint of `PROOF`, which can only be asked for once that is written."""
LIMIT_BYTES = 64 * 1024 * 1024
"""A manifest and a proof are read into memory whole; other files piece by piece."""
PIECE = 1 << 20
MOST = 100_000
"""Files of one bundle."""

_DAMAGED = (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
"""What Python's archives say of one that was altered or packed in a way that it cannot read: encrypted, for one."""

_OURS = frozenset({MANIFEST, PROOF, STAMP})
"""Files of a bundle that its manifest does not list."""

_NAMED = 20
"""Entries that are named one by one."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip archive can name."""


class Member(msgspec.Struct, frozen=True):
    """A file as a manifest lists it.

    Attributes:
        path: Its name in the archive.
        size: Bytes.
        sha256: Of its content, hexadecimal.
        what: What it is, in words.
        proof: Whether it proves an entry.
    """

    path: str
    size: int
    sha256: str
    what: str
    proof: bool = False


class Manifest(msgspec.Struct, frozen=True):
    """What is in a bundle.

    Attributes:
        format: `FORMAT`.
        title: What the bundle is, in words.
        members: Its files in order, without the manifest and its proof.
    """

    format: str
    title: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A file to be put into a bundle.

    Attributes:
        path: Its name in the archive.
        what: What it is, in words.
        pieces: Its content.
        proof: Whether it proves an entry.
    """

    path: str
    what: str
    pieces: Iterable[bytes]
    proof: bool = False


def written(
    title: str, documents: Iterable[Document], seal: Callable[[bytes, int], bytes]
) -> Iterator[bytes]:
    """The archive, piece by piece; documents are asked for one after the other.

    Args:
        title: What it is, in words.
        documents: Its files, in order.
        seal: Gets the manifest's bytes and the number of files once all were written; writes the entry that commits
            to them, and returns its proof.

    Raises:
        ValueError: Two files have one name, or a name leads out of the archive.
    """
    pipe, members = _Pipe(), list[Member]()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for document in documents:
            if not _is_plain(document.path) or any(document.path == one.path for one in members):
                raise ValueError(f"{document.path!r} cannot be a file of a bundle, or is one already.")
            hashed, size = sha256(), 0
            with archive.open(_info(document.path), "w", force_zip64=True) as file:
                for piece in document.pieces:
                    hashed.update(piece)
                    size += len(piece)
                    file.write(piece)
                    yield pipe.taken()
            members.append(Member(document.path, size, hashed.hexdigest(), document.what, document.proof))
        manifest = msgspec.json.format(msgspec.json.encode(Manifest(FORMAT, title, tuple(members))), indent=1)
        for path, data in ((MANIFEST, manifest), (PROOF, seal(manifest, len(members)))):
            archive.writestr(_info(path), data)
            yield pipe.taken()
    yield pipe.taken()


@dataclass(frozen=True, slots=True)
class Found:
    """What a bundle proves.

    Attributes:
        steps: What was checked, one sentence each.
        fingerprint: Of the authority's first key, to compare with the published one.
        manifest: What is in it.
    """

    steps: tuple[str, ...]
    fingerprint: str
    manifest: Manifest


def verify_bundle(path: Path, trusted: str = "", roots: bytes = b"", witnesses: Sequence[str] = ()) -> Found:
    """Check an archive or a folder.

    Args:
        path: The archive, or the folder into which it was unpacked.
        trusted: Fingerprint of the authority's first key, from a source that is trusted.
        roots: PEM certificates of trusted time-stamping authorities, as of `verify`.
        witnesses: Verifier keys of trusted witnesses, as of `verify`.

    Raises:
        ProofError: A step fails; the message names it and the file.
    """
    with _opened(path) as files:
        own = _own_proof(files)
        if roots and not own.timestamp:
            raise ProofError(
                f"Step 1 fails: {PROOF} has no time stamp, as nobody had one added to this archive. Whoever gave it out "
                "can do that on their node, also now: `hanse node stamp ARCHIVE URL`. It then shows that all of it existed "
                "by that time. Without --time-roots everything else is proven."
            )
        proven = _proof(msgspec.json.encode(own), PROOF, trusted, roots, witnesses)
        manifest = _manifest(_whole(files, MANIFEST), proven.body.content.get("manifest"))
        if (
            len({one.path for one in manifest.members}) != len(manifest.members)
            or len(manifest.members) > MOST
        ):
            raise ProofError("Step 3 fails: the manifest lists a file twice, or too many.")
        for member in manifest.members:
            _check(files, member)
        strange = sorted(set(files.names()) - {one.path for one in manifest.members} - _OURS)
        if strange:
            raise ProofError(f"Step 3 fails: {strange[0]!r} is none of the files that the manifest lists.")
        proofs = [
            _Seen.of(
                one.path,
                _proof(_whole(files, one.path), one.path, proven.fingerprint, witnesses=witnesses, step=4),
            )
            for one in manifest.members
            if one.proof
        ]
    head = proven.envelope
    steps = (
        f"1. Entry {head.seq:,} ({head.kind}) of {proven.authority} is proven:",
        *(f"   {step}" for step in proven.steps),
        f"2. It names the manifest: {manifest.title}",
        f"3. All {len(manifest.members):,} files are as the manifest lists them, and there is no other.",
        f"4. {len(proofs):,} of them prove an entry each, under the same first key.",
        f"5. {_witnessed(_Seen.of(PROOF, proven), proofs, trusted=bool(witnesses))}",
    )
    return Found(steps, proven.fingerprint, manifest)


def checkpoint_of(path: Path) -> str:
    """The signed note that a time stamp of a bundle has to be over; an archive or a folder.

    Raises:
        ProofError: It is no bundle.
    """
    with _opened(path) as files:
        return _own_proof(files).checkpoint


def add_stamp(path: Path, stamp: bytes) -> None:
    """Put a time stamp into an archive, or the folder into which one was unpacked; nothing else of it changes.

    Args:
        path: The bundle.
        stamp: RFC 3161 response over its checkpoint.

    Raises:
        FileExistsError: It has one.
        OSError: It cannot be written; an archive is then as it was.
    """
    if path.is_dir():
        with (path / STAMP).open("xb") as file:
            file.write(stamp)
        return
    with zipfile.ZipFile(path) as archive:
        if STAMP in archive.namelist():
            raise FileExistsError(f"{path} has a time stamp.")
        end = archive.start_dir
    with path.open("rb") as whole:
        whole.seek(end)
        index = whole.read()  # the list of its files, over which the new one is written
    try:
        with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
            archive.writestr(_info(STAMP), stamp)
    except BaseException:
        with path.open("r+b") as whole:
            whole.seek(end)
            whole.write(index)
            whole.truncate()
        raise


class _Pipe(io.RawIOBase):
    """What an archive is written to: it can be taken piece by piece, and not gone back in."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        """It is there to be written to."""
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]  # any buffer
        """Keep a piece."""
        self._held += data
        return len(data)

    def taken(self) -> bytes:
        """What was written since the last time."""
        data = bytes(self._held)
        self._held.clear()
        return data


class _Files:
    """The files of a folder or an archive."""

    def __init__(self, root: Path, archive: zipfile.ZipFile | None) -> None:
        self._root, self._archive = root, archive

    def names(self) -> list[str]:
        """The name of each file; one that stands twice in an archive is there twice."""
        if self._archive is not None:
            return [one.filename for one in self._archive.infolist()]
        found = (path for path in self._root.rglob("*") if not path.is_dir() or path.is_symlink())
        return [path.relative_to(self._root).as_posix() for path in found]

    def open(self, name: str) -> BinaryIO:
        """A file, to be read; a link is none, nor is a pipe, on which one would wait for ever."""
        if self._archive is not None:
            return self._archive.open(name)  # type: ignore[return-value]  # a stream of bytes
        path = self._root / name
        if path.is_symlink():
            raise ProofError(f"Step 3 fails: {name} is a link to another file.")
        if path.exists() and not path.is_file():
            raise ProofError(f"Step 3 fails: {name} is no file.")
        return path.open("rb")


def _pieces(files: _Files, name: str, step: int) -> Iterator[bytes]:
    """What a file holds, piece by piece, whoever packed it how.

    Raises:
        ProofError: It is not there, or the archive is damaged where it stands.
    """
    try:
        with files.open(name) as file:
            while piece := file.read(PIECE):
                yield piece
    except (KeyError, FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise ProofError(
            f"Step {step} fails: {name} is missing. Is this what the authority gave out?"
        ) from None
    except _DAMAGED as error:
        raise ProofError(f"Step {step} fails: {name} was altered, or cannot be read ({error}).") from None


@contextmanager
def _opened(path: Path) -> Iterator[_Files]:
    if path.is_dir():
        yield _Files(path, None)
        return
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGED as error:
        raise ProofError(f"Step 3 fails: the archive is damaged ({error}).") from None
    with archive:
        files = _Files(path, archive)
        names = files.names()
        if len(names) != len(set(names)) or len(names) > MOST + len(_OURS):
            raise ProofError("Step 1 fails: a file stands in the archive twice, or it has too many.")
        yield files


def _own_proof(files: _Files) -> Proof:
    """The proof of the entry that names the manifest, with the time stamp that was added to the bundle."""
    data = _whole(files, PROOF)
    try:
        own: Proof = strict_json.decode(data, Proof, limit_bytes=LIMIT_BYTES)
    except HanseError as error:
        raise ProofError(f"Step 1 fails: {PROOF} is no proof ({error}).") from None
    if msgspec.json.format(msgspec.json.encode(own), indent=1) != data:
        raise ProofError(f"Step 1 fails: {PROOF} is not written as it was exported.")
    return msgspec.structs.replace(own, timestamp=_whole(files, STAMP)) if STAMP in files.names() else own


def _proof(
    data: bytes, name: str, trusted: str, roots: bytes = b"", witnesses: Sequence[str] = (), step: int = 1
) -> Proven:
    """Steps 1 and 4 for one proof; what witnesses saw of it is judged in step 5."""
    try:
        return verify(data, trusted, roots, witnesses, must_be_witnessed=False)
    except ProofError as error:
        raise ProofError(f"Step {step} fails: {name} is not proven. {error}") from None


class _Seen(NamedTuple):
    """What step 5 asks of a proven entry: there may be a hundred thousand, whose bodies are not kept.

    Attributes:
        name: Of the file that proves it.
        sequence: Of the entry.
        time_us: When it says that it was written.
        checkpoint_us: When its checkpoint says that it was signed.
        witnesses: How many witnesses it was looked for.
        witnessed: Whether most of them saw the checkpoint.
    """

    name: str
    sequence: int
    time_us: int
    checkpoint_us: int
    witnesses: int
    witnessed: bool

    @classmethod
    def of(cls, name: str, proven: Proven) -> "_Seen":
        head = proven.envelope
        return cls(name, head.seq, head.time, proven.checkpoint_us, proven.witnesses, proven.witnessed)


def _witnessed(manifest: _Seen, entries: Sequence[_Seen], *, trusted: bool) -> str:
    """Step 5 in a sentence.

    Args:
        manifest: The entry that names the manifest.
        entries: The other proven entries.
        trusted: Whether witnesses are trusted; then it fails where they should have seen what they did not.
    """
    judged = entries or [manifest]
    unseen = [one for one in judged if not one.witnessed]
    if not any(one.witnesses for one in judged):
        return "Nobody witnesses this ledger: that there is no other history of it is not shown."
    if len(unseen) == len(judged):
        words = "most of the witnesses had seen none of these entries. Ask for the archive again, some minutes later."
        if trusted:
            raise ProofError(f"Step 5 fails: {words}")
        return f"Unwitnessed: {words}"
    newest_us = max(one.checkpoint_us for one in judged if one.witnessed)
    if trusted:
        _not_dated_back([*unseen, *([] if manifest.witnessed else [manifest])], newest_us)
    whom = "trusted witnesses" if trusted else "witnesses that the proofs themselves name"
    told = f"Most of the {whom} saw {len(judged) - len(unseen):,} of {len(judged):,} entries, up to {iso(newest_us)}"
    if unseen:
        named = ", ".join(f"{one.sequence:,}" for one in unseen[:_NAMED])
        more = f" and {len(unseen) - _NAMED:,} more" if len(unseen) > _NAMED else ""
        told += f"; not {'entry' if len(unseen) == 1 else 'entries'} {named}{more}"
    return (
        f"{told}." if trusted else f"{told}. Ask the witnesses for their keys, and give these with --witness."
    )


def _not_dated_back(unseen: Iterable[_Seen], newest_us: int) -> None:
    """Refuse what witnesses did not see although it says to be older than what they saw.

    Raises:
        ProofError: So is one.
    """
    for one in unseen:
        if one.time_us < newest_us - CLOCK_US:
            raise ProofError(
                f"Step 5 fails: the entry in {one.name} is dated {iso(one.time_us)}, and the trusted witnesses saw this ledger "
                f"as it was on {iso(newest_us)} without it. Ask for the archive again; ask a witness, if it stays so."
            )


def _manifest(data: bytes, named: object) -> Manifest:
    """Step 2: the manifest, if the proven entry names it."""
    if sha256(data).hexdigest() != named:
        raise ProofError(f"Step 2 fails: {MANIFEST} is not what the entry commits to.")
    try:
        manifest: Manifest = strict_json.decode(data, Manifest, limit_bytes=LIMIT_BYTES)
    except HanseError as error:
        raise ProofError(f"Step 2 fails: {MANIFEST} cannot be read ({error}).") from None
    if manifest.format != FORMAT:
        raise ProofError(f"Step 2 fails: the format is {manifest.format!r}; this version knows {FORMAT}.")
    return manifest


def _check(files: _Files, member: Member) -> None:
    """Step 3 for one file."""
    if not _is_plain(member.path):
        raise ProofError(f"Step 3 fails: {member.path!r} leads out of the bundle.")
    hashed, size = sha256(), 0
    for piece in _pieces(files, member.path, 3):
        hashed.update(piece)
        size += len(piece)
        if size > member.size:  # packed, it could go on for days
            break
    if (size, hashed.hexdigest()) != (member.size, member.sha256):
        raise ProofError(f"Step 3 fails: {member.path} was altered.")


def _whole(files: _Files, name: str) -> bytes:
    """A file that is read whole."""
    data = bytearray()
    for piece in _pieces(files, name, 1):
        data += piece
        if len(data) > LIMIT_BYTES:
            raise ProofError(f"Step 1 fails: {name} has more than {LIMIT_BYTES:,} bytes.")
    return bytes(data)


def _is_plain(name: str) -> bool:
    """Whether a name stays inside the folder into which it is unpacked, on every system, and is none of ours."""
    parts = PurePosixPath(name).parts
    return bool(
        parts
        and not name.startswith("/")
        and "/".join(parts) == name
        and name not in _OURS
        and not any(part in {"..", "."} or set(part) & set('\\:\0<>"|?*') for part in parts)
    )


def _info(path: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, _EPOCH)
    info.external_attr = 0o600 << 16
    info.create_system = 3
    return info
