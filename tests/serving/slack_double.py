"""Slack as the bot sees it: the Web API, signed requests to the bot, and Socket Mode, on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import WSMsgType, web

SECRET = "the-signing-secret"
BOT, TEAM, USER = "U0BOT", "T1", "U1"
PUBLIC, PRIVATE, DIRECT, ELSEWHERE, PEOPLE = "C1", "C2", "D1", "C3", "C9"


@dataclass
class Message:
    """One message; `history` is every text that it had."""

    channel: str
    ts: str
    thread_ts: str | None
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any]
    history: list[str] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """What a person reads: the blocks, or the text where there are none."""
        texts = []
        for block in self.blocks:
            if block["type"] == "section":
                texts.append(block["text"]["text"])
            elif block["type"] == "context":
                texts += [element["text"] for element in block["elements"]]
        return "\n".join(texts) or self.text

    @property
    def finished(self) -> bool:
        return any(block["type"] == "actions" for block in self.blocks)

    def button(self, action: str) -> dict[str, Any]:
        (actions,) = [block for block in self.blocks if block["type"] == "actions"]
        (found,) = [each for each in actions["elements"] if each["action_id"] == action]
        return dict(found)


class Slack:
    """Use as `async with running_slack() as slack`."""

    def __init__(self) -> None:
        self.base_url = ""
        self.messages: list[Message] = []
        self.calls: Counter[str] = Counter()
        self.times: dict[str, list[float]] = {}
        self.whispers: list[dict[str, Any]] = []
        self.reactions: list[tuple[str, str, str]] = []
        self.prompts: list[dict[str, Any]] = []
        self.responses: list[dict[str, Any]] = []
        # Method -> answers to give instead, first come first served: (status, seconds or error). With the error
        # "behind" the method is done and its answer lost.
        self.faults: dict[str, list[tuple[int, Any]]] = {}
        self.acknowledged: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.socket: web.WebSocketResponse | None = None
        self.connected = asyncio.Event()
        self._counter = itertools.count(1)
        self._changed = asyncio.Condition()

    # What a person sees and does.

    def thread(self, channel: str, thread_ts: str) -> list[Message]:
        return [
            each
            for each in self.messages
            if each.channel == channel and each.thread_ts == thread_ts
        ]

    async def showing(self, channel: str, thread_ts: str, text: str) -> Message:
        """The message of a thread that shows this, as soon as one does."""

        def found() -> list[Message]:
            return [each for each in self.thread(channel, thread_ts) if text in each.shown]

        await self.until(found)
        (message,) = found()
        return message

    async def answered(self, channel: str, thread_ts: str, count: int = 1) -> list[Message]:
        """The messages of a thread, as soon as so many are finished answers."""
        await self.until(
            lambda: sum(each.finished for each in self.thread(channel, thread_ts)) >= count
        )
        return self.thread(channel, thread_ts)

    async def until(self, condition: Callable[[], Any], seconds: float = 15) -> Any:
        """Wait until something holds of what was called."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)
        return condition()

    def ts(self) -> str:
        return f"{1_700_000_000 + next(self._counter)}.000100"

    def event(self, event: Mapping[str, Any], event_id: str | None = None) -> dict[str, Any]:
        return {
            "type": "event_callback",
            "team_id": TEAM,
            "api_app_id": "A1",
            "event_id": event_id or f"Ev{next(self._counter)}",
            "event": dict(event),
            "authorizations": [{"team_id": TEAM, "user_id": BOT, "is_bot": True}],
        }

    def mention(
        self, text: str, channel: str = PUBLIC, thread_ts: str | None = None, user: str = USER
    ) -> dict[str, Any]:
        event: dict[str, Any] = {"type": "app_mention", "user": user, "channel": channel}
        event |= {"ts": self.ts(), "text": f"<@{BOT}> {text}"}
        if thread_ts:
            event["thread_ts"] = thread_ts
        return self.event(event)

    def said(
        self, text: str, channel: str, kind: str, thread_ts: str | None = None, **more: Any
    ) -> dict[str, Any]:
        event: dict[str, Any] = {"type": "message", "user": USER, "channel": channel}
        event |= {"ts": self.ts(), "text": text, "channel_type": kind, **more}
        if thread_ts:
            event["thread_ts"] = thread_ts
        return self.event(event)

    def pressed(self, message: Message, action: str, user: str = USER) -> dict[str, Any]:
        return {
            "type": "block_actions",
            "team": {"id": TEAM},
            "user": {"id": user},
            "api_app_id": "A1",
            "trigger_id": f"trigger{next(self._counter)}",
            "channel": {"id": message.channel},
            "message": {"ts": message.ts, "thread_ts": message.thread_ts},
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
            },
            "actions": [
                {
                    "type": "button",
                    "block_id": "gw_actions",
                    **message.button(action),
                    "action_ts": "1",
                }
            ],
        }

    def starred(self, channel: str, ts: str, reaction: str = "star") -> dict[str, Any]:
        item = {"type": "message", "channel": channel, "ts": ts}
        return self.event(
            {"type": "reaction_added", "user": USER, "reaction": reaction, "item": item}
        )

    def command(self, text: str, channel: str = PUBLIC) -> dict[str, str]:
        return {
            "command": "/groundwork",
            "text": text,
            "team_id": TEAM,
            "channel_id": channel,
            "user_id": USER,
            "trigger_id": f"trigger{next(self._counter)}",
            "response_url": self.base_url.replace("/api/", "/respond"),
        }

    # The Web API.

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._call)
        app.router.add_post("/respond", self._respond)
        app.router.add_get("/socket", self._socket)
        return app

    async def _call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        if request.content_type == "application/json":
            fields = await request.json()
        else:
            fields = {**request.query, **await request.post()}
        expected = "xapp-1" if method == "apps.connections.open" else "xoxb-1"
        if request.headers.get("Authorization") != f"Bearer {expected}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        self.calls[method] += 1
        self.times.setdefault(method, []).append(time.monotonic())
        faults = self.faults.get(method)
        if faults:
            status, what = faults.pop(0)
            if status == 429:
                said = {"ok": False, "error": "ratelimited"}
                answer = web.json_response(said, status=429, headers={"Retry-After": str(what)})
            else:
                if what == "behind":
                    getattr(self, "_" + method.replace(".", "_"))(fields)
                answer = web.json_response({"ok": False, "error": what}, status=status)
        else:
            handler: Callable[[Any], dict[str, Any]] = getattr(self, "_" + method.replace(".", "_"))
            answer = web.json_response(handler(fields))
        async with self._changed:
            self._changed.notify_all()
        return answer

    async def _respond(self, request: web.Request) -> web.Response:
        self.responses.append(await request.json())
        async with self._changed:
            self._changed.notify_all()
        return web.Response(text="ok")

    def _auth_test(self, fields: Any) -> dict[str, Any]:
        return {
            "ok": True,
            "user_id": BOT,
            "bot_id": "B0",
            "team_id": TEAM,
            "user": "g",
            "team": "t",
        }

    def _chat_postMessage(self, fields: Any) -> dict[str, Any]:  # noqa: N802
        if fields["channel"] == ELSEWHERE:
            return {"ok": False, "error": "not_in_channel"}
        self._check(fields)
        message = Message(
            fields["channel"],
            self.ts(),
            fields.get("thread_ts"),
            fields["text"],
            fields.get("blocks", []),
            fields.get("metadata", {}),
        )
        message.history.append(message.shown)
        self.messages.append(message)
        return {"ok": True, "channel": message.channel, "ts": message.ts}

    def _chat_update(self, fields: Any) -> dict[str, Any]:
        self._check(fields)
        for message in self.messages:
            if message.ts == fields["ts"] and message.channel == fields["channel"]:
                message.text, message.blocks = fields["text"], fields.get("blocks", [])
                message.history.append(message.shown)
                return {"ok": True, "ts": message.ts}
        return {"ok": False, "error": "message_not_found"}

    def _check(self, fields: Any) -> None:
        """What Slack would refuse or cut, or would let ping people."""
        if len(fields["text"]) > 40_000 or len(fields.get("blocks", [])) > 50:
            self.problems.append("too long")
        for block in fields.get("blocks", []):
            texts = [block["text"]] if block["type"] == "section" else block.get("elements", [])
            for text in texts:
                if text["type"] == "mrkdwn" and not (
                    0 < len(text["text"]) <= 3000 and text["verbatim"] is True
                ):
                    self.problems.append("a text that Slack refuses or parses")
        if fields.get("parse") != "none":
            self.problems.append("parsed")

    def _chat_postEphemeral(self, fields: Any) -> dict[str, Any]:  # noqa: N802
        self.whispers.append(fields)
        return {"ok": True, "message_ts": self.ts()}

    def _found(self, messages: list[Message]) -> dict[str, Any]:
        return {
            "ok": True,
            "messages": [
                {"ts": each.ts, "text": each.text, "metadata": each.metadata} for each in messages
            ],
        }

    def _conversations_replies(self, fields: Any) -> dict[str, Any]:
        return self._found(self.thread(fields["channel"], fields["ts"]))

    def _conversations_history(self, fields: Any) -> dict[str, Any]:
        return self._found(
            [e for e in self.messages if e.channel == fields["channel"] and e.thread_ts is None]
        )

    def _conversations_info(self, fields: Any) -> dict[str, Any]:
        channel = fields["channel"]
        kinds = {"is_private": channel == PRIVATE, "is_im": channel == DIRECT, "is_mpim": False}
        return {"ok": True, "channel": {"id": channel, **kinds}}

    def _chat_getPermalink(self, fields: Any) -> dict[str, Any]:  # noqa: N802
        link = f"https://slack.example.com/archives/{fields['channel']}/p{fields['message_ts']}"
        return {"ok": True, "permalink": link}

    def _reactions_add(self, fields: Any) -> dict[str, Any]:
        reaction = (fields["channel"], fields["timestamp"], fields["name"])
        if reaction in self.reactions:
            return {"ok": False, "error": "already_reacted"}
        self.reactions.append(reaction)
        return {"ok": True}

    def _assistant_threads_setSuggestedPrompts(self, fields: Any) -> dict[str, Any]:  # noqa: N802
        self.prompts.append(fields)
        return {"ok": True}

    def _apps_connections_open(self, fields: Any) -> dict[str, Any]:
        return {"ok": True, "url": self.base_url.replace("http", "ws").replace("/api/", "/socket")}

    # Socket Mode.

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.socket = socket
        await socket.send_json({"type": "hello"})
        self.connected.set()
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                self.acknowledged.append(json.loads(message.data))
                async with self._changed:
                    self._changed.notify_all()
        return socket

    async def push(self, kind: str, payload: Mapping[str, Any], envelope: str) -> None:
        """Send an envelope, and wait until it is acknowledged."""
        assert self.socket is not None
        await self.socket.send_json(
            {
                "type": kind,
                "envelope_id": envelope,
                "payload": dict(payload),
                "accepts_response_payload": True,
            }
        )
        await self.until(lambda: any(each["envelope_id"] == envelope for each in self.acknowledged))


@asynccontextmanager
async def running_slack() -> AsyncIterator[Slack]:
    slack = Slack()
    runner = web.AppRunner(slack.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    slack.base_url = f"http://127.0.0.1:{port}/api/"
    try:
        yield slack
    finally:
        if slack.socket is not None:
            await slack.socket.close()
        await runner.cleanup()


def signed(body: bytes, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """Headers as Slack signs them."""
    stamp = str(int(time.time() if at is None else at))
    base = f"v0:{stamp}:".encode() + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def as_request(payload: Mapping[str, Any]) -> tuple[bytes, str]:
    """A body with its content type: events are JSON, commands forms, buttons JSON in a form."""
    if payload.get("type") in {"event_callback", "url_verification"}:
        return json.dumps(payload).encode(), "application/json"
    fields = payload if "command" in payload else {"payload": json.dumps(payload)}
    return urlencode(fields).encode(), "application/x-www-form-urlencoded"
