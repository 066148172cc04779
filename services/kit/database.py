"""One service's PostgreSQL: a small fixed pool, transactions, short reads.

Whatever passes by itself is raised as `Unavailable`: no connection, a server
that does not answer; and as its kind `HeldUp`: a lock or statement that took too
long. A lost COMMIT is Unavailable too: nobody may conclude from it that the
transaction failed, and every write here is safe to repeat.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.types.string import TextLoader
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from services.kit import shards
from services.kit.errors import HeldUp, Unavailable

Answer = TypeVar("Answer")

# A wait for a connection that outlives this is shed: reliability asks for a
# clear 503 within 1 s when the pool is exhausted.
POOL_WAIT_S = 0.8
# Two batches per hop are in flight at most, beside them cold calls and the sweeper.
POOL_SIZE = 8
# How long the pool keeps at one reconnection before it begins anew.
RECONNECT_S = 3.0
# A broken connection is noticed at once; what takes longer than this is something else.
READY_WITHIN_S = 0.5
# The whole transaction again on serialization failures and deadlocks.
ATTEMPTS = 3
# A server that lives answers within its own statement_timeout of 2 s. One that does
# not, such as behind a cut that no packet tells of, is given up and its thread freed.
ANSWER_WITHIN_S = 3.0

# How our connections show in PostgreSQL's own log and views.
NAME = "nesra"

SESSION_OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "statement_timeout=2s",
        "lock_timeout=1s",
        "idle_in_transaction_session_timeout=5s",
        "timezone=UTC",
        # Planning anew for every batch costs more than the best plan could spare.
        "plan_cache_mode=force_generic_plan",
    )
)
KEEPALIVE = {
    "connect_timeout": 2,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}

_AGAIN = (errors.SerializationFailure, errors.DeadlockDetected)
_HELD_UP = (*_AGAIN, errors.LockNotAvailable, errors.QueryCanceled)
# OperationalError covers lost connections, shutdown, full disks, too many
# connections; a connection lost in mid-statement may come without SQLSTATE.
_PASSING = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    # The server cut us off in mid-transaction, or is a standby just now.
    errors.IdleInTransactionSessionTimeout,
    errors.ReadOnlySqlTransaction,
    PoolTimeout,
    PoolClosed,
)


class Connection(psycopg.Connection[Any]):
    """A connection that reads ids as strings and keeps a transaction to one shard."""

    shard: int | None = None

    def wait(self, *args: Any, **kwargs: Any) -> Any:
        """As the library's, but not for ever: see ANSWER_WITHIN_S."""
        try:
            return super().wait(*args, **{"timeout": ANSWER_WITHIN_S} | kwargs)
        except psycopg.OperationalError as error:
            if error.sqlstate is None:
                # The server did not speak, and must not be asked anything more here:
                # a ROLLBACK would wait as long again.
                self.pgconn.finish()
            raise

    def touch(self, users: Iterable[str] | str) -> None:
        """Notes the players of a statement. Raises ShardsMixed."""
        if shards.COUNT > 1:
            players = [users] if isinstance(users, str) else users
            bound = shards.one_shard(players, bound=self.shard)
            if self.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                self.shard = bound


class Database:
    """The pool of one service. Open it once, close it last.

    Its connections stay open, unless they are unused for `idle_s`: for who comes seldom.
    """

    def __init__(
        self,
        url: str,
        *,
        size: int = POOL_SIZE,
        options: str = SESSION_OPTIONS,
        idle_s: float | None = None,
    ) -> None:
        self._pool = ConnectionPool(
            url,
            connection_class=Connection,
            kwargs={"autocommit": True, "application_name": NAME, "options": options} | KEEPALIVE,
            min_size=size if idle_s is None else 0,
            max_size=size,
            # For ever is not to be had; where all are kept it is never looked at.
            max_idle=idle_s or POOL_WAIT_S,
            timeout=POOL_WAIT_S,
            # Given up soon and begun anew on demand: the pool's own back-off doubles
            # without an end, and would outlast a database that is back. No bound on
            # waiting either: those who gave up would fill it for ever, and the
            # server's threads bound it already.
            reconnect_timeout=RECONNECT_S,
            configure=_configure,
            check=None,
            open=False,
        )

    def open(self) -> None:
        """Starts connecting, without waiting for success."""
        self._pool.open(wait=False)

    def close(self) -> None:
        """Closes every connection. Safe to repeat."""
        self._pool.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in autocommit: BEGIN around a read would double its price.

        Raises Unavailable.
        """
        with _passing_as_unavailable(), self._pool.connection() as connection:
            # Whatever transaction it served before bound it to that one's shard.
            connection.shard = None
            yield connection

    def transact(self, work: Callable[[Connection], Answer]) -> Answer:
        """What `work` returns, committed.

        `work` may run up to three times, so it has no effect but on the
        database. Raises Unavailable; then it may or may not have committed.
        Raises HeldUp; then it has not.
        """
        with _passing_as_unavailable():
            for _ in range(ATTEMPTS - 1):
                with suppress(*_AGAIN):
                    return self._once(work)
            return self._once(work)

    def is_ready(self) -> bool:
        """Whether a statement can be answered now.

        After the server was restarted every idle connection is a broken one, and each is
        noticed when it is used. Who is not ready is not used by others, so that one
        look a second would take as many seconds to find a good one as there are.
        """
        until = time.monotonic() + READY_WITHIN_S
        for _ in range(self._pool.max_size):
            if self._answers():
                return True
            if time.monotonic() > until:
                return False
        return self._answers()

    def _answers(self) -> bool:
        try:
            with self.read() as connection:
                connection.execute("SELECT 1")
        except Unavailable:
            return False
        return True

    def _once(self, work: Callable[[Connection], Answer]) -> Answer:
        with self._pool.connection() as connection:
            connection.shard = None
            with connection.transaction():
                if _mood.is_hurried:
                    connection.execute(_BRIEF_LOCK_WAIT)
                return work(connection)


class _Mood(threading.local):
    """How this thread wants its transactions."""

    is_hurried = False


_mood = _Mood()
# Long enough for whoever merely passes by, short enough for a whole batch of tries.
_BRIEF_LOCK_WAIT = "SET LOCAL lock_timeout = '100ms'"


@contextmanager
def hurried() -> Iterator[None]:
    """Within, this thread's transactions wait for a lock 0.1 s at most, not 1 s."""
    _mood.is_hurried = True
    try:
        yield
    finally:
        _mood.is_hurried = False


def _configure(connection: Connection) -> None:
    connection.adapters.register_loader("uuid", TextLoader)


@contextmanager
def _passing_as_unavailable() -> Iterator[None]:
    try:
        yield
    except _HELD_UP as error:
        raise HeldUp from error
    except _PASSING as error:
        raise Unavailable from error
