"""Token counts of text, as OpenAI's models count: the estimate where no model of one's own has a tokenizer."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tiktoken


def count_tokens(text: str) -> int:
    """Tokens in o200k_base; special tokens in the text count as the characters they are written with."""
    return len(_encoding().encode_ordinary(text))


@cache
def _encoding() -> tiktoken.Encoding:
    from groundwork.core.settings import quiet_libraries

    # Without it tiktoken would fetch its tables instead of finding the ones that are here.
    quiet_libraries()
    import tiktoken

    return tiktoken.get_encoding("o200k_base")
