"""What a question may cost at most, said before it is answered, so that budgets hold."""

from __future__ import annotations

from groundwork.core.metering.accounts import Expected
from groundwork.core.metering.prices import PriceBook
from groundwork.core.tokens import count_tokens
from groundwork.serving.assistant import Assistant
from groundwork.serving.case import Case

# What fences, rules and the chat's format add to passages, history and question.
_PROMPT_TOKENS = 800
# Chunks are cut at 256 tokens of the embedder's; other tokenizers count up to so many.
_PASSAGE_TOKENS = 400
# A short context has so many passages.
_FRUGAL_PASSAGES = 3


def admit(case: Case, assistant: Assistant) -> None:
    """Count the question against its caller's limits, and hold what it may cost. Blocks on the ledger's database.

    Raises TooManyRequests or BudgetExceeded, both with what is left and when that changes; Unavailable.
    """
    books = assistant.books
    full, frugal = expected(case, assistant, books.prices)
    case.ticket = books.accounts.admit(case.id, case.question.caller, full, frugal)


def expected(case: Case, assistant: Assistant, book: PriceBook) -> tuple[Expected, Expected]:
    """The dearest that the answer can be, and the cheapest that it may be made."""
    asked = case.question
    own = _PROMPT_TOKENS + assistant.max_history_tokens + count_tokens(asked.text)
    passages = asked.passages or assistant.retriever.settings()["passages"]
    reaches = assistant.generator.reach(asked.generator)

    def bills(passages: int) -> list[Expected]:
        prompt = own + passages * _PASSAGE_TOKENS
        return [Expected(reach.model, prompt, reach.answer_tokens) for reach in reaches]

    def price(bill: Expected) -> int:
        return book.estimate(bill.model, bill.prompt_tokens, bill.completion_tokens)

    cheap = bills(min(passages, _FRUGAL_PASSAGES))
    # The last resort writes for nobody who has an engine: held for its price alone, an engine would write beyond the budget.
    return max(bills(passages), key=price), min(cheap[:-1] or cheap, key=price)
