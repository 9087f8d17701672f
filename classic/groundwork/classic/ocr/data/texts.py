"""What is written on the lines that the recogniser learns from."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

from groundwork.classic.ocr.alphabet import CHARACTERS
from groundwork.classic.ocr.data import names

_CONSONANTS = "b c d f g h j k l m n p r s t v w x z ch sh th st tr br gr kl qu ll ss ck ng".split()
_VOWELS = "a e i o u ai ea ou ie oo y".split()
_ALNUM = string.ascii_uppercase + string.digits
_ACCENTED = [one for one in CHARACTERS if ord(one) > 191]
_MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()


def invented(rng: random.Random) -> str:
    """A pronounceable word, so that reading does not lean on the lists."""
    parts = [rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(rng.randint(1, 3))]
    return "".join(parts) + rng.choice(["", rng.choice("nrstlmdk")])


def _case(text: str, rng: random.Random) -> str:
    turn = rng.random()
    if turn < 0.45:
        return text.upper()
    return text.title() if turn < 0.75 else text


def _digits(rng: random.Random, low: int, high: int) -> str:
    return "".join(rng.choices(string.digits, k=rng.randint(low, high)))


def code(rng: random.Random) -> str:
    """A document number, licence class, postcode or the like."""
    pattern = rng.choice(
        ["A########", "AA#######", "#########", "###-###-###", "A##-####-####", "XXXXXXXXX", "XX######X", "######-####",
         "#### #### #### ####", "A#", "AA ###### A", "##/####/##", "XXX-XXX", "AAA ####", "#A#XXXX", "########A", "L##X##A##"]
    )  # fmt: skip
    kinds = {"A": string.ascii_uppercase, "#": string.digits, "X": _ALNUM}
    return "".join(rng.choice(kinds[one]) if one in kinds else one for one in pattern)


def date(rng: random.Random) -> str:
    """A date as cards and receipts print it."""
    day, month, year = rng.randint(1, 31), rng.randint(1, 12), rng.randint(1925, 2049)
    name = rng.choice(_MONTHS)
    text = rng.choice(
        [f"{day:02}.{month:02}.{year}", f"{day:02}/{month:02}/{year}", f"{year}-{month:02}-{day:02}", f"{day:02} {month:02} {year}",
         f"{day:02} {name} {year}", f"{day} {name.title()} {year}", f"{day:02}-{month:02}-{year % 100:02}", f"{month:02}/{year % 100:02}",
         f"{day:02} {name} / {name} {year % 100:02}", f"{day:02}-{name}-{year}", f"{month}/{day}/{year}", f"{day:02}{month:02}{year}"]
    )  # fmt: skip
    if rng.random() < 0.2:
        text += f" {rng.randint(0, 23):02}:{rng.randint(0, 59):02}" + rng.choice(
            ["", f":{rng.randint(0, 59):02}"]
        )
        text += rng.choice(["", "", " AM", " PM", "PM"])
    return text


def person(rng: random.Random) -> str:
    """Names as they stand on cards."""
    given = " ".join(rng.sample(names.GIVEN, rng.choice([1, 1, 2, 2, 3])))
    surname = rng.choice(names.SURNAMES)
    if rng.random() < 0.2:
        surname += rng.choice([" ", "-"]) + rng.choice(
            [invented(rng).title(), rng.choice(names.SURNAMES)]
        )
    text = rng.choice(
        [given, surname, f"{given} {surname}", f"{surname}, {given}", f"{surname} {given}"]
    )
    return text.upper() if rng.random() < 0.6 else text


def address(rng: random.Random) -> str:
    """A line of an address."""
    number = rng.choice(
        [
            str(rng.randint(1, 250)),
            f"{rng.randint(1, 99)}/{rng.randint(1, 40)}",
            f"NO. {rng.randint(1, 99)}",
        ]
    )
    street = f"{rng.choice([invented(rng).title(), rng.choice(names.SURNAMES)])} {rng.choice(names.STREETS)}"
    place = rng.choice(names.PLACES)
    place = place.title() if rng.random() < 0.5 else place
    return rng.choice(
        [f"{street} {number}", f"{number} {street}", f"{_digits(rng, 4, 5)} {place}", f"{number}, {street}, {place}",
         f"{place}, {rng.choice(names.COUNTRIES).title()}", place, f"{number}, {street.upper()},"]
    )  # fmt: skip


def words(rng: random.Random) -> str:
    """Some words, real and invented, with the punctuation of prose."""
    parts = []
    for _ in range(rng.randint(1, 6)):
        word = rng.choice(
            [
                rng.choice(names.COMMON),
                rng.choice(names.COMMON),
                invented(rng),
                invented(rng),
                rng.choice(names.SHOP).lower(),
            ]
        )
        turn = rng.random()
        if turn < 0.06:
            word += rng.choice(",.;:!?")
        elif turn < 0.09:
            word = rng.choice(["({})", '"{}"', "'{}'", "[{}]"]).format(word)
        elif turn < 0.13:
            word = rng.choice(["{}-{}", "{}/{}", "{}&{}", "{}'{}"]).format(word, invented(rng))
        parts.append(word)
    return _case(" ".join(parts), rng)


def noise(rng: random.Random) -> str:
    """Characters that nothing predicts: what is rare elsewhere is seen here."""
    pool = rng.choice(
        [
            _ALNUM,
            CHARACTERS[1:95],
            _ALNUM + string.ascii_lowercase,
            string.digits + ".,:-/",
            string.ascii_lowercase,
        ]
    )
    text = "".join(rng.choices(pool, k=rng.randint(2, 12)))
    return (
        text if rng.random() < 0.7 else text + " " + "".join(rng.choices(pool, k=rng.randint(1, 8)))
    )


def accents(rng: random.Random) -> str:
    """Invented words with accented letters put in."""
    word = list(" ".join(invented(rng) for _ in range(rng.randint(1, 3))))
    for _ in range(rng.randint(1, 3)):
        word[rng.randrange(len(word))] = rng.choice(_ACCENTED)
    return _case("".join(word), rng)


def labelled(rng: random.Random) -> str:
    """A label, alone or with its value."""
    label = rng.choice(names.LABELS)
    if rng.random() < 0.3:
        label = f"{rng.choice([str(rng.randint(1, 12)), '4a', '4b', '4c', '4d'])}. {label}"
    if rng.random() < 0.35:
        label += rng.choice([": ", " ", ":"]) + rng.choice([code, date, person])(rng)
    return label.upper() if rng.random() < 0.3 else label


def contact(rng: random.Random) -> str:
    """Telephone numbers, addresses of mail and pages."""
    name, host = invented(rng), invented(rng)
    return rng.choice(
        [f"www.{host}.com", f"{name}@{host}.org", f"+{rng.randint(1, 99)} {_digits(rng, 2, 3)} {_digits(rng, 6, 7)}",
         f"TEL: {_digits(rng, 2, 3)}-{_digits(rng, 7, 8)}", f"Tel : {_digits(rng, 2, 2)}-{_digits(rng, 4, 4)} {_digits(rng, 4, 4)}",
         f"http://{host}.net/{name}", f"FAX:{_digits(rng, 9, 10)}", f"({_digits(rng, 3, 3)}) {_digits(rng, 3, 3)}-{_digits(rng, 4, 4)}"]
    )  # fmt: skip


def short(rng: random.Random) -> str:
    """One to four characters: sexes, quantities, units, signs."""
    return rng.choice(
        [rng.choice("MFX"), str(rng.randint(0, 99)), rng.choice(["cm", "CM", "KG", "PC", "SR", "RM", "NO", "ID", "B1", "EU", "x", "@", ":", "%", "#", "-", "="]),
         f"{rng.randint(140, 205)} cm", rng.choice(_ALNUM), f"{rng.randint(1, 9)}.", f"({rng.choice(_ALNUM)})", f"{rng.randint(1, 99)}%", rng.choice(names.SHOP)]
    )  # fmt: skip


def mrz_line(rng: random.Random) -> str:
    """30, 36 or 44 characters as a machine-readable zone has them; check digits are not of interest to reading."""
    width = rng.choice([30, 30, 44, 44, 36])
    turn = rng.random()
    if turn < 0.35:
        pool = [one for one in names.SURNAMES + names.GIVEN if one.isascii() and one.isalpha()]
        surname, *given = (one.upper() for one in rng.choices(pool, k=rng.randint(2, 4)))
        start = (
            "P<" + "".join(rng.choices(string.ascii_uppercase, k=3)) if rng.random() < 0.5 else ""
        )
        text = f"{start}{surname}<<{'<'.join(given)}"
    elif turn < 0.75:
        country = "".join(rng.choices(string.ascii_uppercase, k=3))
        text = (
            "".join(rng.choices(_ALNUM, k=9))
            + rng.choice(string.digits)
            + country
            + _digits(rng, 7, 7)
            + rng.choice("MF<")
            + _digits(rng, 7, 7)
        )
        text += rng.choice(["", "<" * 10, _digits(rng, 9, 11)])
    else:
        text = (
            rng.choice(["I<", "ID", "AC", "C<"])
            + "".join(rng.choices(string.ascii_uppercase, k=3))
            + "".join(rng.choices(_ALNUM, k=9))
        )
        text += rng.choice(string.digits)
    text = text[:width].ljust(width, "<")
    return text[:-1] + rng.choice("0123456789<") if rng.random() < 0.5 else text


def money(rng: random.Random) -> str:
    """An amount."""
    amount = round(rng.choice([rng.uniform(0, 20), rng.uniform(0, 300), rng.uniform(0, 9999)]), 2)
    text = f"{amount:,.2f}" if rng.random() < 0.7 else f"{amount:.2f}"
    return (
        rng.choice(
            ["{}"] * 8
            + [
                "RM{}",
                "RM {}",
                "${}",
                "€{}",
                "£{}",
                "{} SR",
                "{} S",
                "-{}",
                "{}-",
                "({})",
                "*{}",
                "{} T",
                "${} ",
            ]
        )
        .format(text)
        .strip()
    )


def receipt(rng: random.Random) -> str:
    """A line of a receipt."""
    some = " ".join(
        rng.choice([rng.choice(names.SHOP)] * 4 + [invented(rng).upper()])
        for _ in range(rng.randint(1, 4))
    )
    label = rng.choice([some, some, some, rng.choice(names.SHOP)])
    text = rng.choice(
        [label, label, f"{label} : {money(rng)}", f"{label}: {code(rng)}", f"{label} :", f"{label}:", f"{label} {money(rng)}", f"{rng.randint(1, 20)} {label}",
         f"{label} {rng.randint(1, 12)}%", f"{label} ({rng.choice(['RM', 'SR', 'S', 'EX', 'IN', '6%', 'INCL'])})", f"{rng.randint(1, 99)} x {money(rng)}", f"{rng.randint(1, 20)} PCS @ {money(rng)}",
         f"{label} @ {rng.randint(1, 10)}%", f"***{label}***", f"{label} {'.' * rng.randint(2, 20)} RM", f"({_digits(rng, 5, 8)}-{rng.choice(string.ascii_uppercase)})",
         f"GST ID : {_digits(rng, 12, 12)}", f"{label}#{_digits(rng, 3, 9)}", f"{_digits(rng, 8, 13)}", f"{label} !", f"{label}, {label}.", f"-{label}", f"{label} = {money(rng)}",
         f"{label} NO: {code(rng)}", f"{_digits(rng, 1, 4)}-{rng.choice(names.SHOP)}/{rng.choice(names.SHOP)}", f"{rng.randint(1, 12)}{rng.choice(['MM', 'CM', 'L', 'ML', 'G', 'KG', 'S'])}"]
    )  # fmt: skip
    turn = rng.random()
    if turn < 0.62:
        return text
    return text.title() if turn < 0.93 else text.lower()


# (share, writer) by use of the font.
KINDS: dict[str, tuple[tuple[float, Callable[[random.Random], str]], ...]] = {
    "card": (
        (22, person), (14, date), (14, code), (12, labelled), (8, address), (8, words), (5, noise), (6, accents), (3, contact),
        (5, short), (3, lambda rng: rng.choice(names.TITLES)),
    ),
    # What cards say, for measuring: without strings that nothing predicts.
    "field": ((25, person), (18, date), (18, code), (16, labelled), (8, address), (3, lambda rng: rng.choice(names.TITLES))),
    "mrz": ((1, mrz_line),),
    "receipt": ((40, receipt), (22, money), (10, date), (6, code), (5, contact), (5, address), (6, short), (4, noise), (4, words), (3, person)),
}  # fmt: skip


def text_for(use: str, rng: random.Random) -> str:
    """A line for a use of fonts."""
    shares = [share for share, _ in KINDS[use]]
    writers = [writer for _, writer in KINDS[use]]
    return rng.choices(writers, shares)[0](rng)
