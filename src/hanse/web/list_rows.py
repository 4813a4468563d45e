"""The rows of a list as HTML: a page has hundreds of cells, which a template takes several times as long to write.

Every text is escaped unless it says itself that it is HTML, as in templates.
"""

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from django.template import Context
from django.template.loader import get_template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from hanse.web.lists import Column, Listing

Formats = Mapping[str, Callable[[Any], str]]
Write = Callable[[Any, str], str]
"""Gives the cell of a row; the other argument is the address of the row's own page, escaped."""


def body(listing: "Listing", formats: Formats) -> SafeString:
    """The rows of the table: each has its id, the address of its page, a box to select it by, and its cells.

    Args:
        listing: The page of the list.
        formats: How a value is written, by the name of the format.
    """
    row_url = listing.listed.row_url
    writers = [_writer(column, row_url, formats) for column in listing.choice.columns]
    boxed, select = bool(listing.bulk), escape(_("Select this row"))
    told = []
    for row in listing.part.rows:
        one, url = escape(str(row.pk)), escape(row_url(row) or "")
        told.append(
            f'<tr data-row data-id="{one}" data-url="{url}">' if url else f'<tr data-row data-id="{one}">'
        )
        if boxed:
            box = f'<input type="checkbox" name="ids" value="{one}" aria-label="{select}">'
            told.append(f'<td class="select">{box}</td>')
        told += [write(row, url) for write in writers]
        told.append("</tr>\n")
    return SafeString("".join(told))


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
