"""Parameters and bodies of the cost endpoints."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from groundwork.core.metering.periods import Period
from groundwork.core.metering.query import DIMENSIONS, FILTERS, CostQuery
from groundwork.core.metering.summary import SECTIONS

_Names = Annotated[list[Annotated[str, Field(max_length=256)]], Field(default_factory=list, max_length=100)]  # fmt: skip
_Time = Annotated[str, Field(max_length=40)]

_REPORT: JsonDict = {
    "from": "2026-11-01T00:00:00Z",
    "to": "2026-12-01T00:00:00Z",
    "by": ["team"],
    "where": {},
    "rows": [
        {
            "team": "search", "currency": "USD", "requests": 1200, "charges": 4800, "amount": "1.25", "usage": "1.5",
            "correction": "-0.25", "idle": "0", "evaluation": "0",
        }
    ],
    "totals": [
        {
            "currency": "USD", "requests": 1200, "charges": 4800, "amount": "1.25", "usage": "1.5",
            "correction": "-0.25", "idle": "0", "evaluation": "0",
        }
    ],
}  # fmt: skip


class PeriodParams(BaseModel):
    """A period, half-open in UTC, and filters: each may be given several times."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    start: _Time | None = Field(None, alias="from", description="Month, date or timestamp; inclusive.")  # fmt: skip
    end: _Time | None = Field(None, alias="to", description="Month, date or timestamp; exclusive.")
    month: _Time | None = Field(None, description="A whole month such as 2026-11, instead of both.")
    team: _Names
    user: _Names
    project: _Names
    key: _Names
    channel: _Names
    model: _Names
    stage: _Names
    meter: _Names
    release: _Names
    index: _Names
    kind: _Names
    currency: _Names

    def query(self) -> CostQuery:
        """What it asks for. Raises InvalidInput."""
        return self._query([])

    def _query(self, by: list[str]) -> CostQuery:
        period = Period.parse(self.start, self.end, self.month)
        return CostQuery.of(period, by, {name: getattr(self, name) for name in FILTERS})


class CostParams(PeriodParams):
    """Of a report."""

    by: _Names = Field(description=f"Any of {', '.join(DIMENSIONS)}; repeated, or separated by commas.")  # fmt: skip
    include: _Names = Field(description=f"Any of {', '.join(SECTIONS)}; repeated, or separated by commas.")  # fmt: skip

    def query(self) -> CostQuery:
        """What it asks for. Raises InvalidInput."""
        return self._query(_split(self.by))

    def sections(self) -> list[str]:
        """What to include."""
        return _split(self.include)


class ExportParams(PeriodParams):
    """Of an export."""

    format: Literal["csv", "parquet", "focus"] = Field("csv", description="focus is FOCUS 1.2 to 1.4 as CSV.")  # fmt: skip


class SumsShape(BaseModel):
    """Sums of one group. Amounts are decimal strings in the currency."""

    model_config = ConfigDict(extra="allow")

    currency: str
    requests: int | None
    charges: int
    amount: str
    usage: str
    correction: str
    idle: str
    evaluation: str


class CostsShape(BaseModel):
    """A report. Each row also has a field for every name in `by`, and the sections asked for stand beside `rows`."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_REPORT]})

    since: str | None = Field(alias="from")
    to: str | None
    by: list[str]
    where: dict[str, list[str]]
    rows: list[SumsShape]
    totals: list[SumsShape]


class RequestShape(BaseModel):
    """One request. Where only charges are known of it, the other fields are left out."""

    model_config = ConfigDict(extra="allow")

    request: str
    charges: list[dict[str, Any]]


def _split(names: list[str]) -> list[str]:
    return [part.strip() for name in names for part in name.split(",") if part.strip()]
