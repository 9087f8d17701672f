"""Request bodies of the native endpoints. What they refuse is named by field."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from groundwork.core.answers import Turn
from groundwork.retrieval.index.base import Filter

MAX_K = 50
MAX_TURNS = 100
MAX_COMMENT_CHARS = 2000
_MAX_FILTER_VALUES = 20
_MAX_FILTER_CHARS = 300

# As retrieval/index/names.py has it: no "__", which the engines need for themselves.
INDEX_PATTERN = r"^[a-z0-9](?:_?[a-z0-9-])*_?$"
MAX_INDEX_CHARS = 63
ANSWER_ID_PATTERN = r"^[A-Za-z0-9-]{1,64}$"
# What a client sends instead of an id to begin one.
NEW_CONVERSATION = "new"
CONVERSATION_PATTERN = r"^(?:new|conv-[0-9a-f]{24})$"
MAX_GENERATOR_CHARS = 64


def _storable(text: str) -> str:
    # PostgreSQL cannot store the one, and UTF-8 cannot express the other.
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("holds a NUL or half a surrogate pair; send valid text")
    return text


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_integer(value: Any) -> Any:
    # JSON has one kind of number: 5.0 is an integer.
    return int(value) if isinstance(value, float) and value.is_integer() else value


# For readers of the description; the refusals come from the validators, with better words.
_NO_NUL = r"^[^\x00]*$"
_SOME_TEXT = r"^[^\x00]*[^\s\x00][^\x00]*$"

Text = Annotated[str, AfterValidator(_storable), Field(json_schema_extra={"pattern": _NO_NUL})]
IndexName = Annotated[str, Field(pattern=INDEX_PATTERN, max_length=MAX_INDEX_CHARS)]
Passages = Annotated[int, Field(ge=1, le=MAX_K), BeforeValidator(_as_integer)]
_FilterValue = Annotated[Text, Field(min_length=1, max_length=_MAX_FILTER_CHARS)]
_VALUE_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": _MAX_FILTER_CHARS,
    "pattern": _NO_NUL,
}
_Values = Annotated[
    list[_FilterValue],
    Field(max_length=_MAX_FILTER_VALUES),
    BeforeValidator(_as_list),
    WithJsonSchema(
        {
            "anyOf": [
                _VALUE_SCHEMA,
                {"type": "array", "items": _VALUE_SCHEMA, "maxItems": _MAX_FILTER_VALUES},
            ]
        }
    ),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TurnBody(_Body):
    """One earlier message of the conversation."""

    role: Literal["user", "assistant"]
    content: Text

    def to_turn(self) -> Turn:
        """As the question path takes it."""
        return Turn(self.role, self.content)


class FiltersBody(_Body):
    """Which passages may answer. Each field narrows; of several values in one field any fits."""

    path: _Values | None = Field(None, description="Pages at or below these paths.")
    section: _Values | None = Field(
        None, description="Under a heading of this text, at any level; case is ignored."
    )
    version: _Values | None = Field(None, description="Pages of this product version.")
    tags: _Values | None = Field(None, description="Pages with one of these tags.")

    def to_filter(self) -> Filter | None:
        """As retrieval takes it; None where nothing is narrowed."""
        narrowed = Filter(
            tuple(self.path or ()),
            tuple(self.section or ()),
            tuple(self.version or ()),
            tuple(self.tags or ()),
        )
        return narrowed or None


class AskBody(_Body):
    """A question."""

    question: str = Field(
        description="What to answer, in words; surrounding white space does not count.",
        json_schema_extra={"pattern": _SOME_TEXT},
    )
    history: list[TurnBody] | None = Field(
        None, max_length=MAX_TURNS, description="The conversation so far, oldest first."
    )
    conversation_id: Annotated[str, Field(pattern=CONVERSATION_PATTERN)] | None = Field(
        None,
        description="A conversation that the service keeps: the id that an answer gave, or `new` to"
        " begin one. Its turns are the history where `history` is left out.",
    )
    model: Annotated[Text, Field(min_length=1, max_length=MAX_GENERATOR_CHARS)] | None = Field(
        None, description="The generator to write with; the router chooses if left out."
    )
    index: IndexName | None = Field(None, description="The index; the default one if left out.")
    filters: FiltersBody | None = None
    k: Passages | None = Field(
        None, description="Passages to read; the configured number if left out."
    )
    stream: bool | None = Field(None, description="Answer as server-sent events.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"question": "How do I roll an index back?"},
                {
                    "question": "And how do I list the versions?",
                    "history": [
                        {"role": "user", "content": "How do I roll an index back?"},
                        {"role": "assistant", "content": "Run groundwork index rollback. [1]"},
                    ],
                    "index": "docs",
                    "filters": {"path": "guides", "tags": ["operations"]},
                    "k": 8,
                    "stream": True,
                },
            ]
        }
    )

    def turns(self) -> tuple[Turn, ...]:
        """The history as the question path takes it."""
        return tuple(turn.to_turn() for turn in self.history or ())


class SearchBody(_Body):
    """A search for passages."""

    query: str = Field(
        description="What to look for, in words or identifiers.",
        json_schema_extra={"pattern": _SOME_TEXT},
    )
    index: IndexName | None = Field(None, description="The index; the default one if left out.")
    filters: FiltersBody | None = None
    k: Passages | None = Field(None, description="Passages to return; 5 if left out.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "index rollback", "index": "docs", "k": 3}]}
    )


class FeedbackBody(_Body):
    """A judgement of an answer."""

    answer_id: Annotated[str, Field(pattern=ANSWER_ID_PATTERN)]
    rating: Literal["up", "down"]
    comment: Annotated[Text, Field(max_length=MAX_COMMENT_CHARS)] | None = None
    source: Literal["wrong_source", "outdated_source", "missing_source"] | None = Field(
        None, description="What is wrong with the cited source; kept in front of the comment."
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "answer_id": "ans-5f0c2a9e4b7d4c1f8a6e3b21",
                    "rating": "down",
                    "comment": "That page is about another product.",
                    "source": "wrong_source",
                }
            ]
        }
    )

    def note(self) -> str:
        """The comment as it is kept."""
        comment = self.comment or ""
        return f"[{self.source}] {comment}".rstrip() if self.source else comment
