"""Idempotency keys are kept for a day at least, and not for ever."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from services.kit.clock import database_now
from services.kit.database import Database
from services.session import key_store
from services.session.key_store import KeyName
from services.session.purge import PAGE, KeyPurge
from tests.service.peers import at_once
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

    def left(self) -> int:
        """How many there are."""
        with psycopg.connect(self.url) as connection:
            (found,) = connection.execute("SELECT count(*) FROM idempotency_key").fetchall()
        return int(found[0])


@pytest.fixture
def keys(new_database: NewDatabase) -> Iterator[Keys]:
    keys = Keys(new_database("session"))
    yield keys
    keys.database.close()


def test_only_keys_older_than_two_days_are_forgotten(keys: Keys) -> None:
    keys.add(3, hours_old=48.1)
    keys.add(2, hours_old=47.9)
    keys.add(2, hours_old=0)

    was_full = keys.purge.purged_a_full_page()

    assert not was_full
    assert keys.left() == 4


def test_what_is_old_goes_page_by_page(keys: Keys) -> None:
    keys.add(PAGE + 10, hours_old=72)

    were_full = [keys.purge.purged_a_full_page() for _ in range(2)]

    assert were_full == [True, False]
    assert keys.left() == 0


def test_replicas_may_purge_at_once(keys: Keys) -> None:
    keys.add(PAGE, hours_old=72)
    keys.add(5, hours_old=1)

    at_once(4, lambda _: keys.purge.purged_a_full_page())

    assert keys.left() == 5


def test_a_key_that_was_taken_anew_meanwhile_stays(keys: Keys) -> None:
    keys.add(1, hours_old=72)
    with keys.database.read() as connection:
        before = database_now(connection) - timedelta(hours=48)
        (name,) = key_store.expired(connection, before=before, limit=PAGE)
        keys.purge.purged_a_full_page()
        key_store.claim(connection, [_row(name)])
        key_store.purge(connection, [name], before=before)

    assert keys.left() == 1


def test_the_rows_to_delete_are_locked_in_order() -> None:
    # By its text: an index scan meets the rows in order anyway, until one day it does not.
    locked = key_store.PURGE.sql.partition("FOR UPDATE")[0]

    assert "ORDER BY idempotency_key.user_id, idempotency_key.route, idempotency_key.key" in locked


def _row(name: KeyName) -> key_store.KeyRow:
    return key_store.KeyRow(name.user_id, name.route, name.key, fingerprint=b"\x00" * 32)
