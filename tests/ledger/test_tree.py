"""The tree above the entries: padding, places, checkpoints, tallies, tiles, and proofs from them."""

import random
from hashlib import sha256

import pytest

from hanse.kernel import envelope, merkle, notes, tiles
from hanse.ledger import keyring, tallies, tree
from hanse.ledger.models import Checkpoint, Entry, Tile
from tests.ledger.made import MARI, findings, found, thing
from tests.ledger.things.service import Made

pytestmark = pytest.mark.django_db(transaction=True)


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word: over leaf hashes, split at the largest power of two below."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def _leaves() -> list[bytes]:
    """All leaf hashes, as the lowest tiles have them."""
    size = tree.latest().size
    stored = b"".join(bytes(Tile.objects.get(pk=f"0/{at}").hashes) for at in range(-(-size // 256)))
    return [stored[at : at + 32] for at in range(0, len(stored), 32)]


def _grow(*counts: int) -> list[Checkpoint]:
    """A checkpoint after each of these numbers of entries."""
    from hanse.ledger.writing import Draft, append_many

    made = []
    for count in counts:
        append_many([Draft("things.made", Made()) for _ in range(count)], MARI)
        made.append(tree.integrate())
    return made


@pytest.mark.parametrize(("entries", "added"), [(1, 16), (2, 16), (16, 16), (17, 32), (33, 64), (300, 512)])
def test_additions_are_padded(entries: int, added: int) -> None:
    """What a checkpoint adds is a power of two, at least 16, however many entries there are."""
    (made,) = _grow(entries)
    assert (made.first, made.size, made.entries) == (0, added, entries)
    positions = set(Entry.objects.values_list("position", flat=True))
    assert len(positions) == entries
    assert positions <= set(range(added))


def test_without_new_entries_there_is_no_checkpoint() -> None:
    """An idle node signs nothing."""
    assert tree.integrate() is None
    _grow(1)
    assert tree.integrate() is None


def test_places_and_padding_tell_nothing() -> None:
    """Entries lie at random places, and padding never repeats: two ledgers of the same entries have other leaves."""
    _grow(*[1] * 20)
    places = [position % 16 for position in Entry.objects.values_list("position", flat=True)]
    assert len(set(places)) > 5
    leaves = _leaves()
    assert len(set(leaves)) == len(leaves) == 320


def test_checkpoints_are_those_of_the_definition() -> None:
    """Every checkpoint's root equals the recursive definition over its leaves, across the width of a tile."""
    made = _grow(3, 40, 130, 260, 1)
    leaves = _leaves()
    for row in made:
        said = notes.open_checkpoint(row.note, "hanse/ee-cert", keyring.current().signing.public)
        assert (said.size, said.root) == (row.size, naive_root(leaves[: row.size]))
    assert findings() == []


def test_successive_checkpoints_are_consistent() -> None:
    """From the stored tiles comes a proof that each tree only added to each one before it, and to no other."""
    made = _grow(3, 40, 130, 260, 1)
    leaves = _leaves()
    for at, old in enumerate(made):
        for new in made[at:]:
            proof = tree.consistency(old.size, new.size)
            roots = naive_root(leaves[: old.size]), naive_root(leaves[: new.size])
            assert merkle.verify_consistency(old.size, new.size, *roots, proof)
            if old.size != new.size:
                wrong = sha256(roots[0]).digest()
                assert not merkle.verify_consistency(old.size, new.size, wrong, roots[1], proof)


def test_entries_are_included_where_they_say() -> None:
    """From the stored tiles comes a proof of inclusion for every entry, in the newest and in its first checkpoint."""
    made = _grow(5, 300, 20)
    leaves, dice = _leaves(), random.Random(3)
    read = tiles.read_hash(tree.get_tile)
    for row in dice.sample(list(Entry.objects.all()), 25):
        leaf = envelope.hashed(bytes(row.payload), bytes(row.signature))
        for size in (one.size for one in made if one.size > row.position):
            path = merkle.inclusion_proof(row.position, size, read)
            assert merkle.verify_inclusion(row.position, size, leaf, path, naive_root(leaves[:size]))
            assert not merkle.verify_inclusion(row.position ^ 1, size, leaf, path, naive_root(leaves[:size]))


def _addressed() -> Checkpoint:
    found()
    for number in range(5):
        one = thing().object_id
        thing(object_id=one, recipient="fi-cert")
        if number < 2:
            thing(object_id=one, recipient="lv-cert")
    return tree.integrate()


def test_a_recipient_is_shown_its_own_count_and_chain() -> None:
    """The tally that a checkpoint commits to has a recipient's count and the chain over exactly its entries."""
    made = _addressed()
    head = notes.open_checkpoint(made.note, "hanse/ee-cert", keyring.current().signing.public)
    for recipient, count in (("fi-cert", 5), ("lv-cert", 2), ("", 13)):
        shown = tallies.opening(tree.tallies_of(made), recipient)
        assert tallies.holds(shown, head)
        assert shown.tally.count == count
        chain = bytes(32)
        rows = Entry.objects.filter(recipient=recipient) if recipient else Entry.objects.all()
        for row in rows.order_by("sequence"):
            leaf = envelope.hashed(bytes(row.payload), bytes(row.signature))
            chain = sha256(chain + leaf).digest()
        assert shown.tally.chain == chain.hex()


def test_a_tally_that_was_not_signed_does_not_hold() -> None:
    """Another count, chain or salt, or another checkpoint, and the opening fails: withholding shows."""
    made = _addressed()
    head = notes.parse_checkpoint(notes.parse(made.note)[0])
    shown = tallies.opening(tree.tallies_of(made), "fi-cert")
    for altered in ({"count": 4}, {"chain": "00" * 32}, {"salt": "00" * 16}, {"recipient": "lv-cert"}):
        tally = tallies.Tally(
            **{name: altered.get(name, getattr(shown.tally, name)) for name in shown.tally.__struct_fields__}
        )
        assert not tallies.holds(tallies.Opening(tally, shown.index, shown.width, shown.path), head)
    thing(recipient="fi-cert")
    later = notes.parse_checkpoint(notes.parse(tree.integrate().note)[0])
    assert not tallies.holds(shown, later)


def test_a_tally_tells_nothing_of_the_others() -> None:
    """Salts are fresh in every checkpoint, the width is padded to 16, and places follow from salted hashes alone."""
    first, widths, places, salts = _addressed(), set(), set(), set()
    for made in (first, *_grow(*[1] * 12)):
        shown = tallies.opening(tree.tallies_of(made), "fi-cert")
        widths.add(shown.width)
        places.add(shown.index)
        salts.add(shown.tally.salt)
        assert "lv-cert" not in made.note
        assert "fi-cert" not in made.note
    assert widths == {16}
    assert len(places) > 3
    assert len(salts) == 13
    with pytest.raises(tallies.TallyError, match="Nothing is addressed to se-cert"):
        tallies.opening(tree.tallies_of(first), "se-cert")
