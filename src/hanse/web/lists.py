"""Dense lists: columns, filters and order are declared; the address says which of them are chosen.

A view is a link: ``?sector=bank&sort=-peak&columns=start,peak`` shows the same to everybody who may see it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from hanse.kernel import units
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, strictest
from hanse.ledger.fields import NOT_OPENING
from hanse.policy.decision import may
from hanse.web import exports, keyset, list_rows
from hanse.web.keyset import AddressError
from hanse.web.page import forbidden, signed_in
from hanse.web.partial import asked_for, etag_of, part_or_unchanged
from hanse.web.templatetags import hanse as show

SIZE = 50
"""Rows of one page."""

FILE_LIMIT = 100_000
"""Rows of one file: what a spreadsheet opens without trouble, and each row's disclosure is written down."""

_AT_ONCE = 500
"""Rows of a file that are read from the database at once."""

RESERVED = frozenset({"sort", "columns", "after", "before", "as"})
"""Names in the address that are no filters."""

FORMATS: dict[str, Callable[[Any], str]] = {
    "text": lambda value: "" if value is None else str(value),
    "count": show.count,
    "bps": show.bps,
    "pps": show.pps,
    "octets": show.octets,
    "when": show.when,
    "span_us": show.span_us,
    "share": show.share,
}
"""How a value is written in a cell."""

NUMERIC = frozenset({"count", "bps", "pps", "octets", "span_us", "share"})
"""The formats of figures: aligned at the right, in tabular figures."""

_ONE_VALUE = frozenset({"gte", "lte", "gt", "lt", "contains", "icontains", "startswith", "istartswith"})
"""Lookups that compare with one value."""

