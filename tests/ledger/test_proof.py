"""Proving an entry offline: what holds, and that nothing altered does."""

import random
import subprocess
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import json

from hanse.kernel import notes
from hanse.kernel.keys import SigningKey
from hanse.ledger import keyring, timestamp, tree
from hanse.ledger.commands import verify as verify_command
from hanse.ledger.models import Body
from hanse.ledger.proof import NotProvableError, export
from hanse.ledger.service import purge, revoke, rotate
from hanse.ledger.verify import ProofError, fingerprint, verify
from tests.ledger.made import MARI, found, thing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unstretched", "same_keys")]


def _proof(**told: object) -> tuple[int, bytes]:
    found()
    recorded = thing(**{"name": "evidence", "reason": "for the court", **told})
    for _ in range(20):
        thing()
    tree.integrate()
    return recorded.sequence, export(recorded.sequence)


def test_an_exported_entry_is_proven_offline() -> None:
    """The proof says who, what, why and when, in nine steps, under the fingerprint that the authority publishes."""
    sequence, data = _proof()
    trusted = fingerprint(keyring.current().signing.public)
    proven = verify(data, trusted)
    assert (proven.envelope.seq, proven.authority, proven.fingerprint) == (sequence, "CERT Estonia", trusted)
    assert (proven.body.actor.name, proven.body.reason) == ("Mari Maasikas", "for the court")
    assert proven.body.content["name"] == "evidence"
    assert [step[0] for step in proven.steps] == list("123456789")
    assert verify(data, trusted.upper().replace(" ", "")) == proven


def test_another_authoritys_proof_is_not_believed() -> None:
    """A file that is sound in itself fails against a fingerprint that is not its first key's."""
    _, data = _proof()
    with pytest.raises(ProofError, match="Step 2 fails: the first key's fingerprint"):
        verify(data, "0000 " * 16)


def test_witnesses_that_only_the_proof_names_are_called_so() -> None:
    """Whoever signs two histories names whom it likes under keys of its own: the proof does not say that they saw it."""
    _, data = _proof()
    plain = json.decode(data)
    puppet = SigningKey(bytes(32))
    plain["checkpoint"] = notes.cosign(plain["checkpoint"], "hanse/fi-cert", puppet, 1_200_000_000)
    plain["witnesses"] = [notes.verifier_key("hanse/fi-cert", puppet.public)]
    (said,) = [step for step in verify(json.encode(plain)).steps if step.startswith("8.")]
    assert "that the proof itself names" in said
    trusted = verify(json.encode(plain), witnesses=plain["witnesses"])
    assert "The checkpoint was seen by 1 of 1 witnesses: fi-cert" in trusted.steps[7]


def test_every_altered_byte_fails() -> None:
    """Any byte of what a proof carries, altered, makes it fail, with an error that names the step."""
    _, data = _proof()
    dice, plain = random.Random(1), json.decode(data)
    for place in _places(plain):
        for _ in range(6):
            altered = json.decode(data)
            _alter(altered, place, dice)
            with pytest.raises(ProofError, match=r"^Step [1-8] fails: "):
                verify(json.encode(altered))


def _places(value: object, at: tuple = ()) -> list[tuple]:
    """Where a proof's values are."""
    pairs = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if pairs is None:
        return [] if value == "" else [at]
    return [place for key, below in pairs for place in _places(below, (*at, key))]


def _alter(proof: object, place: tuple, dice: random.Random) -> None:
    """Change one bit of a value, below its base64."""
    for key in place[:-1]:
        proof = proof[key]
    value = proof[place[-1]]
    if isinstance(value, int):
        proof[place[-1]] = value + dice.choice([-1, 1, 1 << 40])
        return
    binary = place[-1] not in {"checkpoint", "format"}
    data = bytearray(b64decode(value) if binary else value.encode())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(6)
    proof[place[-1]] = b64encode(data).decode() if binary else data.decode("utf-8", "replace")


def test_bytes_cut_off_or_added_fail() -> None:
    """A file cut short at any place, or with text after its end, is no proof."""
    _, data = _proof()
    for end in range(0, len(data) - 1, 97):
        with pytest.raises(ProofError, match="Step 1 fails"):
            verify(data[:end])
    with pytest.raises(ProofError, match="Step 1 fails"):
        verify(data + b"{}")


