"""Idempotency keys are taken in order, kept for a day at least, and not for ever."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import pytest

from services.kit.clock import database_now
from services.kit.database import Database
from services.session import key_store
from services.session.key_store import KeyName
from services.session.purge import PAGE, KeyPurge
from tests.service.by_the_clock import done
from tests.service.peers import at_once, neighbours
from tests.service.session.conftest import NewDatabase

ROUTE = "POST /api/tasks"


class Keys:
    """A database of keys, old and new."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = Database(url, size=2)
        self.database.open()
        self.purge = KeyPurge(self.database)

    def add(self, count: int = 1, *, hours_old: float) -> None:
        """Adds keys of as many players."""
        with psycopg.connect(self.url) as connection:
            connection.execute(
                "INSERT INTO idempotency_key SELECT gen_random_uuid(), %s, n::text,"
                " sha256(''), '', now() - %s FROM generate_series(1, %s) AS n",
                [ROUTE, timedelta(hours=hours_old), count],
            )

    def rows(self, sql: LiteralString) -> list[tuple[Any, ...]]:
        """What the database holds, asked directly."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql).fetchall()

    def left(self) -> int:
        """How many there are."""
        return int(self.rows("SELECT count(*) FROM idempotency_key")[0][0])


@pytest.fixture
def keys(new_database: NewDatabase) -> Iterator[Keys]:
    keys = Keys(new_database("session"))
    yield keys
    keys.database.close()


def test_keys_are_taken_in_order_in_whatever_order_they_come(keys: Keys) -> None:
    player, *_ = neighbours(1)
    names = [KeyName(player, route, key) for route in ("b", "a") for key in ("2", "1")]

    with keys.database.read() as connection:
        claimed = key_store.claim(connection, [_row(name) for name in names])

    assert claimed == set(names)
    # The table is new, so its rows stand as they were inserted.
    assert keys.rows("SELECT user_id::text, route, key FROM idempotency_key ORDER BY ctid") == [
        (player, "a", "1"),
        (player, "a", "2"),
        (player, "b", "1"),
        (player, "b", "2"),
    ]


def test_only_keys_older_than_two_days_are_forgotten(keys: Keys) -> None:
    keys.add(3, hours_old=48.1)
    keys.add(2, hours_old=47.9)
    keys.add(2, hours_old=0)

    purged = keys.purge.purge_due()

    assert purged == 3
    assert keys.left() == 4


def test_what_is_old_goes_page_by_page(keys: Keys) -> None:
    keys.add(PAGE + 10, hours_old=72)

    purged = [keys.purge.purge_due() for _ in range(3)]

    assert purged == [PAGE, 10, 0]
    assert keys.left() == 0


def test_replicas_may_purge_at_once(keys: Keys) -> None:
    keys.add(PAGE, hours_old=72)
    keys.add(5, hours_old=1)

    at_once(4, lambda _: keys.purge.purge_due())

    assert keys.left() == 5


def test_a_key_that_was_taken_anew_meanwhile_stays(keys: Keys) -> None:
    keys.add(1, hours_old=72)
    with keys.database.read() as connection:
        before = database_now(connection) - timedelta(hours=48)
        (name,) = key_store.expired(connection, before=before, limit=PAGE)
        keys.purge.purge_due()
        key_store.claim(connection, [_row(name)])
        key_store.purge(connection, [name], before=before)

    assert keys.left() == 1


def test_the_job_forgets_however_many_pages_it_is(keys: Keys) -> None:
    keys.add(2 * PAGE + 1, hours_old=72)

    assert done("session", "forget_keys", keys.url) == 2 * PAGE + 1
    assert keys.left() == 0


def _row(name: KeyName) -> key_store.KeyRow:
    return key_store.KeyRow(name.user_id, name.route, name.key, fingerprint=b"\x00" * 32)
