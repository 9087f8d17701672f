"""A double of an engine behind HTTP: vLLM's surface without a model, with scripted delays and faults.

`python -m groundwork.serving.engine.double --port 8001 --script '{"tokens": 35}'` serves it in a process of its own, as
benchmarks do; POST /control there replaces the script, GET /control counts. It is light: the upstream of a measurement
should not be what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
from aiohttp import web

from groundwork.core.errors import ContextTooLong
from groundwork.serving.engine.script import MIDWAY, Misfortune, Reply, Script, Writer, count_prompt

_MAX_BODY = 16 << 20
# Longer than any test waits; the client gives up before.
_FOREVER_SECONDS = 3600.0
_ERROR_EVENT = b'data: {"error":{"message":"the engine core died","type":"InternalServerError","code":500}}\n\n'


class EngineDouble:
    """Set `writer.script` to change how it behaves; `running`, `requests`, `left` and `clients` (addresses, one a
    connection) tell what happened.
    """

    def __init__(self, script: Script | None = None, model: str = "double") -> None:
        self.writer = Writer(script or Script())
        self.model = model
        self.running = 0
        self.requests = 0
        self.left = 0
        self.clients: set[Any] = set()
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.last_body: dict[str, Any] = {}

    def app(self) -> web.Application:
        """The routes, as vLLM has them, and /control."""
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/tokenize", self._tokenize)
        app.router.add_get("/health", self._health)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/control", self._counts)
        app.router.add_post("/control", self._control)
        return app

    @asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve on a free port; gives the base URL with its /v1."""
        # Without cancellation a handler would write on to nobody.
        runner = web.AppRunner(
            self.app(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
            yield f"http://{host}:{runner.addresses[0][1]}/v1"
        finally:
            await runner.cleanup()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        self.last_body = body
        self.requests += 1
        if request.transport is not None:
            self.clients.add(request.transport.get_extra_info("peername"))
        self.running += 1
        try:
            return await self._answer(request, body)
        except (asyncio.CancelledError, ConnectionResetError):
            self.left += 1
            raise
        finally:
            self.running -= 1

    async def _answer(self, request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
        if body.get("model") != self.model:
            return _error(404, f"The model `{body.get('model')}` does not exist.", "NotFoundError")
        script = self.writer.script
        try:
            reply = self.writer.reply(body)
        except ContextTooLong as error:
            return _error(400, error.detail, "BadRequestError")
        misfortune = self.writer.misfortune(body)
        if misfortune is not None and misfortune.fault not in MIDWAY:
            refusal = await self._fail(request, misfortune)
            if refusal is not None:
                return refusal
        await asyncio.sleep(script.first_token_seconds)
        self.prompt_tokens += reply.prompt_tokens
        if body.get("stream"):
            return await self._stream(request, body, reply, misfortune)
        return await self._whole(request, reply, misfortune)

    async def _fail(self, request: web.Request, misfortune: Misfortune) -> web.Response | None:
        fault = misfortune.fault
        if fault == "refused":
            _cut(request)
        elif fault == "slow":
            await asyncio.sleep(_FOREVER_SECONDS)
        elif fault == "429":
            wait = self.writer.script.retry_after
            headers = {"Retry-After": f"{wait:g}"} if wait is not None else None
            return _error(429, "too many requests", "RateLimitError", headers)
        return _error(500, "the engine core died", "InternalServerError")

    async def _whole(
        self, request: web.Request, reply: Reply, misfortune: Misfortune | None
    ) -> web.Response:
        await asyncio.sleep(self.writer.script.token_seconds * len(reply.tokens))
        self.completion_tokens += len(reply.tokens)
        if misfortune is not None:
            if misfortune.fault == "cut":
                _cut(request)
            if misfortune.fault == "hang":
                await asyncio.sleep(_FOREVER_SECONDS)
            if misfortune.fault == "malformed":
                return web.Response(body=b'{"choices": [', content_type="application/json")
            return _error(500, "the engine core died", "InternalServerError")
        message = {"role": "assistant", "content": "".join(reply.tokens)}
        return _json(
            {
                "id": "chatcmpl-double",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": self.model,
                "choices": [
                    {
                        "index": 0,
                        "message": message,
                        "logprobs": None,
                        "finish_reason": reply.finish_reason,
                    }
                ],
                "usage": reply.usage().to_dict(),
            }
        )

    async def _stream(
        self,
        request: web.Request,
        body: Mapping[str, Any],
        reply: Reply,
        misfortune: Misfortune | None,
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        pause = self.writer.script.token_seconds
        after = len(reply.tokens) + 1 if misfortune is None else misfortune.after
        for n, frame in enumerate(_frames(self.model, reply, body.get("stream_options") or {})):
            # The last frames are no tokens; a fault that is due later comes before them.
            if misfortune is not None and n >= min(after, len(reply.tokens)):
                return await self._break(request, response, misfortune)
            await response.write(frame)
            if n < len(reply.tokens):
                self.completion_tokens += 1
                if pause:
                    await asyncio.sleep(pause)
        await response.write_eof()
        return response

    async def _break(
        self, request: web.Request, response: web.StreamResponse, misfortune: Misfortune
    ) -> web.StreamResponse:
        if misfortune.fault == "hang":
            await asyncio.sleep(_FOREVER_SECONDS)
        elif misfortune.fault == "malformed":
            await response.write(b'data: {"choices": [{"delta"\n\n')
        elif misfortune.fault == "error":
            await response.write(_ERROR_EVENT)
        else:
            _cut(request)
        await response.write_eof()
        return response

    async def _models(self, request: web.Request) -> web.Response:
        del request
        entry = {
            "id": self.model,
            "object": "model",
            "created": 0,
            "owned_by": "vllm",
            "max_model_len": self.writer.script.window,
        }
        return _json({"object": "list", "data": [entry]})

    async def _tokenize(self, request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        messages = body.get("messages") or [{"content": body.get("prompt", "")}]
        count = count_prompt(messages)
        return _json({"count": count, "max_model_len": self.writer.script.window, "tokens": []})

    async def _health(self, request: web.Request) -> web.Response:
        del request
        return web.Response()

    async def _metrics(self, request: web.Request) -> web.Response:
        del request
        label = f'{{model_name="{self.model}"}}'
        values = {
            "vllm:num_requests_running": self.running,
            "vllm:num_requests_waiting": 0,
            "vllm:prompt_tokens_total": self.prompt_tokens,
            "vllm:generation_tokens_total": self.completion_tokens,
        }
        return web.Response(
            text="".join(f"{name}{label} {float(value)}\n" for name, value in values.items())
        )

    async def _counts(self, request: web.Request) -> web.Response:
        del request
        return _json({"running": self.running, "requests": self.requests, "left": self.left})

    async def _control(self, request: web.Request) -> web.Response:
        try:
            self.writer.script = Script.from_json(orjson.loads(await request.read()))
        except (TypeError, ValueError) as error:
            return _error(400, f"that is no script: {error}", "BadRequestError")
        return _json({"ok": True})


def _frames(model: str, reply: Reply, options: Mapping[str, Any]) -> list[bytes]:
    """One frame a token, then the finish, the usage where it was asked for, and the end."""
    name = orjson.dumps(model)
    head = (
        b'data: {"id":"chatcmpl-double","object":"chat.completion.chunk","created":0,"model":'
        + name
    )
    along = bool(options.get("continuous_usage_stats")) and bool(options.get("include_usage"))

    def frame(delta: bytes, reason: bytes, written: int) -> bytes:
        usage = b""
        if along:
            usage = b',"usage":{"prompt_tokens":%d,"total_tokens":%d,"completion_tokens":%d}' % (
                reply.prompt_tokens,
                reply.prompt_tokens + written,
                written,
            )
        return (
            head
            + b',"choices":[{"index":0,"delta":{"content":'
            + delta
            + b'},"logprobs":null,"finish_reason":'
            + reason
            + b"}]"
            + usage
            + b"}\n\n"
        )

    frames = [
        frame(orjson.dumps(token), b"null", n) for n, token in enumerate(reply.tokens, start=1)
    ]
    frames.append(frame(b'""', orjson.dumps(reply.finish_reason), len(reply.tokens)))
    if options.get("include_usage"):
        usage = orjson.dumps(reply.usage().to_dict())
        frames.append(head + b',"choices":[],"usage":' + usage + b"}\n\n")
    frames.append(b"data: [DONE]\n\n")
    return frames


def _cut(request: web.Request) -> None:
    """Drop the connection as a dying process does, and end the handler."""
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError("cut by the script")


def _json(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(
        body=orjson.dumps(content), status=status, headers=headers, content_type="application/json"
    )


def _error(
    status: int, message: str, kind: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """In vLLM's shape."""
    error = {"message": message, "type": kind, "param": None, "code": status}
    return _json({"error": error}, status, headers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="groundwork.serving.engine.double", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--model", default="double")
    parser.add_argument("--script", default="{}", help="The script's fields as JSON.")
    options = parser.parse_args(arguments)
    try:
        script = Script.from_json(orjson.loads(options.script))
    except (TypeError, ValueError) as error:
        parser.error(f"--script: {error}")
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(EngineDouble(script, options.model), options.host, options.port))
    return 0


async def _serve(double: EngineDouble, host: str, port: int) -> None:
    async with double.serving(host, port) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
