"""What the doubles of an engine write, and how they fail: set by a test, the same for the same request and seed."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, get_args

import orjson

from groundwork.core.answers import Usage
from groundwork.core.errors import ContextTooLong

Fault = Literal["refused", "slow", "500", "429", "cut", "malformed", "error", "hang"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
# These happen between two tokens, the others before the first.
MIDWAY: frozenset[Fault] = frozenset({"cut", "malformed", "error", "hang"})

_PASSAGE = re.compile(
    r"^=== (\w+) passage (\d+):[^\n]*\n(.*?)\n=== \1 end$", re.MULTILINE | re.DOTALL
)
_SENTENCE = re.compile(r"[^\n]*?[.!?](?=\s|$)")
_QUESTION = re.compile(r"question: *([^\n]+)", re.IGNORECASE)
_PIECE = re.compile(r"\s*(?:\w+|[^\w\s])|\s+$")
# A rule of thumb for English that needs no tokenizer; what matters is that it is the same everywhere here.
_CHARS_A_TOKEN = 4
_TOKENS_A_MESSAGE = 4
_BLOCK_CHARS = 16 * _CHARS_A_TOKEN
_LATEST_MIDWAY = 8


@dataclass(frozen=True, slots=True)
class Script:
    """How a double behaves. Times are seconds.

    `text` is written; without it, one sentence of each passage in the prompt with its [n], or the question where
    the prompt holds no passages. `tokens` repeats or cuts the text to that many. Of `faults` one is drawn for a share
    `fault_rate` of requests, by `seed`, the request and how often it came before. `fault_after` is the number of
    tokens before a fault that comes midway; drawn where it is None.
    """

    text: str | None = None
    tokens: int | None = None
    first_token_seconds: float = 0.0
    token_seconds: float = 0.0
    window: int = 32_768
    quoted: int = 3
    faults: tuple[Fault, ...] = ()
    fault_rate: float = 1.0
    fault_after: int | None = None
    retry_after: float | None = None
    seed: int = 0

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Script:
        """Raises TypeError or ValueError for what is no script."""
        fields = {**raw, "faults": tuple(raw.get("faults", ()))}
        if unknown := set(fields["faults"]) - set(FAULTS):
            raise ValueError(f"unknown faults: {', '.join(sorted(map(str, unknown)))}")
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Misfortune:
    """A fault of one request, after so many tokens."""

    fault: Fault
    after: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What is written to one request."""

    tokens: tuple[str, ...]
    finish_reason: str
    prompt_tokens: int
    cached_tokens: int

    def usage(self, written: int | None = None) -> Usage:
        """The count after so many tokens; after all of them where none is given."""
        count = len(self.tokens) if written is None else written
        return Usage(self.prompt_tokens, count, self.cached_tokens)


@dataclass(slots=True)
class Writer:
    """Writes replies. `script` may be replaced between requests."""

    script: Script = field(default_factory=Script)
    _prompts: deque[str] = field(default_factory=lambda: deque(maxlen=8))
    _seen: Counter[bytes] = field(default_factory=Counter)

    def reply(self, body: Mapping[str, Any]) -> Reply:
        """To an OpenAI chat request. Raises ContextTooLong."""
        messages = body["messages"]
        prompt = _rendered(messages)
        count = count_prompt(messages)
        wanted = body.get("max_completion_tokens") or body.get("max_tokens") or 0
        if count + wanted > self.script.window or count >= self.script.window:
            raise ContextTooLong(
                f"This model's maximum context length is {self.script.window} tokens. However, you requested "
                f"{count + wanted} tokens. Please reduce the length of the input messages."
            )
        text, reason = _until(self._text(messages, body.get("response_format")), body.get("stop"))
        tokens = _PIECE.findall(text)
        if self.script.tokens is not None and tokens:
            tokens = (tokens * (self.script.tokens // len(tokens) + 1))[: self.script.tokens]
        limit = wanted or self.script.window - count
        if len(tokens) > limit:
            tokens, reason = tokens[:limit], "length"
        reply = Reply(tuple(tokens), reason, count, self._cached(prompt))
        self._prompts.append(prompt)
        return reply

    def misfortune(self, body: Mapping[str, Any]) -> Misfortune | None:
        """What happens to this request, if anything."""
        script = self.script
        if not script.faults:
            return None
        key = hashlib.sha256(orjson.dumps(body["messages"])).digest()
        self._seen[key] += 1
        chance = Random(f"{script.seed} {key.hex()} {self._seen[key]}")
        if chance.random() >= script.fault_rate:
            return None
        drawn = chance.randint(0, _LATEST_MIDWAY)
        after = drawn if script.fault_after is None else script.fault_after
        return Misfortune(chance.choice(script.faults), after)

    def _text(self, messages: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any] | None) -> str:
        if wanted is not None and wanted.get("type") == "json_schema":
            return orjson.dumps(example_of(wanted["json_schema"]["schema"])).decode()
        if self.script.text is not None:
            return self.script.text
        said = "\n".join(str(message["content"]) for message in messages)
        quotes = [
            f"{quote} [{n}]"
            for _, n, passage in _PASSAGE.findall(said)[: self.script.quoted]
            if (quote := _first_sentence(passage))
        ]
        return " ".join(quotes) or _question(str(messages[-1]["content"]))

    def _cached(self, prompt: str) -> int:
        """Tokens of whole blocks that an earlier prompt begins with too."""
        shared = max((_shared_prefix(prompt, other) for other in self._prompts), default=0)
        return shared // _BLOCK_CHARS * 16


def count_prompt(messages: Sequence[Mapping[str, Any]]) -> int:
    """Tokens of a prompt, as the doubles count."""
    return sum(
        _TOKENS_A_MESSAGE + -(-len(str(message["content"])) // _CHARS_A_TOKEN)
        for message in messages
    )


def example_of(schema: Mapping[str, Any]) -> Any:
    """The plainest value that obeys a JSON schema of objects, arrays, strings, numbers, booleans and enums."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: example_of(properties[name]) for name in schema.get("required", properties)}
    if kind == "array":
        return [example_of(schema.get("items", {}))] * int(schema.get("minItems", 0))
    if kind == "string":
        return "x" * max(1, int(schema.get("minLength", 1)))
    plain = {"boolean": True, "null": None}
    return plain[kind] if kind in plain else schema.get("minimum", 0)


def _rendered(messages: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(f"{message['role']}\n{message['content']}" for message in messages)


def _until(text: str, stop: str | Sequence[str] | None) -> tuple[str, str]:
    marks = [stop] if isinstance(stop, str) else list(stop or ())
    ends = [at for mark in marks if (at := text.find(mark)) >= 0]
    return (text[: min(ends)] if ends else text), "stop"


def _first_sentence(passage: str) -> str:
    """The first one that is no heading, no row of a table and no line of code; "" where there is none."""
    for found in _SENTENCE.finditer(passage):
        sentence = found[0].strip()
        if sentence[:1].isalpha():
            return sentence
    return ""


def _question(content: str) -> str:
    found = _QUESTION.findall(content)
    return str(found[-1]).strip() if found else content.strip()[-400:]


def _shared_prefix(one: str, other: str) -> int:
    """By halves: comparing slices is far cheaper than characters."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
