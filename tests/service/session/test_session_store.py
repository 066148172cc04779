"""What the statements about sessions hold by themselves."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from uuid import UUID

import psycopg
import pytest

from protos.session.v1 import session_pb2 as pb
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.statements import Command, Query
from services.session import completion_store, store
from services.session.outbox import SESSIONS, PostgresOutbox
from services.session.purchase_store import PURCHASES
from services.session.store import Key
from tests.service.peers import neighbours
from tests.service.session.conftest import Town
from tests.service.session.players import Player


@pytest.fixture(scope="module")
def database(town: Town) -> Iterator[Database]:
    database = Database(town.url, size=1)
    database.open()
    yield database
    database.close()


def _await_a_waiter(url: str) -> None:
    """Returns when a session of that database waits for a lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with psycopg.connect(url, autocommit=True) as looking:
        while looking.execute(waiting).fetchone() == (0,):
            pass


def test_a_final_status_is_never_changed(town: Town, database: Database) -> None:
    player = Player(town.sessions)
    key = Key(player.id, player.focus().session.session_id)

    def close_again(connection: Connection) -> store.SessionRow:
        row = store.lock_sessions(connection, [key])[key]
        store.close_sessions(connection, [row._replace(status="timeout", reward_gold=0)])
        return store.lock_sessions(connection, [key])[key]

    row = database.transact(close_again)

    assert (row.status, row.reward_gold) == ("success", 25)


def test_a_completion_never_changes_a_final_status(town: Town, database: Database) -> None:
    player = Player(town.sessions)
    key = Key(player.id, player.focus().session.session_id)

    def complete_again(connection: Connection) -> store.SessionRow:
        ((row, hero),) = completion_store.lock(connection, [key]).rows
        timed_out = row._replace(status="timeout", reward_gold=0)
        completion_store.save(connection, [completion_store.outcome(timed_out, hero)])
        return store.lock_sessions(connection, [key])[key]

    row = database.transact(complete_again)

    assert (row.status, row.reward_gold) == ("success", 25)


def test_a_lock_tells_the_time_also_where_there_is_nothing_to_lock(database: Database) -> None:
    def look(connection: Connection) -> tuple[int, timedelta]:
        locked = completion_store.lock(connection, [Key(str(UUID(int=0)), str(UUID(int=0)))])
        return len(locked.rows), database_now(connection) - locked.now

    count, since = database.transact(look)

    assert count == 0
    assert timedelta(0) <= since < timedelta(seconds=5)


def test_a_lock_tells_the_time_after_it_had_to_wait(town: Town, database: Database) -> None:
    player = Player(town.sessions)
    key = Key(player.id, player.focus().session.session_id)
    released = []

    def hold(connection: Connection, held: Event, waited_for: Event) -> None:
        completion_store.lock(connection, [key])
        held.set()
        waited_for.wait(5)
        released.append(database_now(connection))

    holder = Database(town.url, size=1)
    holder.open()
    held, waited_for = Event(), Event()
    with ThreadPoolExecutor() as threads:
        holding = threads.submit(holder.transact, lambda c: hold(c, held, waited_for))
        held.wait(5)
        locking = threads.submit(database.transact, lambda c: completion_store.lock(c, [key]).now)
        _await_a_waiter(town.url)
        waited_for.set()
        holding.result()
        now = locking.result()
    holder.close()

    assert now > released[0]


def test_the_first_mark_of_a_session_stays(generous: Town) -> None:
    player = Player(generous.sessions)
    session = player.focus().session
    before = generous.rows("SELECT settled_at FROM session WHERE user_id = %s", player.id)

    database = Database(generous.url, size=1)
    database.open()
    key = Key(player.id, session.session_id)
    PostgresOutbox(database, SESSIONS).mark({key: {"item": "another"}})
    database.close()

    after = generous.rows("SELECT settled_at FROM session WHERE user_id = %s", player.id)
    assert after == before
    assert player.history()[0].dropped_item == session.dropped_item


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("session", SESSIONS.mark),
        ("session", SESSIONS.lease),
        ("session", SESSIONS.refuse),
        ("purchase", PURCHASES.mark),
        ("purchase", PURCHASES.lease),
        ("purchase", PURCHASES.refuse),
    ],
)
def test_what_changes_many_rows_unlocked_locks_them_in_order(
    table: str, statement: Command | Query[Key]
) -> None:
    # By its text: an index scan meets the rows in order anyway, until one day it does not.
    locked = statement.sql.partition("FOR UPDATE")[0]

    assert f"ORDER BY {table}.user_id, {table}.id" in locked


def test_every_drop_of_a_batch_is_given(generous: Town) -> None:
    players = [Player(generous.sessions, id_) for id_ in neighbours(5)]
    sessions = [player.started() for player in players]
    for player in players:
        player.wait(25)

    results = generous.sessions.BatchCompleteSessions(
        pb.BatchCompleteSessionsRequest(
            completes=[
                pb.Complete(user_id=player.id, session_id=session.session_id)
                for player, session in zip(players, sessions, strict=True)
            ]
        )
    ).results

    assert [r.completed.session.HasField("dropped_item") for r in results] == [True] * 5
    assert {s.session_id for s in sessions} <= set(generous.inventory.given)
