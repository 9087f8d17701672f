"""One question to a service that was just rolled out: is it ready, does it answer with citations, at a price?"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import aiohttp

_READY_SECONDS = 120.0
_QUESTION = "How do I get started?"


async def main() -> int:
    """0 where all is well; else 1 and a sentence."""
    base = os.environ.get("BASE_URL", "http://127.0.0.1:8080").rstrip("/")
    key = os.environ.get("GROUNDWORK_KEY")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with aiohttp.ClientSession(headers=headers) as session:
        problem = await _ready(session, base) or await _asked(session, base)
    if problem:
        print(f"smoke: {problem}", file=sys.stderr)
        return 1
    print(f"smoke: {base} is ready and answers")
    return 0


async def _ready(session: aiohttp.ClientSession, base: str) -> str:
    until = time.monotonic() + _READY_SECONDS
    said = ""
    while time.monotonic() < until:
        try:
            async with session.get(f"{base}/readyz") as response:
                if response.status == 200:
                    return ""
                said = (await response.text())[:500]
        except aiohttp.ClientError as error:
            said = repr(error)
        await asyncio.sleep(1)
    return f"not ready after {_READY_SECONDS:.0f} s: {said}"


async def _asked(session: aiohttp.ClientSession, base: str) -> str:
    async with session.post(f"{base}/v1/ask", json={"question": _QUESTION}) as response:
        body = await response.json()
    if response.status != 200:
        return f"asking gave {response.status}: {body.get('detail')}"
    if not body["abstained"] and not body["citations"]:
        return f"answer {body['id']} has no citation"
    if not body["cost"]["charges"]:
        return f"answer {body['id']} was not charged"
    return ""


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
