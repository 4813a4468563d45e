"""RFC 9497 against its own vectors, and answers that are refused."""

import pytest

from hanse.matching import group, voprf
from hanse.matching.group import POINT, ProtocolError
from hanse.matching.voprf import Blinded

ZERO, FIVES = b"\0", 17 * b"\x5a"
BLIND = "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706"
SECOND = "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e"
OUTPUTS = (
    (
        "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7d"
        "a4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c"
    ),
    (
        "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60"
        "356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6"
    ),
)
VECTORS = (
    # RFC 9497, appendix A.1.2: inputs, blinds, blinded, evaluated, random of the proof, proof, outputs
    (
        [ZERO],
        [BLIND],
        "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
        "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
        SECOND,
        (
            "ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd06"
            "6d4346421d17bf5117a2a1ff0fcb2a759f58a539dfbe857a40bce4cf49ec600d"
        ),
        OUTPUTS[:1],
    ),
    (
        [FIVES],
        [BLIND],
        "cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c",
        "60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468",
        SECOND,
        (
            "401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a"
            "67154fabf031fd936051dec80b0b6ae29c9503493dde7393b722eafdf5a50b02"
        ),
        OUTPUTS[1:],
    ),
    (
        [ZERO, FIVES],
        [BLIND, SECOND],
        (
            "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945"
            "90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654"
        ),
        (
            "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e"
            "cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a"
        ),
        "419c4f4f5052c53c45f3da494d2b67b220d02118e0857cdbcf037f9ea84bbe0c",
        (
            "cc203910175d786927eeb44ea847328047892ddf8590e723c37205cb74600b0a"
            "5ab5337c8eb4ceae0494c2cf89529dcf94572ed267473d567aeed6ab873dee08"
        ),
        OUTPUTS,
    ),
)
KEY = voprf.derive_key_pair(32 * b"\xa3", b"test key")


def test_the_key_of_the_rfc_is_derived():
    """DeriveKeyPair, as at the head of the vectors."""
    assert KEY.secret.hex() == "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909"
    assert KEY.public.hex() == "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e"


@pytest.mark.parametrize(("inputs", "blinds", "blinded", "evaluated", "random", "proof", "outputs"), VECTORS)
def test_each_step_makes_what_the_rfc_says(inputs, blinds, blinded, evaluated, random, proof, outputs):
    """Blind, BlindEvaluate with its proof, Finalize and Evaluate, alone and as a batch of two."""
    sent = voprf.blind(inputs, list(map(bytes.fromhex, blinds)))
    assert sent.points.hex() == blinded
    answer = voprf.blind_evaluate(KEY, sent.points, bytes.fromhex(random))
    assert [part.hex() for part in answer] == [evaluated, proof]
    made = voprf.finalize(inputs, sent, *answer, KEY.public)
    assert [one.hex() for one in made] == list(outputs)
    assert made == [voprf.evaluate(KEY, text) for text in inputs]


def question():
    """A question of three inputs and its right answer."""
    inputs = [b"one", b"two", b"three"]
    sent = voprf.blind(inputs)
    return inputs, sent, *voprf.blind_evaluate(KEY, sent.points)


def test_blinds_are_fresh():
    """The same input asked twice is two unrelated questions with one answer."""
    (_, one, *_), (_, two, *_) = question(), question()
    assert not set(one.inverses) & set(two.inverses)
    assert one.points != two.points
    same = voprf.blind([b"x", b"x"])
    assert same.points[:POINT] != same.points[POINT:]


def test_secrets_stay_out_of_logs():
    """What is printed of a key or a question is what may be sent."""
    _, sent, *_ = question()
    assert repr(KEY) == f"KeyPair(public={KEY.public!r})"
    assert repr(sent) == f"Blinded(points={sent.points!r})"


def test_an_answer_with_another_key_is_refused():
    """A key for one asker alone, or for one input of a batch, does not pass for the published one."""
    inputs, sent, evaluated, proof = question()
    other = voprf.derive_key_pair(bytes(32), b"")
    for wrong in (
        voprf.blind_evaluate(other, sent.points),
        (evaluated[:-POINT] + group.multiply(other.secret, sent.points[-POINT:]), proof),
        (evaluated[POINT:] + evaluated[:POINT], proof),
    ):
        with pytest.raises(ProtocolError, match="proof does not hold"):
            voprf.finalize(inputs, sent, *wrong, KEY.public)
    with pytest.raises(ProtocolError, match="proof does not hold"):
        voprf.finalize(inputs, sent, evaluated, proof, other.public)


def test_every_bit_of_a_proof_counts():
    """A proof with one bit changed does not hold, or is no proof."""
    _, sent, evaluated, proof = question()
    for at in range(0, 8 * len(proof), 37):
        changed = bytearray(proof)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(ProtocolError):
            voprf.verify(KEY.public, sent.points, evaluated, bytes(changed))
    voprf.verify(KEY.public, sent.points, evaluated, proof)


def test_a_proof_is_of_its_question():
    """The proof of one question does not prove the answer to another."""
    _, sent, evaluated, _ = question()
    _, _, _, other = question()
    with pytest.raises(ProtocolError, match="proof does not hold"):
        voprf.verify(KEY.public, sent.points, evaluated, other)


@pytest.mark.parametrize("cut", [b"", bytes(POINT), b"\0"])
def test_answers_of_a_wrong_form_are_refused(cut):
    """Too few points, none, the identity, half a point; a proof too short: each with an error and nothing else."""
    inputs, sent, evaluated, proof = question()
    for points, proven in (
        (cut, proof),
        (evaluated[:-POINT] + cut, proof),
        (evaluated + cut + b"\0", proof),
        (evaluated, proof[:POINT] + cut),
    ):
        with pytest.raises(ProtocolError):
            voprf.finalize(inputs, sent, points, proven, KEY.public)
    with pytest.raises(ProtocolError):
        voprf.finalize(inputs, sent, evaluated, proof, cut)


def test_questions_of_a_wrong_form_are_refused():
    """No points, too many, or the identity among them: no answer."""
    good = question()[1].points
    for points in (b"", good[:-1], good + bytes(POINT), good[:POINT] * (voprf.LONGEST + 1)):
        with pytest.raises(ProtocolError):
            voprf.blind_evaluate(KEY, points)


def test_inputs_have_lengths_that_two_bytes_can_count():
    """Longer ones are refused before anything is sent."""
    with pytest.raises(ValueError, match="65,535"):
        voprf.blind([bytes(voprf.LONGEST + 1)])
    assert isinstance(voprf.blind([bytes(voprf.LONGEST)]), Blinded)
    for seed, info in ((bytes(31), b""), (bytes(32), bytes(voprf.LONGEST + 1))):
        with pytest.raises(ValueError, match="seed"):
            voprf.derive_key_pair(seed, info)
