"""What an export of a case for court consists of, as the files of one bundle (`hanse.ledger.bundle`).

In come a printable report, tables, the files of evidence and the proofs of the entries; out go the documents of the
archive in their order, with a list of hashes that any system can check and words on how to verify all of it offline.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from hanse.ledger.bundle import MANIFEST, PROOF, STAMP, Document
from hanse.web.exports import csv_lines

SUMS, READ_ME = "SHA256SUMS", "VERIFY.txt"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the case, as a CSV file in which nothing calculates.

    Attributes:
        name: Of its file, without the ending.
        what: What it is, in words.
        head: Names of its columns.
        rows: Its rows.
    """

    name: str
    what: str
    head: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A file of evidence.

    Attributes:
        file: Its name in the archive's folder of evidence, harmless on every system.
        what: What it is, in words.
        read: Gives its content, piece by piece; asked once, when its turn comes.
    """

    file: str
    what: str
    read: Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class CourtFile:
    """All that goes to court.

    Attributes:
        title: Of the case.
        authority: Who gives it out.
        fingerprint: Of the authority's first key.
        report: The case as a page that opens offline and prints.
        data: The same as JSON.
        tables: The same as tables.
        exhibits: The evidence.
        proofs: Sequence and proof of each entry, made when its turn comes.
    """

    title: str
    authority: str
    fingerprint: str
    report: bytes
    data: bytes
    tables: tuple[Table, ...]
    exhibits: tuple[Exhibit, ...]
    proofs: Iterable[tuple[int, bytes]]


def documents(file: CourtFile) -> Iterator[Document]:
    """The files of the archive in order, the list of hashes last."""
    sums: list[tuple[str, str]] = []

    def counted(document: Document) -> Document:
        return Document(document.path, document.what, _hashing(document, sums), document.proof)

    yield counted(Document(READ_ME, "How to verify this archive", [verify_text(file).encode()]))
    yield counted(Document("case.html", "The case, to be read and printed", [file.report]))
    yield counted(Document("case.json", "The case, to be read by programs", [file.data]))
    for table in file.tables:
        lines = (line.encode() for line in csv_lines(table.head, table.rows))
        yield counted(Document(f"{table.name}.csv", table.what, lines))
    for exhibit in file.exhibits:
        yield counted(Document(f"evidence/{exhibit.file}", exhibit.what, exhibit.read()))
    for sequence, proof in file.proofs:
        path = f"entries/{sequence:09}.json"
        yield counted(Document(path, f"Entry {sequence} of the ledger, with its proof", [proof], proof=True))
    lines = (f"{digest}  {path}\n".encode() for path, digest in sums)
    yield Document(SUMS, "SHA-256 of each of the files", lines)


def verify_text(file: CourtFile) -> str:
    """How somebody who has no node verifies the archive, with Hanse's verifier and without."""
    return f"""HOW TO VERIFY THIS ARCHIVE

It was given out by {file.authority}: a case as this authority has it on record, the files
of evidence, and the entries of its ledger that say who did what, when and why. Open
case.html to read it. Not in it: entries about evidence that may not leave the authority,
about things that the case is tied to and that who gave it out may not see, and about
what its partners have too (what is compared with theirs and what is not, hits,
contacts).

1. Unpack the archive into an empty folder.

2. With the program Hanse (free software, European Union Public Licence), on a computer
   that needs no network and no access to the authority:

       hanse verify FOLDER --key "{file.fingerprint}"

   The fingerprint above is in this archive itself, and whoever forged an archive would
   have put their own there: compare it with the one that the authority publishes, or ask
   the authority for it by telephone, before you rely on what the program says. Its last
   words are one of these:

   "PROVEN under the key that you trust."
       Nothing is altered, missing or added, and it was signed under the first key of
       whoever has the fingerprint that you gave with --key.
   "The file proves itself. Compare the first key's fingerprint ..."
       You gave no --key. Nothing was altered since it was signed, and the program prints
       the fingerprint of who signed it. It does not say who that is: compare the
       fingerprint, and run it again with --key for the word PROVEN.
   "NOT PROVEN: ..."
       It says which file was altered, is missing or was added, or that another key
       signed it. Do not rely on the archive; have the authority give it out again.

   What it proves: {MANIFEST} is what an entry of the authority's ledger committed to
   when the archive was made ({PROOF}); every file is as {MANIFEST} lists it and none
   is missing or added; every file in the folder entries is an entry signed by the
   authority, and a leaf of the ledger's tree that the authority has signed.

   Where partners of the authority witness its ledger, the entries are proven under a
   checkpoint that most of them saw. The program says how many are, and names those that
   were too young for it: those of the giving out itself always are. Give the keys of
   witnesses that you trust, which they publish, to have it insist on that:

       hanse verify FOLDER --key "..." --witness "..." --witness "..."

   To know by when all of it existed, by a clock that is not the authority's: the authority
   can have a time-stamping authority (RFC 3161) sign it, also after the archive was made,
   which adds the file {STAMP} to the folder. Then give the certificates of the
   time-stamping authorities that you trust:

       hanse verify FOLDER --key "..." --time-roots ROOTS.pem

3. One entry by itself:   hanse verify entries/NUMBER.json

4. Without Hanse, that the files are unaltered since the list was made:

       sha256sum -c {SUMS}

   and that the list belongs to the proof: the SHA-256 of {MANIFEST} stands as
   "manifest" in the body of the entry in {PROOF} (base64). The format is described
   in the program's documentation: envelopes are signed with Ed25519 (RFC 8032, DSSE),
   the tree is that of RFC 6962 with SHA-256.
"""


def _hashing(document: Document, sums: list[tuple[str, str]]) -> Iterator[bytes]:
    """The pieces of a document; its hash is added to the list once all were taken."""
    hashed = sha256()
    for piece in document.pieces:
        hashed.update(piece)
        yield piece
    sums.append((document.path, hashed.hexdigest()))
