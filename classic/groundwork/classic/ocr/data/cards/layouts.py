"""Layouts of cards: each writes a person onto a sheet. Those of the held-out split are never trained on."""

from __future__ import annotations

import random
from collections.abc import Callable

from groundwork.classic.ocr.data import names
from groundwork.classic.ocr.data.cards.people import Person
from groundwork.classic.ocr.data.cards.sheet import Sheet
from groundwork.classic.ocr.data.fonts import HELD_OUT, TRAIN

Layout = Callable[[Person, random.Random], Sheet]


def _head(sheet: Sheet, title: str, x: float) -> None:
    size = sheet.rng.randint(30, 40)
    sheet.band = sheet.rng.choice([0, int(size * 1.9)])
    sheet.put(title, x, size * 1.35, size, "title")
    free = x + len(title) * size * 0.75 < sheet.width * 0.68
    if free and sheet.rng.random() < 0.6:
        sheet.put(sheet.rng.choice(names.COUNTRIES), sheet.width * 0.7, size * 1.35, size, "title")


def identity_card(person: Person, rng: random.Random) -> Sheet:
    """Photo left, labels above values, sometimes a zone."""
    sheet = Sheet("identity card", person, rng)
    _head(sheet, rng.choice(names.TITLES[:9]), 40)
    zone = rng.random() < 0.55
    sheet.photo = (40, 100, 300, 400 if zone else 470)
    sheet.value_size = min(sheet.value_size, 30) if zone else sheet.value_size
    step = sheet.value_size + sheet.label_size + 12
    for n, name in enumerate(("surname", "given_names", "nationality", "birth_date")):
        sheet.above(name, 340, 112 + n * step)
    sheet.above("document_number", 690, 112)
    sheet.above("sex", 690, 112 + 2 * step)
    sheet.above("expiry_date", 690, 112 + 3 * step)
    if zone:
        sheet.zone("TD1")
    else:
        sheet.above("birth_place", 340, 112 + 4 * step)
        sheet.above("authority", 340, 112 + 5 * step)
    return sheet


def register_card(person: Person, rng: random.Random) -> Sheet:
    """Photo right, labels left of values."""
    sheet = Sheet("register card", person, rng)
    _head(sheet, rng.choice(names.TITLES[:9]), 40)
    sheet.photo = (720, 110, 970, 430)
    wanted = (
        "surname",
        "given_names",
        "birth_date",
        "birth_place",
        "nationality",
        "document_number",
        "issue_date",
        "expiry_date",
    )
    for n, name in enumerate(wanted):
        sheet.beside(name, 40, 140 + n * 58, 320)
    return sheet


def licence(person: Person, rng: random.Random) -> Sheet:
    """A driving licence with numbered fields."""
    sheet = Sheet("licence", person, rng)
    _head(sheet, rng.choice(["DRIVING LICENCE", "PERMIS DE CONDUIRE", "FÜHRERSCHEIN"]), 230)
    sheet.photo = (40, 130, 290, 450)
    rows = [("1", "surname"), ("2", "given_names"), ("3", "birth_date"), ("4a", "issue_date"), ("4b", "expiry_date"), ("4c", "authority"),
            ("5", "document_number"), ("8", "address"), ("9", "licence_class")]  # fmt: skip
    for n, (number, name) in enumerate(rows):
        sheet.numbered(number, name, 330, 140 + n * 53)
    return sheet


def passport(person: Person, rng: random.Random) -> Sheet:
    """The data page, with a TD3 zone."""
    sheet = Sheet("passport", person, rng, 1250, 880)
    _head(sheet, rng.choice(["PASSPORT", "PASSEPORT", "REISEPASS", "PASAPORTE"]), 50)
    sheet.photo = (50, 170, 380, 600)
    left, right = 430, 850
    sheet.put("P", left, 150, sheet.value_size, "other")
    sheet.above("document_number", right, 120)
    step = 85
    for n, name in enumerate(
        ("surname", "given_names", "nationality", "birth_date", "sex", "issue_date")
    ):
        sheet.above(name, left, 200 + n * step)
    for n, name in ((3, "personal_number"), (4, "birth_place"), (5, "expiry_date")):
        sheet.above(name, right, 200 + n * step)
    sheet.zone("TD3")
    return sheet


