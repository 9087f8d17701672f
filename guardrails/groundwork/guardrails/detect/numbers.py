"""Check digits and places of numbers that stand for a person or an account."""

from __future__ import annotations

import ipaddress

# Length of an IBAN by country (ISO 13616 registry).
IBAN_LENGTH = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SD": 18,
    "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22,
    "VG": 24, "XK": 20,
}  # fmt: skip

# First digits of a card number, lowest and highest, and the lengths that go with them (ISO/IEC 7812 issuers).
_CARDS = (
    ("4", "4", (13, 16, 19)),
    ("51", "55", (16,)),
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),
    ("37", "37", (15,)),
    ("6011", "6011", (16, 17, 18, 19)),
    ("644", "659", (16, 17, 18, 19)),
    ("300", "305", (14,)),
    ("36", "36", (14,)),
    ("38", "39", (14,)),
    ("3528", "3589", (16, 17, 18, 19)),
    ("62", "62", (16, 17, 18, 19)),
    ("2200", "2204", (16, 17, 18, 19)),
    ("5018", "5018", (16,)),
    ("5020", "5020", (16,)),
    ("5038", "5038", (16,)),
    ("6304", "6304", (16,)),
    ("6759", "6763", (16,)),
)
# Numbers that payment providers publish for trying things out.
_TEST_CARDS = frozenset(
    "4242424242424242 4111111111111111 4000056655665556 5555555555554444 2223003122003222 5200828282828210"
    " 5105105105105100 378282246310005 371449635398431 6011111111111117 6011000990139424 3056930009020004"
    " 36227206271667 3566002020360505 6200000000000005 4012888888881881 4222222222222 30569309025904"
    " 4000000000000002 4000000000003220".split()
)
# Public resolvers: every network guide names them.
_RESOLVERS = frozenset(
    ipaddress.ip_address(address)
    for address in "8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 149.112.112.112 208.67.222.222 208.67.220.220"
    " 2001:4860:4860::8888 2001:4860:4860::8844 2606:4700:4700::1111 2606:4700:4700::1001 2620:fe::fe".split()
)
_UNICAST = ipaddress.IPv6Network("2000::/3")


def luhn(digits: str) -> bool:
    """Whether the check digit of ISO/IEC 7812 fits."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Whether an issuer gives out such numbers, the check digit fits, and it is no published test number."""
    known = any(
        len(digits) in lengths and low <= digits[: len(low)] <= high
        for low, high, lengths in _CARDS
    )
    return known and luhn(digits) and digits not in _TEST_CARDS and len(set(digits)) > 2


def is_iban(compact: str) -> bool:
    """Whether the length fits the country and the remainder modulo 97 is 1 (ISO 7064). Without spaces."""
    compact = compact.upper()
    if IBAN_LENGTH.get(compact[:2]) != len(compact):
        return False
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(letter, 36)) for letter in moved)) % 97 == 1


def is_persons_address(address: str) -> bool:
    """Whether the IP address can belong to someone: global, no documentation range, no public resolver."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed not in _UNICAST:
        return False
    return parsed.is_global and not parsed.is_multicast and parsed not in _RESOLVERS