@pytest.mark.parametrize(
    "content", [{}, {"verify": 3}, {"authority": "a", "name": "b", "verify": "zz"}, [1], "text"]
)
def test_a_crafted_file_fails_in_words(content: object) -> None:
    """A file whose signed content is nonsense is an error of a step, never a crash."""
    from hanse.kernel import envelope
    from hanse.kernel.keys import SigningKey

    key, salt = SigningKey(bytes(32)), bytes(32)
    body = json.encode(
        {"actor": {"id": "a", "kind": "person", "name": "n"}, "content": content, "reason": ""}
    )
    head = envelope.Envelope(
        commitment=envelope.commit(salt, body), key=key.id, kind="ledger.founded", marking={},
        object="0" * 32, origin="a", recipient=None, seq=0, time=0,
    )  # fmt: skip
    payload, signature = envelope.sign(head, key)
    said = {"payload": payload, "signature": signature, "salt": salt, "body": body}
    told = {
        "format": "hanse/proof/1",
        "entry": said,
        "keys": [said],
        "position": 0,
        "inclusion": [],
        "checkpoint": "",
    }
    with pytest.raises(ProofError, match=r"^Step [2-6] fails: "):
        verify(json.encode(told))


def test_what_cannot_be_proven_says_why() -> None:
    """An unknown, a provisional and a purged entry are not exported, and the error says what is the matter."""
    sequence, _ = _proof()
    with pytest.raises(NotProvableError, match="no entry 999"):
        export(999)
    waiting = thing()
    with pytest.raises(NotProvableError, match="Try again after the next one"):
        export(waiting.sequence)
    purge([waiting.object_id], MARI, "erasure")
    tree.integrate()
    with pytest.raises(NotProvableError, match="was purged"):
        export(waiting.sequence)
    assert verify(export(sequence)).body.content["name"] == "evidence"


def test_proofs_reach_over_rotations(tmp_path: Path) -> None:
    """Entries from before and after a rotation are proven under the first key's fingerprint."""
    sequence, _ = _proof()
    trusted = fingerprint(keyring.current().signing.public)
    rotate(tmp_path, "secret", MARI)
    later = thing(name="later")
    rotate(tmp_path, "secret", MARI)
    last = thing(name="last")
    tree.integrate()
    for one in (sequence, later.sequence, last.sequence):
        proven = verify(export(one), trusted)
        assert "Later keys that follow: 2;" in proven.steps[2]
    assert proven.envelope.key == keyring.current().signing.id


def test_a_revoked_key_is_not_believed_from_then_on(tmp_path: Path) -> None:
    """What a key signed before it was revoked stays proven; what it signed after that is not."""
    sequence, _ = _proof()
    old = keyring.current().signing.id
    doubtful = thing(name="doubtful")
    rotate(tmp_path, "secret", MARI)
    revoke(old, MARI, "The laptop was stolen.", since_us=doubtful.time_us)
    tree.integrate()
    assert verify(export(sequence)).body.content["name"] == "evidence"
    with pytest.raises(ProofError, match=f"Step 4 fails: key {old} was revoked from"):
        verify(export(doubtful.sequence))


def test_a_key_that_nobody_vouches_for_signs_nothing() -> None:
    """A rotation that the key before it did not sign is refused, and so are keys in another order."""
    from hanse.kernel import envelope
    from hanse.kernel.keys import SigningKey

    _, data = _proof()
    proof, thief = json.decode(data), SigningKey(bytes(32))
    salt = bytes(32)
    content = {"verify": thief.public.raw.hex(), "seal": "00", "replaces": keyring.current().signing.id}
    body = json.encode(
        {"actor": {"id": "a", "kind": "person", "name": "n"}, "content": content, "reason": ""}
    )
    head = envelope.Envelope(
        commitment=envelope.commit(salt, body), key=thief.id, kind="ledger.key_rotated", marking={},
        object="0" * 32, origin="ee-cert", recipient=None, seq=50, time=0,
    )  # fmt: skip
    payload, signature = envelope.sign(head, thief)
    said = {"payload": payload, "signature": signature, "salt": salt, "body": body}
    proof["keys"].append(json.decode(json.encode(said)))
    with pytest.raises(ProofError, match=f"Step 3 fails: key {thief.id} is none of"):
        verify(json.encode(proof))


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A time-stamping authority of the test's own, made with openssl."""
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "conf").write_text(
        "[req]\ndistinguished_name=dn\n[dn]\n"
        "[root]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n"
        "subjectKeyIdentifier=hash\n"
        "[stamp]\nextendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        "[tsa]\ndefault_tsa=one\n[one]\nserial=serial\nsigner_digest=sha256\n"
        "default_policy=1.2.3.4.1\ndigests=sha256,sha384,sha512\naccuracy=secs:1\nordering=no\ntsa_name=no\n"
        "ess_cert_id_chain=no\n"
    )
    (folder / "serial").write_text("01\n")
    for name in ("root", "other"):
        _openssl(
            folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out",
            f"{name}.pem", "-subj", f"/CN={name}", "-days", "30", "-config", "conf", "-extensions", "root",
        )  # fmt: skip
    _openssl(
        folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "stamp.key", "-out", "stamp.csr",
        "-subj", "/CN=stamps", "-config", "conf",
    )  # fmt: skip
    _openssl(
        folder, "x509", "-req", "-in", "stamp.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
        "-out", "stamp.pem", "-days", "30", "-extfile", "conf", "-extensions", "stamp",
    )  # fmt: skip
    return folder


