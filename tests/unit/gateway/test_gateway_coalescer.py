"""The coalescer: what arrives together travels together, and fails alone."""

import asyncio
from collections.abc import Sequence

import pytest

from gateway import coalescer
from gateway.coalescer import (
    BATCH,
    BUDGET_S,
    IN_FLIGHT,
    LEAST_CALL_S,
    PATIENCE_S,
    QUEUE,
    Coalescer,
)
from services.kit.errors import Failure, Internal, Unavailable
from tests.unit.gateway.coalescing import PLAYER, Clock, FarSide, ItemBroke, asked, settled

pytestmark = pytest.mark.anyio


async def blocked(
    far: FarSide, clock: Clock, coalescing: Coalescer[int, int]
) -> list[asyncio.Task[int]]:
    """As many batches of one item as may be in flight, all held up."""
    tasks = []
    for number in range(IN_FLIGHT):
        tasks += asked(coalescing, [number])
        await settled()
        clock.now += 2 * PATIENCE_S
    assert far.batches == [[number] for number in range(IN_FLIGHT)]
    return tasks


async def test_a_lone_request_leaves_at_once() -> None:
    far = FarSide()
    coalescing = Coalescer(far.send)

    task = asyncio.create_task(coalescing.ask(PLAYER, 21))
    await settled()

    assert far.batches == [[21]]
    far.open.set()
    assert await task == 42


async def test_what_arrives_meanwhile_travels_together_and_in_order() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    first = await blocked(far, clock, coalescing)

    later = asked(coalescing, range(10, 20))
    await settled()
    far.open.set()

    assert await asyncio.gather(*later) == [item * 2 for item in range(10, 20)]
    assert far.batches[IN_FLIGHT:] == [list(range(10, 20))]
    await asyncio.gather(*first)


async def test_nothing_leaves_beside_a_batch_that_is_quick() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    tasks = asked(coalescing, [1])
    await settled()

    clock.now += PATIENCE_S / 2
    tasks += asked(coalescing, range(BATCH - 1))
    await settled()

    assert far.batches == [[1]]
    far.open.set()
    await asyncio.gather(*tasks)


async def test_what_waits_leaves_by_itself_once_the_batch_before_it_is_held_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coalescer, "PATIENCE_S", 0.01)
    far = FarSide()
    coalescing = Coalescer(far.send)
    tasks = asked(coalescing, [1])
    await settled()
    tasks += asked(coalescing, [2, 3])
    await settled()
    assert far.batches == [[1]]

    far.came.clear()
    await asyncio.wait_for(far.came.wait(), timeout=5)

    assert far.batches == [[1], [2, 3]]
    far.open.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6]


async def test_a_full_batch_leaves_beside_another() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    tasks = asked(coalescing, [1])
    await settled()

    tasks += asked(coalescing, range(BATCH))
    await settled()

    assert far.batches == [[1], list(range(BATCH))]
    far.open.set()
    await asyncio.gather(*tasks)


async def test_nobody_waits_for_a_batch_that_is_held_up() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    tasks = asked(coalescing, [1])
    await settled()

    clock.now += 2 * PATIENCE_S
    tasks += asked(coalescing, [2])
    await settled()

    assert far.batches == [[1], [2]]
    far.open.set()
    await asyncio.gather(*tasks)


async def test_no_more_batches_are_in_flight_than_allowed() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    tasks = await blocked(far, clock, coalescing)

    tasks += asked(coalescing, range(300))
    await settled()
    far.open.set()
    await asyncio.gather(*tasks)

    assert far.most_at_once == IN_FLIGHT


async def test_a_batch_has_no_more_items_than_allowed() -> None:
    far = FarSide()
    far.open.set()
    coalescing = Coalescer(far.send)

    await asyncio.gather(*asked(coalescing, range(3 * BATCH)))

    assert max(len(batch) for batch in far.batches) == BATCH
    assert sorted(item for batch in far.batches for item in batch) == list(range(3 * BATCH))


async def test_items_fail_alone() -> None:
    far = FarSide()
    far.open.set()
    coalescing = Coalescer(far.send)

    answers = await asyncio.gather(*asked(coalescing, [1, -1, 3]), return_exceptions=True)

    assert len(far.batches) == 1
    assert answers[0] == 2
    assert isinstance(answers[1], ItemBroke)
    assert answers[2] == 6