def membership(person: Person, rng: random.Random) -> Sheet:
    """Few and large: a club's or library's card."""
    sheet = Sheet("membership", person, rng)
    sheet.put(
        rng.choice(
            ["CITY LIBRARY", "FITNESS CLUB", "MUSEUM PASS", "Alpine Society", "MEMBERSHIP CARD"]
        ),
        50,
        95,
        rng.randint(44, 60),
        "title",
    )
    size = rng.randint(40, 54)
    sheet.put(person.printed["card_number"], 50, 350, size, "value", "card_number")
    sheet.above("name", 50, 450, rng.randint(32, 42))
    sheet.above("expiry_date", 680, 450)
    if rng.random() < 0.5:
        sheet.above("member_since", 50, 555)
    return sheet


def staff_pass(person: Person, rng: random.Random) -> Sheet:
    """Upright."""
    sheet = Sheet("staff pass", person, rng, 638, 1012)
    _head(sheet, rng.choice(["STAFF PASS", "EMPLOYEE ID", "VISITOR", "STUDENT CARD"]), 60)
    sheet.photo = (180, 130, 460, 480)
    sheet.languages = sheet.languages[:1]
    for n, name in enumerate(
        ("name", "document_number", "birth_date", "issue_date", "expiry_date")
    ):
        sheet.above(name, 70, 560 + n * 88)
    return sheet


def residence_permit(person: Person, rng: random.Random) -> Sheet:
    """Two columns without a photo between, labels above, a zone."""
    sheet = Sheet("residence permit", person, rng)
    _head(sheet, rng.choice(["RESIDENCE PERMIT", "TITRE DE SÉJOUR", "AUFENTHALTSTITEL"]), 330)
    sheet.photo = (40, 110, 270, 400)
    sheet.value_size = min(sheet.value_size, 29)
    step = sheet.value_size + sheet.label_size + 14
    for n, name in enumerate(("surname", "given_names", "birth_date", "expiry_date")):
        sheet.above(name, 310, 115 + n * step)
    for n, name in enumerate(("sex", "birth_place", "nationality", "document_number")):
        sheet.above(name, 690, 115 + n * step)
    sheet.zone("TD1")
    return sheet


def insurance_card(person: Person, rng: random.Random) -> Sheet:
    """Labels in the same line."""
    sheet = Sheet("insurance card", person, rng)
    _head(sheet, rng.choice(["HEALTH INSURANCE CARD", "CARTE VITALE", "KRANKENVERSICHERUNG"]), 50)
    for n, name in enumerate(
        ("surname", "given_names", "birth_date", "personal_number", "card_number", "expiry_date")
    ):
        sheet.joined(name, 60, 190 + n * 70)
    return sheet


def student_card(person: Person, rng: random.Random) -> Sheet:
    """Held out: labels under values."""
    sheet = Sheet("student card", person, rng)
    _head(sheet, rng.choice(["STUDENT CARD", "UNIVERSITY OF UTOPIA", "CAMPUS CARD"]), 60)
    sheet.photo = (700, 110, 960, 440)
    for n, name in enumerate(
        ("surname", "given_names", "document_number", "birth_date", "expiry_date")
    ):
        sheet.below(name, 60, 165 + n * 94)
    return sheet


