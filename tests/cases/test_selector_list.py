"""Lists of selectors: bad rows are named with row, column and reason; good ones are taken; twice changes nothing."""

import pytest

from hanse.cases import working
from hanse.cases.models import Selector
from hanse.cases.selector_list import MOST_BYTES, MOST_ROWS, rows
from hanse.cases.service import ClosedError, set_status
from hanse.kernel.errors import UsageError
from hanse.ledger.models import Entry
from tests.cases.made import investigator, opened
from tests.ledger.made import findings

LIST = """kind,value,born,country,note
email,Boss@Example.org,,,"runs it, we think"
phone,612 3456,,EE,
phone,612 3456,,,
iban,EE382200221020145686,,,
person,Jaan Tamm,1970-12-31,,
person,Jaan Tamm,1970-13-31,,
company,Tamm OÜ,,Estonia,
sorcery,x,,,

email,boss@example.org,,,
,203.0.113.7,,,
email,,,,
email,a@example.org,,,x,y
""".encode()


def told(data: bytes) -> list[tuple[int, str, str]]:
    """Row, kind or column, and what is wrong, of each row."""
    return [
        (one.number, one.selector.kind if one.selector else one.column, one.problem) for one in rows(data)
    ]


def test_each_bad_row_is_named_with_its_column_and_the_reason():
    """The number is that of a spreadsheet, the head being row 1, and an empty row is counted and left out."""
    found = told(LIST)
    assert [(number, column) for number, column, problem in found if problem] == [
        (4, "value"), (5, "value"), (7, "born"), (8, "country"), (9, "kind"), (13, "value"), (14, ""),
    ]  # fmt: skip
    assert [(number, kind) for number, kind, problem in found if not problem] == [
        (2, "email"), (3, "phone"), (6, "person"), (11, "email"), (12, "address"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"kind,value,value\nemail,a@b.org,c@d.org\n", "Two columns"),
        (b"kind,value,Selector\nemail,a@b.org,c@d.org\n", "Two columns"),
        (b"kind,worth\nemail,a@b.org\n", "worth"),
        (b"kind,note\nemail,a@b.org\n", "value is missing"),
        (b"", "value is missing"),
        (b"value\n\xff\xfe\n", "UTF-8"),
        ("value\na@b.org\n".encode("utf-16"), "NUL"),
        (b"value\na\0b\n", "NUL"),
        (b"value\n" + b"x" * MOST_BYTES, "bytes"),
        (b"value\n" + b"1\n" * (MOST_ROWS + 1), "rows"),
    ],
    ids=[
        "twice",
        "twice-renamed",
        "unknown",
        "no-value",
        "empty",
        "no-utf8",
        "utf16",
        "nul",
        "too-large",
        "too-long",
    ],
)
def test_what_is_no_list_is_refused_whole(data, why):
    """Columns that stand there twice or that nobody knows, other encodings and too much are refused with the reason."""
    with pytest.raises(UsageError, match=why):
        list(rows(data))


def test_an_open_quotation_mark_swallows_no_rows_in_silence():
    """A row that runs on over line ends is wrong, and so is one that is no CSV; what comes after is read."""
    found = told(b'value,note\n"a@example.org\nb@example.org",x\nc@example.org,\n"d"e,x\nf@example.org,\n')
    assert [problem != "" for _, _, problem in found] == [True, False, True, False]
    assert "quotation" in told(b'value\na@example.org\n"b@example.org\n')[-1][2]


def test_a_formula_is_a_text_and_an_apostrophe_before_a_number_none():
    """What a spreadsheet would calculate is kept as it is written; what an export put before a number is left out."""
    found = list(rows(b"kind,value,note\nphone,'+3726123456,=1+1\naccount,=cmd,\n"))
    assert [(one.selector.text, one.note) for one in found] == [("+3726123456", "=1+1"), ("=cmd", "")]


@pytest.mark.django_db(transaction=True)
def test_good_rows_are_taken_and_taking_them_twice_changes_nothing():
    """A dry run writes nothing; then the good rows come in, once; then all are known."""
    case, kaja = opened(investigator())
    before = Entry.objects.count()
    tried = working.add_list(case, LIST, kaja, apply=False)
    assert Entry.objects.count() == before
    assert {status: tried.count(status) for status in ("new", "known", "wrong")} == {
        "new": 4, "known": 1, "wrong": 7,
    }  # fmt: skip
    assert next(one for one in tried.rows if one.status == "known").words == "It stands in row 2 too."
    assert working.add_list(case, LIST, kaja).rows == tried.rows
    assert Selector.objects.count() == 4
    assert Selector.objects.get(kind="email").note == "runs it, we think"
    before = Entry.objects.count()
    again = working.add_list(case, LIST, kaja)
    assert (again.count("new"), again.count("known")) == (0, 5)
    assert Entry.objects.count() == before
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_a_closed_case_takes_no_list():
    """Nothing comes into a closed case, not even what would change nothing."""
    case, kaja = opened(investigator())
    set_status(case, "closed", "Over.", kaja)
    with pytest.raises(ClosedError):
        working.add_list(case, LIST, kaja, apply=False)
