"""What the tests of the coalescer share: a far side, a clock, and those who ask."""

import asyncio
from collections.abc import Sequence

from gateway.coalescer import Coalescer
from services.kit.errors import Failure

PLAYER = "0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1b"


class ItemBroke(Failure):
    pass


class FarSide:
    """Answers each item with its double once `open` is set; remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.timeouts: list[float] = []
        self.open = asyncio.Event()
        self.came = asyncio.Event()
        self.at_once = 0
        self.most_at_once = 0

    async def send(self, items: list[int], timeout_s: float) -> Sequence[int | Failure]:
        self.batches.append(items)
        self.timeouts.append(timeout_s)
        self.came.set()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.open.wait()
        self.at_once -= 1
        return [ItemBroke() if item < 0 else item * 2 for item in items]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def settled() -> None:
    """Lets every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


def asked(coalescing: Coalescer[int, int], items: Sequence[int]) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(coalescing.ask(PLAYER, item)) for item in items]
