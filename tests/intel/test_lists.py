"""Lists and fingerprints: each row is taken or told why not; and what never correlates."""

import csv
import io
import json

import pytest

from hanse.intel import csv_export, csv_list, fingerprint, noise
from hanse.intel.item import Item
from hanse.intel.reading import facts_of
from hanse.intel.recognise import Marked, WrongMarking, items
from hanse.intel.spans import bounds, network_bounds
from hanse.intel.values import Value, ValueProblem, normalise
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Pap, Tlp
from tests.threats.test_14_formulas import PAYLOADS, calculates, opened

CHOSEN = Marking(originators=frozenset({"EE-CERT"}), tlp=Tlp.GREEN, pap=Pap.CLEAR)


def read(text: str) -> tuple[list[Item], list[str]]:
    """The items of a list, and what is told of its other rows."""
    told = list(csv_list.read(text))
    return [one for one in told if isinstance(one, Item)], [one for one in told if isinstance(one, str)]


def test_each_row_is_taken_or_told():
    """Good rows come in with the kind that they look like, bad ones are told by number and reason; columns stay."""
    found, told = read(
        "IOC,Type,Comment,score\n198.51.100.7,,C2,9\nhxxp://Example[.]com,,,\n,,,\nnot a thing,,,\n80,,,\nx,wrong,,\n"
        "DE89370400440532013001,iban,,\na,b,c,d,e\n2001:db8::/32,network,,\n"
    )
    assert [(one.raw["kind"], one.raw["value"]) for one in found] == [
        ("address", "198.51.100.7"), ("url", "hxxp://Example[.]com"), ("network", "2001:db8::/32"),
    ]  # fmt: skip
    assert found[0].raw == {"value": "198.51.100.7", "kind": "address", "comment": "C2", "score": "9"}
    assert [line.partition(":")[0] for line in told] == ["row 5", "row 6", "row 7", "row 8", "row 9"]
    assert all(
        why in line
        for why, line in zip(
            ["looks like no value", "looks like no value", "no kind 'wrong'", "checksum", "5 cells"],
            told,
            strict=True,
        )
    )


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_the_sign_between_cells_is_told_by_the_first_row(mark):
    """Spreadsheets of other languages part cells with semicolons."""
    found, told = read(f"value{mark}comment\na.example.org{mark}b\n")
    assert ([one.raw["comment"] for one in found], told) == (["b"], [])


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "called value"), ("a,b\n1,2\n", "called value"), ("value,x,x\n", "Two columns"), ("ioc,indicator\n", "Two columns"),
     ("value\n" * (csv_list.MOST_ROWS + 1), "more than")],
)  # fmt: skip
def test_a_list_that_means_two_things_is_refused(text, why):
    """No column of values, two columns of one name, or too many rows: nothing comes in."""
    with pytest.raises(UsageError, match=why):
        list(csv_list.read(text))


def test_a_cell_that_is_too_long_loses_no_other_row():
    """A cell above the parser's limit is told, and the rows after it come in."""
    found, told = read(f'value,comment\na.example.org,"{"x" * 200_000}"\nb.example.org,\n')
    assert [one.raw["value"] for one in found] == ["b.example.org"]
    assert "row 2" in told[0]


@pytest.mark.parametrize(
    ("text", "kind"),
    [("d41d8cd98f00b204e9800998ecf8427e", "md5"), ("LC55HEMM000100010012001200023015", "iban"), ("AS64496", "asn"),
     ("mari@example.org", "email"), ("a.example.org", "domain"), ("CVE-2021-44228", "cve"), ("+3726123456", "phone"),
     ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "wallet"), ("198.51.100.0/24", "network")],
)  # fmt: skip
def test_the_kind_is_what_a_value_looks_like(text, kind):
    """A value without a kind gets the one that its form tells; an IBAN of 32 signs is no hash."""
    assert csv_list.kind_of(text) == kind


def test_a_bare_number_is_no_value():
    """A number alone may be anything; it is not taken for an AS."""
    with pytest.raises(ValueProblem, match="looks like no value"):
        csv_list.kind_of("64496")


def test_a_row_is_marked_by_its_own_column():
    """TLP and PAP of a row make it stricter than the import, never weaker."""
    _, stream = items(
        b"value,tlp,pap\na.example,RED,\nb.example,TLP:AMBER,RED\nc.example,clear,\nd.example,,white\ne.example,TLP:WHITE,\n",
        "x.csv",
        CHOSEN,
        "",
    )
    banners = [one.marking.banner() for one in stream if isinstance(one, Marked)]
    assert banners == ["TLP:RED PAP:CLEAR", "TLP:AMBER PAP:RED", *["TLP:GREEN PAP:CLEAR"] * 3]


