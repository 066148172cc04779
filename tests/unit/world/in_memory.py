"""The world service's own code over a database in memory, by a clock that a test sets."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from services.kit.audit import Warrant
from services.world.crediting import Credit
from services.world.endings import Endings
from services.world.rules import Rules, World
from services.world.store import Key
from services.world.streak import Dates
from services.world.tables import trail
from services.world.worlds import Explained, Seen, Worlds
from tests.simulation import sql, world_sql
from tests.simulation.postgres import Pool, Postgres, SimulatedDatabase, Transaction

PLAYER = "0190c0de-0000-7000-8000-00000000000a"
WARRANT = Warrant(actor="0190c0de-0000-7000-8000-00000000000b", reason="ticket 7")
MEANING = {**sql.MEANING, **world_sql.MEANING, trail._add.sql: lambda *_: 1}


class Life:
    """One player's world, at `now`."""

    def __init__(self, numbers: Rules, now: datetime) -> None:
        self.now = now
        self._postgres = Postgres("world", _Alone(), _Fair(self), MEANING, lambda *_: None)  # type: ignore[arg-type]  # nobody else is there, and nothing goes wrong
        database = SimulatedDatabase(Pool(self._postgres, Transaction))
        self._worlds = Worlds(database, numbers, has_sandbox=False)
        self._endings = Endings(database, lambda: numbers)

    def tell(self, *ends: datetime) -> None:
        """Tells of sessions that ended then, all at once."""
        self._worlds.credit([Credit(Key(PLAYER, str(uuid.uuid4())), end) for end in ends])

    def move(self, zone: str) -> World:
        """Sets the zone. Raises ZoneChangedRecently."""
        return self._worlds.set_timezone(PLAYER, zone).world

    def restore(self, days: set[date]) -> World:
        return self._worlds.restore(PLAYER, days, WARRANT).world

    def explain(self, first: date | None = None, last: date | None = None) -> Explained:
        return self._worlds.explain(PLAYER, first, last)

    def look(self) -> Seen:
        return self._worlds.read([PLAYER])[PLAYER]

    def night(self) -> int:
        """Has the job look that ends streaks; how many it ended."""
        return sum(self._endings.rounds())

    def dates(self) -> Dates:
        """The credited dates as the database holds them."""
        dates = Dates()
        for row in self._postgres.table("day").values():
            dates.put(row.local_date, row.kind)
        return dates


class _Alone:
    """Stands where the scheduler stands: no other task there is."""

    def pause(self, doing: str) -> None:
        pass

    def note(self, happened: str) -> None:
        pass


class _Fair:
    """Stands where the weather stands: the clock is the test's, and nothing is cut."""

    def __init__(self, life: Life) -> None:
        self.calendar = self
        self.away: Sequence[Any] = ()
        self._life = life

    def now(self, _: str) -> datetime:
        return self._life.now

    def strike_connection(self) -> None:
        pass

    def strike_poisoned(self, service: str, session_id: str) -> None:
        pass
