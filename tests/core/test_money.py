import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.money import PICO_PER_DOLLAR, format_dollars, parse_dollars


@given(st.integers(-(10**40), 10**40))
def test_what_is_formatted_parses_to_the_same_amount(picodollars: int) -> None:
    assert parse_dollars(format_dollars(picodollars)) == picodollars


@given(st.integers(-(10**40), 10**40))
def test_text_has_no_exponent_and_no_trailing_zeros(picodollars: int) -> None:
    text = format_dollars(picodollars)
    assert set(text) <= set("-0123456789.")
    assert not text.endswith(".")
    assert "." not in text or not text.endswith("0")


@pytest.mark.parametrize(
    ("picodollars", "text"),
    [
        (0, "0"),
        (360, "0.00000000036"),
        (-1, "-0.000000000001"),
        (PICO_PER_DOLLAR, "1"),
        (1_500_000_000_000, "1.5"),
    ],
)
def test_known_amounts(picodollars: int, text: str) -> None:
    assert format_dollars(picodollars) == text


@pytest.mark.parametrize(
    "text",
    ["0.0000000000001", "1.0000000000000000000000000000001", "ten", "NaN", "Infinity", "1e99"],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"picodollar|no amount"):
        parse_dollars(text)
