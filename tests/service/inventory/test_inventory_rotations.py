"""The shop's offers are recorded: dealt once, the same for all, whatever changes later."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg
import pytest
from structlog.testing import capture_logs

from services.inventory import rotations
from services.inventory.calendar import Calendar
from services.inventory.catalogue import Catalogue
from services.inventory.catalogue_file import read_catalogue
from services.inventory.events import period_at
from services.inventory.play import SHAPE
from services.inventory.rotations import AHEAD, Rotations, Standing
from services.inventory.rules import Event, Item, Prices, Rules, Shop
from services.inventory.shop import Rotation, dealt
from services.kit.database import Database
from services.kit.rulesfile import Edition, load
from services.kit.settings import RULES
from tests.faults.patience import await_that
from tests.service.by_the_clock import done
from tests.service.inventory.seasons import NOBODYS, OWN
from tests.service.peers import at_once, insisting

HOUR, DAY, MOMENT = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
PLAIN = replace(load(RULES, SHAPE).rules, events=())
DEARER = replace(PLAIN, shop=Shop(6, Prices(common=200, rare=400, epic=999)))
OLD, NEW = Edition(PLAIN, "old"), Edition(DEARER, "new")
WAITING = """
    SELECT count(*) FROM pg_locks WHERE relation = 'shop_rotation'::regclass AND NOT granted
"""
# Every test has days of its own, some apart.
DAYS = (datetime(2030, 1, 1, tzinfo=UTC) + n * 10 * DAY for n in itertools.count())


class Process(NamedTuple):
    """What one process of the service knows of the catalogue and of the rotations."""

    catalogue: Catalogue
    rotations: Rotations

    def at(self, at: datetime, edition: Edition[Rules] = OLD) -> Standing:
        """The offers by a real clock."""
        return self.rotations.at(at, edition, now=at)


@pytest.fixture(scope="module")
def url(new_database: Callable[[str], str]) -> str:
    return new_database("inventory")


@contextmanager
def process_at(url: str) -> Iterator[Process]:
    database = Database(url, size=4)
    database.open()
    try:
        assert any(database.is_ready() for _ in range(5))
        catalogue = Catalogue(database, read_catalogue())
        yield Process(catalogue, Rotations(database, catalogue))
    finally:
        database.close()


@pytest.fixture
def one(url: str) -> Iterator[Process]:
    with process_at(url) as process:
        yield process


@pytest.fixture
def other(url: str) -> Iterator[Process]:
    """A second process on the same database."""
    with process_at(url) as process:
        yield process


@pytest.fixture
def noon() -> datetime:
    return next(DAYS) + 12 * HOUR


def records(url: str, day: datetime) -> list[tuple[datetime, datetime, str]]:
    """From when, until when, and by which rules, of what is recorded around a day."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT begins_at, until, rules_version FROM shop_rotation"
            " WHERE until > %s AND begins_at < %s ORDER BY begins_at",
            [day - 2 * DAY, day + 3 * DAY],
        ).fetchall()


def change(url: str, statement: str, *parameters: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement, parameters)


def event(starts_at: datetime, ends_at: datetime, items: tuple[str, ...] = tuple(OWN)) -> Event:
    return Event("fair", "Fair", starts_at, starts_at, ends_at, price_percent=50, items=items)


def with_event(starts_at: datetime, ends_at: datetime) -> Edition[Rules]:
    return Edition(replace(PLAIN, events=(event(starts_at, ends_at),)), "festive")


def dealt_to(process: Process, at: datetime) -> Rotation:
    """What the rules say of an instant without events, by the catalogue as it is."""
    return dealt(period_at(at, ()), process.catalogue.current().obtainable, PLAIN.shop, ())


def test_the_first_who_needs_the_offers_records_them(
    url: str, one: Process, noon: datetime
) -> None:
    midnight = noon - 12 * HOUR

    shown = one.at(noon)

    assert shown == Standing(dealt_to(one, noon), "old")
    assert records(url, noon) == [(midnight, midnight + DAY, "old")]


