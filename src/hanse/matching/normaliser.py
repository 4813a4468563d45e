"""A fingerprint of how selectors are brought into their normal form.

Matching is exact: where one node writes ``+37251234567`` and another ``3725123 4567``, they miss what they share
and nobody notices. So each normalises the same list of hard cases, and two nodes whose lists come out differently
refuse to match until one is upgraded. Two nodes that differ only in what the list has no case for are not told
apart: whoever changes a rule adds the case that shows it.
"""

from functools import cache
from hashlib import sha256
from typing import Final, NamedTuple

from hanse.cases.selector import read
from hanse.intel.values import Value, ValueProblem
from hanse.kernel import strict_json
from hanse.matching.alike import keys_of


class Case(NamedTuple):
    """Something as somebody wrote it: one of the arguments of `hanse.cases.selector.read`."""

    kind: str
    text: str
    born: str = ""
    country: str = ""


CASES: Final = (
    Case("phone", "+372 5123 4567"),
    Case("phone", "00372-51234567"),
    Case("phone", "020 7946 0018", country="GB"),
    Case("phone", "8 (495) 123-45-67", country="RU"),
    Case("phone", "+39 06 1234567"),
    Case("phone", "112"),
    Case("email", "John.Doe+bank@EXAMPLE.org"),
    Case("email", "jürgen@bücher.example"),
    Case("email", "no-at.example.org"),
    Case("address", "192.000.002.001"),
    Case("address", "192.0.2.1"),
    Case("address", "2001:DB8:0:0:0::1"),
    Case("address", "::ffff:192.0.2.1"),
    Case("network", "192.0.2.17/24"),
    Case("network", "2001:db8::1/32"),
    Case("domain", "WWW.Example.ORG."),
    Case("domain", "faß.example"),
    Case("domain", "bücher.example"),
    Case("domain", "xn--bcher-kva.example"),
    Case("domain", "example[.]org"),
    Case("url", "hxxp://Example.org:80/%7Euser/../a?b=C#d"),
    Case("url", "https://example.org"),
    Case("iban", "ee38 2200 2210 2014 5685"),
    Case("iban", "EE38 2200 2210 2014 5686"),
    Case("card", "4111-1111-1111-1111"),
    Case("card", "4111 1111 1111 1112"),
    Case("wallet", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    Case("wallet", "BC1QAR0SRRR7XFKVY5L643LYDNW9RE59GTZZWF5MDQ"),
    Case("wallet", "0x52908400098527886E0F7030069857D2E4169EE7"),
    Case("account", " Night_Owl "),
    Case("account", "\uff26\uff35"),
    Case("person", "Kask,  JAAN", born="1970-12-31"),
    Case("person", "Jose\u0301 Nuñez", born="1983-02-28"),
    Case("person", "STRA\u1e9eE, \u0130lknur", born="1999-01-01"),
    Case("person", "\u0418\u0432\u0430\u043d\u200b \u041f\u0435\u0442\u0440\u043e\u0432", born="1970-01-02"),
    Case("person", "Nobody"),
    Case("company", "OÜ  Näide", country="ee"),
    Case("company", "\u0391\u0392\u03a3 \u0391\u0395", country="GR"),
    Case("company", "Nowhere Ltd"),
    Case("name", "  Ivan   THE Terrible "),
    Case("md5", "D41D8CD98F00B204E9800998ECF8427E"),
    Case("sha1", "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"),
    Case("sha256", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"),
    Case("sha512", 128 * "A"),
    Case("sha256", "E3B0"),
    Case("mac", "00-1B-44-11-3A-B7"),
    Case("mac", "001b.4411.3ab7"),
    Case("asn", "as064500"),
    Case("asn", "AS1.10"),
    Case("file-name", "C:\\Temp\\Évil.EXE"),
    Case("user-agent", "Mozilla/5.0  (X11)"),
)
"""Hard cases of every kind, right ones and wrong ones: what one node refuses, the other must refuse."""


@cache
def fingerprint() -> str:
    """How this node normalises, in 64 hexadecimal digits: equal where every case comes out equally, and its name keys."""
    told = [[*case, normal := _normal(case), _name_keys(case.kind, normal)] for case in CASES]
    return sha256(strict_json.canonical(told)).hexdigest()


def _normal(case: Case) -> str | None:
    """The normal form; nothing where there is none."""
    try:
        return read(*case[:2], born=case.born, country=case.country).text
    except ValueProblem:
        return None


def _name_keys(kind: str, normal: str | None) -> list[str]:
    """The keys of a name, which depend on how scripts are written in letters from a to z."""
    return sorted(key.text for key in keys_of(Value(kind, normal))) if normal else []
