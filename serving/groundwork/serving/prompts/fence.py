"""Text of others inside a prompt: numbered, fenced, and unable to leave its fence.

A passage is data, whoever wrote it. It stands between two lines that carry a tag. The tag is a digest over the prompt
and the index version; an index version is named by its content, so nobody can write a page that holds the tag of the
version that the page is a part of. Within a release the tag stays the same, and so does the text of every passage:
an engine that caches prefixes (vLLM) reads repeated passages from its cache.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from groundwork.retrieval.passages import Passage

# What chat templates of common model families write between messages, and their tokenizers read as one token:
# ChatML and Llama 3 (<|…|>), DeepSeek (<｜…｜>), Llama 2 and Mistral ([INST], <<SYS>>, <s>), Gemma
# (<start_of_turn>), and the plain ends and paddings.
_TEMPLATE_TOKEN = re.compile(
    r"<(?=[|｜])"
    r"|<(?=/?(?:s|bos|eos|unk|pad|mask|sep|cls|system|user|assistant|start_of_turn|end_of_turn|tool_call"
    r"|tool_response|think|image|endoftext)>)"
    r"|<(?=</?SYS>>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|gMASK|CLS|SEP|PAD|UNK|MASK)\])",
    re.IGNORECASE,
)
_FENCE_LIKE = re.compile(
    r"^(?P<before>\s*)={3,}(?=[^\n]*\b(?:passage|end)\b)", re.MULTILINE | re.IGNORECASE
)


def fence_tag(digest: str, index: str, version: str) -> str:
    """12 hex digits. `digest` is the prompt's, `version` the index version's."""
    content = f"{digest}\0{index}\0{version}".encode()
    return hashlib.sha256(content).hexdigest()[:12]


def neutral(text: str) -> str:
    """The text with a blank inside whatever a chat template could take for one of its own tokens."""
    return _TEMPLATE_TOKEN.sub(lambda found: f"{found[0]} ", text)


def in_order(passages: Sequence[Passage]) -> list[Passage]:
    """By page and place in the page, however they rank.

    Questions about one topic find the same passages in changing ranks; in this order their prompts begin with the
    same text, which a prefix cache then holds. Neighbours in a page also read in the order they were written in.
    """
    return sorted(passages, key=lambda passage: (passage.chunk.page, passage.chunk.ordinal))


def fenced(passages: Sequence[Passage], tag: str) -> str:
    """The passages in the order given, numbered from 1."""
    return "\n\n".join(_fenced(n, passage, tag) for n, passage in enumerate(passages, start=1))


def _fenced(n: int, passage: Passage, tag: str) -> str:
    chunk = passage.chunk
    path = (
        chunk.heading_path
        if chunk.title in chunk.heading_path
        else (chunk.title, *chunk.heading_path)
    )
    heading = " ".join(_inert(" > ".join(path), tag).split())
    body = _inert(chunk.text.strip("\n"), tag)
    return f"=== {tag} passage {n}: {heading}\n{body}\n=== {tag} end"


def _inert(text: str, tag: str) -> str:
    without = re.sub(re.escape(tag), "…", text, flags=re.IGNORECASE)
    return neutral(_FENCE_LIKE.sub(r"\g<before>- - -", without))
