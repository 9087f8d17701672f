"""Synthetic ledgers: weekdays and weekends, dear and cheap teams, cached prompts, corrections, evaluation runs."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sql

from groundwork.core.metering.database import writing
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.periods import DAY_MS, day_of
from groundwork.core.metering.rollup import add_to_rollups
from groundwork.core.metering.tables import charges, requests

_BATCH = 20_000
_TEAMS = (("support", 30, 0.2), ("search", 25, 0.0), ("platform", 20, 0.5), ("research", 10, 1.3), ("sales", 9, -0.3), ("", 6, 0.0))  # fmt: skip
_MODELS = (("llama-3.3-70b", 590_000, 147_500, 790_000), ("qwen3-8b", 50_000, 12_500, 150_000))
_CHANNELS = ("api", "api", "api", "slack", "web")
_OUTCOMES = ("answered", "abstained", "cached", "cancelled", "failed")
_ODDS = (80, 8, 8, 3, 1)
_WEEKEND = 0.25
_HUGE = 1 / 5000


class Synthetic:
    """Requests between two instants; `charged` is the sum of all that it gave out, in picodollars.

    With `extremes` there are charges of nothing, for nothing, and of a million dollars, the most that one can hold.
    """

    def __init__(self, start: int, end: int, *, extremes: bool = False, seed: int = 1) -> None:
        self._rng = random.Random(seed)
        self._extremes = extremes
        days = range(start, end, DAY_MS)
        self._days = list(days)
        # 1970 began on a Thursday.
        self._weights = [(_WEEKEND if (day // DAY_MS + 3) % 7 > 4 else 1.0) * (1 + n / 150) for n, day in enumerate(days)]  # fmt: skip
        self._end = end
        self._next_charge = 1
        self.charged = 0
        self.rows = 0

    def fill(self, ledger: Ledger, answers: int) -> None:
        """In batches, so that memory does not grow with the ledger."""
        for start in range(0, answers, _BATCH):
            self._write(ledger, range(start, min(start + _BATCH, answers)))

    def _write(self, ledger: Ledger, numbers: range) -> None:
        asked: list[dict[str, Any]] = []
        charged: list[dict[str, Any]] = []
        days = self._rng.choices(self._days, self._weights, k=len(numbers))
        for n, day in zip(numbers, days, strict=True):
            request = self._request(n, day)
            own = list(self._charges(request))
            request["picodollars"] = sum(row["picodollars"] for row in own)
            self.charged += request["picodollars"]
            asked.append(request)
            charged += own
        self.rows += len(charged)
        with writing(ledger.engine) as connection:
            connection.execute(sql.insert(requests), asked)
            connection.execute(sql.insert(charges), charged)
            add_to_rollups(connection, charged, asked)

    def _request(self, n: int, day: int) -> dict[str, Any]:
        rng = self._rng
        team, _, dearness = rng.choices(_TEAMS, [weight for _, weight, _ in _TEAMS])[0]
        model = _MODELS[0] if rng.random() < 0.35 + dearness / 4 else _MODELS[1]
        prompt = int(math.exp(rng.gauss(7.3 + dearness, 0.6)))
        at = min(day + rng.randrange(DAY_MS), self._end - 1)
        evaluated = rng.random() < 0.04
        return {
            "request_id": f"ans-{n:024x}", "at": at, "day": day_of(at), "team": team,
            "kind": "evaluation" if evaluated else "usage", "outcome": rng.choices(_OUTCOMES, _ODDS)[0],
            "user_id": f"{team or 'guest'}-{rng.randrange(40):02d}", "key_id": f"key-{team or 'none'}",
            "project": rng.choice(("docs", "handbook", "")), "channel": "api" if evaluated else rng.choice(_CHANNELS),
            "model": model[0], "release": f"rel-{(day // DAY_MS // 12) % 9:016x}",
            "index_name": rng.choice(("docs", "docs", "handbook")), "prompt_tokens": prompt,
            "cached_tokens": prompt * rng.choice((0, 0, 1, 3)) // 4, "completion_tokens": rng.randrange(20, 600),
            "cache_saved_picodollars": 0, "latency_ms": rng.randrange(300, 9000), "currency": "USD",
        }  # fmt: skip

    def _charges(self, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        prices = next(model for model in _MODELS if model[0] == request["model"])
        cached, prompt = request["cached_tokens"], request["prompt_tokens"]
        if request["outcome"] == "cached":
            request["cache_saved_picodollars"] = (
                prompt * prices[1] + request["completion_tokens"] * prices[3]
            )
            request["prompt_tokens"] = request["cached_tokens"] = request["completion_tokens"] = 0
            lines = [("embed", "input_tokens", "all-MiniLM-L6-v2", 14, 242)]
        else:
            request["cache_saved_picodollars"] = cached * (prices[1] - prices[2])
            lines = [
                ("retrieve", "searches", "qdrant", 1, 66_000),
                ("generate", "input_tokens", prices[0], prompt - cached, prices[1]),
                ("generate", "cached_input_tokens", prices[0], cached, prices[2]),
                ("generate", "output_tokens", prices[0], request["completion_tokens"], prices[3]),
            ]
        if self._extremes:
            lines.insert(0, ("guard", "checks", "rails", 1, 0))
            if self._rng.random() < _HUGE:
                lines.insert(0, ("generate", "pages", prices[0], 10**12, 10**6))
        for line in lines:
            if line[3] or self._extremes:
                yield self._row(request, *line)
        if self._rng.random() < 0.002:
            yield self._correction(self._row(request, *lines[-1]))

    def _row(
        self, request: dict[str, Any], stage: str, meter: str, model: str, quantity: int, unit: int
    ) -> dict[str, Any]:
        copied = ("request_id", "at", "day", "kind", "team", "user_id", "key_id", "project", "channel", "release", "index_name", "currency")  # fmt: skip
        row = {name: request[name] for name in copied}
        row |= {
            "id": self._next_charge,
            "stage": stage,
            "meter": meter,
            "model": model,
            "quantity": quantity,
        }
        row |= {
            "unit_picodollars": unit,
            "picodollars": quantity * unit,
            "corrects": None,
            "correction_no": 0,
        }
        row |= {"price_book": "2026-11", "note": ""}
        self._next_charge += 1
        return row

    def _correction(self, row: dict[str, Any]) -> dict[str, Any]:
        at = min(row["at"] + self._rng.randrange(5 * DAY_MS), self._end - 1)
        less = -(row["quantity"] // 2)
        # The row it corrects is the one before: `_row` gave this one the next number.
        return {
            **row, "at": at, "day": day_of(at), "kind": "correction", "corrects": row["id"] - 1, "correction_no": 1,
            "quantity": less, "picodollars": less * row["unit_picodollars"], "note": "counted twice by a retry",
        }  # fmt: skip
