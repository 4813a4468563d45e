"""Templates: from the octets that describe a record to a NumPy dtype that reads a whole data set."""

from dataclasses import dataclass, field, replace
from struct import unpack_from
from typing import Any

import numpy as np
import numpy.typing as npt

from hanse.telemetry.exports.elements import (
    ADDRESS_WIDTHS,
    NEEDED,
    PROBABILITY,
    RATE_ELEMENTS,
    SYSTEM_INIT,
    Element,
)

VARIABLE = 65_535
"""Length that announces a variable-length field (RFC 7011, section 3.2)."""
SET_TEMPLATES = {9: {0: False, 1: True}, 10: {2: False, 3: True}}
"""Set ids of templates per version, and whether they describe options."""

Records = npt.NDArray[Any]


class TemplateError(ValueError):
    """A template set cannot be read on; `offset` counts from the start of the set's content."""

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(what)
        self.offset = offset


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """How to read the records of one template.

    Attributes:
        options: Whether the records are options data, not flows.
        dtype: The needed fields of a record, as `gather` or `walk_variable` lays it out.
        names: Field name by element.
        least: Fewest octets of a record on the wire.
        widths: For templates with variable-length fields: octets of each field, -1 for a variable
            one; else None.
        keep: Beside `widths`: where a field goes in the fixed record, -1 for none.
        described: Octets that described it.
    """

    options: bool
    dtype: np.dtype[np.void]
    names: dict[Element, str]
    least: int
    widths: npt.NDArray[np.int64] | None = None
    keep: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    described: int = 0

    def has(self, number: int, enterprise: int = 0) -> bool:
        """Whether the records have an element."""
        return (enterprise, number) in self.names

    def reads_like(self, other: "Template") -> bool:
        """Whether records mean the same by both: the same needed fields in the same places."""
        return (
            (self.options, self.dtype, self.names, self.least)
            == (other.options, other.dtype, other.names, other.least)
            and np.array_equal(self.keep, other.keep)
            and (self.widths is None) == (other.widths is None)
            and (self.widths is None or other.widths is None or np.array_equal(self.widths, other.widths))
        )

    @property
    def matters(self) -> bool:
        """Whether options records of this template say anything that flows need."""
        return any(self.has(number) for number in (*RATE_ELEMENTS, SYSTEM_INIT))


def number_of(records: Records, name: str) -> npt.NDArray[Any]:
    """An unsigned field as an array of numbers, whatever its width (1 to 8 octets)."""
    column: npt.NDArray[Any] = records[name]
    if column.ndim == 1:
        return column
    wide = np.zeros((len(column), 8), np.uint8)
    wide[:, 8 - column.shape[1] :] = column
    return wide.view(">u8").ravel()


def _format(element: Element, width: int) -> str | tuple[str, int] | None:
    """How NumPy reads a needed field of this width; None where that width makes no sense."""
    enterprise, number = element
    if enterprise == 0 and number in ADDRESS_WIDTHS:
        # Octets are moved as they are: a word in this machine's order, or 16 octets.
        return ("=u4" if width == 4 else "V16") if width == ADDRESS_WIDTHS[number] else None
    if number == PROBABILITY:
        return f">f{width}" if width in {4, 8} else None
    if width in {1, 2, 4, 8}:
        return f">u{width}"
    return ("u1", width) if 0 < width < 8 else None


def describe(fields: list[tuple[Element, int]], *, options: bool) -> Template:
    """The template for fields (element, width) in the order of the record.

    Of an element that occurs more than once the first counts (RFC 7011, section 8: the order is that
    of the packet's headers, outermost first).
    """
    variable = any(width == VARIABLE for _, width in fields)
    names: dict[Element, str] = {}
    formats: list[Any] = []
    offsets: list[int] = []
    keep: list[int] = []
    at = 0
    for element, width in fields:
        known = None
        if element in NEEDED and element not in names and width != VARIABLE:
            known = _format(element, width)
        if known is not None:
            names[element] = f"{element[0]}.{element[1]}"
            formats.append(known)
            offsets.append(at)
        keep.append(at if known is not None else -1)
        if known is not None or not variable:
            at += width
    dtype = np.dtype(
        {"names": list(names.values()), "formats": formats, "offsets": offsets, "itemsize": max(at, 1)}
    )
    if not variable:
        return Template(options, dtype, names, at)
    widths = np.array([-1 if width == VARIABLE else width for _, width in fields], np.int64)
    least = int(np.abs(widths).sum())
    return Template(options, dtype, names, least, widths, np.array(keep, np.int64))