def test_many_processes_at_once_agree_though_their_rules_do_not(
    url: str, one: Process, other: Process, noon: datetime
) -> None:
    festive = with_event(noon - HOUR, noon + HOUR)
    asked = [(one, OLD), (other, NEW), (one, festive), (other, festive)] * 4

    shown = at_once(len(asked), lambda n: asked[n][0].at(noon, asked[n][1]))

    assert len(set(shown)) == 1
    assert len(records(url, noon)) == 1


def test_of_two_processes_that_both_found_no_record_one_records_for_both(
    url: str, one: Process, other: Process, noon: datetime
) -> None:
    festive = with_event(noon - HOUR, noon + HOUR)
    ask = insisting(lambda process, edition: process.at(noon, edition))

    with psycopg.connect(url) as held, ThreadPoolExecutor(2) as threads:
        held.execute("LOCK TABLE shop_rotation IN SHARE ROW EXCLUSIVE MODE")
        asked = [threads.submit(ask, *who) for who in ((one, OLD), (other, festive))]
        await_that(lambda: held.execute(WAITING).fetchone() == (2,), within_s=30)
        held.rollback()
        shown = {each.result() for each in asked}

    assert len(shown) == 1
    assert len(records(url, noon)) == 1


def test_other_prices_wait_for_the_next_rotation(
    one: Process, other: Process, noon: datetime
) -> None:
    before = one.at(noon, OLD)

    assert one.at(noon + HOUR, NEW) == other.at(noon + HOUR, NEW) == before
    after = other.at(noon + DAY, NEW)
    assert after.rules_version == "new"
    assert {offer.price_gold for offer in after.rotation.offers} <= {200, 400, 999}


def test_a_new_item_waits_for_the_next_rotation(
    url: str, one: Process, other: Process, noon: datetime
) -> None:
    before = one.at(noon)
    items = [Item(f"0000000{n}-0000-7000-8000-000000000000", f"New {n}", "hat", "epic", f"hat_{n}") for n in range(3)]  # fmt: skip
    for item in items:
        change(url, "INSERT INTO item VALUES (%s, %s, 'hat', 'epic', %s)", item.id, item.name, item.sprite_key)  # fmt: skip
    one.catalogue.refreshed()

    assert one.at(noon + HOUR) == other.at(noon + HOUR) == before
    assert one.at(noon + DAY).rotation == dealt_to(one, noon + DAY)


def test_a_retired_item_leaves_at_once_and_what_is_left_has_another_id(
    url: str, one: Process, other: Process, noon: datetime
) -> None:
    before = one.at(noon).rotation
    retired = before.offers[2].item.id
    change(url, "UPDATE item SET retired_at = now() WHERE id = %s", retired)
    one.catalogue.refreshed()

    after = one.at(noon).rotation

    assert after.offers == (*before.offers[:2], *before.offers[3:])
    assert after.id != before.id
    assert after == other.at(noon).rotation
    change(url, "UPDATE item SET retired_at = NULL WHERE id = %s", retired)
    one.catalogue.refreshed()
    assert one.at(noon).rotation == before


def test_a_renamed_item_keeps_its_offer(url: str, one: Process, noon: datetime) -> None:
    before = one.at(noon).rotation
    item = before.offers[0].item
    change(url, "UPDATE item SET name = 'Late', rarity = 'epic' WHERE id = %s", item.id)
    one.catalogue.refreshed()

    after = one.at(noon).rotation

    offer = after.offer_of(item.id)
    assert offer is not None
    assert (offer.item.name, offer.price_gold) == ("Late", before.offers[0].price_gold)
    # Also where it is shown in another place now: who saw it before can buy.
    assert after.offers[0].item.id != item.id
    assert after.id == before.id


