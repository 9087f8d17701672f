"""Machine-readable zones: specimens of ICAO Doc 9303, what is written is parsed again, and slips are put right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.classic.ocr import mrz

TD3 = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)
TD1 = (
    "I<UTOD231458907<<<<<<<<<<<<<<<",
    "7408122F1204159UTO<<<<<<<<<<<6",
    "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
)
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")


@pytest.mark.parametrize(
    ("rows", "kind", "number"),
    [(TD1, "TD1", "D23145890"), (TD2, "TD2", "D23145890"), (TD3, "TD3", "L898902C3")],
)
def test_specimens(rows: tuple[str, ...], kind: str, number: str) -> None:
    parsed = mrz.parse(rows)
    assert parsed is not None
    assert parsed.valid
    assert parsed.format == kind
    assert parsed.values["surname"] == "ERIKSSON"
    assert parsed.values["given_names"] == "ANNA MARIA"
    assert parsed.values["document_number"] == number
    assert parsed.values["birth_date"] == "1974-08-12"
    assert parsed.values["expiry_date"] == "2012-04-15"
    assert parsed.values["sex"] == "F"


def test_a_letter_read_for_a_digit_is_put_right_where_only_digits_stand() -> None:
    parsed = mrz.parse((TD1[0], TD1[1].replace("7408122", "74O8I22"), TD1[2]))
    assert parsed is not None
    assert parsed.valid
    assert parsed.values["birth_date"] == "1974-08-12"


def test_an_o_for_a_zero_is_put_right_by_the_check_digit() -> None:
    parsed = mrz.parse((TD3[0], TD3[1].replace("L898902C3", "L8989O2C3")))
    assert parsed is not None
    assert parsed.values["document_number"] == "L898902C3"
    assert parsed.valid


def test_another_slip_in_a_number_does_not_pass_for_checked() -> None:
    parsed = mrz.parse((TD1[0].replace("D231458907", "0231458907"), TD1[1], TD1[2]))
    assert parsed is not None
    assert parsed.checks["document_number"] is False
    assert parsed.values["document_number"] == "023145890"


def test_a_wrong_digit_does_not_hold() -> None:
    parsed = mrz.parse((TD3[0], TD3[1].replace("740812", "740813")))
    assert parsed is not None
    assert not parsed.valid
    assert parsed.checks["birth_date"] is False
    assert parsed.checks["document_number"] is True


@pytest.mark.parametrize("cut", [TD3[0].replace("<" * 19, "<" * 18), TD3[0] + "<"])
def test_miscounted_fillers_are_put_right(cut: str) -> None:
    parsed = mrz.parse((cut, TD3[1]))
    assert parsed is not None
    assert parsed.rows[0] == TD3[0]


@pytest.mark.parametrize(
    "text",
    ["", "IDENTITY CARD", "REPUBLIC OF UTOPIA AND NEIGHBOURING LANDS", "2026-01-02 2027-01-02"],
)
def test_print_is_no_row(text: str) -> None:
    assert not mrz.looks_like_row(text)
    assert mrz.parse([text]) is None


_NAME = st.text(st.sampled_from("ABCÄÖÜßÉÈÇŁŠŽÑØÅÞĐ -'"), min_size=1, max_size=40).filter(
    lambda one: mrz.spelt(one) != ""
)


@given(
    kind=st.sampled_from(sorted(mrz.WIDTHS)),
    surname=_NAME,
    given_names=_NAME,
    number=st.text(st.sampled_from("ABCDEFGHJKLMNPRTUVWXYZ0123456789"), min_size=1, max_size=9),
    birth=st.dates().filter(lambda one: 1950 <= one.year <= 2020),
    sex=st.sampled_from("MF<"),
)
def test_what_is_written_is_valid_and_parsed_again(
    kind: str, surname: str, given_names: str, number: str, birth: object, sex: str
) -> None:
    held = f"{birth:%y%m%d}"
    rows = mrz.write(kind, {
        "document_type": "I", "issuer": "UTO", "nationality": "UTO", "document_number": number, "birth_date": held,
        "expiry_date": "300101", "sex": sex, "surname": surname, "given_names": given_names,
    })  # fmt: skip
    width, count = mrz.WIDTHS[kind]
    assert [len(one) for one in rows] == [width] * count
    parsed = mrz.parse(rows)
    assert parsed is not None
    assert parsed.valid
    assert parsed.rows == rows
    assert parsed.values["document_number"] == number
    assert parsed.values["birth_date"] == f"{birth:%Y-%m-%d}"


@given(st.lists(st.text(max_size=60), max_size=4))
def test_anything_may_come(rows: list[str]) -> None:
    parsed = mrz.parse(rows)
    assert parsed is None or len(parsed.rows) in (2, 3)