def _fields(data: bytes, at: int, count: int, version: int) -> tuple[list[tuple[Element, int]], int]:
    """`count` field specifiers from `at` on, and where they end."""
    fields = []
    for _ in range(count):
        if at + 4 > len(data):
            raise TemplateError("a template ends inside its fields", at)
        number, width = unpack_from(">HH", data, at)
        at += 4
        enterprise = 0
        if version == 10 and number & 0x8000:
            if at + 4 > len(data):
                raise TemplateError("a template ends inside an enterprise number", at)
            enterprise = unpack_from(">I", data, at)[0]
            number &= 0x7FFF
            at += 4
        if version == 9 and number > 0x7FFF:
            enterprise = -1  # proprietary in v9: never one of IANA's
        fields.append(((enterprise, number), width))
    return fields, at


def _v9_options(data: bytes, at: int) -> tuple[list[tuple[Element, int]], int]:
    """Scope and option fields of a v9 options template (RFC 3954, section 6.1)."""
    scope, option = unpack_from(">HH", data, at)
    if scope % 4 or option % 4:
        raise TemplateError("an options template's lengths are no multiple of 4", at)
    scopes, at = _fields(data, at + 4, scope // 4, 9)
    # Scope types (system, interface, ...) are numbers of their own, not elements.
    fields = [((-1, number), width) for (_, number), width in scopes]
    options, at = _fields(data, at, option // 4, 9)
    return fields + options, at


def parse(
    data: bytes, version: int, *, options: bool
) -> tuple[list[tuple[int, Template | None]], TemplateError | None]:
    """The templates in the content of a template set, in order; None for one that is withdrawn.

    Returns:
        The templates, and what stopped the reading, if anything did. Template id 2 or 3 without
        fields withdraws all templates, or all options templates (RFC 7011, section 8.1).
    """
    found: list[tuple[int, Template | None]] = []
    at = 0
    try:
        while len(data) - at >= 4 and unpack_from(">H", data, at)[0]:  # id 0 is padding
            number, template, at = _next(data, at, version, options=options)
            found.append((number, template))
    except TemplateError as error:
        return found, error
    return found, None


def _next(data: bytes, at: int, version: int, *, options: bool) -> tuple[int, Template | None, int]:
    """The template at `at` (None: withdrawn) with its id, and where it ends."""
    number, count = unpack_from(">HH", data, at)
    if version == 10 and count == 0:
        return number, None, at + 4
    if number < 256:
        raise TemplateError(f"template id {number} is below 256", at)
    fields, end = _template_fields(data, at, version, options=options)
    template = describe(fields, options=options)
    if template.least == 0:
        raise TemplateError(f"template {number} describes empty records", at)
    return number, replace(template, described=end - at), end


def _template_fields(
    data: bytes, at: int, version: int, *, options: bool
) -> tuple[list[tuple[Element, int]], int]:
    """The fields of the template whose id is at `at`, and where the template ends."""
    count = unpack_from(">H", data, at + 2)[0]
    if not options:
        return _fields(data, at + 4, count, version)
    if len(data) - at < 6:
        raise TemplateError("an options template ends inside its header", at)
    if version == 10:
        return _fields(data, at + 6, count, version)  # behind the scope field count
    return _v9_options(data, at + 2)


V5 = describe(
    [
        ((0, number), width)
        for number, width in (
            (8, 4), (12, 4), (15, 4), (10, 2), (14, 2), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2), (11, 2),
            (210, 1), (6, 1), (4, 1), (5, 1), (16, 2), (17, 2), (9, 1), (13, 1), (210, 2),
        )
    ],
    options=False,
)  # fmt: skip
"""The fixed record of NetFlow v5, in the words of the others."""
