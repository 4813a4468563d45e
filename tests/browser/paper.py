"""The text of a printed page, sheet by sheet: just enough of PDF for what Chromium writes.

Chromium embeds its fonts as subsets and shows glyph numbers; each font's ToUnicode map (ISO 32000-1, section 9.10.3)
says which characters they are. Text is read in the order in which it was painted.
"""

import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\b(.*?)\bendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*)\r?\nendstream", re.DOTALL)
_FONT = re.compile(rb"/(\w+) (\d+) 0 R")
_PAINT = re.compile(rb"/(\w+) [\d.]+ Tf|<([0-9A-Fa-f]+)>|(BT)")
_BFCHAR = re.compile(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>")
_BFRANGE = re.compile(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>")


def sheets(pdf: bytes) -> list[str]:
    """The text of each page, without spaces: they may be painted or merely left out."""
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    pages = [body for body in objects.values() if re.search(rb"/Type\s*/Page\b(?!s)", body)]
    return [_text(page, objects) for page in pages]


def _text(page: bytes, objects: dict[int, bytes]) -> str:
    """What one page shows."""
    fonts = {name: _characters(objects, int(at)) for name, at in _fonts(page, objects)}
    out, font = [], {}
    for contents in re.findall(rb"/Contents (\d+) 0 R", page):
        for name, glyphs, _ in _PAINT.findall(_inflated(objects[int(contents)])):
            if name:
                font = fonts.get(name, {})
            elif glyphs:
                out += [font.get(int(glyphs[at : at + 4], 16), "") for at in range(0, len(glyphs), 4)]
    return "".join(out).replace(" ", "").replace("\u00a0", "").replace("\u202f", "")


def _fonts(page: bytes, objects: dict[int, bytes]) -> list[tuple[bytes, bytes]]:
    """Names and object numbers of the page's fonts."""
    resources = page
    if at := re.search(rb"/Resources (\d+) 0 R", page):
        resources = objects[int(at[1])]
    told = re.search(rb"/Font\s*<<(.*?)>>", resources, re.DOTALL)
    return _FONT.findall(told[1]) if told else []


def _characters(objects: dict[int, bytes], font: int) -> dict[int, str]:
    """The characters that a font's glyphs stand for."""
    at = re.search(rb"/ToUnicode (\d+) 0 R", objects[font])
    if at is None:
        return {}
    told = _inflated(objects[int(at[1])])
    found: dict[int, str] = {}
    for part in re.findall(rb"beginbfchar(.*?)endbfchar", told, re.DOTALL):
        for glyph, character in _BFCHAR.findall(part):
            found[int(glyph, 16)] = bytes.fromhex(character.decode()).decode("utf-16-be")
    for part in re.findall(rb"beginbfrange(.*?)endbfrange", told, re.DOTALL):
        for first, last, character in _BFRANGE.findall(part):
            for glyph in range(int(first, 16), int(last, 16) + 1):
                found[glyph] = chr(int(character, 16) + glyph - int(first, 16))
    return found


def _inflated(body: bytes) -> bytes:
    """The content of a stream."""
    stream = _STREAM.search(body)
    assert stream, body[:80]
    return zlib.decompress(stream[1]) if b"/FlateDecode" in body else stream[1]