@pytest.mark.parametrize("cell", ["RDE", "TLP:RDE", "tlp:res", "tlp:foo", "TLP: foo or so", "4", "high"])
def test_a_row_whose_level_is_none_is_left_out(cell):
    """A slip in RED brings nothing in as the import is marked: file, row, word and levels are told, the others come in."""
    data = f"value,tlp,pap\na.example,RED,\nb.example,{cell},\nc.example,,RDE\nd.example,,\n"
    told = list(items(data.encode(), "x.csv", CHOSEN, "")[1])
    assert [one.whole.raw["value"] for one in told if isinstance(one, Marked)] == ["a.example", "d.example"]
    wrong = [one for one in told if isinstance(one, WrongMarking)]
    assert [one.items for one in wrong] == [1, 1]
    assert wrong[0].startswith("x.csv, row 3: ")
    assert "is no level of TLP, which are CLEAR (or WHITE), GREEN, AMBER, AMBER+STRICT, RED" in wrong[0]
    assert cell.removeprefix("TLP:").removeprefix("tlp:").strip() in wrong[0]
    assert "'RDE' is no level of PAP" in wrong[1]


FINGERPRINT = {"key": "0a1b", "protocol": "DNS", "start_time": "2024-03-01 12:00:00", "start_timestamp": 1709294400.5,
               "src_ips": [{"ip": "198.51.100.1", "cc": "EE"}, "198.51.100.2", {"ip": "x"}, 5], "additional": {"dns_query": "a.example"}}  # fmt: skip


def test_the_sources_of_a_fingerprint_are_its_values():
    """Each source is found, in either spelling of the format; what is none is told; the document is kept whole."""
    form, stream = items(json.dumps(FINGERPRINT).encode(), "f.json", CHOSEN, "")
    item = next(one.item for one in stream if isinstance(one, Marked))
    facts = facts_of(item)
    assert (form, item.source_id, item.raw) == ("ddosdb", "0a1b", FINGERPRINT)
    assert {value.text for value, _ in facts.values} == {"198.51.100.1", "198.51.100.2"}
    assert len(facts.problems) == 2
    assert facts.created_us == 1_709_294_400_500_000
    assert "a.example" in facts.text


@pytest.mark.parametrize("change", [{"src_ips": 5}, {"src_ips": None}, {"src_ips": {"a": 1}}])
def test_what_is_no_fingerprint_is_refused(change):
    """Sources that are no list are none."""
    with pytest.raises(UsageError, match="no DDoSDB fingerprint"):
        fingerprint.read(FINGERPRINT | change, "k")


def test_facts_of_a_fingerprint_do_not_fail_on_wrong_types():
    """Whatever the other members are, the item is known."""
    odd = FINGERPRINT | {"start_timestamp": True, "additional": 5, "protocol": [], "key": 7, "start_time": {}}
    assert facts_of(fingerprint.read(odd, "named")).created_us is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [("address", "127.0.0.1"), ("address", "10.1.2.3"), ("address", "::1"), ("address", "224.0.0.251"), ("address", "::"),
     ("network", "0.0.0.0/0"), ("network", "11.0.0.0/8"), ("network", "2000::/3"), ("md5", "d41d8cd98f00b204e9800998ecf8427e"),
     ("account", "1"), ("account", "80"), ("name", "Unknown"), ("account", "Administrator"), ("asn", "AS3249")],
)  # fmt: skip
def test_what_many_things_share_by_nature_never_correlates(kind, text):
    """Private and special addresses, the hash of the empty file, ports, counts and words that name nobody."""
    assert noise.reason(normalise(kind, text))


@pytest.mark.parametrize(
    ("kind", "text"), [("address", "8.8.8.8"), ("network", "193.40.0.0/16"), ("md5", "0" * 31 + "1"), ("account", "mari.maasikas"), ("name", "APT28")]
)  # fmt: skip
def test_what_tells_things_apart_correlates(kind, text):
    """Values that name one thing are no noise."""
    assert noise.reason(normalise(kind, text)) == ""


