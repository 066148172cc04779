"""Everything that can go wrong, how often in this seed, and when it does."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import errors

EPOCH = datetime(2026, 3, 26, 20, tzinfo=UTC)
DATABASES = ("session", "world", "inventory")
# Longer than any caller waits: an answer or a copy may come when nobody expects it.
LATEST_S = 8.0


class Calendar:
    """The date and time of each database: they differ, leap and step back."""

    def __init__(self, dice: random.Random, passed: Callable[[], float]) -> None:
        self._passed = passed
        self._leapt = timedelta(0)
        self._skew = dict.fromkeys(DATABASES, timedelta(0))
        for name in ("world", "inventory"):
            self._skew[name] = timedelta(hours=dice.choice((0, 0, 0, -1, 1, 25)))
        self._latest: dict[str, datetime] = {}

    def now(self, database: str) -> datetime:
        """The time that one database tells."""
        now = self._now(database)
        self._latest[database] = max(now, self.latest(database))
        return now

    def latest(self, database: str) -> datetime:
        """The furthest that its clock has ever been."""
        return self._latest.get(database, EPOCH)

    def leap(self, by: timedelta) -> None:
        """Time passes for everybody, in which nothing happened."""
        self._leapt += max(by, timedelta(0))

    def shift(self, database: str, by: timedelta) -> None:
        """Somebody sets one clock."""
        self.now(database)
        self._skew[database] += by

    def set_right(self) -> None:
        """No clock is behind what it has told already."""
        for database in DATABASES:
            behind = self.latest(database) - self._now(database)
            self._skew[database] += max(behind, timedelta(0))

    def _now(self, database: str) -> datetime:
        passed = timedelta(seconds=round(self._passed(), 6))
        return EPOCH + passed + self._leapt + self._skew[database]


@dataclass
class Weather:
    """The faults of one seed. Each kind is absent from half of the seeds.

    Chances are per message, or per statement and commit; `every` are seconds
    between two of a kind, None for never.
    """

    dice: random.Random
    calendar: Calendar
    lost: float
    late: float
    doubled: float
    cut: float
    crash_every: float | None
    outage_every: float | None
    clock_every: float | None
    has_poison: bool
    resets: bool
    is_fair: bool = False
    away: set[str] = field(default_factory=set)
    poisoned: set[tuple[str, str]] = field(default_factory=set)

    def legs(self) -> Sequence[float]:
        """When the copies of one message arrive, in seconds from now; none of a lost one."""
        if self.is_fair:
            return [self.dice.random() * 0.01]
        copies = 0 if self._happens(self.lost) else 2 if self._happens(self.doubled) else 1
        return [self._delay() for _ in range(copies)]

    def strike_connection(self) -> None:
        """Perhaps a connection to a database is cut: before a statement or a commit, or after.

        Raises OperationalError.
        """
        if not self.is_fair and self._happens(self.cut):
            message = "the connection was cut"
            raise psycopg.OperationalError(message)

    def strike_poisoned(self, service: str, session_id: str) -> None:
        """A receiver's database can never take a poisoned delivery."""
        if (service, session_id) in self.poisoned:
            message = f"{session_id} is poisoned"
            raise errors.CheckViolation(message)

    def clear_up(self) -> None:
        """Faults end; only what is poisoned stays so."""
        self.is_fair = True
        self.away.clear()
        self.calendar.set_right()

    def _happens(self, chance: float) -> bool:
        return self.dice.random() < chance

    def _delay(self) -> float:
        longest = LATEST_S if self._happens(self.late) else 0.02
        return self.dice.random() * longest


def drawn(dice: random.Random, calendar: Calendar) -> Weather:
    """The weather of a seed."""

    def sometimes(low: float, high: float) -> float:
        return dice.uniform(low, high) if dice.random() < 0.5 else 0.0

    return Weather(
        dice=dice,
        calendar=calendar,
        lost=sometimes(0.02, 0.3),
        late=sometimes(0.05, 0.5),
        doubled=sometimes(0.05, 0.5),
        cut=sometimes(0.005, 0.05),
        crash_every=sometimes(1.0, 6.0) or None,
        outage_every=sometimes(2.0, 8.0) or None,
        clock_every=sometimes(2.0, 10.0) or None,
        has_poison=dice.random() < 0.3,
        resets=dice.random() < 0.5,
    )
