"""Sessions that nobody completed in time: closed by whoever looks first, at last by a job."""

from collections.abc import Callable, Sequence
from functools import partial

from services.kit.batches import isolated
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.shards import by_shard
from services.session import rules, store
from services.session.rules import Rules
from services.session.settle import BATCH
from services.session.store import Key, SessionRow


class Timeouts:
    """Times out pending sessions of all players, a page at a time."""

    def __init__(self, database: Database, numbers: Callable[[], Rules]) -> None:
        self._database = database
        self._numbers = numbers
        # Those that could not be closed must not hold up the ones behind them.
        self._after = store.FIRST

    def close_due(self) -> int:
        """Closes a page of overdue sessions; how many, 0 at their end. Raises Unavailable."""
        numbers = self._numbers()
        overdue = self._overdue(numbers)
        for batch in by_shard(overdue):
            isolated(partial(self._close, numbers), [row.key for row in batch])
        self._after = store.place_of(overdue[-1]) if overdue else store.FIRST
        return len(overdue)

    def _overdue(self, numbers: Rules) -> list[SessionRow]:
        window = numbers.completable_for
        with self._database.read() as connection:
            ended = database_now(connection) - window
            return store.overdue(connection, ended=ended, after=self._after, limit=BATCH)

    def _close(self, numbers: Rules, keys: Sequence[Key]) -> list[None]:
        self._database.transact(lambda connection: _close_pending(connection, numbers, keys))
        return [None] * len(keys)


def _close_pending(connection: Connection, numbers: Rules, keys: Sequence[Key]) -> None:
    """Times out those that are still pending, as they are under the lock."""
    rows = store.lock_sessions(connection, keys).values()
    pending = [row for row in rows if row.status == "pending"]
    store.close_sessions(connection, [timed_out(row, numbers) for row in pending])


def timed_out(row: SessionRow, numbers: Rules) -> SessionRow:
    """A session that nobody completed in time; it pays nothing."""
    return row._replace(
        status="timeout",
        ended_at=rules.completable_until(row.ends_at, numbers),
        reward_exp=0,
        reward_gold=0,
    )