def test_an_address_lies_within_its_network():
    """The spans of values nest as networks do, and a network of one address is the address."""
    inner, outer = (
        bounds(normalise("address", "198.51.100.7")),
        bounds(normalise("network", "198.51.100.0/24")),
    )
    assert inner is not None
    assert outer is not None
    assert outer[0] <= inner[0] <= inner[1] <= outer[1]
    assert bounds(normalise("domain", "a.example")) is None
    row = Item(format="csv", type="row", source_id="x", raw={"kind": "address", "value": "198.51.100.7/32"})
    assert [tuple(value) for value, _ in facts_of(row).values] == [("address", "198.51.100.7")]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_an_exported_list_calculates_nowhere(payload):
    """Threat 14: whatever values, titles, parts and ids hold, no cell of an exported list begins with a formula."""
    raw = {"type": "mutex", "id": payload, "name": payload, "extensions": {payload: 1}}
    row = {"kind": "account", "value": payload.strip() or "x", "comment": payload}
    marked = [
        (Item(format="stix", type="mutex", source_id=payload, raw=raw), CHOSEN),
        (Item(format="csv", type="row", source_id=payload, raw=row), CHOSEN),
    ]
    text = "".join(csv_export.written(marked)).removeprefix("\ufeff")
    cells = [cell for line in csv.reader(io.StringIO(text, newline="")) for cell in line]
    assert len(cells) >= 2 * len(csv_export.COLUMNS)
    assert [cell for cell in opened(text) if calculates(cell)] == []


def test_an_exported_list_is_read_again():
    """A list that is written comes in again with the same values, kinds and markings; cards are masked in it."""
    found, _ = read(
        "value,kind,confidence,valid_until\n198.51.100.7,,80,2024-04-01T00:00:00Z\na.example.org,,,\n4111111111111111,card,,\n"
    )
    text = "".join(csv_export.written((one, CHOSEN) for one in found))
    assert "4111111111111111" not in text + facts_of(found[2]).title
    assert "411111******1111" in text
    _, stream = items(text.encode(), "x.csv", Marking.own("EE-CERT"), "")
    again = [one for one in stream if isinstance(one, Marked)]
    assert [facts_of(one.item).values[0][0] for one in again] == [
        facts_of(one).values[0][0] for one in found[:2]
    ]
    assert facts_of(again[0].item).confidence == 80
    assert facts_of(again[0].item).valid_until_us == 1_711_929_600_000_000


@pytest.mark.parametrize("text", ["198.51.100.7", "255.255.255.255", "2001:db8::1", "::ffff:192.0.2.1"])
def test_an_address_covers_what_a_network_of_it_alone_covers(text):
    """An address is read by itself, which is quicker, and covers the same as a network that has no other address."""
    assert bounds(Value("address", text)) == network_bounds(text)


def test_a_plain_list_is_taken_as_most_block_lists_are_written():
    """One value a line, no names of columns, comments before and between: each comes in under the line that it stands on."""
    found, told = read("# block list\n\n# of today\n198.51.100.7\n# more\nevil[.]example\nnot a thing\n")
    assert [(one.raw["kind"], one.raw["value"], one.place) for one in found] == [
        ("address", "198.51.100.7", 4), ("domain", "evil[.]example", 6),
    ]  # fmt: skip
    assert [line.partition(":")[0] for line in told] == ["row 7"]


def test_comments_may_stand_before_the_names_of_columns():
    """The sign between cells is told by the names, not by a comment; rows count from the first line of the file."""
    found, told = read("# made by x; y; z\nvalue,comment\na.example.org,b\nnothing,\n")
    assert [(one.raw["comment"], one.place) for one in found] == [("b", 3)]
    assert [line.partition(":")[0] for line in told] == ["row 4"]


def test_a_table_without_a_column_of_values_is_no_plain_list():
    """Which of two cells is meant nobody knows, also where the first row holds values."""
    with pytest.raises(UsageError, match="plain list"):
        read("198.51.100.7,C2\n198.51.100.8,C2\n")


def test_what_a_row_says_and_nobody_understands_is_told():
    """A confidence and a time that are none are kept, and do not pass in silence."""
    data = b"value,confidence,valid_until\na.example,900,soon\nb.example,90,2027-01-31\n"
    _, found = items(data, "list.csv", CHOSEN, "")
    told = [one for one in found if isinstance(one, str)]
    assert [line.split(":")[0] for line in told] == ["row 2", "row 2"]
    assert "'900' is no whole number" in told[0]
    assert "'soon' is no time" in told[1]


@pytest.mark.parametrize(
    ("data", "why"),
    [(b" \n", "is empty. Taken are"), (b"\x1f\x8b\x08\x00", "packed by gzip. Unpack"), (b"PK\x03\x04\x14", "packed by ZIP"),
     ("value\na.example".encode("utf-16"), "UTF-16. Save it as UTF-8"), (b"<!doctype html><title>Sign in", "a web page or XML"),
     (b"%PDF-1.7 ", "no text"), (b"value\n\x00\x01", "no text"), (b"a,b\n1,2\n", "called value"), (b"{}", "neither a STIX bundle")],
)  # fmt: skip
def test_what_is_none_of_the_formats_is_told_what_it_is_by_its_name(data, why):
    """A packed file, a sign-in page or a picture is no list with strange rows: the words say what to do."""
    with pytest.raises(UsageError, match=f"^file.txt.*{why}"):
        list(items(data, "file.txt", CHOSEN, "")[1])
