"""Response bodies of the native endpoints, as /openapi.json describes them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

_CITATION: JsonDict = {
    "n": 1,
    "title": "Index versions",
    "url": "https://docs.example.com/guides/indexes",
    "anchor": "rollback",
    "heading_path": ["Index versions", "Rollback"],
    "quote": "`groundwork index rollback` makes the previous version live again.",
    "start": 0,
    "end": 64,
    "revision": "9f2c1d7",
}
_ANSWER: JsonDict = {
    "id": "ans-5f0c2a9e4b7d4c1f8a6e3b21",
    "created_at": "2026-11-23T10:15:00.000Z",
    "question": "How do I roll an index back?",
    "index": "docs",
    "release": "rel-0a1b2c3d4e5f",
    "index_version": "9d8c7b6a59483726",
    "model": "extractive",
    "answer": "groundwork index rollback makes the previous version live again. [1]",
    "abstained": False,
    "outcome": "answered",
    "reason": None,
    "confidence": 0.91,
    "citations": [_CITATION],
    "usage": {
        "prompt_tokens": 412,
        "completion_tokens": 14,
        "total_tokens": 426,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
    "cost": {
        "currency": "USD",
        "amount": "0.00000006894",
        "picodollars": 68940,
        "charges": [
            {"stage": "embed", "meter": "input_tokens", "quantity": 12, "amount": "0.00000000294"},
            {"stage": "retrieve", "meter": "searches", "quantity": 1, "amount": "0.000000066"},
        ],
    },
    "budget": None,
    "rails": [],
    "timings_ms": {"retrieve": 9.2, "generate": 1.4, "total": 12.9},
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "conversation_id": None,
    "record": {"threshold": 0.5},
}


class Citation(BaseModel):
    """What a stretch of the answer rests on."""

    n: int
    title: str
    url: str = Field(description="The page without a fragment; its path where no URL is known.")
    anchor: str = Field(description="The fragment of the section, empty for the page's top.")
    heading_path: list[str]
    quote: str = Field(description="Occurs verbatim in the page at `revision`.")
    start: int = Field(description="Where the supported text begins in `answer`, in code points.")
    end: int = Field(description="Where it ends, exclusive.")
    revision: str


class PromptTokensDetails(BaseModel):
    """Of the prompt's tokens."""

    cached_tokens: int


class CompletionTokensDetails(BaseModel):
    """Of the completion's tokens."""

    reasoning_tokens: int


class Usage(BaseModel):
    """Tokens of the generator."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: CompletionTokensDetails


class Charge(BaseModel):
    """One priced quantity."""

    stage: str
    meter: str
    quantity: int
    amount: str = Field(description="US dollars, a decimal string.")


class Cost(BaseModel):
    """What the answer cost; `amount` is exact."""

    currency: str
    amount: str = Field(description="US dollars, a decimal string.")
    picodollars: int
    charges: list[Charge]


class RailVerdict(BaseModel):
    """What one rail said."""

    rail: str
    on: str
    verdict: str
    reason: str | None = None
    ms: float = Field(0.0, description="How long it took, in milliseconds.")


class AnswerShape(BaseModel):
    """An answer with everything that is known about it."""

    id: str
    created_at: str
    question: str
    index: str
    release: str
    index_version: str
    model: str
    answer: str
    abstained: bool
    outcome: Literal["answered", "abstained", "blocked", "failed", "cancelled"] = Field(
        description="How the question ended."
    )
    reason: str | None = Field(description="Why there is no answer, where there is none.")
    confidence: float
    citations: list[Citation]
    usage: Usage
    cost: Cost
    budget: dict[str, Any] | None
    rails: list[RailVerdict]
    timings_ms: dict[str, float]
    trace_id: str
    conversation_id: str | None = Field(description="The conversation that it was added to.")
    record: dict[str, Any]

    model_config = ConfigDict(title="Answer", json_schema_extra={"examples": [_ANSWER]})


class SearchResult(BaseModel):
    """A passage with its scores."""

    id: str
    score: float = Field(description="What results are sorted by.")
    dense: float = Field(description="Cosine of the query and the passage.")
    sparse: float = Field(description="BM25.")
    title: str
    url: str
    anchor: str
    link: str
    heading_path: list[str]
    text: str
    page: str
    revision: str
    tags: list[str]
    product_version: str | None


class SearchShape(BaseModel):
    """The passages found, best first."""

    index: str
    index_version: str
    confidence: float = Field(description="Calibrated chance, 0 to 1, that these answer the query.")
    results: list[SearchResult]
    trace_id: str
    timings_ms: dict[str, float]

    model_config = ConfigDict(
        title="SearchResults",
        json_schema_extra={
            "examples": [
                {
                    "index": "docs",
                    "index_version": "9d8c7b6a59483726",
                    "confidence": 0.91,
                    "results": [
                        {
                            "id": "1d0f7a52c3e94b68",
                            "score": 0.83,
                            "dense": 0.71,
                            "sparse": 9.4,
                            "title": "Index versions",
                            "url": "https://docs.example.com/guides/indexes",
                            "anchor": "rollback",
                            "link": "https://docs.example.com/guides/indexes#rollback",
                            "heading_path": ["Index versions", "Rollback"],
                            "text": "`groundwork index rollback` makes the previous version live again.",
                            "page": "guides/indexes.md",
                            "revision": "9f2c1d7",
                            "tags": ["operations"],
                            "product_version": None,
                        }
                    ],
                    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
                    "timings_ms": {"retrieve": 9.2, "total": 9.4},
                }
            ]
        },
    )


class FeedbackShape(BaseModel):
    """The judgement was kept."""

    id: int
    answer_id: str
    rating: str

    model_config = ConfigDict(
        title="FeedbackReceipt",
        json_schema_extra={
            "examples": [{"id": 7, "answer_id": "ans-5f0c2a9e4b7d4c1f8a6e3b21", "rating": "up"}]
        },
    )


class Health(BaseModel):
    """The process lives."""

    status: Literal["alive"]

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "alive"}]})


class CheckShape(BaseModel):
    """One thing that must work."""

    name: str
    ok: bool
    detail: str

    model_config = ConfigDict(title="Check")


class ReadinessShape(BaseModel):
    """Whether questions can be answered."""

    status: Literal["ready", "not ready"]
    checks: list[CheckShape]

    model_config = ConfigDict(
        title="Readiness",
        json_schema_extra={
            "examples": [
                {
                    "status": "ready",
                    "checks": [
                        {"name": "embedder", "ok": True, "detail": "all-MiniLM-L6-v2:int8"},
                        {"name": "index", "ok": True, "detail": "docs@9d8c7b6a59483726 is live"},
                        {"name": "ledger", "ok": True, "detail": "answers"},
                    ],
                }
            ]
        },
    )
