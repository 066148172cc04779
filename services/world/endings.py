"""Streaks that are over are stored so, soon after midnight in each zone.

Nobody waits for it: a read shows 0 from midnight on, whatever is stored. Whoever
looks at the table, such as a ranking or a report, finds what players are shown.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial

import structlog

from services.kit.batches import isolated
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.shards import by_shard
from services.world import store, streak
from services.world.rules import Rules
from services.world.store import Lapsed

log = structlog.get_logger(__name__)

# A page is locked and saved in some 10 ms: a player who completes meanwhile does not notice.
PAGE = 128
_FIRST = Lapsed("00000000-0000-0000-0000-000000000000", date.min)
_DAY = timedelta(days=1)


class Endings:
    """Ends the streaks of all players that are over, zone by zone, by the database's clock.

    Whether a midnight has passed since is not remembered: whoever has missed a date is
    found by the index, and who was ended is not found again. So a round that was left
    out is made up for by the next.
    """

    def __init__(self, database: Database, numbers: Callable[[], Rules]) -> None:
        self._database = database
        self._numbers = numbers

    def rounds(self) -> Iterator[int]:
        """Goes through all zones, page by page: how many streaks each page ended. Raises Unavailable."""
        numbers = self._numbers()
        zone: str | None = ""
        while zone := self._next_zone(zone or ""):
            if streak.is_zone(zone):
                yield from self._ended_in(zone, numbers)
            else:
                # Of a newer tz database than ours; it must not keep the zones behind it waiting.
                log.warning("zone_unknown", zone=zone)

    def _next_zone(self, after: str) -> str | None:
        with self._database.read() as connection:
            return store.next_zone(connection, after)

    def _ended_in(self, zone: str, numbers: Rules) -> Iterator[int]:
        page = self._page(zone, after=_FIRST)
        while page:
            yield sum(self._end(batch, numbers) for batch in by_shard(page))
            # From there on: those who stay, for a freeze covers what they missed, are passed by.
            page = self._page(zone, after=page[-1])

    def _page(self, zone: str, *, after: Lapsed) -> list[Lapsed]:
        with self._database.read() as connection:
            yesterday = streak.local_date(database_now(connection), zone) - _DAY
            return store.lapsed(connection, zone, before=yesterday, after=after, limit=PAGE)

    def _end(self, players: Sequence[Lapsed], numbers: Rules) -> int:
        users = [player.user_id for player in players]
        answers = isolated(partial(self._end_each, numbers), users)
        return sum(answer is True for answer in answers)

    def _end_each(self, numbers: Rules, users: Sequence[str]) -> list[bool]:
        return self._database.transact(lambda connection: _ended(connection, numbers, users))


def _ended(connection: Connection, numbers: Rules, users: Sequence[str]) -> list[bool]:
    """Ends the streaks that are over as they are under the lock; says whose."""
    worlds, now = store.lock_worlds(connection, users)
    after = {
        user: streak.ended(
            world, today=streak.local_date(now, world.timezone), freezes=numbers.freezes
        )
        for user, world in worlds.items()
    }
    changed = [world for user, world in after.items() if world != worlds[user]]
    if changed:
        store.save_worlds(connection, changed)
    return [user in after and after[user] != worlds[user] for user in users]