def nordic_card(person: Person, rng: random.Random) -> Sheet:
    """Held out: photo right, labels above in two columns, a zone."""
    sheet = Sheet("nordic card", person, rng)
    _head(sheet, rng.choice(["IDENTITETSKORT", "NATIONAL IDENTITY CARD", "HENKILÖKORTTI"]), 40)
    sheet.photo = (740, 100, 975, 390)
    sheet.value_size = min(sheet.value_size, 29)
    step = sheet.value_size + sheet.label_size + 14
    for n, name in enumerate(("surname", "given_names", "birth_date", "issue_date")):
        sheet.above(name, 40, 112 + n * step)
    for n, name in enumerate(("sex", "document_number", "height", "expiry_date")):
        sheet.above(name, 420, 112 + n * step)
    sheet.zone("TD1")
    return sheet


def western_licence(person: Person, rng: random.Random) -> Sheet:
    """Held out: a licence with labels beside values."""
    sheet = Sheet("western licence", person, rng)
    _head(sheet, rng.choice(["DRIVER LICENSE", "DRIVING LICENCE"]), 330)
    sheet.photo = (40, 120, 300, 460)
    for n, name in enumerate(
        (
            "document_number",
            "surname",
            "given_names",
            "birth_date",
            "issue_date",
            "expiry_date",
            "licence_class",
            "height",
        )
    ):
        sheet.beside(name, 340, 150 + n * 58, 280)
    return sheet


def new_passport(person: Person, rng: random.Random) -> Sheet:
    """Held out: a data page in another order."""
    sheet = Sheet("new passport", person, rng, 1250, 880)
    _head(sheet, rng.choice(["PASSPORT", "PASSAPORTO", "PAS"]), 420)
    sheet.photo = (60, 140, 370, 560)
    for n, name in enumerate(
        ("document_number", "surname", "given_names", "birth_place", "authority", "issue_date")
    ):
        sheet.above(name, 420, 150 + n * 88)
    for n, name in ((0, "nationality"), (3, "sex"), (4, "birth_date"), (5, "expiry_date")):
        sheet.above(name, 900, 150 + n * 88)
    sheet.zone("TD3")
    return sheet


LAYOUTS: dict[str, tuple[Layout, ...]] = {
    TRAIN: (identity_card, register_card, licence, passport, membership, staff_pass, residence_permit, insurance_card),
    HELD_OUT: (student_card, nordic_card, western_licence, new_passport),
}  # fmt: skip


def receipt_page(person: Person, rng: random.Random) -> Sheet:
    """A till's receipt, for finding lines on pages that are no cards."""
    from groundwork.classic.ocr.data.texts import money, receipt

    sheet = Sheet("receipt", person, rng, 640, rng.choice([900, 1200, 1600]))
    size = rng.randint(22, 34)
    pitch = size * rng.uniform(1.15, 1.7)
    y = pitch * 1.5
    while y < sheet.height - pitch:
        text = receipt(rng)[: int(sheet.width / size * 1.5)]
        turn = rng.random()
        if turn < 0.25:
            sheet.put(text[:24], rng.uniform(0.1, 0.4) * sheet.width, y, size)
        else:
            sheet.put(text[:22], 24, y, size)
            if turn < 0.75:
                amount = money(rng)[:12]
                sheet.put(amount, sheet.width - 30 - len(amount) * size * 0.62, y, size)
        y += pitch * (1 if rng.random() < 0.85 else 2)
    return sheet


def letter_page(person: Person, rng: random.Random) -> Sheet:
    """A page of prose."""
    from groundwork.classic.ocr.data.texts import words

    sheet = Sheet("letter", person, rng, 900, 1200)
    size = rng.randint(20, 30)
    left = rng.randint(50, 130)
    y = rng.uniform(2, 6) * size
    while y < sheet.height - 2 * size:
        text = " ".join(words(rng) for _ in range(3))[: int((sheet.width - 2 * left) / size * 1.9)]
        sheet.put(text.strip(), left, y, size)
        y += size * rng.uniform(1.25, 1.5) * (1 if rng.random() < 0.85 else 2.2)
    return sheet


PAGES: tuple[Layout, ...] = (receipt_page, letter_page)
