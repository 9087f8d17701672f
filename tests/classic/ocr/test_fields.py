"""Which value belongs to which label, on every layout, when every line was read right; and what a zone sets right."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from groundwork.classic.ocr.data.cards.face import Face, draw_face
from groundwork.classic.ocr.data.cards.layouts import LAYOUTS
from groundwork.classic.ocr.data.fonts import SPLITS
from groundwork.classic.ocr.fields import Placed, understood
from groundwork.classic.ocr.reading import Box, Line, Quad
from tests.classic.ocr.fonts import book_of


def placed(text: str, left: float, top: float, right: float, bottom: float) -> Placed:
    quad = Quad(((left, top), (right, top), (right, bottom), (left, bottom)))
    return Placed(Line(text, 0.9, quad), Box(left, top, right, bottom))


def lines_of(face: Face) -> list[Placed]:
    return [placed(one.item.text, *one.box) for one in face.lines]


@pytest.mark.parametrize(
    ("split", "layout"), [(split, one.__name__) for split in SPLITS for one in LAYOUTS[split]]
)
def test_every_field_of_a_card_that_is_read_right(split: str, layout: str) -> None:
    right = total = 0
    for seed in range(4):
        face = draw_face(book_of(split), random.Random(seed), layout)
        found = {one.name: one.value for one in understood(lines_of(face))[0]}
        total += len(face.truth)
        right += sum(found.get(name) == wanted for name, wanted in face.truth.items())
    # A name in small capitals of another language may be a label elsewhere: one slip in a layout's fields is let go.
    assert right >= total - 1


def test_labels_beside_values_and_a_label_in_the_same_line() -> None:
    found, zone = understood([
        placed("Nachname", 10, 10, 90, 30), placed("MÜLLER", 200, 8, 300, 32),
        placed("Vorname", 10, 50, 90, 70), placed("ZOË", 200, 48, 260, 72),
        placed("Gültig bis: 01.02.2031", 10, 90, 250, 112),
    ])  # fmt: skip
    assert zone is None
    values = {one.name: one.value for one in found}
    assert values == {"surname": "MÜLLER", "given_names": "ZOË", "expiry_date": "2031-02-01"}


def test_a_label_of_several_fields_is_of_the_language_around_it() -> None:
    german = understood(
        [
            placed("Name", 10, 10, 60, 30),
            placed("HUBER", 10, 34, 90, 58),
            placed("Geburtsdatum", 10, 80, 130, 98),
            placed("02.03.1980", 10, 102, 130, 126),
        ]
    )[0]
    english = understood(
        [
            placed("Name", 10, 10, 60, 30),
            placed("ANNA HUBER", 10, 34, 90, 58),
            placed("Date of birth", 10, 80, 130, 98),
            placed("02.03.1980", 10, 102, 130, 126),
        ]
    )[0]
    assert [one.name for one in german] == ["surname", "birth_date"]
    assert [one.name for one in english] == ["name", "birth_date"]


def _zone(number: str = "D23145890") -> list[Placed]:
    rows = (
        f"I<UTO{number}7<<<<<<<<<<<<<<<",
        "7408122F1204159UTO<<<<<<<<<<<6",
        "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
    )
    return [placed(row, 10, 300 + 40 * n, 600, 330 + 40 * n) for n, row in enumerate(rows)]


def test_the_zone_gives_what_is_not_printed() -> None:
    found, zone = understood(_zone())
    assert zone is not None
    assert zone.valid
    fields = {one.name: one for one in found}
    assert fields["surname"].value == "ERIKSSON"
    assert fields["birth_date"].value == "1974-08-12"
    assert fields["document_number"].valid is True
    assert {one.source for one in found} == {"mrz"}


def test_the_zone_corrects_a_printed_number_and_leaves_names_as_printed() -> None:
    found, _ = understood([
        placed("Document No.", 10, 10, 120, 28), placed("D2314S890", 10, 32, 150, 58),
        placed("Surname", 10, 80, 90, 98), placed("Eriksson", 10, 102, 150, 128), *_zone(),
    ])  # fmt: skip
    fields = {one.name: one for one in found}
    assert (fields["document_number"].value, fields["document_number"].source) == (
        "D23145890",
        "mrz",
    )
    assert (fields["surname"].value, fields["surname"].source) == ("Eriksson", "printed")


def test_a_zone_that_does_not_hold_corrects_nothing() -> None:
    broken = _zone("D23145891")
    found, zone = understood(
        [placed("Document No.", 10, 10, 120, 28), placed("D23145890", 10, 32, 150, 58), *broken]
    )
    assert zone is not None
    assert not zone.valid
    fields = {one.name: one for one in found}
    assert (fields["document_number"].value, fields["document_number"].valid) == ("D23145890", None)


def test_nothing_on_it() -> None:
    assert understood([]) == ((), None)
    assert understood([placed("HELLO", 0, 0, 50, 20)]) == ((), None)
    assert replace(placed("1.", 0, 0, 9, 9), box=Box(0, 0, 9, 9)).tall == 9


def test_an_o_in_a_number_is_taken_for_a_zero() -> None:
    found, _ = understood(
        [placed("Card No.", 10, 10, 120, 28), placed("A4OZX40HZ", 10, 32, 150, 58)]
    )
    assert [(one.name, one.value) for one in found] == [("document_number", "A40ZX40HZ")]


def test_a_label_read_badly_is_guessed_from_the_language_around_it() -> None:
    found, _ = understood([
        placed("Geburtsdatum", 10, 10, 130, 28), placed("02.03.1980", 10, 32, 130, 56),
        placed("Nummer", 10, 80, 90, 98), placed("X82RPPX88", 10, 102, 150, 126),
        placed("Vonmamen", 10, 150, 90, 168), placed("ZOË", 10, 172, 60, 196),
    ])  # fmt: skip
    assert {one.name: one.value for one in found} == {
        "birth_date": "1980-03-02", "document_number": "X82RPPX88", "given_names": "ZOË",
    }  # fmt: skip


def test_a_name_that_is_nearly_a_label_is_a_name() -> None:
    found, _ = understood([
        placed("BJØRN", 10, 10, 80, 30), placed("First name", 10, 34, 90, 48),
        placed("1943-12-04", 10, 80, 130, 100), placed("Date of birth", 10, 104, 130, 118),
    ])  # fmt: skip
    assert {one.name: one.value for one in found} == {
        "given_names": "BJØRN",
        "birth_date": "1943-12-04",
    }


def test_a_date_whose_label_was_not_cut_off_it() -> None:
    found, _ = understood([
        placed("Soyadı", 10, 10, 70, 28), placed("ŞAHIN", 10, 30, 80, 54),
        placed("Son geçerlilik tarih22/03/2019", 10, 70, 280, 94),
    ])  # fmt: skip
    assert {one.name: one.value for one in found} == {
        "surname": "ŞAHIN",
        "expiry_date": "2019-03-22",
    }


def test_the_third_date_is_concluded_from_the_order_of_the_others() -> None:
    lines = [
        placed("Efternamn", 10, 10, 90, 26), placed("BERG", 10, 28, 70, 50),
        placed("Födelsedatum", 10, 70, 130, 86), placed("23 01 1949", 10, 88, 130, 110),
        placed("Utfärdad", 10, 130, 90, 146), placed("20 07 2016", 10, 148, 130, 170),
        placed("Gitgtit", 10, 190, 70, 206), placed("20 07 2021", 10, 208, 130, 230),
    ]  # fmt: skip
    found = {one.name: one for one in understood(lines)[0]}
    assert found["expiry_date"].value == "2021-07-20"
    assert found["expiry_date"].confidence < found["issue_date"].confidence
    # A date before the issue is no expiry.
    lines[-1] = placed("20 07 2011", 10, 208, 130, 230)
    assert "expiry_date" not in {one.name for one in understood(lines)[0]}


def test_a_value_goes_to_the_label_that_can_have_it() -> None:
    found, _ = understood([
        placed("Height", 10, 10, 70, 26), placed("7", 12, 28, 20, 44), placed("195 cm", 10, 40, 80, 60),
        placed("Surname", 200, 10, 280, 26), placed("TRAN", 200, 30, 260, 52),
    ])  # fmt: skip
    assert {one.name: one.value for one in found} == {"surname": "TRAN", "height": "195 cm"}


def test_a_short_label_with_a_slip_among_others_of_its_language() -> None:
    lines = [
        placed("Soyadı", 10, 10, 70, 26), placed("LIM", 10, 28, 60, 50),
        placed("Adr", 10, 60, 50, 76), placed("PRIYA", 10, 78, 80, 100),
        placed("Doğum tarihi", 10, 110, 110, 126), placed("12.11.1965", 10, 128, 110, 150),
        placed("Veriliş tarihi", 10, 160, 110, 176), placed("08.04.2015", 10, 178, 110, 200),
        placed("Belge no", 10, 210, 80, 226), placed("M13047439", 10, 228, 110, 250),
    ]  # fmt: skip
    found = {one.name: one.value for one in understood(lines)[0]}
    assert found["given_names"] == "PRIYA"
    # With fewer labels to tell the language, a text of three letters may be anything.
    assert "given_names" not in {one.name for one in understood(lines[:6])[0]}
