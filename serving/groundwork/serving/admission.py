"""What a question may cost at most, said before it is answered, so that budgets hold."""

from __future__ import annotations

from dataclasses import replace

from groundwork.core.metering.accounts import Expected
from groundwork.core.metering.prices import PriceBook
from groundwork.core.metering.tally import SEARCHES
from groundwork.core.tokens import count_tokens
from groundwork.serving.assistant import Assistant
from groundwork.serving.case import Case
from groundwork.serving.generate.base import Reach
from groundwork.serving.generate.context import FRUGAL_PASSAGES

# What fences, rules and the chat's format add to passages, history and question.
_PROMPT_TOKENS = 800
# Chunks are cut at 256 tokens of the embedder's; other tokenizers count up to so many.
_PASSAGE_TOKENS = 400
# What searches are priced under.
ENGINE = "qdrant"


def admit(case: Case, assistant: Assistant) -> None:
    """Count the question against its caller's limits, and hold what it may cost. Blocks on the ledger's database.

    Raises TooManyRequests or BudgetExceeded, both with what is left and when that changes; Unavailable.
    """
    books = assistant.books
    full, frugal = expected(case, assistant, books.prices)
    case.ticket = books.accounts.admit(case.id, case.question.caller, full, frugal)


def expected(case: Case, assistant: Assistant, book: PriceBook) -> tuple[Expected, Expected]:
    """The dearest that the answer can be, and the dearest that a frugal one can.

    Whoever may write is in it, also where only a failure of others makes them: a hold is no guess of who will.
    """
    asked, generator = case.question, assistant.generator
    own = _PROMPT_TOKENS + assistant.max_history_tokens + count_tokens(asked.text)
    passages = asked.passages or assistant.retriever.settings()["passages"]

    def dearest(reaches: tuple[Reach, ...], passages: int) -> Expected:
        prompt = own + passages * _PASSAGE_TOKENS
        bills = [Expected(reach.model, prompt, reach.answer_tokens) for reach in reaches]
        longest = max(reach.answer_tokens for reach in reaches)
        return replace(
            max(bills, key=lambda bill: _price(bill, book)),
            beside=_beside(case, assistant, own, longest),
        )

    full = dearest(generator.reach(asked.generator), passages)
    frugal = dearest(generator.reach(asked.generator, frugal=True), min(passages, FRUGAL_PASSAGES))
    return full, frugal


def _price(bill: Expected, book: PriceBook) -> int:
    return book.estimate(bill.model, bill.prompt_tokens, bill.completion_tokens)


def _beside(case: Case, assistant: Assistant, own: int, answer_tokens: int) -> tuple[Expected, ...]:
    """The search, what is embedded for it and to verify the answer, and making a follow-up stand alone."""
    embedder, rewriter = assistant.retriever.embedder, assistant.rewriter.reach()
    beside = [
        # The question, again where it was rewritten, and the answer's sentences, by another tokenizer.
        Expected(embedder.model, own + 2 * answer_tokens, 0),
        Expected(ENGINE, 0, 0, ((SEARCHES, 1),)),
    ]
    if rewriter is not None and (case.question.history or case.question.conversation):
        beside.append(Expected(rewriter.model, own, rewriter.answer_tokens))
    return tuple(beside)