async def test_a_failed_call_fails_all_of_its_batch_and_nothing_after() -> None:
    calls = 0

    async def send(items: list[int], _: float) -> Sequence[int | Failure]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Unavailable
        return items

    coalescing: Coalescer[int, int] = Coalescer(send)

    first = await asyncio.gather(*asked(coalescing, [1, 2]), return_exceptions=True)
    second = await coalescing.ask(PLAYER, 3)

    assert all(isinstance(answer, Unavailable) for answer in first)
    assert second == 3


async def test_a_bug_in_sending_is_internal_and_nothing_hangs() -> None:
    async def send(_: list[int], __: float) -> Sequence[int | Failure]:
        raise ZeroDivisionError

    coalescing: Coalescer[int, int] = Coalescer(send)

    with pytest.raises(Internal):
        await coalescing.ask(PLAYER, 1)


async def test_too_few_answers_are_internal_for_the_whole_batch() -> None:
    async def send(items: list[int], _: float) -> Sequence[int | Failure]:
        return items[1:]

    coalescing: Coalescer[int, int] = Coalescer(send)

    answers = await asyncio.gather(*asked(coalescing, [1, 2]), return_exceptions=True)

    assert all(isinstance(answer, Internal) for answer in answers)


async def test_a_full_queue_refuses_at_once() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    tasks = await blocked(far, clock, coalescing)
    tasks += asked(coalescing, range(QUEUE))
    await settled()

    with pytest.raises(Unavailable):
        await coalescing.ask(PLAYER, 1)

    far.open.set()
    await asyncio.gather(*tasks)


async def test_what_waited_too_long_is_shed_before_it_is_sent() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    first = await blocked(far, clock, coalescing)
    late = asked(coalescing, [7])
    await settled()

    clock.now += BUDGET_S + 0.1
    fresh = asked(coalescing, [8])
    await settled()
    far.open.set()

    with pytest.raises(Unavailable):
        await late[0]
    assert await fresh[0] == 16
    assert [7] not in far.batches
    await asyncio.gather(*first)


async def test_a_call_may_take_what_remains_to_its_oldest_item() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    tasks = await blocked(far, clock, coalescing)
    tasks += asked(coalescing, [7])
    await settled()

    clock.now += 1.0
    tasks += asked(coalescing, [8])
    await settled()
    far.open.set()
    await asyncio.gather(*tasks)

    assert far.timeouts[-1] == pytest.approx(BUDGET_S - 1.0)


async def test_a_call_is_given_half_a_second_at_least() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    tasks = await blocked(far, clock, coalescing)
    tasks += asked(coalescing, [7])
    await settled()

    clock.now += BUDGET_S - 0.01
    far.open.set()
    await asyncio.gather(*tasks)

    assert far.timeouts[-1] == LEAST_CALL_S


async def test_an_asker_that_leaves_in_flight_does_not_disturb_the_others() -> None:
    far = FarSide()
    coalescing = Coalescer(far.send)
    tasks = asked(coalescing, [1, 2, 3])
    await settled()

    tasks[1].cancel()
    await settled()
    far.open.set()

    assert await tasks[0] == 2
    assert await tasks[2] == 6


async def test_an_asker_that_leaves_the_queue_is_not_sent() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    tasks = await blocked(far, clock, coalescing)
    waiting = asked(coalescing, [7, 8])
    await settled()

    waiting[0].cancel()
    await settled()
    far.open.set()
    await asyncio.gather(*tasks, waiting[1])

    assert far.batches[IN_FLIGHT:] == [[8]]


async def test_shards_have_lanes_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalescer, "shard_of", int)
    far = FarSide()
    coalescing = Coalescer(far.send)
    tasks = [asyncio.create_task(coalescing.ask(str(n % 2), n)) for n in range(6)]
    await settled()
    far.open.set()
    await asyncio.gather(*tasks)

    assert far.batches == [[0, 2, 4], [1, 3, 5]]


async def test_draining_waits_for_what_is_in_flight_and_in_the_queue() -> None:
    far, clock = FarSide(), Clock()
    coalescing = Coalescer(far.send, clock=clock)
    tasks = await blocked(far, clock, coalescing)
    tasks += asked(coalescing, [7])
    await settled()

    draining = asyncio.create_task(coalescing.drain())
    await settled()
    assert not draining.done()
    far.open.set()
    await draining

    assert [await task for task in tasks] == [0, 2, 14]


async def test_a_cancelled_run_leaves_nobody_waiting() -> None:
    far = FarSide()
    coalescing = Coalescer(far.send)
    tasks = asked(coalescing, [1])
    await settled()

    for run in list(coalescing._runs):
        run.cancel()

    with pytest.raises(Unavailable):
        await tasks[0]
