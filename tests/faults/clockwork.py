"""Be a worker whose ticks come when the parent says: `python -m tests.faults.clockwork [SERVICE …]`.

Each line on standard input is an instant, in seconds since 1970. The worker defers what is
due by then, as it would if that were the time, and answers with a line. All else is real.
"""

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

from procrastinate import periodic

from services.kit import queue, worker

# So that the queue is emptied as fast as it is filled, and the dead are missed soon.
LOOK_EVERY_S = 0.02
HEARTBEAT_S = 0.5
DEAD_AFTER_S = 3.0


class Clockwork:
    """The instant, and who has still to do what is due by it."""

    def __init__(self, deferrers: int) -> None:
        self._deferrers = deferrers
        self._waiting = 0
        self._moved = asyncio.Event()
        self._now = 0.0

    def time(self) -> float:
        """The instant that the parent told last."""
        return self._now

    async def wait(self, *_: Any, **__: Any) -> None:
        """Returns when the parent told another instant; the last to come here tells that all is done."""
        self._waiting += 1
        moved = self._moved
        if self._waiting == self._deferrers:
            self._waiting = 0
            await self._next()
        await moved.wait()

    async def _next(self) -> None:
        print("done", flush=True)
        line = await asyncio.to_thread(sys.stdin.readline)
        self._now = float(line or self._now)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


def main(services: list[str]) -> None:
    """Becomes the worker."""
    clockwork = Clockwork(len(services))
    clockwork._now = float(sys.stdin.readline())
    vars(periodic)["time"] = SimpleNamespace(time=clockwork.time)
    setattr(periodic.PeriodicDeferrer, "wait", clockwork.wait)  # noqa: B010  # a method of another's class
    for name, value in (
        ("LOOK_EVERY_S", LOOK_EVERY_S),
        ("HEARTBEAT_S", HEARTBEAT_S),
        ("DEAD_AFTER_S", DEAD_AFTER_S),
    ):
        vars(queue)[name] = value
    worker.main(services)


if __name__ == "__main__":
    main(sys.argv[1:])
