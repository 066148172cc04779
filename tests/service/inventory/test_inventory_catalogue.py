"""The catalogue: stored once however often, changed and never emptied, kept fresh in memory."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from services.inventory.__main__ import wired
from services.inventory.catalogue import FRESH_S, Catalogue
from services.inventory.catalogue_file import BadCatalogue, read_catalogue
from services.inventory.rules import Item
from services.kit import migrations
from services.kit.database import Database
from services.kit.errors import Unavailable
from services.kit.sweeper import EVERY_S, Sweeper
from tests.service.inventory.stock import new_id, settings_of

NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"
SHIPPED = read_catalogue()
# Each waits for a connection, on a busy machine longer than one try.
TRIES = 3
STRAW_HAT = SHIPPED[0]
NewDatabase = Callable[[str], str]


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    return new_database("inventory")


@contextmanager
def catalogue_at(
    url: str, shipped: tuple[Item, ...] = SHIPPED, clock: Callable[[], float] = lambda: 0.0
) -> Iterator[Catalogue]:
    """The catalogue of a process of its own, with its database connected."""
    database = Database(url, size=1)
    database.open()
    try:
        assert any(database.is_ready() for _ in range(TRIES))
        yield Catalogue(database, shipped, clock=clock)
    finally:
        database.close()


def stored(url: str) -> dict[str, tuple[str, str]]:
    """The sprite key and the row version of every item in the table."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT id::text, sprite_key, xmin::text FROM item").fetchall()
    return {item_id: (key, version) for item_id, key, version in rows}


def change(url: str, sql: str, *parameters: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(sql, parameters)


def add(url: str, item_id: str) -> None:
    with psycopg.connect(url) as connection:
        add_by(connection, item_id)


def add_by(connection: psycopg.Connection[Any], item_id: str) -> None:
    late = "INSERT INTO item VALUES (%s, 'Late', 'hat', 'epic', 'hat_late')"
    connection.execute(late, [item_id])


def test_the_first_look_stores_what_is_shipped(url: str) -> None:
    with catalogue_at(url) as catalogue:
        items = catalogue.current().items

    assert items == {item.id: item for item in SHIPPED}
    assert set(stored(url)) == set(items)


def test_storing_again_writes_nothing(url: str) -> None:
    with catalogue_at(url) as catalogue:
        catalogue.current()
    before = stored(url)

    with catalogue_at(url) as catalogue:
        catalogue.current()

    assert stored(url) == before


def test_processes_that_start_at_once_store_it_once(url: str) -> None:
    barrier = threading.Barrier(6)

    def start(_: int) -> int:
        with catalogue_at(url) as catalogue:
            barrier.wait()
            return len(catalogue.current().items)

    with ThreadPoolExecutor(6) as processes:
        counts = list(processes.map(start, range(6)))

    assert counts == [len(SHIPPED)] * 6


def test_a_process_waits_while_another_stores(url: str) -> None:
    with (
        psycopg.connect(url) as other,
        catalogue_at(url) as catalogue,
    ):
        add_by(other, new_id())

        # It gives up after the second that a lock is worth waiting for, and tries again.
        with pytest.raises(Unavailable):
            catalogue.current()
        other.commit()

        assert len(catalogue.current().items) == len(SHIPPED) + 1


def test_a_changed_name_is_stored_at_the_next_start(url: str) -> None:
    with catalogue_at(url) as catalogue:
        catalogue.current()
    renamed = replace(STRAW_HAT, name="Sunday Hat", rarity="epic", sprite_key="hat_sunday")

    with catalogue_at(url, (renamed,)) as catalogue:
        items = catalogue.current().items

    assert items[STRAW_HAT.id] == renamed
    assert len(items) == len(SHIPPED)


def test_a_changed_type_is_refused(url: str) -> None:
    with catalogue_at(url) as catalogue:
        catalogue.current()

    with (
        catalogue_at(url, (replace(STRAW_HAT, type="outfit"),)) as catalogue,
        pytest.raises(BadCatalogue, match=r"Straw Hat .* is already stored as hat"),
    ):
        catalogue.current()


def test_an_item_that_is_shipped_no_more_stays(url: str) -> None:
    with catalogue_at(url) as catalogue:
        catalogue.current()

    with catalogue_at(url, SHIPPED[1:]) as catalogue:
        assert STRAW_HAT in catalogue.current().obtainable


def test_a_retired_item_stays_retired_over_a_start(url: str) -> None:
    with catalogue_at(url) as catalogue:
        catalogue.current()
    change(url, "UPDATE item SET retired_at = now() WHERE id = %s", STRAW_HAT.id)

    with catalogue_at(url) as catalogue:
        assert STRAW_HAT not in catalogue.current().obtainable
        assert catalogue.item(STRAW_HAT.id) == STRAW_HAT


def test_an_item_that_another_process_added_is_found_at_once(url: str) -> None:
    late = new_id()
    with catalogue_at(url) as catalogue:
        catalogue.current()
        add(url, late)

        found = catalogue.item(late)

    assert found is not None
    assert found.name == "Late"


def test_an_item_that_nobody_added_is_none(url: str) -> None:
    with catalogue_at(url) as catalogue:
        assert catalogue.item(new_id()) is None


@pytest.mark.parametrize(("passed", "seen"), [(FRESH_S, False), (FRESH_S + 1, True)])
def test_the_copy_in_memory_is_read_again_after_a_while(
    url: str, *, passed: float, seen: bool
) -> None:
    late, now = new_id(), [0.0]
    with catalogue_at(url, clock=lambda: now[0]) as catalogue:
        catalogue.current()
        add(url, late)
        now[0] = passed

        assert (late in catalogue.current().items) == seen


def test_what_another_process_changed_is_learned_by_the_next_sweep(url: str) -> None:
    with catalogue_at(url) as catalogue:
        catalogue.current()
        change(url, "UPDATE item SET retired_at = now() WHERE id = %s", STRAW_HAT.id)
        before = catalogue.current()

        Sweeper(catalogue.follow).sweep()

        assert STRAW_HAT in before.obtainable
        assert STRAW_HAT not in catalogue.current().obtainable


def test_a_service_sweeps_its_catalogue_every_second(url: str) -> None:
    served = wired(settings_of(url))
    stopping = threading.Event()
    (task,) = served.tasks
    with ThreadPoolExecutor(1) as beside:
        done = beside.submit(task, stopping)
        try:
            # It stores what is shipped, though nobody asks for anything.
            while not stored(url):
                assert not done.done()
        finally:
            stopping.set()
    served.close()

    assert EVERY_S <= 1.0


def test_without_a_database_it_is_not_known() -> None:
    database = Database(NOWHERE, size=1)

    catalogue = Catalogue(database, SHIPPED)

    assert not catalogue.is_known()
    with pytest.raises(Unavailable):
        catalogue.current()


def test_a_service_is_ready_when_its_tables_are_there_and_the_catalogue_in_them(url: str) -> None:
    served = wired(settings_of(url))

    assert any(served.is_ready() for _ in range(TRIES))
    assert len(stored(url)) == len(SHIPPED)
    served.close()


def test_a_service_starts_without_its_database_and_is_not_ready() -> None:
    served = wired(settings_of(NOWHERE))

    assert not served.is_ready()
    served.close()


def test_the_migrations_make_the_tables(url: str) -> None:
    migrations.check("inventory", url)
