"""A line: few at a time, in order, and nobody waits for ever."""

import asyncio

import pytest

from gateway.line import Line
from services.kit.errors import Unavailable


async def pass_by(line: Line, done: list[int], number: int, door: asyncio.Event) -> None:
    async with line:
        done.append(number)
        await door.wait()


async def until_idle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_so_many_pass_at_a_time_and_the_others_in_the_order_in_which_they_came() -> None:
    async def play() -> list[list[int]]:
        line, doors = Line(2, waiting=9, patience_s=60), [asyncio.Event() for _ in "abcd"]
        done: list[int] = []
        passing = [asyncio.create_task(pass_by(line, done, n, d)) for n, d in enumerate(doors)]
        await until_idle()
        seen = [list(done)]
        for door in doors:
            door.set()
            await until_idle()
            seen.append(list(done))
        await asyncio.gather(*passing)
        return seen

    assert asyncio.run(play()) == [[0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]]


def test_who_finds_a_full_line_or_waits_too_long_is_told_to_come_back() -> None:
    async def play() -> None:
        line, door = Line(1, waiting=1, patience_s=0.01), asyncio.Event()
        done: list[int] = []
        first = asyncio.create_task(pass_by(line, done, 1, door))
        await until_idle()
        second = asyncio.create_task(pass_by(line, done, 2, door))
        await until_idle()

        with pytest.raises(Unavailable):
            await pass_by(line, done, 3, door)
        with pytest.raises(Unavailable):
            await second

        door.set()
        await first
        await pass_by(line, done, 4, door)
        assert done == [1, 4]

    asyncio.run(play())


def test_who_leaves_the_line_or_breaks_within_makes_room_for_the_next() -> None:
    async def play() -> None:
        line, door = Line(1, waiting=1, patience_s=60), asyncio.Event()
        done: list[int] = []
        first = asyncio.create_task(pass_by(line, done, 1, door))
        await until_idle()
        second = asyncio.create_task(pass_by(line, done, 2, door))
        await until_idle()

        for task in (second, first):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        door.set()
        await pass_by(line, done, 3, door)
        assert done == [1, 3]

    asyncio.run(play())
