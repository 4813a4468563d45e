"""How the report puts things into words: vectors, shares, probabilities, classes, tests."""

import math
import unicodedata

from hanse.kernel import units

_ACRONYMS = (
    "icmp icmpv6 tcp udp syn ack rst fin null ip ipv6 gre esp ah http https quic dns mdns ntp ssdp snmp "
    "cldap ldap wsd arms tftp rdp sip stun dtls isakmp ipmi l2tp rpc ws vxworks"
)
ACRONYMS = frozenset(_ACRONYMS.split())
SPELLED = {
    "synack": "SYN-ACK",
    "bacnet": "BACnet",
    "chargen": "CharGEN",
    "netbios": "NetBIOS",
    "coap": "CoAP",
}

CLASS_WORDS = {
    "direct": "direct",
    "reflected": "reflected",
    "spoofed": "spoofed",
    "undetermined": "undetermined",
    "": "not traced",
}
CLASS_MEANS = {
    "direct": "the apparent sources answered or behaved as real hosts do",
    "reflected": "the apparent sources are services that were abused to answer to the victim; "
    "who asked them is not seen here",
    "spoofed": "the sender wrote false source addresses; where it stands is not seen here",
    "undetermined": "the telemetry is not enough to decide between real and false sources",
    "": "no trace was made, because tracing was off or the attack left no source addresses",
}
TEST_ASKS = {
    "fingerprint": "Do the attacks share one vector and one traffic fingerprint?",
    "concurrency": "Do their starts lie closer together than shuffled starts would?",
    "sources": "Do their unspoofed sources overlap, by address or /24?",
    "targets": "Do their victims come from one common list of targets?",
}

_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def visible(text: str) -> str:
    """The text with every character that shows nothing, or reorders its neighbours, written as an escape.

    Control and format characters (bidirectional overrides among them, Unicode categories Cc and Cf),
    lone surrogates and line separators come from file and registry names; unescaped they could make a
    name read as another one, or could not be encoded as UTF-8 at all.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _escape(char) if unicodedata.category(char) in _HIDDEN_CATEGORIES else char for char in text
    )


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"


def vector(name: str) -> str:
    """``icmp_flood`` as ``ICMP flood``, ``tcp_synack_reflection`` as ``TCP SYN-ACK reflection``."""
    parts = [
        SPELLED.get(part) or (part.upper() if part in ACRONYMS else part) for part in name.split("_") if part
    ]
    text = " ".join(parts)
    return text[:1].upper() + text[1:]


def percent(share: float) -> str:
    """A share from 0 to 1 as ``12 %``; one decimal below 10 %, ``<0.1 %`` for the smallest."""
    value = share * 100
    if 0 < value < 0.1:
        return "<0.1\u202f%"
    # The rounded value decides about the decimal, so that 9.96 reads 10 and not 10.0.
    if 0 < round(value, 1) < 10:
        return f"{value:.1f}\u202f%"
    # Only what is whole may read as whole: 99.7 % is not 100 %.
    return f"{min(value, 99.9):.1f}\u202f%" if 99.5 <= value < 100 else f"{value:.0f}\u202f%"


_SUPERSCRIPT = str.maketrans(
    "-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
)


def probability(value: float) -> str:
    """A p-value: ``0.034`` or ``2.1e-7`` in figures as people write them; one too small for a double is said to be below 10⁻³⁰⁰."""
    if not math.isfinite(value):
        return "not known"
    if value < 1e-300:
        return f"<\u202f10{str(-300).translate(_SUPERSCRIPT)}"
    if value >= 0.001:
        return f"{value:.2g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}\u2009\u00d7\u200910{str(int(exponent)).translate(_SUPERSCRIPT)}"


def p_equals(value: float) -> str:
    """A p-value with its sign: ``p = 0.034``, or ``p < 10⁻³⁰⁰``."""
    text = probability(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def number(value: float) -> str:
    """A figure of unknown kind: whole numbers with thin spaces, others with up to three digits."""
    if not math.isfinite(value):
        return "not known"
    if value == round(value) or abs(value) >= 1000:
        return units.count(value)
    return f"{value:.3g}"


def figure(name: str, value: float) -> str:
    """A campaign's figure: a share as per cent, a p-value as a power of ten, else a number."""
    if "share" in name and 0 <= value <= 1:
        return percent(value)
    if name.startswith("p_") or name.endswith(("_p", "p_value")):
        return probability(value)
    return number(value)


def plain(name: str) -> str:
    """``top_victim_share`` as ``Top victim share``."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def many(amount: int, one: str, more: str = "") -> str:
    """``1 attack``, ``128 attacks``."""
    return f"{units.count(amount)} {one if amount == 1 else more or one + 's'}"


def listed(names: list[str], most: int = 3) -> str:
    """``A, B and C`` or ``A, B, C and 4 more``."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1] if names else ""]))
