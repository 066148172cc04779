"""What happens to the town during the storm: crashes, outages, clocks that somebody sets."""

from collections.abc import Callable
from datetime import timedelta

from tests.simulation.town import Town
from tests.simulation.weather import DATABASES


class Misfortune:
    """Every kind that this seed's weather has, again and again until it clears up."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._dice = town.dice
        weather = town.weather
        self._begin("crashes", weather.crash_every, self._crash)
        self._begin("outages", weather.outage_every, self._outage)
        self._begin("clocks", weather.clock_every, self._clock)

    def _begin(self, name: str, every: float | None, strike: Callable[[], None]) -> None:
        if every is not None:
            self._town.scheduler.spawn(name, lambda: self._again(every, strike))

    def _again(self, every: float, strike: Callable[[], None]) -> None:
        while not self._town.weather.is_fair:
            self._town.scheduler.sleep(self._dice.uniform(0, 2 * every))
            if not self._town.weather.is_fair:
                strike()

    def _crash(self) -> None:
        if self._town.network.processes:
            self._town.crash(self._dice.choice(self._town.network.processes))

    def _outage(self) -> None:
        """A database, or a whole service, is away for a while."""
        name = self._dice.choice((*DATABASES, "world process", "inventory process"))
        self._town.scheduler.note(f"{name} is away")
        self._town.weather.away.add(name)
        self._town.scheduler.sleep(self._dice.random() * 15)
        self._town.weather.away.discard(name)
        self._town.scheduler.note(f"{name} is back")

    def _clock(self) -> None:
        """A database's clock is set: mostly back a little, seldom far ahead."""
        name = self._dice.choice(DATABASES)
        by = (
            timedelta(seconds=-self._dice.uniform(0, 600))
            if self._dice.random() < 0.8
            else timedelta(hours=self._dice.choice((1, 5, 26)))
        )
        self._town.scheduler.note(f"the clock of {name} is set by {by}")
        self._town.weather.calendar.shift(name, by)
