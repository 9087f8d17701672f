"""A server with OpenAI's API in a thread of its own, for commands that run an event loop themselves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from groundwork.serving.engine.double import EngineDouble
from groundwork.serving.engine.script import Writer


class Serving:
    """The double of an engine on loopback, in a loop and a thread of its own."""

    def __init__(self) -> None:
        self.double = EngineDouble(model="judge-1")
        self.url = ""
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._done = asyncio.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Serving:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)

    def _serve(self) -> None:
        async def work() -> None:
            async with self.double.serving() as url:
                self.url = url
                self._ready.set()
                await self._done.wait()

        self._loop.run_until_complete(work())
        self._loop.close()


class QuestionWriter(Writer):
    """Writes what RAGAS' test-set generator asks for: each reply in the shape that was wanted, about a pump."""

    def _text(self, messages: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any] | None) -> str:
        assert wanted is not None
        said = str(messages[-1]["content"])
        about = said[-4000:]
        fields = wanted["json_schema"]["schema"]["properties"]
        number = (
            "".join(ch for ch in about.rpartition("limit of pump")[2][:4] if ch.isdigit()) or "0"
        )
        known: dict[str, Any] = {
            "text": "The limit of a pump is set with a parameter of the configuration.",
            "score": 5,
            "entities": ["pump", "limit"],
            "output": ["pump", "limit"],
            "name": "Operator",
            "role_description": "Runs pumps.",
            "mapping": {"Operator": ["pump", "limit"]},
            "combinations": [["pump", "limit"]],
            "concepts": ["pump"],
            "query": f"Which parameter tells pump {number} where to stop?",
            "answer": f"limit={number}",
        }
        return orjson.dumps({name: known[name] for name in fields}).decode()
