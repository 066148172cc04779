"""A line before a narrow door: few pass at a time, the others wait their turn, not for ever."""

import asyncio
from types import TracebackType

from services.kit.errors import Unavailable


class Line:
    """`async with line: ...` lets `places` through at a time, in the order in which they came.

    Raises Unavailable for whoever finds `waiting` before them, or waits longer than
    `patience_s`. Who waits costs next to nothing; who is sent away at once asks again
    at once, and a flood of them takes the time of everybody else.
    """

    def __init__(self, places: int, *, waiting: int, patience_s: float) -> None:
        self._places = asyncio.Semaphore(places)
        self._room = waiting
        self._patience_s = patience_s

    async def __aenter__(self) -> None:
        """Waits for a place. Raises Unavailable."""
        if not self._room:
            raise Unavailable
        self._room -= 1
        try:
            async with asyncio.timeout(self._patience_s):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable from None
        finally:
            self._room += 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Makes room for the next."""
        self._places.release()
