"""What is posted to the ledger: a request and its priced lines, as they travel through the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from groundwork.core.answers import Charge, Usage, cost_to_dict
from groundwork.core.errors import InvalidInput
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.tables import MAX_PICODOLLARS, MAX_QUANTITY, USAGE


@dataclass(frozen=True, slots=True)
class Line:
    """One priced quantity. `unit_picodollars` times `quantity` is `picodollars`; None for a share of a bill."""

    stage: str
    meter: str
    model: str
    quantity: int
    picodollars: int
    unit_picodollars: int | None = None
    kind: str = USAGE
    correction_no: int = 0
    corrects: int | None = None
    note: str = ""

    @property
    def charge(self) -> Charge:
        """As the answer shows it."""
        return Charge(self.stage, self.meter, self.quantity, self.picodollars)

    def check(self) -> None:
        """Raises InvalidInput where a row could not hold it, or its amount is not quantity times price."""
        if abs(self.quantity) > MAX_QUANTITY or abs(self.picodollars) > MAX_PICODOLLARS:
            raise InvalidInput(
                f"{self.quantity} {self.meter} at {self.picodollars} picodollars is more than one charge "
                "can hold (a trillion units, a million dollars); split it",
                field="charges",
            )
        unit = self.unit_picodollars
        if unit is not None and self.quantity * unit != self.picodollars:
            raise InvalidInput(
                f"{self.quantity} {self.meter} at {unit} are not {self.picodollars} picodollars",
                field="charges",
            )


@dataclass(frozen=True, slots=True)
class Request:
    """What the lines belong to. `at` is in milliseconds since 1970, UTC."""

    id: str
    at: int
    outcome: str
    model: str = ""
    release: str = ""
    index: str = ""
    team: str = ""
    user: str = ""
    key_id: str = ""
    project: str = ""
    channel: str = ""
    kind: str = USAGE
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cache_saved_picodollars: int = 0
    latency_ms: int = 0
    first_token_ms: int | None = None
    trace_id: str = ""
    currency: str = "USD"
    price_book: str = ""

    @property
    def day(self) -> str:
        """The UTC day."""
        return day_of(self.at)


@dataclass(frozen=True, slots=True)
class Posting:
    """A request with its charges; posted as a whole or not at all."""

    request: Request
    lines: tuple[Line, ...]

    @property
    def picodollars(self) -> int:
        """The sum of the lines."""
        return sum(line.picodollars for line in self.lines)

    def cost(self) -> dict[str, Any]:
        """As the API shows it."""
        return cost_to_dict([line.charge for line in self.lines], self.request.currency)

    def to_json(self) -> bytes:
        """One line without a line break."""
        return orjson.dumps(self)

    @classmethod
    def from_json(cls, text: bytes) -> Posting:
        """Raises ValueError, KeyError or TypeError for what `to_json` did not write."""
        body: dict[str, Any] = orjson.loads(text)
        lines = tuple(Line(**line) for line in body["lines"])
        return cls(Request(**body["request"]), lines)


def request_of(request_id: str, caller: Caller, usage: Usage, outcome: str, **more: Any) -> Request:
    """A request made now by this caller; `more` are further fields of Request."""
    return Request(
        id=request_id,
        at=more.pop("at", None) or now_ms(),
        outcome=outcome,
        team=caller.team,
        user=caller.user,
        key_id=caller.key_id,
        project=caller.project,
        channel=caller.channel,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        **more,
    )


def now_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return int(datetime.now(UTC).timestamp() * 1000)


def day_of(at: int) -> str:
    """The UTC day of an instant, `2026-11-25`."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d")


def day_start(day: str) -> int:
    """The first millisecond of a UTC day. Raises ValueError."""
    return int(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() * 1000)
