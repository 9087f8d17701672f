"""Invented people, with everything that a document may say of them."""

from __future__ import annotations

import datetime
import random
import string
from dataclasses import dataclass, field
from typing import Any

from groundwork.classic.ocr import mrz
from groundwork.classic.ocr.alphabet import readable
from groundwork.classic.ocr.data import names

# Codes that ICAO assigned to no state, but for UTO, its specimen's.
_STATES = ("UTO", "RUR", "ZUB", "GNV", "FRE", "BRD", "SYV", "ELB", "NLD", "ILY")
_MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()


@dataclass(frozen=True, slots=True)
class Person:
    """`printed` is what stands on a card by field; `exact` holds dates as ISO 8601 for the fields that are dates."""

    printed: dict[str, str]
    exact: dict[str, str] = field(default_factory=dict)
    state: str = "UTO"

    def truth(self, name: str) -> str:
        """What reading the field should give."""
        return self.exact.get(name, self.printed[name])

    def zone(self, kind: str) -> tuple[str, ...]:
        """The rows of the machine-readable zone."""
        values: dict[str, Any] = {
            "document_type": "P" if kind == "TD3" else "I",
            "issuer": self.state,
            "nationality": self.state,
            "sex": self.printed["sex"] if self.printed["sex"] in "MF" else "<",
            "document_number": self.printed["document_number"],
            "surname": self.printed["surname"],
            "given_names": self.printed["given_names"],
        }
        for name in ("birth_date", "expiry_date"):
            values[name] = self.exact[name].replace("-", "")[2:]
        if kind == "TD3":
            values["personal_number"] = self.printed["personal_number"].replace("-", "")[:14]
        return mrz.write(kind, values)


def invent(rng: random.Random) -> Person:
    """Somebody."""
    upper = rng.random() < 0.65
    given = " ".join(rng.sample(names.GIVEN, rng.choice([1, 1, 2])))
    surname = rng.choice(names.SURNAMES)
    birth = datetime.date(1935, 1, 1) + datetime.timedelta(days=rng.randrange(27_000))
    issue = datetime.date(2014, 1, 1) + datetime.timedelta(days=rng.randrange(4_000))
    expiry = issue.replace(year=issue.year + rng.choice([5, 10]), day=min(issue.day, 28))
    state = rng.choice(_STATES)
    place = rng.choice(names.PLACES)
    street = (
        f"{rng.choice(names.SURNAMES).title()} {rng.choice(names.STREETS)} {rng.randint(1, 180)}"
    )
    style = rng.randrange(5)
    number = rng.choice("ABCDEFGHKLMNPRSTUVXYZ") + "".join(
        rng.choices(rng.choice([string.digits, string.digits + "CFGHJKLMNPRTVWXYZ"]), k=8)
    )
    printed = {
        "surname": surname.upper() if upper else surname,
        "given_names": given.upper() if upper else given,
        "name": f"{given} {surname}".upper() if upper else f"{given} {surname}",
        "birth_date": _date(birth, style),
        "birth_place": place if upper else place.title(),
        "sex": rng.choice("MF"),
        "nationality": state if rng.random() < 0.6 else rng.choice(names.COUNTRIES),
        "document_number": number,
        "personal_number": f"{rng.randrange(10**6):06}-{rng.randrange(10**4):04}",
        "issue_date": _date(issue, style),
        "expiry_date": _date(expiry, style),
        "authority": rng.choice(["CITY OF ", "PREFECTURE ", "OFFICE ", "POLICE "])
        + rng.choice(names.PLACES),
        "address": f"{street}, {rng.randint(1000, 99_999)} {place.title()}",
        "height": f"{rng.randint(148, 204)} cm",
        "card_number": " ".join(f"{rng.randrange(10**4):04}" for _ in range(rng.choice([3, 4]))),
        "member_since": str(issue.year),
        "licence_class": rng.choice(["B", "AM/B", "A1/B", "B/BE", "AM/A/B/C1", "C", "D"]),
    }
    exact = {
        "birth_date": birth.isoformat(),
        "issue_date": issue.isoformat(),
        "expiry_date": expiry.isoformat(),
    }
    return Person({name: readable(text) for name, text in printed.items()}, exact, state)


def _date(day: datetime.date, style: int) -> str:
    return (
        f"{day.day:02}.{day.month:02}.{day.year}",
        f"{day.day:02} {_MONTHS[day.month - 1]} {day.year}",
        f"{day.day:02}/{day.month:02}/{day.year}",
        day.isoformat(),
        f"{day.day:02} {day.month:02} {day.year}",
    )[style]
