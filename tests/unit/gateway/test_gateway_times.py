"""Local dates as instants: every date begins once, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.times import day_begins, day_ends
from services.kit.times import instant, wire

ZONES = ["UTC", "Europe/Lisbon", "America/New_York", "Pacific/Apia", "Asia/Kathmandu"]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def test_a_day_in_utc_is_from_midnight_to_midnight() -> None:
    assert day_begins(date(2026, 3, 1), "UTC") == utc(2026, 3, 1)
    assert day_ends(date(2026, 3, 1), "UTC") == utc(2026, 3, 2)


def test_a_day_begins_by_the_zone() -> None:
    assert day_begins(date(2026, 1, 10), "Asia/Tokyo") == utc(2026, 1, 9, 15)
    assert day_begins(date(2026, 1, 10), "America/New_York") == utc(2026, 1, 10, 5)


def test_the_day_on_which_clocks_go_forward_has_23_hours() -> None:
    day = date(2026, 3, 29)

    assert day_ends(day, "Europe/Berlin") - day_begins(day, "Europe/Berlin") == timedelta(hours=23)


def test_the_day_on_which_clocks_go_back_has_25_hours() -> None:
    day = date(2026, 10, 25)

    assert day_ends(day, "Europe/Berlin") - day_begins(day, "Europe/Berlin") == timedelta(hours=25)


def test_a_day_whose_midnight_is_skipped_begins_at_the_change() -> None:
    assert day_begins(date(2018, 11, 4), "America/Sao_Paulo") == utc(2018, 11, 4, 3)


def test_a_date_that_a_zone_left_out_is_empty() -> None:
    left_out = date(2011, 12, 30)

    assert day_begins(left_out, "Pacific/Apia") == day_ends(left_out, "Pacific/Apia")


@pytest.mark.parametrize("zone", ZONES)
def test_the_ends_of_the_calendar_do_not_overflow(zone: str) -> None:
    assert day_begins(date.min, zone) < day_ends(date.max, zone)


@given(st.dates(date(1971, 1, 1), date(2100, 1, 1)), st.sampled_from(ZONES))
def test_a_day_ends_where_the_next_begins(day: date, zone: str) -> None:
    assert day_ends(day, zone) == day_begins(day + timedelta(days=1), zone)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_instant_survives_the_way_through_a_message(moment: datetime) -> None:
    assert instant(wire(moment)) == moment