_UNITS = {"bps": " (bit/s)", "pps": " (packets/s)", "octets": " (B)", "span_us": " (µs)", "when": " (UTC)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        key: Its name in the address and in exports.
        label: Its heading.
        value: The row's value: an attribute path such as ``victim.name``, by default `key`, or a function.
        format: Key of `FORMATS`.
        sort: The database field to sort by; None cannot be sorted by.
        link: Where the cell leads to, if anywhere.
        template: A template for the cell with `row` and `value`, instead of `format`.
        html: Writes the cell of a row as HTML, instead of `format`, where a template would say no more.
        shown: Whether it is shown unless somebody chooses columns.
    """

    key: str
    label: str
    value: str | Callable[[Any], Any] = ""
    format: str = "text"
    sort: str | None = None
    link: Callable[[Any], str | None] | None = None
    template: str = ""
    html: Callable[[Any], SafeString] | None = None
    shown: bool = True

    def of(self, row: Any) -> Any:
        """The row's value."""
        if callable(self.value):
            return self.value(row)
        for name in (self.value or self.key).split("."):
            row = getattr(row, name, None) if row is not None else None
        return row

    def exported(self, row: Any) -> Any:
        """The row's value in a file: times as ISO 8601, everything else as it is, in the unit of the heading.

        Where it was altered in the database, words that say so: the file holds the other rows all the same.
        """
        try:
            value = self.of(row)
        except NOT_OPENING as error:
            return str(error)
        return units.iso(value) if self.format == "when" and value is not None else value

    @property
    def numeric(self) -> bool:
        """Whether it holds figures."""
        return self.format in NUMERIC


@dataclass(frozen=True, slots=True)
class Named:
    """What a filter's value is called, and how that is marked.

    Attributes:
        words: On the chip.
        marking: Of what the words tell, which the page is marked with; None where they tell nothing marked.
    """

    words: str
    marking: Marking | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One thing to filter by; several values of one filter widen it, several filters narrow the list.

    Attributes:
        key: Its name in the address.
        label: Its name on the chip.
        field: The database lookup, such as ``sector`` or ``peak_bps__gte``.
        read: Makes the value of the text in the address; a `ValueError` says that it means nothing.
        choices: The values to choose from, with their words; empty is free text.
        help: An example or the unit, under the field.
        narrows: Narrows the rows by the values, where no one lookup says it; `field` then means nothing.
        named: What a value is called that is none of the choices, such as an id, as far as the reader may know it; None
            leaves it as it is.
    """

    key: str
    label: str
    field: str = ""
    read: Callable[[str], Any] = str
    choices: Sequence[tuple[str, str]] | Callable[[], Sequence[tuple[str, str]]] = ()
    help: str = ""
    narrows: "Callable[[QuerySet[Any], Sequence[Any]], QuerySet[Any]] | None" = None
    named: Callable[[str], Named | None] = lambda _value: None

    @property
    def options(self) -> Sequence[tuple[str, str]]:
        """The choices as they are now."""
        return self.choices() if callable(self.choices) else self.choices

    def called(self, value: str) -> Named:
        """What a value is called."""
        chosen = dict(self.options).get(value)
        return Named(chosen) if chosen else self.named(value) or Named(value)

    def narrow(self, rows: QuerySet[Any], values: Iterable[str]) -> QuerySet[Any]:
        """The rows that have one of the values.

        Raises:
            AddressError: A value means nothing.
        """
        read = [self._value(text) for text in values]
        if self.narrows is not None:
            return self.narrows(rows, read)
        if len(read) > 1 and self.field.rsplit("__", 1)[-1] in _ONE_VALUE:
            raise AddressError(f"{self.label}: give one value only.")
        field, value = (self.field, read[0]) if len(read) == 1 else (f"{self.field}__in", read)
        try:
            return rows.filter(**{field: value})
        except (ValueError, OverflowError, ValidationError):
            raise AddressError(self._unknown(str(value))) from None

    def _value(self, text: str) -> Any:
        if len(text) > 500 or "\0" in text:
            raise AddressError(self._unknown(text))
        try:
            return self.read(text)
        except ValueError:
            raise AddressError(self._unknown(text)) from None

    def _unknown(self, text: str) -> str:
        return f"{self.label}: {text[:100]!r} means nothing here. {self.help}".rstrip()


@dataclass(frozen=True, slots=True)
class Bulk:
    """Something to do with all selected rows: they are sent as ``ids`` to an address.

    Attributes:
        action: Who may do it sees it.
        label: What it will do.
        url: Where it is sent.
        dangerous: Whether it stands apart.
        least: How many rows it takes.
        needs: What it takes, in words, where that is more than one row.
    """

    action: str
    label: str
    url: str
    dangerous: bool = False
    least: int = 1
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Empty:
    """What is said when there is nothing, and the two ways to get it.

    Attributes:
        words: What would be here.
        ways: Words, address, and the action that it takes: who may not do it is not shown the way.
    """

    words: str
    ways: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The declaration of a list.

    Attributes:
        name: Name of its files and its element on the page.
        caption: What the table holds, for those who do not see it.
        columns: All columns; a column with `sort` can be sorted by.
        order: Key of the column that it is sorted by at first, with ``-`` for the largest first.
        filters: What it can be filtered by.
        row_url: Where Enter on a row leads to.
        bulk: What can be done with several rows.
        empty: What is said when there is nothing at all.
        export: The action of exporting; empty cannot be exported.
        live_seconds: How often the page asks whether it changed; 0 is never.
        ahead: Told of the rows of a page, or of some of a file, before their columns are asked.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    order: str
    filters: tuple[Filter, ...] = ()
    row_url: Callable[[Any], str | None] = lambda _row: None
    bulk: tuple[Bulk, ...] = ()
    empty: Empty = Empty("There is nothing here yet.")
    export: str = ""
    live_seconds: int = 0
    ahead: Callable[[Sequence[Any]], object] = lambda _rows: None

    def __post_init__(self) -> None:
        """Refuse filters whose names in the address are taken.

        Raises:
            UsageError: One is.
        """
        if taken := sorted({one.key for one in self.filters} & RESERVED):
            raise UsageError(
                f"The list {self.name} has filters named {', '.join(taken)}. Name them otherwise."
            )


Rows = Callable[[str], QuerySet[Any]]
"""Gives the rows for an action: the list's own, or its export. Guarded models: ``partial(M.objects.for_actor, actor)``."""

Taken = Callable[[QuerySet[Any], list[Any]], None]
"""Called with a list's rows and the keys of those that leave as a file, before they leave: these and no others do."""


Shown = Callable[[Sequence[Any]], None]
"""Called with the rows of a table that is sent alone, before it is sent."""


def answer(
    request: HttpRequest,
    listed: Listed,
    rows: Rows,
    action: str,
    shown: Shown = lambda _rows: None,
    taken: Taken = lambda _rows, _keys: None,
) -> HttpResponseBase | dict[str, Any]:
    """What a view with one list returns: its context, its table alone for htmx, or a file.

    Args:
        request: Of a page guarded by `action`.
        listed: The declaration.
        rows: Gives the rows with which the actor may do an action.
        action: The action of looking at them.
        shown: Told of the rows where the table goes alone; of a whole page the caller has them.
        taken: Told of the rows that leave as a file.

    Raises:
        AddressError: The address chooses something that the list does not have.
    """
    if wanted := request.GET.get("as"):
        return _file(request, listed, rows, wanted, taken)
    listing = Listing(request, listed, rows(action))
    if not asked_for(request, f"list-{listed.name}"):
        return {"listing": listing, "marking": listing.marking}
    shown(listing.part.rows)
    parts = ("web/list_table.html", "web/list_count.html")  # how many there are stands above the table
    html = "".join(render_to_string(part, {"listing": listing, "renewed": True}) for part in parts)
    return part_or_unchanged(request, html, etag_of(html))


@dataclass(slots=True)
class Choice:
    """What an address chooses of a list.

    Attributes:
        listed: The list.
        query: The address's query.
    """

    listed: Listed
    query: QueryDict
    columns: tuple[Column, ...] = field(init=False)
    sorted_by: Column = field(init=False)
    order: keyset.Order = field(init=False)

    def __post_init__(self) -> None:
        """Read columns and order.

        Raises:
            AddressError: There is no such column.
        """
        known = {column.key: column for column in self.listed.columns}
        wanted = [key for text in self.query.getlist("columns") for key in text.split(",") if key]
        sort = self.query.get("sort") or self.listed.order
        by = known.get(sort.removeprefix("-"))
        if by is None or by.sort is None or not set(wanted) <= known.keys():
            raise AddressError(
                "The address names a column that this list does not have. Choose it on the page."
            )
        self.columns = tuple(known[key] for key in dict.fromkeys(wanted)) or tuple(
            column for column in self.listed.columns if column.shown
        )
        self.sorted_by, self.order = by, keyset.Order(by.sort, sort.startswith("-"))

    def narrowed(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that the filters let through."""
        for one in self.listed.filters:
            if values := [value for value in self.query.getlist(one.key) if value]:
                rows = one.narrow(rows, values)
        return rows

    def url(self, **changed: str | list[str] | None) -> str:
        """The address with other values; None takes one away. Any change starts from the first page."""
        query = self.query.copy()
        for key in ("after", "before", "as"):
            query.pop(key, None)
        for key, value in changed.items():
            query.pop(key, None)
            if value is not None:
                query.setlist(key, value if isinstance(value, list) else [value])
        return f"?{query.urlencode()}"


class Listing:
    """One page of a list, as the template shows it. Nothing is read before it is asked for."""

    def __init__(self, request: HttpRequest, listed: Listed, rows: QuerySet[Any]) -> None:
        self.request = request
        self.listed = listed
        self.choice = Choice(listed, request.GET)
        narrowed = self.choice.narrowed(rows)
        marked = any(one.name == "marking" and one.is_relation for one in rows.model._meta.get_fields())
        self._rows = narrowed.select_related("marking") if marked else narrowed

    @cached_property
    def part(self) -> keyset.Part:
        """The rows of this page."""
        query = self.request.GET
        part = keyset.part(
            self._rows, self.choice.order, SIZE, after=query.get("after"), before=query.get("before")
        )
        self.listed.ahead(part.rows)
        return part

    @cached_property
    def total(self) -> str:
        """How many rows pass the filters, in words: ``128``, ``1 000+``."""
        number = keyset.counted(self._rows)
        return f"{units.count(keyset.COUNTED)}+" if number > keyset.COUNTED else units.count(number)

    @property
    def marking(self) -> Marking | None:
        """As strict as the strictest row on this page, and as what its chips name; None where nothing carries one.

        An envelope of the ledger says nothing that is marked, so the number of its marking counts for nothing here.
        """
        stored = [getattr(row, "marking", None) for row in self.part.rows]
        told = [one if isinstance(one, Marking) else getattr(one, "marking", None) for one in stored]
        told += [called.marking for _, _, called in self._chosen]
        found = [one for one in told if isinstance(one, Marking)]
        return strictest(found) if found else None

    @property
    def columns(self) -> list[dict[str, Any]]:
        """The columns shown, each with the address that sorts by it and how it is sorted now."""
        told = []
        for column in self.choice.columns:
            current = column is self.choice.sorted_by
            down = self.choice.order.descending if current else not column.numeric and column.format != "when"
            told.append(
                {
                    "column": column,
                    "url": self.choice.url(sort=column.key if down else f"-{column.key}")
                    if column.sort
                    else "",
                    "sorted": ("descending" if self.choice.order.descending else "ascending")
                    if current
                    else "",
                }
            )
        return told

    @property
    def body(self) -> SafeString:
        """The rows of the table, each with a box to select it by where something can be done with several."""
        begin = list_rows.selectable if self.bulk else list_rows.identified
        return list_rows.rows_html(self.choice.columns, self.part.rows, FORMATS, self.listed.row_url, begin)

    @property
    def ways(self) -> list[tuple[str, str]]:
        """The ways out of an empty list that the reader may go, with their addresses."""
        actor, at = signed_in(self.request), now_us()
        return [
            (words, url) for words, url, action in self.listed.empty.ways if may(actor, action, now_us=at)
        ]

    @property
    def chips(self) -> list[dict[str, str]]:
        """The filters that are on, each with the address without it."""
        told = []
        for one, value, called in self._chosen:
            left = [other for other in self.request.GET.getlist(one.key) if other and other != value]
            url = self.choice.url(**{one.key: left or None})
            told.append({"label": one.label, "value": called.words, "url": url})
        return told

    @cached_property
    def _chosen(self) -> list[tuple[Filter, str, Named]]:
        """The filters that are on, each with one value and what that is called."""
        return [
            (one, value, one.called(value))
            for one in self.listed.filters
            for value in self.request.GET.getlist(one.key)
            if value
        ]

    @property
    def filters(self) -> list[dict[str, Any]]:
        """All filters with what is typed in them."""
        return [{"filter": one, "values": self.request.GET.getlist(one.key)} for one in self.listed.filters]

    @property
    def chooser(self) -> list[dict[str, Any]]:
        """All columns and whether they are shown."""
        return [{"column": one, "shown": one in self.choice.columns} for one in self.listed.columns]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the form of the filters keeps of the address: order and columns."""
        query = self.request.GET
        return [(key, value) for key in ("sort", "columns") for value in query.getlist(key) if value]

    @property
    def kept_filters(self) -> list[tuple[str, str]]:
        """What the column chooser keeps of the address: order and filters."""
        keys = ["sort", *(one.key for one in self.listed.filters)]
        return [(key, value) for key in keys for value in self.request.GET.getlist(key) if value]

    @property
    def bulk(self) -> list[Bulk]:
        """What the actor may do with several rows, if need be after proving a passkey."""
        actor, now = signed_in(self.request), now_us()
        decisions = [(one, may(actor, one.action, now_us=now)) for one in self.listed.bulk]
        return [one for one, decision in decisions if decision or decision.rules == ("step-up",)]

    @property
    def exports(self) -> list[tuple[str, str]]:
        """The files that the actor may take: name and address."""
        if not self.listed.export or not may(signed_in(self.request), self.listed.export, now_us=now_us()):
            return []
        return [("CSV", self.choice.url(**{"as": "csv"})), ("JSON", self.choice.url(**{"as": "json"}))]

    @property
    def next_url(self) -> str:
        """The address of the next page, or nothing."""
        return self.choice.url(after=self.part.after) if self.part.after else ""

    @property
    def previous_url(self) -> str:
        """The address of the previous page, or nothing."""
        return self.choice.url(before=self.part.before) if self.part.before else ""

    @property
    def here(self) -> str:
        """The address of this page."""
        return self.request.get_full_path()


def table_rows(
    columns: Sequence[Column],
    rows: Iterable[Any],
    row_url: Callable[[Any], str | None] = lambda _row: None,
    weight: Callable[[Any], str] = lambda _row: "",
) -> SafeString:
    """The rows of a table that is no list of its own, such as a part of another page.

    Args:
        columns: What is shown of each row.
        rows: The rows.
        row_url: Where Enter on a row leads to.
        weight: The class of a row, such as ``wrong``; empty for none.
    """
    return list_rows.rows_html(
        columns, rows, FORMATS, row_url, lambda row, url: list_rows.weighed(weight(row), url)
    )


def _file(request: HttpRequest, listed: Listed, rows: Rows, wanted: str, taken: Taken) -> HttpResponseBase:
    """All rows that the filters let through, in the order and with the columns of the page, as a file.

    Rows whose marking lets the actor look but not take them out are not in it.
    """
    if wanted not in {"csv", "json"} or not listed.export:
        raise AddressError(
            "This list cannot be had as that kind of file. Take CSV or JSON where it offers them."
        )
    decision = may(signed_in(request), listed.export, now_us=now_us())
    if not decision:
        return forbidden(request, decision)
    choice = Choice(listed, request.GET)
    found = keyset.ordered(choice.narrowed(rows(listed.export)), choice.order)
    keys = list(found.values_list("pk", flat=True)[: FILE_LIMIT + 1])
    if len(keys) > FILE_LIMIT:
        raise UsageError(f"That is more than {FILE_LIMIT:,} rows. Filter the list, then take the file again.")
    taken(found, keys)
    values = ([column.exported(row) for column in choice.columns] for row in _in_turn(listed, found, keys))
    if wanted == "csv":
        head = [column.label + _UNITS.get(column.format, "") for column in choice.columns]
        lines, kind = exports.csv_lines(head, values), "text/csv; charset=utf-8"
    else:
        lines, kind = (
            exports.json_lines([column.key for column in choice.columns], values),
            "application/json",
        )
    response = StreamingHttpResponse(lines, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{listed.name}.{wanted}"'
    return response


def _in_turn(listed: Listed, rows: QuerySet[Any], keys: Sequence[Any]) -> Iterator[Any]:
    """The rows of a list with these keys, as far as they are still there and may leave; some at a time.

    What came meanwhile is not among them, for nobody wrote down that it leaves. Between, nothing is open in the database:
    whoever reads slowly keeps no purged text in SQLite's log.
    """
    for at in range(0, len(keys), _AT_ONCE):
        some = list(rows.filter(pk__in=keys[at : at + _AT_ONCE]))
        listed.ahead(some)
        yield from some
