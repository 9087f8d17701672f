"""OpenAI's chat completion bodies, as far as they mean something here.

Field by field after https://github.com/openai/openai-openapi: CreateChatCompletionRequest,
CreateChatCompletionResponse, CreateChatCompletionStreamResponse, Model, ErrorResponse.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

_CONTENT_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
                "required": ["type", "text"],
            },
        },
        {"type": "null"},
    ]
}


class ChatMessage(BaseModel):
    """One message. System and developer messages are accepted; an extractive answer does not depend on them."""

    role: Literal["system", "developer", "user", "assistant"]
    # Read by hand (chat_request), so that an error names the part at fault.
    content: Annotated[Any, WithJsonSchema(_CONTENT_SCHEMA)] = None


class StreamOptions(BaseModel):
    """What a stream carries besides text."""

    include_usage: bool | None = None


class ChatBody(BaseModel):
    """A chat completion request. Parameters that are not listed have no effect."""

    model: str = Field(
        description="`groundwork` for the default index, `groundwork/<index>` for another; with "
        "`:<generator>` behind it for one generator."
    )
    messages: list[ChatMessage] = Field(
        min_length=1, description="The last user message is the question; earlier ones are history."
    )
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(None, description="1; there is one answer to a question.")
    logprobs: bool | None = Field(None, description="Not offered.")
    top_logprobs: int | None = Field(None, description="Not offered.")
    tools: list[Any] | None = Field(None, description="Not offered.")
    tool_choice: Any = Field(None, description="`none` or `auto`.")
    functions: list[Any] | None = Field(None, description="Not offered.")
    audio: dict[str, Any] | None = Field(None, description="Not offered.")
    modalities: list[str] | None = Field(None, description='`["text"]`.')
    response_format: dict[str, Any] | None = Field(None, description='`{"type": "text"}`.')
    temperature: float | None = Field(None, ge=0, le=2, description="Without effect.")
    top_p: float | None = Field(None, ge=0, le=1, description="Without effect.")
    max_tokens: int | None = Field(None, description="Without effect.")
    max_completion_tokens: int | None = Field(None, description="Without effect.")
    seed: int | None = Field(None, description="Without effect: answers are deterministic.")
    stop: str | list[str] | None = Field(None, description="Without effect.")
    user: str | None = Field(None, description="Without effect.")
    metadata: dict[str, Any] | None = Field(None, description="Without effect.")

    model_config = ConfigDict(
        title="ChatCompletionRequest",
        json_schema_extra={
            "examples": [
                {
                    "model": "groundwork",
                    "messages": [{"role": "user", "content": "How do I roll an index back?"}],
                }
            ]
        },
    )


class UrlCitation(BaseModel):
    """A source of the text from `start_index` up to `end_index` of the content."""

    start_index: int
    end_index: int
    url: str
    title: str


class Annotation(BaseModel):
    """A citation."""

    type: Literal["url_citation"]
    url_citation: UrlCitation


class AssistantMessage(BaseModel):
    """The answer."""

    role: Literal["assistant"]
    content: str
    refusal: None
    annotations: list[Annotation]


class Choice(BaseModel):
    """The one choice."""

    index: int
    message: AssistantMessage
    logprobs: None
    finish_reason: Literal["stop"]


class CompletionUsage(BaseModel):
    """Tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int]
    completion_tokens_details: dict[str, int]


class ChatShape(BaseModel):
    """A chat completion."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str = Field(description="The release that answered.")
    choices: list[Choice]
    usage: CompletionUsage
    groundwork: dict[str, Any] = Field(
        description="The answer as /v1/ask gives it, without its text and usage."
    )

    model_config = ConfigDict(
        title="ChatCompletion",
        json_schema_extra={
            "examples": [
                {
                    "id": "chatcmpl-5f0c2a9e4b7d4c1f8a6e3b21",
                    "object": "chat.completion",
                    "created": 1795428900,
                    "model": "groundwork",
                    "system_fingerprint": "rel-0a1b2c3d4e5f",
                    "choices": [
                        {
                            "index": 0,
                            "message": {
                                "role": "assistant",
                                "content": "groundwork index rollback makes the previous version live again. [1]",
                                "refusal": None,
                                "annotations": [
                                    {
                                        "type": "url_citation",
                                        "url_citation": {
                                            "start_index": 0,
                                            "end_index": 64,
                                            "url": "https://docs.example.com/guides/indexes#rollback",
                                            "title": "Index versions",
                                        },
                                    }
                                ],
                            },
                            "logprobs": None,
                            "finish_reason": "stop",
                        }
                    ],
                    "usage": {
                        "prompt_tokens": 412,
                        "completion_tokens": 14,
                        "total_tokens": 426,
                        "prompt_tokens_details": {"cached_tokens": 0},
                        "completion_tokens_details": {"reasoning_tokens": 0},
                    },
                    "groundwork": {"id": "ans-5f0c2a9e4b7d4c1f8a6e3b21", "abstained": False},
                }
            ]
        },
    )


class ModelShape(BaseModel):
    """An index that can be asked."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str

    model_config = ConfigDict(
        title="Model",
        json_schema_extra={
            "examples": [
                {
                    "id": "groundwork/docs",
                    "object": "model",
                    "created": 1795428900,
                    "owned_by": "groundwork",
                }
            ]
        },
    )


class ModelsShape(BaseModel):
    """All of them."""

    object: Literal["list"]
    data: list[ModelShape]

    model_config = ConfigDict(
        title="Models",
        json_schema_extra={
            "examples": [
                {
                    "object": "list",
                    "data": [
                        {
                            "id": "groundwork",
                            "object": "model",
                            "created": 1795428900,
                            "owned_by": "groundwork",
                        }
                    ],
                }
            ]
        },
    )
