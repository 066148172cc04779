"""A batch waits for those who were just answered, and never long."""

import asyncio
from collections.abc import Sequence

import pytest

from gateway.coalescer import BUDGET_S, GATHER_MOST_S, GATHER_SHARE, Coalescer
from tests.unit.gateway.coalescing import Clock, FarSide, asked, settled

pytestmark = pytest.mark.anyio


async def answered(
    far: FarSide, clock: Clock, coalescing: Coalescer[int, int], items: Sequence[int], took_s: float
) -> None:
    """A batch of these items has been there and back, and took so long."""
    lone = asked(coalescing, [0])
    await settled()
    batch = asked(coalescing, items)
    await settled()
    # Only who waits now goes on.
    far.open.set()
    far.open.clear()
    await asyncio.gather(*lone)
    await settled()
    clock.now += took_s
    far.open.set()
    await asyncio.gather(*batch)
    assert far.batches == [[0], list(items)]
    far.open.clear()


async def test_the_next_batch_waits_until_as_many_are_there_as_were_answered() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    await answered(far, clock, coalescing, [1, 2, 3], took_s=60.0)

    back = asked(coalescing, [4, 5])
    await settled()
    assert len(far.batches) == 2
    back += asked(coalescing, [6])
    await settled()

    assert far.batches[2:] == [[4, 5, 6]]
    far.open.set()
    await asyncio.gather(*back)


async def test_it_waits_for_a_share_of_what_the_last_one_took_and_no_longer() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    await answered(far, clock, coalescing, [1, 2, 3], took_s=0.02)
    far.came.clear()

    # Nobody but this one comes back, and nothing else stirs.
    back = asked(coalescing, [4])
    await settled()
    assert not far.came.is_set()
    clock.now += 0.02 * GATHER_SHARE
    async with asyncio.timeout(10):
        await far.came.wait()

    assert far.batches[2:] == [[4]]
    far.open.set()
    await asyncio.gather(*back)


async def test_after_a_pause_a_lone_request_leaves_at_once_again() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    await answered(far, clock, coalescing, [1, 2, 3], took_s=1.0)
    clock.now += 1.0 * GATHER_SHARE

    back = asked(coalescing, [4])
    await settled()

    assert far.batches[2:] == [[4]]
    far.open.set()
    await asyncio.gather(*back)


async def test_after_a_batch_that_hung_nobody_waits_long_for_company() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    await answered(far, clock, coalescing, [1, 2, 3], took_s=BUDGET_S)
    clock.now += GATHER_MOST_S

    back = asked(coalescing, [4])
    await settled()

    assert far.batches[2:] == [[4]]
    far.open.set()
    await asyncio.gather(*back)


async def test_draining_waits_for_nobody_who_might_come_back() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    await answered(far, clock, coalescing, [1, 2, 3], took_s=60.0)

    back = asked(coalescing, [4])
    await settled()
    far.open.set()
    async with asyncio.timeout(10):
        await coalescing.drain()

    assert [task.result() for task in back] == [8]
