"""Personal data that can be recognised by its form: mail and IP addresses, cards, accounts, SSNs, phone numbers.

Documentation is full of things that look like these and are not: versions, order numbers, package names with an @,
addresses of example.com. So a form is checked further wherever it has a check digit or a registry, and the word before
it decides where it has not. Names of people have no form, and are not found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundwork.guardrails.detect.numbers import IBAN_LENGTH, is_card, is_iban, is_persons_address
from groundwork.guardrails.detect.patterns import LOOK_BACK, Pattern

EMAIL, CARD, IBAN, IP, SSN, PHONE = (
    "e-mail address", "card number", "IBAN", "IP address", "social security number", "phone number",
)  # fmt: skip

# Endings after an @ that are no top-level domain: files, units, private names (RFC 2606, RFC 6762, RFC 9476).
_NO_DOMAIN = frozenset(
    "png jpg jpeg gif svg webp ico js mjs cjs json ts tsx jsx css scss html htm tgz gz bz2 xz tar whl jar yaml yml toml"
    " lock txt md rst py rb log cfg ini conf xml exe dll so service target socket timer mount local localhost internal"
    " lan home corp example test invalid alt svc cluster".split()
)
_EXAMPLE_DOMAIN = re.compile(r"(?:^|\.)example\.(?:com|org|net|edu)$", re.IGNORECASE)
# Accounts of machines.
_NO_PERSON = frozenset({"git", "svn", "hg", "noreply", "no-reply", "donotreply", "do-not-reply"})

_NOT_A_CARD = re.compile(
    r"\b(?:order|tracking|invoice|ticket|reference|ref|serial|build|commit|job|run|trace|span|request|session|account"
    r"|batch|timestamp|epoch|offset|sku|part|model|isbn|imei|id)\b",
    re.IGNORECASE,
)
_A_CARD = re.compile(r"\b(?:card|visa|mastercard|amex|credit|debit|cc|pan)\b", re.IGNORECASE)
# One blank and one word behind a number are looked at too; `spaced` holds them back with it.
_A_COUNT = re.compile(
    r" (?:rows|records|bytes|items|lines|events|messages|requests|tokens|ns|us|ms|samples|times|entries|objects|files"
    r"|packets|cycles|ticks)\b",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"(?:\b(?:version|versions|release|releases|ver|build|firmware|driver|python|chrome|v|rev)\b\W{0,3}|[=<>~^@]\s?)\Z",
    re.IGNORECASE,
)
_PHONE_WORD = re.compile(
    r"\b(?:phone|telephone|tel|mobile|cell|cellphone|fax|whatsapp|hotline|desk"
    r"|(?:call|reach|ring|text)(?:ing)?\s+(?:me|us|him|her|them|now|on|at))\b",
    re.IGNORECASE,
)
_NETWORK = re.compile(r"/(?:[0-9]|[12][0-9]|3[01])(?![0-9])")


def _before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - LOOK_BACK + 2) : match.start()]


def _email(match: re.Match[str]) -> tuple[int, int] | None:
    local, _, domain = match[0].rpartition("@")
    ending = domain.rpartition(".")[2].lower()
    if ending in _NO_DOMAIN or _EXAMPLE_DOMAIN.search(domain) or local.lower() in _NO_PERSON:
        return None
    return match.span()


def _card(match: re.Match[str]) -> tuple[int, int] | None:
    if not is_card(re.sub(r"[ -]", "", match[0])):
        return None
    before = _before(match)
    counted = _NOT_A_CARD.search(before) or _A_COUNT.match(match.string, match.end())
    if counted and not _A_CARD.search(before):
        return None
    return match.span()


def _iban(match: re.Match[str]) -> tuple[int, int] | None:
    wanted = IBAN_LENGTH.get(match[0][:2].upper(), 0)
    text = match.string
    taken, end = 0, match.start()
    # One separator at most after four letters and digits, so never more than 34 + 9 code points.
    while taken < wanted and end < len(text) and end - match.start() - taken <= 9:
        if text[end].isalnum():
            taken += 1
        elif text[end] not in " -" or not text[end - 1].isalnum():
            break
        end += 1
    stretch = text[match.start() : end]
    if taken < wanted or (end < len(text) and text[end].isalnum()):
        return None
    return (match.start(), end) if is_iban(re.sub(r"[ -]", "", stretch)) else None


def _ip(match: re.Match[str]) -> tuple[int, int] | None:
    if not is_persons_address(match[0]) or _NETWORK.match(match.string, match.end()):
        return None
    if "." in match[0] and _VERSION.search(_before(match)):
        return None
    return match.span()


def _ssn(match: re.Match[str]) -> tuple[int, int] | None:
    # The two that stand in advertisements and guides.
    return None if match[0] in {"123-45-6789", "078-05-1120"} else match.span()


class PhoneNumbers:
    """Phone numbers of the given regions' plans, and of any plan where written with a plus sign.

    Behind a word such as "fax" any number of the right length counts. Elsewhere it has to be in use by the numbering
    plan, and be written with a plus sign or with the area code in brackets.
    """

    def __init__(self, regions: Sequence[str]) -> None:
        self._regions = tuple(regions)

    def extent(self, match: re.Match[str]) -> tuple[int, int] | None:
        """The longest beginning of the match that is a number that can be called."""
        if _PHONE_WORD.search(_before(match)):
            return match.span()
        if not match[0].startswith(("+", "(")):
            return None
        regions = (None,) if match[0].startswith("+") else self._regions
        stretch = match[0]
        while sum(letter.isdigit() for letter in stretch) >= 7:
            if any(_callable(stretch, region) for region in regions):
                return match.start(), match.start() + len(stretch)
            shorter = re.search(r"\A(.*\d)[ .()x-]+(?:ext\.? ?)?\d+\Z", stretch)
            if shorter is None:
                return None
            stretch = shorter[1]
        return None


def _callable(stretch: str, region: str | None) -> bool:
    import phonenumbers

    try:
        number = phonenumbers.parse(stretch, region)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_valid_number(number))


# What a card's, a phone's or an account's number could still be the beginning of: digits in groups, with the word behind
# them that may tell a count, or letters and digits in groups. Matches up to the end of the text.
OPENING = re.compile(
    r"(?:[+(]|\d)[\d .()-]*(?:(?:x|ext?\.?) ?\d{0,6}| ?[A-Za-z]{0,12})\Z"
    r"|(?<![^\W_])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9])*[ -]?\Z"
)

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_PATTERNS = {
    EMAIL: Pattern(
        EMAIL,
        re.compile(
            r"(?<![\w.%+-])[\w.%+-]{1,128}@(?:[^\W_][\w-]{0,62}\.){1,8}[^\W\d_]{2,24}(?![\w-]|\.\w)"
        ),
        _email,
        needs="@",
    ),
    CARD: Pattern(
        CARD,
        re.compile(
            r"(?<![\w.-])(?:\d{13,19}|\d{4}(?P<s>[ -])\d{4}(?P=s)\d{4}(?P=s)\d{1,7}|3\d{3}(?P<t>[ -])\d{6}(?P=t)\d{4,5})"
            r"(?![\w-]|\.\d)"
        ),
        _card,
        spaced=40,
    ),
    IBAN: Pattern(
        IBAN,
        re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9]{4})", re.ASCII),
        _iban,
        spaced=46,
    ),
    IP: Pattern(
        IP,
        re.compile(
            rf"(?<![\w.:])(?:(?:{_OCTET}\.){{3}}{_OCTET}(?![\w]|\.\d)|(?=[23])[0-9a-f]{{1,4}}:(?=[0-9a-f:]*:)"
            r"[0-9a-f:]{2,36}(?<!:)(?![\w:]|\.\d))",
            re.IGNORECASE | re.ASCII,
        ),
        _ip,
    ),
    SSN: Pattern(
        SSN,
        re.compile(r"(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-]|\.\d)"),
        _ssn,
    ),
}
KINDS = (*_PATTERNS, PHONE)


def personal_patterns(kinds: Sequence[str], regions: Sequence[str]) -> tuple[Pattern, ...]:
    """The patterns of these kinds. `regions` are the countries (ISO 3166) of phone numbers without a plus sign."""
    phone = Pattern(
        PHONE,
        re.compile(
            r"(?<![\w.(/=+-])(?:\+|\(|(?=\d))(?:\d[ .()-]{0,2}){6,14}\d(?: ?(?:x|ext\.?) ?\d{1,6})?"
            r"(?![\w]|-\w|\.\d)"
        ),
        PhoneNumbers(regions).extent,
        spaced=52,
    )
    found = {**_PATTERNS, PHONE: phone}
    return tuple(found[kind] for kind in kinds)
