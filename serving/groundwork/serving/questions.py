"""What counts as a question, for every front end."""

from __future__ import annotations

from groundwork.core.errors import InvalidInput


def checked_question(text: str, max_chars: int, field: str = "question") -> str:
    """The question without surrounding white space. Raises InvalidInput that names the field."""
    question = text.strip()
    if not question:
        raise InvalidInput("the question is empty; ask something", field=field)
    if len(question) > max_chars:
        raise InvalidInput(
            f"the question has {len(question):,} characters; at most {max_chars:,} are read",
            field=field,
        )
    if "\0" in question or any("\ud800" <= char <= "\udfff" for char in question):
        raise InvalidInput(
            "the question holds a NUL or half a surrogate pair; send valid text", field=field
        )
    return question
