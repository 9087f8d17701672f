"""The composition root of the command line: settings in, working parts out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from groundwork.core.settings import Settings, load
from groundwork.pipelines.compose import open_index_store, open_tools, page_scanner

if TYPE_CHECKING:
    from groundwork.core.answers import Answer
    from groundwork.guardrails.guard import Guard
    from groundwork.serving.case import Question
    from groundwork.serving.services import Services


@contextmanager
def open_services(settings: Settings) -> Iterator[Services]:
    """Everything that answers questions, closed afterwards."""
    from groundwork.serving.services import build_services

    services = build_services(settings)
    try:
        yield services
    finally:
        services.close()


@contextmanager
def open_guard(settings: Settings) -> Iterator[Guard]:
    """The rails of the policy in force."""
    from groundwork.classic.injection.open import open_classifier
    from groundwork.guardrails.factory import create_guard
    from groundwork.guardrails.hosts import KnownHosts

    with open_index_store(settings) as store:
        yield create_guard(
            settings, classifier=open_classifier(settings), known_hosts=KnownHosts(store)
        )


def answer_once(question: Question, services: Services) -> Answer:
    """One finished answer, in an event loop of its own."""
    import asyncio

    from groundwork.core.telemetry import Trace
    from groundwork.serving.answer import complete

    async def run() -> Answer:
        await services.greet_engines()
        try:
            return await complete(question, services.assistant, Trace())
        finally:
            await services.close_engines()

    return asyncio.run(run())


__all__ = [
    "answer_once",
    "load",
    "open_guard",
    "open_index_store",
    "open_services",
    "open_tools",
    "page_scanner",
]
