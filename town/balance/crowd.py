"""All players, on several processes, in the order of their numbers."""

import signal
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from multiprocessing import get_context
from typing import Final

from services.session.events import Event
from town.balance.game import Game
from town.balance.play import FIRST_DAY, Lived, Market, lived
from town.balance.players import enrolled, player
from town.balance.strategies import Strategy, strategies
from town.failures import CannotOpen

# A date begins so long before it does in UTC, and ends so long after.
EASTERNMOST: Final = timedelta(hours=14)
WESTERNMOST: Final = timedelta(hours=12)
# A second or two of work, so that the bar moves and a Ctrl-C is heard.
CHUNK: Final = 10


@dataclass(frozen=True, slots=True)
class Run:
    """What makes a simulation: equal runs have equal outcomes, on however many processes."""

    players: int
    days: int
    seed: int
    game: Game
    first_day: date = FIRST_DAY

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """How its players play."""
        return strategies(self.game.session)

    def expected_sessions(self) -> int:
        """Return how many sessions there will be, more or less."""
        a_day = sum(s.sessions_a_day for s in enrolled(self.players, self.strategies))
        return round(a_day * self.days)

    def events(self) -> list[Event]:
        """Return those that run on some of its days, the first first."""
        midnight = datetime.combine(self.first_day, time.min, UTC)
        begins, ends = midnight - EASTERNMOST, midnight + timedelta(days=self.days) + WESTERNMOST
        met = [e for e in self.game.session.events if e.starts_at < ends and begins < e.ends_at]
        return sorted(met, key=lambda event: event.starts_at)


def lives(run: Run, processes: int) -> Generator[Lived]:
    """Return what becomes of each player, as soon as it is known. Raises CannotOpen when a process dies."""
    starts = range(0, run.players, CHUNK)
    if processes == 1:
        part = Part(run)
        for start in starts:
            yield from part.lives(start)
        return
    # A process of its own kind: a fork would take along whatever the caller has open.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin, (run,))
    try:
        for some in pool.map(_lives, starts):
            yield from some
    except BrokenProcessPool as broken:
        sentence = "A process of the simulation died: too little memory? Try fewer --processes."
        raise CannotOpen(sentence) from broken
    finally:
        pool.shutdown(cancel_futures=True)


class Part:
    """What a process keeps from one chunk of players to the next."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._enrolled = enrolled(run.players, run.strategies)
        self._market = Market(run.game)

    def lives(self, start: int) -> list[Lived]:
        """Return the lives of a chunk."""
        run = self._run
        numbers = range(start, min(start + CHUNK, run.players))
        players = [
            player(number, self._enrolled[number], seed=run.seed, days=run.days)
            for number in numbers
        ]
        return [
            lived(player, run.game, self._market, run.days, run.first_day) for player in players
        ]


# Of a process that others started; in it, the only one.
_parts: list[Part] = []


def _begin(run: Run) -> None:
    # A Ctrl-C ends it at once, without a word: it holds nothing that anybody needs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _parts.append(Part(run))


def _lives(start: int) -> list[Lived]:
    (part,) = _parts
    return part.lives(start)
