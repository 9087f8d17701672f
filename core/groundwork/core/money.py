"""Money as integers.

One picodollar is 10^-12 US dollars. A price of 1 micro-dollar per million tokens is exactly 1 picodollar per
token, so a charge is a product of two integers and nothing is ever rounded. Text with a decimal point
appears only at the edges.
"""

from __future__ import annotations

from decimal import Context, Inexact, InvalidOperation, Overflow

PICO_PER_DOLLAR = 10**12
# The default context rounds at 28 digits, in silence.
_EXACT = Context(prec=60, Emin=-60, Emax=60, traps=[Inexact, InvalidOperation, Overflow])


def format_dollars(picodollars: int) -> str:
    """Exact decimal text: `360` is "0.00000000036", `0` is "0".

    Never in exponent form, never with trailing zeros.
    """
    sign = "-" if picodollars < 0 else ""
    whole, fraction = divmod(abs(picodollars), PICO_PER_DOLLAR)
    digits = f"{fraction:012d}".rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def parse_dollars(text: str) -> int:
    """Picodollars of a decimal text. Raises ValueError for what is no amount or finer than a picodollar."""
    try:
        amount = _EXACT.create_decimal(text)
        scaled = _EXACT.multiply(amount, PICO_PER_DOLLAR)
    except ArithmeticError:
        raise ValueError(f"{text!r} is no amount of dollars with at most 60 digits") from None
    if not scaled.is_finite():
        raise ValueError(f"{text!r} is no amount of dollars")
    picodollars = int(scaled)
    if picodollars != scaled:
        raise ValueError(f"{text} is finer than a picodollar (12 decimals)")
    return picodollars