def test_what_only_a_sandbox_s_clock_has_reached_is_not_recorded(
    url: str, one: Process, noon: datetime
) -> None:
    tomorrow = one.rotations.at(noon + DAY, OLD, now=noon)

    assert records(url, noon) == []
    assert one.rotations.at(noon + DAY, NEW, now=noon) != tomorrow
    # Nor by somebody there who is still within the present of an event that was put off.
    one.rotations.at(noon, with_event(noon + HOUR, noon + 2 * HOUR), now=noon)
    one.rotations.at(noon + 5 * HOUR, OLD, now=noon)
    assert [until for _, until, _ in records(url, noon)] == [noon + HOUR]


def test_a_sandbox_s_clock_meets_what_is_recorded(
    one: Process, other: Process, noon: datetime
) -> None:
    real = one.at(noon + DAY)

    assert other.rotations.at(noon + DAY, NEW, now=noon) == real


def test_offers_hold_until_an_event_starts_or_ends(one: Process, noon: datetime) -> None:
    festive = with_event(noon, noon + 3 * HOUR)

    shown = [one.at(noon + n * HOUR, festive).rotation for n in (-1, 0, 2, 3)]

    assert [each.rotates_at - noon for each in shown] == [0 * HOUR, 3 * HOUR, 3 * HOUR, 12 * HOUR]
    assert shown[1] == shown[2]
    own = [{offer.item.id for offer in each.offers} & {*OWN} for each in shown]
    assert [len(each) for each in own] == [0, 2, 2, 0]


def test_an_event_of_today_that_comes_today_is_sold_from_the_next_rotation(
    one: Process, noon: datetime
) -> None:
    before = one.at(noon, OLD)

    festive = with_event(noon + HOUR, noon + 2 * DAY)

    assert one.at(noon + 2 * HOUR, festive) == before
    assert one.at(noon + DAY, festive).rules_version == "festive"


def test_an_event_that_is_taken_back_is_sold_until_its_rotation_ends_and_records_never_overlap(
    url: str, one: Process, noon: datetime
) -> None:
    festive = with_event(noon - HOUR, noon + HOUR)
    before = one.at(noon, festive)

    assert one.at(noon + HOUR - MOMENT, OLD) == before
    after = one.at(noon + HOUR, OLD).rotation

    assert after.period == (noon + HOUR, noon + 12 * HOUR)
    assert records(url, noon) == [
        (noon - HOUR, noon + HOUR, "festive"),
        (noon + HOUR, noon + 12 * HOUR, "old"),
    ]


@pytest.mark.parametrize("left", [AHEAD, AHEAD + MOMENT])
def test_a_job_records_what_holds_and_what_follows_within_the_hour(
    url: str, one: Process, noon: datetime, left: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    midnight = noon + 12 * HOUR
    monkeypatch.setattr(rotations, "database_now", lambda _: midnight - left)

    missing = [one.rotations.record_due(OLD) for _ in range(3)]

    assert missing == [2 if left == AHEAD else 1, 0, 0]
    until = [until for _, until, _ in records(url, noon)]
    assert until == ([midnight, midnight + DAY] if left == AHEAD else [midnight])


def test_an_unknown_item_of_an_event_is_logged_once_and_left_out(
    one: Process, noon: datetime
) -> None:
    fair = event(noon, noon + HOUR, (OWN[0], NOBODYS))
    calendar = Calendar(one.catalogue, (fair, replace(fair, id="feast", items=())))

    with capture_logs() as logs:
        for _ in range(3):
            assert not calendar.look()

    (log,) = [log for log in logs if log["event"] == "event_item_unknown"]
    assert (log["item"], log["of"], log["log_level"]) == (NOBODYS, "fair", "error")
    assert [len(show.items) for show in calendar.shows(noon)] == [1, 0]


def test_the_job_records_what_holds_now(new_database: Callable[[str], str]) -> None:
    url = new_database("inventory")

    first, again = done("inventory", "shop_rotation", url), done("inventory", "shop_rotation", url)

    assert (first >= 1, again) == (True, 0)
    now = datetime.now(UTC)
    assert any(begins_at <= now < until for begins_at, until, _ in records(url, now))
