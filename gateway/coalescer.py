"""Requests that arrive while a batch is under way travel together in the next one.

A lone request leaves at once. The busier the town, the larger the batches, the
cheaper each item.
"""

import asyncio
import math
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from services.kit.errors import Failure, Internal, Unavailable
from services.kit.shards import shard_of

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# The second leaves only when it is full, or when the first is held up: measured on
# 2 cores, two small batches side by side cost a quarter more than one of both.
IN_FLIGHT = 2
# A batch that takes longer is held up by a lock or a slow disk: whoever comes
# after it no longer waits for it.
PATIENCE_S = 0.1
# Whoever was just answered often asks again at once. The next batch waits until as
# many are there as travelled in the last, but no longer than this share of what that
# one took: else the first to come back would leave alone, and all others after it.
GATHER_SHARE = 0.25
# After a batch that hung, nobody waits for company as well.
GATHER_MOST_S = 0.02
# Half of what the batch RPCs accept. Measured at 128 clients on 2 cores: two batches of 64
# under way keep all processes busy, and give a tenth more completions and a quarter more
# starts than one of 128.
BATCH = 64
# Sixteen full batches: more could not be answered within the budget anyway.
QUEUE = 1024
# From arrival to leaving; with the call behind it, an answer comes within 3 s.
BUDGET_S = 2.0
# A call that is given less would be lost for certain.
LEAST_CALL_S = 0.5

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Asked(Generic[Item, Answer]):
    item: Item
    arrived: float
    answer: "asyncio.Future[Answer | Failure]"


@dataclass(slots=True, eq=False)
class _Lane(Generic[Item, Answer]):
    """One shard's queue. `leaving` says that a batch will take it at once."""

    waiting: "deque[_Asked[Item, Answer]]" = field(default_factory=deque)
    in_flight: int = 0
    leaving: bool = False
    # When the last batch left; how many are worth waiting for, and until when.
    left: float = 0.0
    expected: int = 1
    leave_by: float = 0.0
    # When somebody looks whether a batch may leave by now.
    look: asyncio.Handle | None = None
    look_at: float = 0.0


class Coalescer(Generic[Item, Answer]):
    """Gathers items into batches for `send`, in lanes by the player's shard.

    `send` gets up to 128 items and the seconds it may take; it gives one answer
    per item, in order, where an answer may be a failure of that item alone.
    Called from the event loop only.
    """

    def __init__(
        self,
        send: Callable[[list[Item], float], Awaitable[Sequence[Answer | Failure]]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self._clock = clock
        self._lanes: dict[int, _Lane[Item, Answer]] = defaultdict(_Lane)
        self._runs: set[asyncio.Task[None]] = set()

    async def ask(self, user_id: str, item: Item) -> Answer:
        """The answer to one player's item.

        Raises the item's failure, or Unavailable when the queue is full or the
        item waited too long.
        """
        lane = self._lanes[shard_of(user_id)]
        if len(lane.waiting) >= QUEUE:
            raise Unavailable
        future: asyncio.Future[Answer | Failure] = asyncio.get_running_loop().create_future()
        lane.waiting.append(_Asked(item, self._clock(), future))
        self._start(lane)
        answer = await future
        if isinstance(answer, Failure):
            raise answer
        return answer

    async def drain(self) -> None:
        """Returns when nothing waits and nothing is in flight."""
        while self._runs or any(lane.waiting for lane in self._lanes.values()):
            for lane in self._lanes.values():
                # Nobody else is worth waiting for.
                lane.expected = 1
                self._start(lane)
            await asyncio.wait(self._runs)

    def _start(self, lane: _Lane[Item, Answer]) -> None:
        if lane.leaving or not lane.waiting:
            return
        wait_s = self._wait_s(lane)
        if wait_s > 0:
            if wait_s < math.inf:
                self._look_again(lane, wait_s)
            return
        lane.leaving = True
        lane.in_flight += 1
        run = asyncio.get_running_loop().create_task(self._run(lane))
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)

    def _wait_s(self, lane: _Lane[Item, Answer]) -> float:
        """How long the next batch still has to wait, if nobody else comes."""
        if lane.in_flight == 0:
            is_complete = len(lane.waiting) >= lane.expected
            return 0.0 if is_complete else lane.leave_by - self._clock()
        if lane.in_flight >= IN_FLIGHT:
            # The first that comes back lets it leave.
            return math.inf
        is_full = len(lane.waiting) >= BATCH
        return 0.0 if is_full else lane.left + PATIENCE_S - self._clock()

    def _look_again(self, lane: _Lane[Item, Answer], wait_s: float) -> None:
        """Has somebody look in a while whether a batch may leave, or earlier if that was agreed."""
        look_at = self._clock() + wait_s
        if lane.look is not None:
            if lane.look_at <= look_at:
                return
            lane.look.cancel()
        lane.look_at = look_at
        lane.look = asyncio.get_running_loop().call_later(wait_s, self._looked, lane)

    def _looked(self, lane: _Lane[Item, Answer]) -> None:
        lane.look = None
        self._start(lane)

    async def _run(self, lane: _Lane[Item, Answer]) -> None:
        """Sends one batch."""
        batch = self._taken(lane)
        left = lane.left
        try:
            if batch:
                await self._answer(batch)
        finally:
            lane.in_flight -= 1
            now = self._clock()
            gather_s = min(GATHER_SHARE * (now - left), GATHER_MOST_S)
            lane.expected, lane.leave_by = len(batch), now + gather_s
            self._start(lane)

    def _taken(self, lane: _Lane[Item, Answer]) -> "list[_Asked[Item, Answer]]":
        """The next batch: without those whose asker has gone or who waited too long."""
        lane.leaving, lane.left = False, self._clock()
        latest = lane.left - BUDGET_S
        batch: list[_Asked[Item, Answer]] = []
        while lane.waiting and len(batch) < BATCH:
            asked = lane.waiting.popleft()
            if asked.answer.done():
                continue
            if asked.arrived < latest:
                asked.answer.set_result(Unavailable())
            else:
                batch.append(asked)
        return batch

    async def _answer(self, batch: "list[_Asked[Item, Answer]]") -> None:
        answers: Sequence[Answer | Failure] = ()
        try:
            answers = await self._sent(batch)
        finally:
            # Also when this run is cancelled: nobody is left waiting.
            for asked, answer in zip(batch, answers or [Unavailable()] * len(batch), strict=True):
                if not asked.answer.done():
                    asked.answer.set_result(answer)

    async def _sent(self, batch: "list[_Asked[Item, Answer]]") -> Sequence[Answer | Failure]:
        timeout_s = max(LEAST_CALL_S, batch[0].arrived + BUDGET_S - self._clock())
        try:
            answers = await self._send([asked.item for asked in batch], timeout_s)
        except Failure as failure:
            return [failure] * len(batch)
        except Exception:
            log.exception("batch_broke", items=len(batch))
            return [Internal()] * len(batch)
        if len(answers) != len(batch):
            log.error("batch_miscounted", items=len(batch), answers=len(answers))
            return [Internal()] * len(batch)
        return answers
