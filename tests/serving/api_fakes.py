"""An assistant made of fakes, for tests of what stands around it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray

from groundwork.classic.injection.predict import InjectionClassifier
from groundwork.core.answers import Turn, Usage
from groundwork.core.documents import BlockKind, Chunk, Unit
from groundwork.core.errors import GroundworkError, IndexMissing
from groundwork.core.metering.accounts import Accounts
from groundwork.core.metering.prices import GENERATE, embedded_book
from groundwork.core.monitoring.metrics import Metrics
from groundwork.core.settings import CacheSettings, LedgerSettings, RailsSettings, Settings
from groundwork.guardrails.factory import create_guard
from groundwork.retrieval.embed.base import PassageText, PassageVectors
from groundwork.retrieval.index.base import LIVE, Filter, IndexStore, VersionInfo
from groundwork.retrieval.live import LiveReaders
from groundwork.retrieval.passages import Passage, Retrieval
from groundwork.retrieval.retrieve import Retriever
from groundwork.serving.app import create_app
from groundwork.serving.assistant import Assistant
from groundwork.serving.books import Books
from groundwork.serving.cache import AnswerCache
from groundwork.serving.conversation import HeuristicRewriter
from groundwork.serving.conversation_store import ConversationStore
from groundwork.serving.generate.base import Evidence, Finished, Piece, Reach, Task, Written
from groundwork.serving.services import Services
from groundwork.serving.store import AnswerStore

BASE_URL = "http://127.0.0.1"
INDEX = "docs"
QUESTION = "How do I roll an index back?"
SENTENCES = ("Rolling back moves the alias.", "It takes effect within a second.")
PAGE = " ".join(SENTENCES)


def chunk(number: int = 0, text: str = PAGE, start: int = 100) -> Chunk:
    return Chunk(
        id=f"chunk-{number}",
        page="guides/indexes.md",
        ordinal=number,
        title="Index versions",
        url="https://docs.example.com/guides/indexes",
        anchor="rollback",
        heading_path=("Index versions", "Rollback"),
        revision="9f2c1d7",
        start=start,
        end=start + len(text),
        text=text,
        embedding_text=text,
        digest=f"digest-{number}",
        units=(Unit(BlockKind.PARAGRAPH, start, start + len(text)),),
        tags=("operations",),
        product_version="2.1",
    )


def passage(number: int = 0) -> Passage:
    return Passage(chunk(number), score=0.9 - number / 100, dense=0.7, sparse=4.2)


def evidence(found: Passage, sentence: str) -> Evidence:
    start = found.chunk.start + found.chunk.text.index(sentence)
    return Evidence(found, start, start + len(sentence))


class FakeEmbedder:
    identity = "fake-embedder:1"
    model = "fake-embedder"
    dimension = 2
    max_tokens = 256

    def __init__(self) -> None:
        self.error: Exception | None = None

    def embed(self, texts: Any) -> NDArray[np.float32]:
        if self.error is not None:
            raise self.error
        return np.ones((len(texts), 2), dtype=np.float32)

    def embed_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        return [PassageVectors(dense) for dense in self.embed(passages)]

    def count_tokens(self, text: str) -> int:
        return len(text.split())


@dataclass
class Call:
    question: str
    index: str
    where: Filter | None
    limit: int | None


class FakeRetriever:
    def __init__(self, embedder: FakeEmbedder) -> None:
        self.embedder = embedder
        self.confidence = 0.9
        self.passages = [passage(n) for n in range(3)]
        self.calls: list[Call] = []

    def settings(self) -> dict[str, Any]:
        return {"candidates": 3, "passages": 8}

    def version(self, index: str) -> str:
        if index != INDEX:
            raise IndexMissing(f"no index named {index}", field="index")
        return "v1"

    def retrieve(
        self,
        question: str,
        index: str,
        *,
        where: Filter | None = None,
        limit: int | None = None,
        vector: NDArray[np.float32] | None = None,
    ) -> Retrieval:
        if index != INDEX:
            raise IndexMissing(f"no index named {index}", field="index")
        self.calls.append(Call(question, index, where, limit))
        found = tuple(self.passages[:limit])
        return Retrieval(question, index, "v1", found, self.confidence, 0.5, len(question.split()))


class ScriptedGenerator:
    """Cites both sentences of the best passage. `hang_after` pieces it waits for ever; `error` comes at the end."""

    model = "extractive"
    identity = "scripted:1"

    def __init__(self) -> None:
        self.hang_after: int | None = None
        self.error: Exception | None = None
        self.silent = False
        self.sentences: Sequence[str] = SENTENCES
        self.histories: list[tuple[Turn, ...]] = []
        self.waiting = asyncio.Event()
        self.closed = threading.Event()

    def warm(self) -> None:
        """Nothing to load."""

    def reach(self, wanted: str | None, *, frugal: bool = False) -> tuple[Reach, ...]:
        del wanted, frugal
        return (Reach(self.model, 100),)

    async def generate(self, task: Task) -> AsyncGenerator[Written, None]:
        self.histories.append(task.history)
        best = task.retrieval.passages[0]
        try:
            for n, sentence in enumerate(() if self.silent else self.sentences):
                if n == self.hang_after:
                    self.waiting.set()
                    await asyncio.Event().wait()
                yield Piece(sentence + "\n", evidence(best, sentence))
            if self.error is not None:
                raise self.error
            usage = Usage(prompt_tokens=40, completion_tokens=12, cached_tokens=8)
            task.tally.tokens(GENERATE, self.model, usage)
            yield Finished(usage, self.model)
        finally:
            self.closed.set()


class FakeReader:
    index = INDEX

    def __init__(self, version: str) -> None:
        self.version = version

    def blob(self, name: str) -> bytes | None:
        return None

    def close(self) -> None:
        pass


class FakeIndexStore:
    def __init__(self) -> None:
        self.live: dict[str, str] = {INDEX: "v1"}
        self.error: GroundworkError | None = None

    def names(self) -> list[str]:
        if self.error is not None:
            raise self.error
        return sorted([*self.live, "unpromoted"])

    def alias(self, index: str, alias: str = LIVE) -> str | None:
        if self.error is not None:
            raise self.error
        return self.live.get(index)

    def versions(self, index: str) -> list[VersionInfo]:
        return [
            VersionInfo("v2", "2026-11-23T11:00:00.000Z", 1, 3, None),
            VersionInfo("v1", "2026-11-23T10:00:00.000Z", 1, 3, None),
        ]

    def open(self, index: str, version: str | None = None) -> FakeReader:
        return FakeReader(version or self.live[index])

    def close(self) -> None:
        pass


@dataclass
class World:
    """An app over fakes, with handles on them."""

    settings: Settings
    app: FastAPI
    services: Services
    retriever: FakeRetriever
    generator: ScriptedGenerator
    index_store: FakeIndexStore
    embedder: FakeEmbedder
    store: AnswerStore

    def client(self, **options: Any) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=BASE_URL, **options)

    def kept(self) -> list[dict[str, Any]]:
        """All stored answers."""
        from sqlalchemy import select

        from groundwork.serving import store

        with self.store._engine.connect() as connection:
            bodies = connection.execute(select(store._answers.c.body)).scalars().all()
        return [json.loads(body) for body in bodies]

    async def kept_one(self) -> dict[str, Any]:
        """The one stored answer, as soon as it is there: a record is written behind a client that left."""
        async with asyncio.timeout(5):
            while not (kept := self.kept()):  # noqa: ASYNC110  # a database tells nobody
                await asyncio.sleep(0.01)
        (only,) = kept
        return only


def build_world(home: Path, *, rails: bool = False, currency: str = "USD", **service: Any) -> World:
    settings = Settings(
        home=home,
        service=service,
        ledger=LedgerSettings(currency=currency),
        # What one test asks twice, it wants answered twice.
        cache=CacheSettings(mode="off"),
        # Rails hold words back; what they do to an answer is tested where they are on.
        rails=RailsSettings(enabled=rails),
    )
    embedder = FakeEmbedder()
    retriever, generator, index_store = (
        FakeRetriever(embedder),
        ScriptedGenerator(),
        FakeIndexStore(),
    )
    store = AnswerStore(settings.ledger_url)
    metrics = Metrics()
    accounts = Accounts.open(settings, embedded_book(embedder.model), metrics.money.posted)
    accounts.start()
    conversations = ConversationStore(settings.ledger_url)
    assistant = Assistant(
        retriever=cast("Retriever", retriever),
        generator=generator,
        guard=create_guard(settings, classifier=InjectionClassifier.load(None)),
        rewriter=HeuristicRewriter(),
        conversations=conversations,
        cache=AnswerCache(settings.cache),
        books=Books(accounts, store),
    )
    engine = cast("IndexStore", index_store)
    services = Services(
        assistant=assistant,
        store=store,
        index_store=engine,
        readers=LiveReaders(engine, 1.0),
        embedder=embedder,
        conversations=conversations,
        accounts=accounts,
        metrics=metrics,
    )
    app = create_app(settings, services)
    return World(settings, app, services, retriever, generator, index_store, embedder, store)


def events_of(body: str) -> list[tuple[str, str]]:
    """(event, data) of a finished stream; comments are left out."""
    events = []
    for block in body.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":")
        )
        if fields:
            events.append((fields.get("event", "message"), fields["data"]))
    return events


class RawRequest:
    """One request as an ASGI server would make it: what httpx hides (chunks, leaving early) can be tested."""

    def __init__(self, path: str, chunks: Iterable[bytes], **headers: str) -> None:
        self.messages: list[dict[str, Any]] = []
        self.leave = asyncio.Event()
        self.received: Callable[[dict[str, Any]], None] = lambda _message: None
        self._chunks = list(chunks)
        fields = {"host": "127.0.0.1", "content-type": "application/json", **headers}
        self.scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
            "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
            "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()],
        }  # fmt: skip

    async def run(self, app: FastAPI) -> None:
        await app(self.scope, self._receive, self._send)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    async def _receive(self) -> dict[str, Any]:
        if self._chunks:
            piece = self._chunks.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(self._chunks)}
        await self.leave.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.messages.append(message)
        self.received(message)
