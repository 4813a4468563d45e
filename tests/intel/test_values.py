"""Values have one spelling each: published vectors, and rules that hold for whatever people write."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.intel.values import KINDS, Value, ValueProblem, normalise, shown
from hanse.intel.values.digests import EMPTY
from hanse.intel.values.keccak import keccak256
from hanse.intel.values.value import LONGEST

ACCEPTED = {
    "address": {
        # RFC 5952, sections 2 and 4, and RFC 4291, section 2.5.5.2.
        "2001:db8:0:0:1:0:0:1": "2001:db8::1:0:0:1",
        "2001:0db8:0:0:1:0:0:1": "2001:db8::1:0:0:1",
        "2001:DB8:0:0:1::1": "2001:db8::1:0:0:1",
        "2001:db8::0001": "2001:db8::1",
        "2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1",
        "2001:0:0:1:0:0:0:1": "2001:0:0:1::1",
        "::FFFF:192.0.2.1": "192.0.2.1",
        "[2001:db8::1]": "2001:db8::1",
        "192[.]0[.]2(.)1": "192.0.2.1",
    },
    "network": {
        "192.0.2.77/24": "192.0.2.0/24",
        "2001:DB8::1/32": "2001:db8::/32",
        "::ffff:192.0.2.0/120": "192.0.2.0/24",
    },
    "domain": {
        # RFC 3492 and UTS 46: Unicode and ASCII spellings of one name, full stops of other scripts.
        "Bücher.example": "xn--bcher-kva.example",
        "XN--BCHER-KVA.Example.": "xn--bcher-kva.example",
        "faß.de": "xn--fa-hia.de",
        "例え.テスト": "xn--r8jz45g.xn--zckzah",
        "例え。テスト。": "xn--r8jz45g.xn--zckzah",
        "\uff45xample.c\uff4fm": "example.com",
        "example[.]com": "example.com",
        "example[dot]com": "example.com",
        "_dmarc.example.org": "_dmarc.example.org",
    },
    "url": {
        # RFC 3986, sections 5.2.4, 6.2.2 and 6.2.3.
        "eXAMPLE://a/./b/../b/%63/%7bfoo%7d": "example://a/b/c/%7Bfoo%7D",
        "http://example.com": "http://example.com/",
        "http://example.com:/": "http://example.com/",
        "HTTP://www.EXAMPLE.com:80/": "http://www.example.com/",
        "https://example.com:8443/": "https://example.com:8443/",
        "http://a/b/c/./../../g": "http://a/g",
        "http://a/..": "http://a/",
        "http://[2001:DB8::1]/": "http://[2001:db8::1]/",
        "http://bücher.example/ä?ö#ü": "http://xn--bcher-kva.example/%C3%A4?%C3%B6#%C3%BC",
        "hxxps://example[.]com/x": "https://example.com/x",
        "h**p://example[.]com/": "http://example.com/",
    },
    "email": {
        "Mari.Maasikas@Example.ORG": "mari.maasikas@example.org",
        "mailto:x@bücher.example": "x@xn--bcher-kva.example",
        "x[at]example[.]org": "x@example.org",
        "e\u0301@example.org": "é@example.org",
    },
    "asn": {"as64496": "AS64496", "ASN 64496": "AS64496", "4294967295": "AS4294967295", "007": "AS7"},
    "mac": {"00-00-5E-00-53-01": "00:00:5e:00:53:01", "0000.5e00.5301": "00:00:5e:00:53:01"},
    "md5": {" D41D8CD98F00B204E9800998ECF8427E ": "d41d8cd98f00b204e9800998ecf8427e"},
    "certificate": {"DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09": "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    "cve": {"cve-2021-44228": "CVE-2021-44228", "CVE\N{EN DASH}2021\N{EN DASH}44228": "CVE-2021-44228"},
    "phone": {"+372 612 3456": "+3726123456", "+39 02 1234567": "+39021234567", "tel:+1-201-555-0123": "+12015550123", "00372 612 3456": "+3726123456", "+372 5100 1234": "+37251001234", " 00 (372) 612-3456": "+3726123456"},
    "iban": {
        # Examples of the registry of ISO 13616 (SWIFT), shortest and longest among them.
        "GB29 NWBK 6016 1331 9268 19": "GB29NWBK60161331926819",
        "de89370400440532013000": "DE89370400440532013000",
        "EE38 2200 2210 2014 5685": "EE382200221020145685",
        "NO93 8601 1117 947": "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S": "MT84MALT011000012345MTLCAST001S",
    },
    "card": {"4111 1111 1111 1111": "4111111111111111", "3782-822463-10005": "378282246310005"},
    "name": {" Fancy\tBear ": "fancy bear", "FANCY\u200b BEAR": "fancy bear", "Stra\u00dfe": "strasse", "\u212b": "å"},
}  # fmt: skip
"""Spellings and the one that they all become."""

WALLETS = {
    # BIP 173 and BIP 350, test vectors of the main network.
    "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4": "bitcoin:bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y": (
        "bitcoin:bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y"
    ),
    "BC1SW50QGDZ25J": "bitcoin:bc1sw50qgdz25j",
    "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs": "bitcoin:bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0": (
        "bitcoin:bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"
    ),
    # The first block of Bitcoin, and a P2SH address of Bitcoin's documentation.
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa": "bitcoin:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "bitcoin:3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy": "bitcoin:3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
    # The specification of CashAddr: one hash in both forms.
    "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a": (
        "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"
    ),
    "bitcoincash:1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu": "bitcoincash:1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu",
    # EIP-55: all capitals, all small, mixed.
    "0x52908400098527886E0F7030069857D2E4169EE7": "ethereum:0x52908400098527886e0f7030069857d2e4169ee7",
    "0xde709f2102306220921060314715629080e2fb77": "ethereum:0xde709f2102306220921060314715629080e2fb77",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed": "ethereum:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359": "ethereum:0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb": "ethereum:0xd1220a0cf47c7b9be7a2e6ba89f429762e7b9adb",
    # The donation addresses of the Monero project, the old one and the subaddress of today.
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A": (
        "monero:44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"
    ),
    "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H": (
        "monero:888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H"
    ),
    # The contract of USDT on Tron.
    "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t": "tron:TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
}

REFUSED = {
    "address": {
        "192.0.2.256": "no IP address", "192.0.2.01": "no IP address", "1": "no IP address", "fe80::1%eth0": "zone",
        "2001:db8::1::2": "no IP address", "": "no IP address",
    },
    "network": {"192.0.2.0/33": "no network", "fe80::/10%x": "no network"},
    "domain": {
        "localhost": "needs labels", "a..b": "needs labels", "-a.example": "needs labels", "192.0.2.1": "needs labels",
        "a" * 64 + ".example": "needs labels", "ex ample.org": "needs labels", "bü cher.example": "no domain",
    },
    "url": {
        "example.org/x": "scheme and a host", "file:///etc/passwd": "scheme and a host", "http://[::1": "no URL",
        "http://example.org:99999/": "no URL", "http://exa mple/": "no domain", "http://1.2.3.4.5/": "no IP address",
        "http://[fe80::1%25eth0]/": "zone",
    },
    "email": {"a@b": "no domain", "@example.org": "no mail address", "a b@example.org": "no mail address",
              "Mari <m@example.org>": "no mail address", "a\u202e@example.org": "no mail address"},
    "asn": {"0": "no AS number", "4294967296": "no AS number", "9" * 5000: "no AS number", "AS-SET": "no AS number"},
    "mac": {"00:00:5e:00:53": "no hardware address"},
    "sha256": {"d41d8cd98f00b204e9800998ecf8427e": "64 hexadecimal digits", "g" * 64: "0 to 9 and a to f"},
    "certificate": {"z" * 40: "hexadecimal"},
    "cve": {"CVE-21-1": "no CVE"},
    "phone": {"612 3456": "country code", "+372 1": "too few digits", "000372 612 3456": "country code", "hello": "no telephone number"},
    "iban": {"GB29 NWBK 6016 1331 9268 18": "checksum", "DE8937040044053201300": "checksum", "ZZ": "no IBAN",
             "": "no IBAN"},
    "card": {"4111 1111 1111 1112": "checksum", "79927398713": "12 to 19 digits", "\u0664" * 16: "12 to 19 digits"},
    "name": {"\u200b": "empty", " ": "empty"},
    "account": {"": "empty", "a\0b": "NUL", "a\ud800": "surrogate"},
    "wallet": {
        # BIP 173 and BIP 350, invalid vectors of the main network, in their order.
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd": "checksum",
        "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL": "checksum",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh": "checksum",
        "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4": "occurs in none",
        "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R": "length or version",
        "bc1pw5dgrnzv": "length or version",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav": "length or version",
        "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P": "length or version",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf": "mean nothing",
        "bc1gmk9yu": "occurs in none",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5": "checksum",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kV8F3T4": "mixes",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb": "checksum",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfN0": "occurs in none",
        "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6b": "no wallet",
        "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6q": "checksum",
        "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed": "EIP-55",
        "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3B": "checksum",
        "ethereum:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa": "bitcoin, and not of ethereum",
        "litecoin:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa": "bitcoin, and not of litecoin",
        "": "no wallet",
    },
}  # fmt: skip
"""What is no value of a kind, and a part of the reason given."""


def pairs(table):
    """Rows of a table by kind."""
    return [(kind, text, right) for kind, rows in table.items() for text, right in rows.items()]


@pytest.mark.parametrize(("kind", "text", "right"), pairs(ACCEPTED | {"wallet": WALLETS}))
def test_spellings_of_one_thing_become_one(kind, text, right):
    """Each published spelling becomes the one normal form."""
    assert normalise(kind, text) == Value(kind, right)


@pytest.mark.parametrize(("kind", "text", "why"), pairs(REFUSED))
def test_what_is_none_of_its_kind_is_refused_with_the_reason(kind, text, why):
    """What is mistyped or something else is refused, in words that say why."""
    with pytest.raises(ValueProblem, match=why):
        normalise(kind, text)


def test_an_address_of_two_chains_is_of_the_one_that_is_said():
    """Litecoin writes scripts as Bitcoin does; who says which chain is meant is believed."""
    text = "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"
    assert normalise("wallet", f"litecoin:{text}").text == f"litecoin:{text}"
    assert normalise("wallet", text).text == f"bitcoin:{text}"


def test_keccak_is_the_variant_of_crypto_currencies():
    """The vectors of the Keccak team for nothing and "abc", and texts around the length of a block."""
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    assert len({keccak256(bytes(length)) for length in range(130, 142)}) == 12


def test_hashes_of_the_empty_file_are_those_of_nothing():
    """The list names the hash of no bytes by each function."""
    import hashlib

    made = {
        getattr(hashlib, name)(b"").hexdigest()
        for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
    }
    assert made == EMPTY


def test_a_card_is_shown_by_its_first_six_and_last_four_digits():
    """PCI DSS 4.0, requirement 3.4.1; and no reason for refusing one repeats it."""
    assert shown(normalise("card", "4111111111111111")) == "411111******1111"
    with pytest.raises(ValueProblem) as caught:
        normalise("card", "4111111111111112")
    assert "4111" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_longer_than_any_is_refused_by_every_kind(kind):
    """Documents are no values."""
    with pytest.raises(ValueProblem, match="are the most"):
        normalise(kind, "1" * (LONGEST + 1))


SIGNS = st.one_of(
    st.characters(),
    st.sampled_from("0123456789abcdefABCDEF.:/-_%@[]()?#& xhtps"),
    st.sampled_from("İıßſŉΐΰ\u0345\u200b\u202e。\uff0e\uff11\uff41\u0301é\u212b"),
)
URLS = st.builds(
    "{}://{}{}{}/{}".format,
    st.sampled_from(["http", "HTTPS", "ftp", "x-y"]),
    st.sampled_from(["", "u:p@", "ü@", "a%4a@"]),
    st.sampled_from(["example.org", "EXAMPLE.", "[2001:db8::1]", "bücher.example", "192.0.2.1", "a_b", "x"]),
    st.sampled_from(["", ":", ":80", ":443", ":65535"]),
    st.text(st.sampled_from("ab/.%?#&=+;7e2Ff ä[]|\\"), max_size=24),
)
DOMAINS = st.lists(st.text(SIGNS, min_size=1, max_size=8), min_size=2, max_size=4).map(".".join)
TEXTS = st.one_of(
    st.text(SIGNS, max_size=60), URLS, DOMAINS, DOMAINS.map("x@{}".format), st.ip_addresses().map(str),
    st.text("0123456789abcdef", min_size=32, max_size=64),
    st.sampled_from([text for _, text, _ in pairs(ACCEPTED | {"wallet": WALLETS})]),
)  # fmt: skip


def told(kind: str, text: str) -> Value | str:
    """The value, or the reason why it is none."""
    try:
        return normalise(kind, text)
    except ValueProblem as problem:
        return str(problem)


@settings(max_examples=1000)
@given(st.sampled_from(sorted(KINDS)), TEXTS)
def test_the_normal_form_is_its_own_normal_form(kind, text):
    """Whatever is written: it is refused with a reason, or its normal form is normal, and can be stored."""
    value = told(kind, text)
    if isinstance(value, str):
        assert len(value) > 8
        assert value.endswith(".")
        return
    assert normalise(kind, value.text) == value
    assert value.text
    assert "\0" not in value.text
    value.text.encode()
    assert shown(value)


@settings(max_examples=200)
@given(st.ip_addresses(v=6))
def test_every_spelling_of_an_ipv6_address_is_one_value(address):
    """RFC 5952 is one text per address, and reads back as the same address."""
    spelt = {
        normalise("address", text).text for text in (str(address), address.exploded, address.exploded.upper())
    }
    assert len(spelt) == 1
