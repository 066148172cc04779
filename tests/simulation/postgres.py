"""A database in memory, as faithful to what PostgreSQL promises as the services need.

Transactions that commit as a whole or not at all, READ COMMITTED, row locks that
others wait for, and keys that exist once. What a statement means stands in
sql.py and the files that it names; every other line of a service runs as it does in production.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import errors

from services.kit.database import Database
from tests.simulation.scheduler import Broken, Scheduler
from tests.simulation.weather import Weather

# As services.kit.database sets it on every connection; and within `hurried`.
LOCK_TIMEOUT_S = 1.0
HURRIED_S = 0.1

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Change:
    """What a commit did to one row; None where there was, or is, none."""

    table: str
    key: Key
    before: Any
    after: Any


Statement = Callable[["Transaction", Mapping[str, Any]], Any]
Witness = Callable[["Postgres", list[Change]], None]


class Postgres:
    """One database: its committed rows, its locks, its clock."""

    def __init__(
        self,
        name: str,
        scheduler: Scheduler,
        weather: Weather,
        statements: Mapping[str, Statement],
        witness: Witness,
    ) -> None:
        self.name = name
        self.scheduler = scheduler
        self.weather = weather
        self.statements = statements
        self.rows: dict[str, dict[Key, Any]] = {}
        self.locks: dict[tuple[str, Key], Transaction] = {}
        self._witness = witness

    def now(self) -> datetime:
        """The time that decides."""
        return self.weather.calendar.now(self.name)

    def table(self, name: str) -> dict[Key, Any]:
        """The committed rows of a table."""
        return self.rows.setdefault(name, {})

    def apply(self, writes: Mapping[tuple[str, Key], Any]) -> None:
        """Commits: all of it, at once."""
        changes = []
        for (table, key), after in writes.items():
            rows = self.table(table)
            changes.append(Change(table, key, rows.get(key), after))
            if after is None:
                rows.pop(key, None)
            else:
                rows[key] = after
        self._witness(self, changes)


class Transaction:
    """Reads what is committed and what it wrote itself; locks until its end."""

    def __init__(self, postgres: Postgres) -> None:
        self.postgres = postgres
        self.lock_timeout_s = LOCK_TIMEOUT_S
        self._writes: dict[tuple[str, Key], Any] = {}

    @property
    def has_written(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self._writes)

    def now(self) -> datetime:
        """The database's time."""
        return self.postgres.now()

    def rows(self, table: str, users: set[str] | None = None) -> list[Any]:
        """The rows of these players, or of all, in the order of their keys."""
        mine = {key: row for (name, key), row in self._writes.items() if name == table}
        rows = self.postgres.table(table) | mine
        return [
            row
            for key, row in sorted(rows.items())
            if row is not None and (users is None or key[0] in users)
        ]

    def get(self, table: str, key: Key) -> Any:
        """The row, or None."""
        if (table, key) in self._writes:
            return self._writes[table, key]
        return self.postgres.table(table).get(key)

    def lock(self, table: str, key: Key) -> Any:
        """The row as it is once nobody else has it locked. Raises LockNotAvailable."""
        locks, place = self.postgres.locks, (table, key)
        if locks.get(place, self) is not self:
            self.postgres.scheduler.note(f"waits for {table} {key}")
            is_free = self.postgres.scheduler.wait(
                lambda: place not in locks, seconds=self.lock_timeout_s
            )
            if not is_free:
                raise errors.LockNotAvailable
        locks[place] = self
        return self.get(table, key)

    def put(self, table: str, key: Key, row: Any) -> None:
        """Stores a row, or None for a deleted one."""
        self.lock(table, key)
        self._writes[table, key] = row

    def update(self, table: str, key: Key, **columns: Any) -> None:
        """Stores columns of a row that exists."""
        self.put(table, key, self.lock(table, key)._replace(**columns))

    def insert(self, table: str, key: Key, row: Any) -> bool:
        """Whether the key was free, once nobody else is about to take it."""
        is_free = self.lock(table, key) is None
        if is_free:
            self.put(table, key, row)
        return is_free

    def insert_only(self, table: str, key: Key, row: Any) -> None:
        """Raises UniqueViolation when the key exists."""
        if not self.insert(table, key, row):
            message = f"{table} {key} exists"
            raise errors.UniqueViolation(message)

    def commit(self) -> None:
        """Makes it so. Raises OperationalError; then it may be so, or not."""
        self.postgres.scheduler.pause(f"commits {self._summary()}")
        self.postgres.weather.strike_connection()
        self.postgres.apply(self._writes)
        self.end()
        self.postgres.weather.strike_connection()

    def end(self) -> None:
        """Forgets what is not committed, and gives the locks back."""
        self._writes = {}
        locks = self.postgres.locks
        for place in [place for place, holder in locks.items() if holder is self]:
            del locks[place]

    def _summary(self) -> str:
        return ", ".join(f"{table} {key[-1]}" for table, key in self._writes) or "nothing"


class Pool:
    """Stands where psycopg's pool stands in services.kit.database."""

    def __init__(self, postgres: Postgres, transaction: type[Transaction]) -> None:
        self._postgres = postgres
        self._transaction = transaction

    @contextmanager
    def connection(self) -> Iterator["Connection"]:
        """A connection. Raises OperationalError while the database is away."""
        if self._postgres.name in self._postgres.weather.away:
            self._postgres.scheduler.pause(f"{self._postgres.name}'s database is away")
            raise psycopg.OperationalError
        yield Connection(self._postgres, self._transaction)


class Connection:
    """What the services use of a psycopg connection, and of its cursor."""

    shard: int | None = None

    def __init__(self, postgres: Postgres, transaction: type[Transaction]) -> None:
        self._postgres = postgres
        self._kind = transaction
        self._transaction: Transaction | None = None
        self._rows: Any = []

    def touch(self, _: Any) -> None:
        """The shard guard has its own tests."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN … COMMIT."""
        transaction = self._transaction = self._kind(self._postgres)
        try:
            yield
            transaction.commit()
        finally:
            transaction.end()
            self._transaction = None
        self._postgres.scheduler.pause("has committed")

    def cursor(self, **_: Any) -> "Connection":
        """Itself: it has one result at a time."""
        return self

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> "Connection":
        """Runs a statement, in autocommit outside of a transaction."""
        statement = self._postgres.statements.get(sql)
        if statement is None:
            message = f"nobody told the simulation what this means, see sql.py:\n{sql}"
            raise Broken(message)
        self._postgres.scheduler.pause(f"{self._postgres.name}: {statement.__name__}")
        self._postgres.weather.strike_connection()
        if self._transaction is not None:
            self._rows = statement(self._transaction, parameters or {})
        else:
            self._rows = self._alone(statement, parameters or {})
        return self

    def fetchall(self) -> Any:
        """The rows."""
        return self._rows

    @property
    def rowcount(self) -> int:
        """How many rows a command changed."""
        return int(self._rows or 0)

    def _alone(self, statement: Statement, parameters: Mapping[str, Any]) -> Any:
        """A statement in autocommit: what only reads needs no commit that could be lost."""
        transaction = self._kind(self._postgres)
        try:
            rows = statement(transaction, parameters)
            if transaction.has_written:
                transaction.commit()
        finally:
            transaction.end()
        return rows


class SimulatedDatabase(Database):
    """The service's own database code, over the pool of a database in memory."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
