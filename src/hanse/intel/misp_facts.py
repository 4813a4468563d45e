"""What is known of a part of a MISP event (MISP core format)."""

from typing import Any, Final

from hanse.intel.facts import Facts, Gathering, plain, time_us

_KINDS: Final = {
    "ip-src": "address", "ip-dst": "address", "ip": "address",
    "domain": "domain", "hostname": "domain", "dns-soa-email": "email",
    "url": "url", "link": "url", "uri": "",
    "email": "email", "email-src": "email", "email-dst": "email", "email-reply-to": "email",
    "whois-registrant-email": "email", "target-email": "email",
    "md5": "md5", "sha1": "sha1", "sha224": "sha224", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512",
    "authentihash": "sha256", "imphash": "imphash", "impfuzzy": "fuzzy-hash", "ssdeep": "fuzzy-hash", "tlsh": "fuzzy-hash",
    "ja3-fingerprint-md5": "ja3", "hassh-md5": "ja3", "hasshserver-md5": "ja3",
    "x509-fingerprint-md5": "certificate", "x509-fingerprint-sha1": "certificate", "x509-fingerprint-sha256": "certificate",
    "filename": "file-name", "mutex": "mutex", "regkey": "registry-key", "user-agent": "user-agent", "http-user-agent": "user-agent",
    "AS": "asn", "mac-address": "mac", "vulnerability": "cve", "cve": "cve",
    "phone-number": "phone", "whois-registrant-phone": "phone",
    "iban": "iban", "cc-number": "card", "bank-account-nr": "account", "btc": "wallet", "xmr": "wallet", "eth": "wallet",
    "threat-actor": "name", "campaign-name": "name", "malware-type": "name",
}  # fmt: skip
"""What kind of value an attribute of a type is; other types are found by their text alone."""

_SECONDS: Final = {"port": "", "value": "", "ip": "address", **{one: one for one in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "imphash")},
                   "authentihash": "sha256", "ssdeep": "fuzzy-hash", "tlsh": "fuzzy-hash", "impfuzzy": "fuzzy-hash"}  # fmt: skip
"""What the second half of a composite type is; empty is nothing that tells two things apart."""

_ANALYSIS: Final = {"event": "info", "attribute": "value", "object": "name", "report": "name"}


def facts(kind: str, raw: dict[str, Any]) -> Facts:
    """What is known of a part of an event; what it has beyond that stays in it.

    Args:
        kind: ``event``, ``attribute``, ``object`` or ``report``.
        raw: The part as it came.
    """
    found = Gathering()
    if kind == "attribute":
        _attribute(raw, found)
    references = raw.get("ObjectReference")
    for one in references if isinstance(references, list) else ():
        if isinstance(one, dict):
            found.reference(plain(one.get("relationship_type")) or "related-to", one.get("referenced_uuid"))
    if extends := plain(raw.get("extends_uuid")):
        found.reference("extends", extends)
    creator = raw.get("Orgc")
    stamp = _seconds(raw.get("timestamp"))
    return Facts(
        title=_title(kind, raw),
        text="\n".join(filter(None, (plain(raw.get(name)) for name in ("comment", "description", "content")))),
        creator=plain(creator.get("name")) if isinstance(creator, dict) else "",
        created_us=time_us(raw.get("date")) if kind == "event" else None,
        modified_us=stamp,
        revoked=raw.get("deleted") in {True, "1", 1},
        values=tuple(found.values),
        references=tuple(found.references),
        problems=tuple(found.problems),
    )


def _title(kind: str, raw: dict[str, Any]) -> str:
    text = raw.get(_ANALYSIS.get(kind, "name"), "")
    return (plain(text) if isinstance(text, str) else str(text))[:500] or plain(raw.get("uuid"))


def _attribute(raw: dict[str, Any], into: Gathering) -> None:
    """The values of an attribute; of a composite type both halves."""
    kind, text = plain(raw.get("type")), raw.get("value")
    first, both, second = kind.partition("|")
    if not both:
        if meant := _KINDS.get(first):
            into.value(meant, text, kind)
        return
    if not isinstance(text, str) or "|" not in text:
        into.problems.append(f"{kind}: two values with | between were expected.")
        return
    one, _, other = text.partition("|") if first != "regkey" else text.rpartition("|")
    for meant, value in ((_KINDS.get(first), one), (_SECONDS.get(second), other)):
        if meant:
            into.value(meant, value, kind)


def _seconds(value: Any) -> int | None:
    """A time in seconds, as a number or a text, in microseconds."""
    text = str(value)
    return int(text) * 1_000_000 if text.isascii() and text.isdigit() and len(text) < 13 else None
