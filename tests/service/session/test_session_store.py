"""What the statements about sessions hold by themselves."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from protos.session.v1 import session_pb2 as pb
from services.kit.database import Connection, Database
from services.kit.statements import Command, Query
from services.session import store
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


def test_a_final_status_is_never_changed(town: Town, database: Database) -> None:
    player = Player(town.sessions)
    key = Key(player.id, player.focus().session.session_id)

    def close_again(connection: Connection) -> store.SessionRow:
        row = store.lock_sessions(connection, [key])[key]
        store.close_sessions(connection, [replace(row, status="timeout", reward_gold=0)])
        return store.lock_sessions(connection, [key])[key]

    row = database.transact(close_again)

    assert (row.status, row.reward_gold) == ("success", 25)


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
