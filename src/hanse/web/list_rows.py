"""The rows of a list as HTML: a page has hundreds of cells, which a template takes several times as long to write.

Every text is escaped unless it says itself that it is HTML, as in templates.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from django.template import Context
from django.template.loader import get_template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from hanse.ledger.fields import NOT_OPENING

if TYPE_CHECKING:
    from hanse.web.lists import Column

Formats = Mapping[str, Callable[[Any], str]]
Write = Callable[[Any, str], str]
"""Gives a part of a row as HTML; the other argument is the address of the row's own page, escaped."""


def rows_html(
    columns: "Sequence[Column]",
    rows: Iterable[Any],
    formats: Formats,
    row_url: Callable[[Any], str | None],
    begin: Write,
) -> SafeString:
    """The rows of a table.

    Args:
        columns: What is shown of each row.
        rows: The rows.
        formats: How a value is written, by the name of the format.
        row_url: The address of a row's own page, if any.
        begin: Gives the start tag of a row, and cells before the others.
    """
    writers = [_writer(column, row_url, formats) for column in columns]
    told = []
    for row in rows:
        url = escape(row_url(row) or "")
        told.append(begin(row, url))
        try:
            told += [write(row, url) for write in writers]
        except NOT_OPENING as error:
            told.append(f'<td class="wrong" colspan="{len(writers)}">{escape(str(error))}</td>')
        told.append("</tr>\n")
    return SafeString("".join(told))


def identified(row: Any, url: str) -> str:
    """A row that the keyboard finds, with its id."""
    return f'<tr data-row data-id="{escape(str(row.pk))}"{_leads(url)}>'


def selectable(row: Any, url: str) -> str:
    """The same with a box to select it by."""
    box = f'<input type="checkbox" name="ids" value="{escape(str(row.pk))}" aria-label="{escape(_("Select this row"))}">'
    return f'{identified(row, url)}<td class="select">{box}</td>'


def weighed(weight: str, url: str) -> str:
    """A row of a class that says how it is to be taken, which the keyboard finds where it leads anywhere."""
    named = f' class="{weight}"' if weight else ""
    return f"<tr data-row{_leads(url)}{named}>" if url else f"<tr{named}>"


def _leads(url: str) -> str:
    return f' data-url="{url}"' if url else ""


def _writer(column: "Column", row_url: Callable[[Any], str | None], formats: Formats) -> Write:
    """How the cells of a column are written. What is the same for all rows is found out once."""
    text, link = _text(column, formats), column.link
    begin = '<td class="num">' if column.numeric else "<td>"
    if link is None:
        return lambda row, _url: f"{begin}{text(row)}</td>"

    def linked(row: Any, url: str) -> str:
        there = url if link is row_url else escape(link(row) or "")
        return f'{begin}<a href="{there}">{text(row)}</a></td>' if there else f"{begin}{text(row)}</td>"

    return linked


def _text(column: "Column", formats: Formats) -> Callable[[Any], str]:
    """What stands in the cells of a column, as HTML."""
    if column.html is not None:
        return column.html
    if column.template:
        template = get_template(column.template).template  # type: ignore[attr-defined]  # Django's own engine has it
        return lambda row: str(template.render(Context({"row": row, "value": column.of(row)})))
    form = formats[column.format]
    return lambda row: _escaped(form(column.of(row)))


def _escaped(text: str) -> str:
    """Text as HTML, and HTML as it is."""
    return text if isinstance(text, SafeString) else escape(text)
