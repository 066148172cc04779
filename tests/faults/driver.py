"""Load: players who start sessions, let them pass and complete each of them six times."""

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import uvloop

from tests.faults.balancer import Balancer
from tests.faults.caller import Caller, GaveUp
from tests.faults.history import History
from tests.faults.players import Account, Player

Answer = TypeVar("Answer")

COMPLETES = 6
# Hashing passwords is slow on purpose, and refuses a queue.
LOGINS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Habits:
    """What players do beside completing: each once in so many sessions, by chance."""

    cancel_of: int = 40
    # Both cancelled and completed at once.
    contest_of: int = 40
    buy_of: int = 40
    look_of: int = 4


class Driver:
    """A thread with an event loop, on which players play while the test harms the town."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="driver", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread; nobody may be playing."""
        # What was closed just now is gone a moment later.
        self.do(asyncio.sleep(0.05))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """What `work` returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    @contextmanager
    def doing(self, work: Coroutine[Any, Any, None]) -> Iterator[Callable[[], bool]]:
        """Has `work` done beside the block; the block may ask whether it is done. Ends with both."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            yield future.done
        finally:
            future.result()


class Crowd:
    """Players of one town. They keep their accounts from load to load; each load has its history."""

    def __init__(
        self, driver: Driver, ports: Mapping[str, int], count: int, *, pace: float = 0.0
    ) -> None:
        """So many players; a load that goes on begins `pace` sessions per second, 0: all it can."""
        self._driver = driver
        self._pace = pace
        self._ports = ports
        self._accounts = driver.do(self._registered(count))
        self._loads: list[Load] = []

    def load(
        self,
        seed: int,
        *,
        players: int = 0,
        balanced: bool = False,
        habits: Habits = Habits(),
    ) -> "Load":
        """A load by some of the players, by default all; what they do follows from the seed.

        Balanced, it reaches only gateways that are ready, as it does in production.
        """
        rng = random.Random(seed)
        # Not the same few every time: they would soon own all that can be bought.
        chosen = rng.sample(self._accounts, players or len(self._accounts))
        history = History()
        balancer = Balancer(self._ports) if balanced else None
        caller = Caller(self._ports, history, rng, balancer)
        players_ = [Player(caller, account) for account in chosen]
        rest_s = len(players_) / self._pace if self._pace else 0.0
        self._loads.append(Load(self._driver, caller, players_, habits, rest_s=rest_s))
        return self._loads[-1]

    def rest(self) -> None:
        """Closes the connections of all loads."""
        while self._loads:
            self._loads.pop().close()

    async def _registered(self, count: int) -> list[Account]:
        caller = Caller(self._ports, History(), random.Random(0))
        turn = asyncio.Semaphore(LOGINS_AT_ONCE)

        async def one() -> Account:
            async with turn:
                return (await Player.registered(caller)).account

        accounts = await asyncio.gather(*(one() for _ in range(count)))
        caller.close()
        return accounts


@dataclass(slots=True)
class Goal:
    """How much is to be played: so many sessions, or until it is called off."""

    sessions: int
    # How long a player rests after each, on average.
    rest_s: float = 0.0
    is_off: bool = False

    def take(self) -> bool:
        """Whether one more session is to be played."""
        if self.is_off or self.sessions <= 0:
            return False
        self.sessions -= 1
        return True


class Load:
    """One load on the town, with its history."""

    def __init__(
        self,
        driver: Driver,
        caller: Caller,
        players: Sequence[Player],
        habits: Habits,
        *,
        rest_s: float = 0.0,
    ) -> None:
        self.players = players
        self.history: History = caller.history
        self.gave_up: list[GaveUp] = []
        self._driver = driver
        self._caller = caller
        self._habits = habits
        self._rest_s = rest_s
        self._rng = caller.rng

    @property
    def player_ids(self) -> list[str]:
        """Who plays."""
        return [player.account.id for player in self.players]

    @contextmanager
    def playing(self, sessions: int) -> Iterator[Callable[[], bool]]:
        """Has so many sessions played beside the block, to their end; the block may ask whether they are."""
        with self._driver.doing(self._all_play(Goal(sessions))) as is_done:
            yield is_done

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Has sessions played as long as the block lasts; those under way come to their end."""
        goal = Goal(sessions=1_000_000_000, rest_s=self._rest_s)
        with self._driver.doing(self._all_play(goal)):
            try:
                yield
            finally:
                goal.is_off = True

    def do(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """What `work`, of one or more players, returns."""
        return self._driver.do(work)

    def close(self) -> None:
        """Closes the connections."""

        async def closed() -> None:
            self._caller.close()

        self._driver.do(closed())

    async def _all_play(self, goal: Goal) -> None:
        watch = self._caller.balancer and asyncio.create_task(self._caller.balancer.watch())
        await asyncio.gather(*(self._play(player, goal) for player in self.players))
        if watch:
            watch.cancel()
            await asyncio.wait([watch])

    async def _play(self, player: Player, goal: Goal) -> None:
        while goal.take():
            try:
                await self._session(player)
            except GaveUp as gave_up:
                self.gave_up.append(gave_up)
            await asyncio.sleep(self._rng.uniform(0, 2 * goal.rest_s))

    async def _session(self, player: Player) -> None:
        habits = self._habits
        session = await player.start()
        if self._one_in(habits.cancel_of):
            await player.cancel(session)
        elif self._one_in(habits.contest_of):
            await player.let_it_pass(session)
            await asyncio.gather(player.complete(session), player.cancel(session))
        else:
            await player.let_it_pass(session)
            await self._completes(player, session)
        if self._one_in(habits.buy_of):
            await player.buy()
        if self._one_in(habits.look_of):
            await player.look()

    async def _completes(self, player: Player, session: str) -> None:
        """Six completions, 2 to 6 of them at once."""
        left = COMPLETES
        while left:
            at_once = min(left, self._rng.randint(2, COMPLETES))
            await asyncio.gather(*(player.complete(session) for _ in range(at_once)))
            left -= at_once

    def _one_in(self, count: int) -> bool:
        return self._rng.randrange(count) == 0