def _stamped(folder: Path, checkpoint: str) -> bytes:
    (folder / "query").write_bytes(timestamp.request(checkpoint))
    _openssl(
        folder, "ts", "-reply", "-config", "conf", "-section", "one", "-queryfile", "query", "-signer",
        "stamp.pem", "-inkey", "stamp.key", "-chain", "root.pem", "-out", "answer",
    )  # fmt: skip
    return (folder / "answer").read_bytes()


def test_a_time_stamp_is_proven_under_a_trusted_root(authority: Path) -> None:
    """RFC 3161: the stamp over the checkpoint holds under its root, and under no other, and over no other text."""
    sequence, plain = _proof()
    roots, others = (authority / "root.pem").read_bytes(), (authority / "other.pem").read_bytes()
    head = tree.latest()
    data = export(sequence, _stamped(authority, head.note), head.size)
    assert "existed by" in verify(data, roots=roots).steps[8]
    assert "left unchecked" in verify(data).steps[8]
    with pytest.raises(ProofError, match="Step 9 fails: The time stamp does not hold"):
        verify(data, roots=others)
    with pytest.raises(ProofError, match="Step 9 fails: the proof has no time stamp"):
        verify(plain, roots=roots)
    wrong = export(sequence, _stamped(authority, head.note + "x"), head.size)
    with pytest.raises(ProofError, match="Step 9 fails"):
        verify(wrong, roots=roots)
    with pytest.raises(ProofError, match="Step 9 fails"):
        verify(export(sequence, b"no stamp", head.size), roots=roots)


def test_a_time_stamp_holds_whatever_the_order_of_its_certificates(authority: Path) -> None:
    """Authorities send certificates in any order (RFC 5652 allows it): the stamp holds in each, and damage does not."""
    _proof()
    head, roots = tree.latest(), (authority / "root.pem").read_bytes()
    answer = _stamped(authority, head.note)
    text = [
        x509.load_pem_x509_certificate((authority / f"{name}.pem").read_bytes()) for name in ("stamp", "root")
    ]
    one, two = (each.public_bytes(Encoding.DER) for each in text)
    assert one + two in answer or two + one in answer
    for order in (one + two, two + one):
        turned = answer.replace(one + two, order).replace(two + one, order)
        assert timestamp.stamped_us(turned, head.note, roots) > 0
    for cut in range(0, len(answer), 97):
        with pytest.raises(timestamp.TimestampError):
            timestamp.stamped_us(answer[:cut], head.note, roots)


def test_the_command_says_proven_or_not(tmp_path: Path) -> None:
    """`hanse verify` ends with 0 and the content when it is proven, with 1 and the step when it is not."""
    _, data = _proof(reason="line\nwith \x1b[31mcolour")
    file = tmp_path / "proof.json"
    file.write_bytes(data)
    told = CliRunner().invoke(
        verify_command, [str(file), "--key", fingerprint(keyring.current().signing.public)]
    )
    assert told.exit_code == 0, told.output
    assert "PROVEN under the key that you trust." in told.output
    assert "Who: Mari Maasikas (person)" in told.output
    assert "\x1b" not in told.output
    file.write_bytes(data.replace(b'"position": ', b'"position": 1'))
    told = CliRunner().invoke(verify_command, [str(file)])
    assert told.exit_code == 1
    assert "NOT PROVEN: Step 7 fails" in told.output


def test_the_proof_opens_a_sealed_body() -> None:
    """A body that is sealed at rest is opened for the proof, which commits to the plain text."""
    from hanse.kernel.markings import Marking

    marking = Marking(originators=frozenset({"ee-cert"}), handling=frozenset({"H1"}))
    sequence, data = _proof(marking=marking)
    assert Body.objects.get(pk=sequence).sealed
    assert verify(data).body.content["name"] == "evidence"
