"""What docs/explanation/threats.md says of each threat beside the tests that it finds by their names."""  # noqa: INP001 - beside docs/generate.py, no package

THREATS: dict[int, tuple[str, str, tuple[str, ...]]] = {
    1: (
        "a partner forges a third party's object",
        "the origin is the key that verifies the entry, never a field; what does not fit is refused alone",
        ("tests/federation/test_pulling.py",),
    ),
    2: (
        "an id that another has used before overwrites what they said",
        "another creator's is a clash; what its bringer may not see is left alone, and theirs stands beside",
        ("tests/intel/test_anothers.py",),
    ),
    3: (
        "a message between nodes is sent again, later or to another node",
        "it names its audience, holds ten minutes, and has a number that is on disk before anything is done",
        ("tests/federation/test_serving.py", "tests/federation/test_two_nodes.py"),
    ),
    4: (
        "a ledger is put back to an older state",
        "witnesses cosign only what continues what they saw; `hanse node restore` takes back what partners kept",
        ("tests/federation/test_witnessing.py", "tests/federation/test_recovering.py"),
    ),
    5: (
        "two partners are shown two histories",
        "witnesses compare what they saw; both notes go on record on both consoles",
        ("tests/federation/test_witnessing.py",),
    ),
    6: (
        "somebody edits evidence, a role or a passkey in the database",
        "`hanse node fsck` from the raw bytes; rights come from signed entries, never from rows",
        ("tests/accounts/test_signing_in.py",),
    ),
    7: (
        "an insider reaches too far",
        "roles, need-to-know teams, two people for what gives, nobody approves their own",
        ("tests/policy/test_roles.py",),
    ),
    8: (
        "a stolen session or laptop",
        "short sessions, the passkey again before what lasts, bodies and secrets encrypted at rest",
        ("tests/kernel/test_keys_sealing.py",),
    ),
    9: (
        "an address from outside makes the node ask inside (SSRF)",
        "one way out: addresses are checked, pinned and checked again at redirects",
        ("tests/egress/test_client.py",),
    ),
    10: (
        "bombs: packed files, deep or endless JSON, huge numbers",
        "caps on bytes, ratio, depth and count, before a parser sees them",
        (),
    ),
    11: (
        "one text that two parsers read differently, such as a JSON key twice",
        "bytes are verified as they are, and such texts are refused on every path",
        (),
    ),
    12: (
        "a marking is weakened on the way",
        "it is inside the signature; what is derived is as strict as its strictest input",
        (),
    ),
    13: (
        "script in a value, a file name or a person's name",
        "everything is escaped; the pages' policy (CSP) allows no script but the node's own files",
        (),
    ),
    14: (
        "formulas in exported tables",
        "such texts begin with an apostrophe in CSV",
        (),
    ),
    15: (
        "time or size tells a hit from a miss to somebody who is not to learn of it",
        "what is sent has a fixed size and costs the same whatever is hit; turns come by the clock",
        ("tests/matching/test_same_work.py",),
    ),
    16: (
        "a list, a count or a hint tells of what the reader may not see",
        "rows are loaded on behalf of the reader only; not there and not allowed are the same answer",
        ("tests/policy/test_guarded.py",),
    ),
    17: (
        "a poison message blocks a partner's stream",
        "each entry is refused by itself, keeps its place and its hash, and the stream goes on",
        ("tests/federation/test_pulling.py",),
    ),
    18: (
        "somebody signs in as another by linking a login",
        "a person is (issuer, subject), never an e-mail address",
        ("tests/accounts/test_signing_in.py",),
    ),
}
"""Threats that concern a node alone: attack, defence, and tests beside those under its number in tests/threats."""

FAULTS = (
    (
        "`kill -9` at any point",
        "an entry and its rows are both there or neither",
        "tests/faults/test_killed.py",
    ),
    ("a full disk", "writing is refused in words, and goes on with room", "tests/faults/test_full_disk.py"),
    ("the database restarts in the middle", "the same", "tests/faults/test_restart.py"),
    ("several processes write at once", "one order, no gaps", "tests/faults/test_processes.py"),
    ("a text was purged", "it is in no file of the node or its database", "tests/ledger/test_erasing.py"),
)
"""Faults of one node: what happens, what holds, and the test that makes it happen."""

THREATS_HEAD = (
    "What a node faces by itself, what it does about it, and the tests that try it. *Refused* always means a clear "
    "error, nothing stored, and a node that lives.\n"
)
THREATS_FOOT = (
    "## Whom this does not stop\n\nRoot on the running machine reads keys from memory. Two people who agree do what "
    "two people may. Who may see a thing can write it down. What was exported is out of reach. What each thief "
    "gets: [encryption at rest](encryption.md). What a ledger cannot show: [the ledger](ledger.md).\n"
)
