"""What kind of value an attribute of each type of MISP is; of a composite type, what either half is.

The types are those of MISP's describeTypes; a test compares.
"""

from typing import Final

KINDS: Final = {
    "ip-src": "address", "ip-dst": "address", "domain": "domain", "hostname": "domain", "onion-address": "domain",
    "url": "url", "link": "url", "uri": "url",
    "email": "email", "email-src": "email", "email-dst": "email", "email-reply-to": "email", "eppn": "email",
    "whois-registrant-email": "email", "target-email": "email", "dns-soa-email": "email", "jabber-id": "email",
    "md5": "md5", "sha1": "sha1", "sha224": "sha224", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512",
    "authentihash": "sha256", "imphash": "imphash", "impfuzzy": "fuzzy-hash", "ssdeep": "fuzzy-hash",
    "tlsh": "fuzzy-hash", "telfhash": "fuzzy-hash", "vhash": "fuzzy-hash", "pehash": "sha1", "cdhash": "fuzzy-hash",
    "sha512/224": "other-hash", "sha512/256": "other-hash", "sha3-224": "other-hash", "sha3-256": "other-hash",
    "sha3-384": "other-hash", "sha3-512": "other-hash", "dom-hash": "other-hash", "git-commit-id": "other-hash",
    "favicon-mmh3": "other-hash", "jarm-fingerprint": "other-hash",
    "ja3-fingerprint-md5": "ja3", "hassh-md5": "hassh", "hasshserver-md5": "hassh", "community-id": "other-hash",
    "x509-fingerprint-md5": "certificate", "x509-fingerprint-sha1": "certificate",
    "x509-fingerprint-sha256": "certificate", "ssh-fingerprint": "other-hash",
    "filename": "file-name", "pdb": "file-name", "attachment": "file-name", "email-attachment": "file-name",
    "malware-sample": "file-name", "mutex": "mutex", "named pipe": "mutex", "regkey": "registry-key",
    "windows-scheduled-task": "file-name", "windows-service-name": "file-name",
    "user-agent": "user-agent", "AS": "asn", "mac-address": "mac", "mac-eui-64": "account", "vulnerability": "cve",
    "phone-number": "phone", "whois-registrant-phone": "phone",
    "iban": "iban", "cc-number": "card", "btc": "wallet", "xmr": "wallet", "dash": "account",
    "bank-account-nr": "account", "aba-rtn": "account", "bic": "account", "prtn": "account",
    "target-user": "account", "github-username": "account", "github-repository": "account",
    "github-organisation": "account", "twitter-id": "account", "mobile-application-id": "account",
    "azure-application-id": "account", "chrome-extension-id": "account", "edge-extension-id": "account",
    "passport-number": "account", "identity-card-number": "account", "visa-number": "account",
    "redress-number": "account", "frequent-flyer-number": "account",
    "passenger-name-record-locator-number": "account", "email-message-id": "account", "uuid": "account",
    "email-thread-index": "account", "email-mime-boundary": "account", "dkim-signature": "account", "cookie": "account",
    "threat-actor": "name", "campaign-name": "name", "campaign-id": "name", "malware-type": "name",
    "full-name": "name", "whois-registrant-name": "name", "whois-registrant-org": "name", "target-org": "name",
    "target-machine": "name", "email-dst-display-name": "name", "email-src-display-name": "name",
}  # fmt: skip
"""By type: the kind of value that an attribute is."""

NOTHING: Final = frozenset({
    "comment", "text", "hex", "other", "float", "size-in-bytes", "counter", "integer", "datetime", "boolean", "port",
    "http-method", "mime-type", "process-state", "email-subject", "email-body", "email-header", "email-x-mailer", "dkim",
    "snort", "suricata", "bro", "zeek", "yara", "sigma", "gene", "kusto-query", "stix2-pattern", "cortex",
    "pattern-in-file", "pattern-in-traffic", "pattern-in-memory", "filename-pattern", "pgp-public-key",
    "pgp-private-key", "cpe", "weakness", "windows-service-displayname", "whois-registrar", "whois-creation-date",
    "target-location", "target-external", "bin", "first-name", "middle-name", "last-name", "date-of-birth",
    "place-of-birth", "gender", "passport-country", "passport-expiration", "nationality", "issue-date-of-the-visa",
    "primary-residence", "country-of-residence", "special-service-request", "travel-details", "payment-details",
    "place-port-of-original-embarkation", "place-port-of-clearance", "place-port-of-onward-foreign-destination",
    "anonymised",
})  # fmt: skip
"""Types whose attributes describe, count or detect something and name nothing; full text finds them."""

SECONDS: Final = {"port": "", "value": "", "ip": "address"}
"""What the second half of a composite type is where it is no type itself; empty names nothing."""


def halves(kind: str) -> tuple[str, str]:
    """The kinds of value of an attribute of a type; the second is empty for one of one part, either for no value."""
    if kind == "malware-sample":
        return "file-name", "md5"
    first, _, second = kind.partition("|")
    return KINDS.get(first, ""), SECONDS.get(second, KINDS.get(second, ""))
