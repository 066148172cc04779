"""The kit's database: what passes is Unavailable, what collides is tried again, shards stay apart."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest
from psycopg import sql

from services.kit import database as kit_database
from services.kit import shards
from services.kit.database import POOL_SIZE, Connection, Database, hurried
from services.kit.errors import HeldUp, Unavailable
from services.kit.settings import database_on
from services.kit.shards import ShardsMixed
from services.session import player_store
from tests.service.peers import neighbours


class Between:
    """Stands between a client and PostgreSQL, and passes nothing on while it is silent."""

    def __init__(self, url: str, folder: Path) -> None:
        parts = urlsplit(url)
        self._server = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/.s.PGSQL.5432")
        self.url = parts._replace(query=f"host={quote(str(folder))}&port=5432").geturl()
        self.is_silent = False

    def __enter__(self) -> Self:
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._server)
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError), source, sink:
            while data := source.recv(65536):
                if not self.is_silent:
                    sink.sendall(data)


@pytest.fixture(scope="module")
def url(server_url: str) -> str:
    return database_on(server_url, "nesra_session")


@pytest.fixture(scope="module")
def database(url: str) -> Iterator[Database]:
    database = Database(url, size=3)
    database.open()
    yield database
    database.close()


@pytest.fixture
def table(url: str) -> Iterator[str]:
    """A table with the rows 1 and 2, for who needs rows that collide."""
    name = f"collision_{threading.get_ident()}"
    identifier = sql.Identifier(name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE TABLE {} (n int, v int)").format(identifier))
        connection.execute(sql.SQL("INSERT INTO {} VALUES (1, 0), (2, 0)").format(identifier))
        yield name
        connection.execute(sql.SQL("DROP TABLE {}").format(identifier))


def is_soon_ready(database: Database) -> bool:
    """Whether it connects: on a busy machine that takes longer than one try waits."""
    return any(database.is_ready() for _ in range(5))


def test_transactions_that_deadlock_are_tried_again_and_both_succeed(
    database: Database, table: str
) -> None:
    met = threading.Barrier(2)
    tries: list[int] = []

    def add(first: int, second: int) -> None:
        def work(connection: Connection) -> None:
            tries.append(first)
            _add(connection, table, first)
            if len(tries) <= 2:
                met.wait()
            _add(connection, table, second)

        database.transact(work)

    threads = [threading.Thread(target=add, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.read() as connection:
        total = connection.execute(f"SELECT sum(v) FROM {table}").fetchone()  # noqa: S608  # our own name
    assert total == (4,)
    assert len(tries) >= 3


def test_a_lock_that_is_held_too_long_is_unavailable(
    database: Database, table: str, url: str
) -> None:
    with psycopg.connect(url) as holder:
        _add(holder, table, 1)

        with pytest.raises(HeldUp):
            database.transact(lambda connection: _add(connection, table, 1))


def test_in_a_hurry_a_lock_is_not_waited_for(database: Database, table: str, url: str) -> None:
    with psycopg.connect(url) as holder:
        _add(holder, table, 1)
        began = time.monotonic()

        with pytest.raises(HeldUp), hurried():
            database.transact(lambda connection: _add(connection, table, 1))

        assert time.monotonic() - began < 0.8
    database.transact(lambda connection: _add(connection, table, 1))


def test_a_server_that_takes_a_statement_and_never_answers_is_given_up(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit_database, "ANSWER_WITHIN_S", 0.3)
    with Between(url, tmp_path) as between:
        database = Database(between.url, size=1)
        database.open()
        assert is_soon_ready(database)
        began = time.monotonic()

        between.is_silent = True
        with pytest.raises(Unavailable):
            database.transact(lambda connection: connection.execute("SELECT 1"))
        given_up_after = time.monotonic() - began
        between.is_silent = False

        assert 0.3 <= given_up_after < 1.0
        assert is_soon_ready(database)
        database.close()


def test_a_connection_that_the_server_ended_is_unavailable_and_then_replaced(
    database: Database, url: str
) -> None:
    def orphaned(connection: Connection) -> None:
        with psycopg.connect(url, autocommit=True) as operator:
            operator.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
        connection.execute("SELECT 1")

    with pytest.raises(Unavailable):
        database.transact(orphaned)

    assert is_soon_ready(database)


def test_when_all_connections_were_ended_the_first_look_finds_a_good_one(url: str) -> None:
    database = Database(url)
    database.open()
    assert is_soon_ready(database)
    with contextlib.ExitStack() as every:
        connections = [every.enter_context(database.read()) for _ in range(POOL_SIZE)]
        backends = [connection.info.backend_pid for connection in connections]

    with psycopg.connect(url, autocommit=True) as operator:
        operator.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) pid", [backends])

    assert database.is_ready()
    database.close()


def test_a_commit_that_is_lost_is_unavailable_and_not_tried_again(
    database: Database, table: str, url: str
) -> None:
    tries: list[int] = []

    def orphaned_at_the_end(connection: Connection) -> None:
        tries.append(1)
        _add(connection, table, 1)
        with psycopg.connect(url, autocommit=True) as operator:
            operator.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])

    with pytest.raises(Unavailable):
        database.transact(orphaned_at_the_end)

    # Whether a lost commit happened nobody knows: what is done again might be done twice.
    assert len(tries) == 1


def test_a_commit_is_on_the_disk_before_it_is_answered(database: Database) -> None:
    with database.read() as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_a_pool_without_a_free_connection_is_unavailable_within_a_second(url: str) -> None:
    database = Database(url, size=1)
    database.open()

    with database.read(), pytest.raises(Unavailable), database.read():
        pass

    database.close()


def test_a_server_that_is_not_there_is_unavailable_and_not_ready(tmp_path: object) -> None:
    database = Database(f"postgresql://nobody@/nowhere?host={tmp_path}", size=1)
    database.open()

    assert not database.is_ready()
    database.close()


def test_what_a_transaction_did_is_gone_when_it_raises(database: Database, table: str) -> None:
    def work(connection: Connection) -> None:
        _add(connection, table, 1)
        raise KeyError

    with pytest.raises(KeyError):
        database.transact(work)

    with database.read() as connection:
        total = connection.execute(f"SELECT sum(v) FROM {table}").fetchone()  # noqa: S608  # our own name
    assert total == (0,)


def test_a_transaction_that_mixes_shards_is_a_bug_that_raises(database: Database) -> None:
    here, there = _of_two_shards()

    def work(connection: Connection) -> None:
        player_store.lock_heroes(connection, [here])
        player_store.lock_heroes(connection, [there])

    with pytest.raises(ShardsMixed):
        database.transact(work)
    with pytest.raises(ShardsMixed), database.read() as connection:
        player_store.read_heroes(connection, [here, there])


def test_transactions_one_after_the_other_may_be_of_different_shards(database: Database) -> None:
    for player in _of_two_shards():
        assert database.transact(lambda c, p=player: player_store.lock_heroes(c, [p])) == {}  # type: ignore[misc]


def _of_two_shards() -> tuple[str, str]:
    (here,) = neighbours(1)
    while True:
        (there,) = neighbours(1)
        if shards.shard_of(there) != shards.shard_of(here):
            return here, there


def _add(connection: psycopg.Connection[object], table: str, row: int) -> None:
    statement = sql.SQL("UPDATE {} SET v = v + 1 WHERE n = %s").format(sql.Identifier(table))
    connection.execute(statement, [row])
