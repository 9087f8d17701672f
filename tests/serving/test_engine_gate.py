from __future__ import annotations

import asyncio
import random

import pytest

from groundwork.core.errors import EngineBusy, EngineFull
from groundwork.serving.engine.gate import Gate


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_places_are_given_in_the_order_of_coming() -> None:
    gate = Gate("default", limit=1, max_waiting=10, max_wait_seconds=60)
    order: list[int] = []

    async def hold(n: int) -> None:
        async with gate.place():
            order.append(n)
            await asyncio.sleep(0)

    await asyncio.gather(*(hold(n) for n in range(8)))
    assert order == list(range(8))
    assert (gate.running, gate.waiting) == (0, 0)


async def test_nobody_overtakes_who_waits() -> None:
    gate = Gate("default", limit=1, max_waiting=10, max_wait_seconds=60)
    await gate.enter()
    waiter = asyncio.create_task(gate.enter())
    await settled()
    gate.leave()
    late = asyncio.create_task(gate.enter())
    await settled()
    assert waiter.done()
    assert not late.done()
    gate.leave()
    await late
    gate.leave()
    assert gate.running == 0


async def test_no_room_to_wait_is_said_at_once() -> None:
    gate = Gate("default", limit=1, max_waiting=0, max_wait_seconds=60)
    async with gate.place():
        with pytest.raises(EngineFull) as raised:
            await gate.enter()
    assert raised.value.status == 429
    assert raised.value.retry_after is not None
    assert gate.running == 0


async def test_waiting_in_vain_ends() -> None:
    gate = Gate("default", limit=1, max_waiting=2, max_wait_seconds=0.01)
    async with gate.place():
        with pytest.raises(EngineBusy) as raised:
            await gate.enter()
        assert not isinstance(raised.value, EngineFull)
        assert raised.value.status == 503
        assert gate.waiting == 0
    assert gate.running == 0


async def test_a_cancelled_waiter_leaves_no_trace() -> None:
    gate = Gate("default", limit=1, max_waiting=2, max_wait_seconds=60)
    await gate.enter()
    waiter = asyncio.create_task(gate.enter())
    await settled()
    assert gate.waiting == 1
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert gate.waiting == 0
    gate.leave()
    assert gate.running == 0


async def test_a_place_handed_to_a_waiter_that_is_cancelled_in_that_moment_is_not_lost() -> None:
    gate = Gate("default", limit=1, max_waiting=2, max_wait_seconds=60)
    await gate.enter()
    unlucky = asyncio.create_task(gate.enter())
    lucky = asyncio.create_task(gate.enter())
    await settled()
    gate.leave()
    unlucky.cancel()
    with pytest.raises(asyncio.CancelledError):
        await unlucky
    await lucky
    gate.leave()
    assert (gate.running, gate.waiting) == (0, 0)


@pytest.mark.parametrize("seed", range(10))
async def test_limits_hold_under_random_coming_and_leaving(seed: int) -> None:
    chance = random.Random(seed)
    gate = Gate("default", limit=3, max_waiting=5, max_wait_seconds=0.005)
    most = 0

    async def visit() -> None:
        nonlocal most
        try:
            async with gate.place():
                most = max(most, gate.running)
                await asyncio.sleep(chance.random() * 0.004)
        except EngineBusy:
            pass

    tasks = [asyncio.create_task(visit()) for _ in range(60)]
    for task in chance.sample(tasks, 20):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most <= 3
    assert (gate.running, gate.waiting) == (0, 0)
