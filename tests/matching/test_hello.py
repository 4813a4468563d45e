"""Nodes that would miss each other refuse to match."""

import msgspec
import pytest

from hanse.cases.selector import KINDS
from hanse.intel.values import Value, ValueProblem
from hanse.matching import normaliser
from hanse.matching.group import ProtocolError
from hanse.matching.hello import agreed_kinds, hello

OWN = hello("psi", "2026-48", ["phone", "iban"])


def test_what_both_may_compare_is_compared():
    """The kinds of both, sorted, whoever asks."""
    other = hello("psi", "2026-48", ["iban", "wallet", "phone"])
    assert agreed_kinds(OWN, other) == agreed_kinds(other, OWN) == ("iban", "phone")
    with pytest.raises(ProtocolError, match="Agree on one first"):
        agreed_kinds(OWN, hello("psi", "2026-48", ["wallet"]))


@pytest.mark.parametrize("field", ["suite", "protocol", "epoch", "normaliser"])
def test_whatever_would_make_them_miss_is_refused(field):
    """Another suite, protocol, epoch or normaliser: an error that says which and what to do."""
    with pytest.raises(ProtocolError, match="differ in their") as refused:
        agreed_kinds(OWN, msgspec.structs.replace(OWN, **{field: "other"}))
    assert refused.value.args[0].endswith((".", "anew."))


def test_the_fingerprint_is_that_of_this_version():
    """A change of a rule shows here. Write the new fingerprint down, and that nodes must be upgraded, in CHANGELOG.md."""
    assert normaliser.fingerprint() == "05e717ca687c09079ef7d09cfafccb72ee0a80034668e010436d45050064ea26"


def test_every_kind_has_cases():
    """A kind without a case could be normalised in two ways unseen."""
    normal = {case.kind for case in normaliser.CASES if normaliser._normal(case)}
    assert normal == set(KINDS)


def test_other_name_keys_change_the_fingerprint(monkeypatch):
    """Two nodes whose libraries write a script in other letters would miss each other's persons."""
    monkeypatch.setattr(normaliser, "keys_of", lambda person: {Value("person-key", person.text)})
    assert normaliser.fingerprint.__wrapped__() != normaliser.fingerprint()


@pytest.mark.parametrize("text", [None, "+372", "other"])
def test_one_rule_changed_changes_the_fingerprint(monkeypatch, text):
    """A case refused that was taken, or the other way round, or in another form."""

    def changed(kind, written, **more):
        if written == "112":
            if text is None:
                return original(kind, "+37251234567")
            raise ValueProblem(text)
        return original(kind, written, **more)

    original = normaliser.read
    monkeypatch.setattr(normaliser, "read", changed)
    same = normaliser.fingerprint.__wrapped__() == normaliser.fingerprint()
    assert same is (text is not None)  # why it was refused does not matter
