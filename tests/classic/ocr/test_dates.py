"""Dates as printed."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.classic.ocr.dates import iso


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("09.10.1976", "1976-10-09"), ("09 OCT 1976", "1976-10-09"), ("9 Oct 1976", "1976-10-09"), ("1976-10-09", "1976-10-09"),
        ("09/10/1976", "1976-10-09"), ("10/23/1976", "1976-10-23"), ("09 10 1976", "1976-10-09"), ("O9.1O.1976", "1976-10-09"),
        ("03.04.1980 SPRINGFIELD", "1980-04-03"), ("31.02.2020", None), ("9.10.76", None), ("no date", None), ("", None),
    ],
)  # fmt: skip
def test_forms(text: str, wanted: str | None) -> None:
    assert iso(text) == wanted


@given(
    st.dates(min_value=datetime.date(1000, 1, 1)),
    st.sampled_from(["%d.%m.%Y", "%Y-%m-%d", "%d %b %Y", "%d/%m/%Y"]),
)
def test_every_day_comes_back(day: datetime.date, form: str) -> None:
    assert iso(day.strftime(form)) == day.isoformat()


@given(st.text(max_size=40))
def test_anything_may_come(text: str) -> None:
    found = iso(text)
    assert found is None or datetime.date.fromisoformat(found)
