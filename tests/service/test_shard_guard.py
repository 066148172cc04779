"""The guard against transactions that mix shards, on real PostgreSQL."""

from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import literal_column, select

from services.kit import shards
from services.kit.database import Connection, Database
from services.kit.settings import database_on
from services.kit.shards import ShardsMixed
from services.kit.statements import Command

TOUCH = Command(select(literal_column("1")))
ONE, OTHER = "00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000001"


def touch(user: str, connection: Connection) -> int:
    return TOUCH.run(connection, user_id=user)


@pytest.fixture
def database(server_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database of two shards, behind a single connection."""
    monkeypatch.setattr(shards, "COUNT", 2)
    database = Database(database_on(server_url, "nesra_world"), size=1)
    database.open()
    yield database
    database.close()


def test_a_transaction_that_mixes_shards_is_refused(database: Database) -> None:
    with pytest.raises(ShardsMixed):
        database.transact(lambda connection: [touch(user, connection) for user in (ONE, OTHER)])


def test_a_transaction_may_follow_one_of_another_shard(database: Database) -> None:
    for user in (ONE, OTHER):
        database.transact(partial(touch, user))


def test_a_read_may_follow_a_transaction_of_another_shard(database: Database) -> None:
    database.transact(partial(touch, ONE))

    with database.read() as connection:
        assert touch(OTHER, connection) == 1
