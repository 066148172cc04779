"""The streak is a function of the credited dates, and of today."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.world.rules import NO_FREEZES, Rules, World
from services.world.streak import (
    Dates,
    ZoneChange,
    continued,
    is_zone,
    local_date,
    needs_history,
    recomputed,
    shown,
    skipped,
    with_earned,
    zone_allowed_from,
    zone_at,
)

NEW = World(user_id="player", id="world")
FIRST = date(2026, 3, 1)

day_numbers = st.integers(min_value=0, max_value=25)
# What becomes known of a calendar, in any order: (number of the day, earned or bridge).
news = st.lists(st.tuples(day_numbers, st.booleans()), max_size=30)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def days(*numbers: int) -> set[date]:
    return {day(number) for number in numbers}


def told(world: World, calendar: Dates, new: date, *, earned: bool) -> World:
    """The world after one more piece of news, as the service decides it."""
    if not earned:
        calendar.bridges.update({new} - calendar.earned)
        return recomputed(world, calendar, NO_FREEZES)
    calendar.earned.add(new)
    calendar.bridges.discard(new)
    if needs_history(world, new):
        return recomputed(world, calendar, NO_FREEZES)
    return continued(world, new, NO_FREEZES)


def by_definition(calendar: Dates) -> tuple[int, int]:
    """The streak and the longest one, counted backwards day by day."""
    lengths = [0]
    for end in sorted(calendar.earned):
        length, at = 0, end
        while at in calendar.earned | calendar.bridges:
            length += at in calendar.earned
            at -= timedelta(days=1)
        lengths.append(length)
    return lengths[-1], max(lengths)


def earned_in_order(*numbers: int) -> World:
    world = NEW
    for number in numbers:
        assert not needs_history(world, day(number))
        world = continued(world, day(number), NO_FREEZES)
    return world


def test_the_first_date_starts_a_streak() -> None:
    assert earned_in_order(0).day_streak == 1


def test_the_same_date_counts_once() -> None:
    assert earned_in_order(0, 0, 0) == earned_in_order(0)


def test_the_next_date_adds_one() -> None:
    assert earned_in_order(0, 1, 2).day_streak == 3


def test_a_missed_date_starts_again_and_the_longest_stays() -> None:
    world = earned_in_order(0, 1, 2, 4)

    assert (world.day_streak, world.longest_streak) == (1, 3)


def test_a_late_date_fills_the_gap() -> None:
    world = recomputed(NEW, Dates(earned=days(0, 1, 2, 3)), NO_FREEZES)

    assert needs_history(earned_in_order(0, 1, 3), day(2))
    assert (world.day_streak, world.longest_streak) == (4, 4)


def test_a_bridge_that_is_earned_late_is_a_bridge_no_more() -> None:
    calendar = with_earned(Dates(earned=days(0), bridges=days(1, 2)), days(1, 3))

    assert calendar == Dates(earned=days(0, 1, 3), bridges=days(2))


def test_a_bridge_neither_adds_nor_breaks() -> None:
    world = recomputed(NEW, Dates(earned=days(0, 2), bridges=days(1)), NO_FREEZES)

    assert (world.day_streak, world.longest_streak) == (2, 2)


def test_a_bridge_before_the_first_earned_date_adds_nothing() -> None:
    assert recomputed(NEW, Dates(earned=days(1), bridges=days(0)), NO_FREEZES).day_streak == 1


def test_bridges_alone_make_no_streak() -> None:
    world = recomputed(NEW, Dates(bridges=days(0, 1)), NO_FREEZES)

    assert (world.day_streak, world.last_session_date) == (0, None)


@pytest.mark.parametrize(("today", "expected"), [(1, 2), (2, 2), (3, 0), (300, 0)])
def test_a_streak_is_shown_until_a_whole_date_was_missed(today: int, expected: int) -> None:
    assert shown(earned_in_order(0, 1), today=day(today), freezes=NO_FREEZES) == expected


def test_a_streak_is_shown_over_a_bridge() -> None:
    world = recomputed(NEW, Dates(earned=days(0, 1), bridges=days(2, 3)), NO_FREEZES)

    assert shown(world, today=day(4), freezes=NO_FREEZES) == 2
    assert shown(world, today=day(5), freezes=NO_FREEZES) == 0


def test_a_streak_is_shown_when_the_date_repeats_after_a_flight_west() -> None:
    assert shown(earned_in_order(0, 1), today=day(0), freezes=NO_FREEZES) == 2


def test_a_new_world_shows_no_streak() -> None:
    assert shown(NEW, today=day(0), freezes=NO_FREEZES) == 0


@given(news)
def test_told_in_any_order_the_streak_is_that_of_the_set(pieces: list[tuple[int, bool]]) -> None:
    world, calendar = NEW, Dates()

    for number, earned in pieces:
        world = told(world, calendar, day(number), earned=earned)

        assert world == recomputed(NEW, calendar, NO_FREEZES)
        assert (world.day_streak, world.longest_streak) == by_definition(calendar)


@given(st.lists(day_numbers, min_size=1), st.randoms())
def test_shuffled_and_repeated_news_change_nothing(numbers: list[int], random: Random) -> None:
    shuffled = [*numbers, *numbers]
    random.shuffle(shuffled)

    assert all_earned(shuffled) == all_earned(sorted(numbers))


@given(news, st.tuples(day_numbers, st.booleans()))
def test_the_longest_streak_never_falls(
    pieces: list[tuple[int, bool]], last: tuple[int, bool]
) -> None:
    world, calendar = NEW, Dates()
    for number, earned in pieces:
        world = told(world, calendar, day(number), earned=earned)

    number, earned = last
    after = told(world, calendar, day(number), earned=earned)

    assert after.longest_streak >= world.longest_streak


def all_earned(numbers: Sequence[int]) -> World:
    world, calendar = NEW, Dates()
    for number in numbers:
        world = told(world, calendar, day(number), earned=True)
    return world


def test_a_flight_east_skips_the_dates_up_to_the_day_before_the_new_one() -> None:
    assert skipped(day(0), day(2)) == [day(0), day(1)]


def test_a_flight_within_one_date_or_west_skips_nothing() -> None:
    assert skipped(day(1), day(1)) == []
    assert skipped(day(1), day(0)) == []


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", date(2026, 3, 1)),
        ("Pacific/Kiritimati", date(2026, 3, 2)),
        ("Etc/GMT+12", date(2026, 2, 28)),
        ("America/New_York", date(2026, 3, 1)),
    ],
)
def test_a_date_is_that_of_the_zone(zone: str, expected: date) -> None:
    assert local_date(datetime(2026, 3, 1, 11, 30, tzinfo=UTC), zone) == expected


def test_dates_follow_the_change_to_summer_time() -> None:
    just_before_midnight = datetime(2026, 3, 29, 21, 59, tzinfo=UTC)

    assert local_date(just_before_midnight, "Europe/Berlin") == date(2026, 3, 29)
    assert local_date(just_before_midnight + timedelta(minutes=1), "Europe/Berlin") == date(
        2026, 3, 30
    )


def test_the_zone_in_force_is_that_of_the_last_change_before() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    changes = [
        ZoneChange("player", noon + timedelta(days=2), "Asia/Tokyo"),
        ZoneChange("player", noon, "Europe/Lisbon"),
    ]

    assert zone_at(noon - timedelta(microseconds=1), changes) == "UTC"
    assert zone_at(noon, changes) == "Europe/Lisbon"
    assert zone_at(noon + timedelta(days=9), changes) == "Asia/Tokyo"


def test_the_first_change_of_zone_is_free_the_next_waits_a_day() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    numbers = Rules(zone_change_hours=24, upgrades=())

    assert zone_allowed_from(NEW, numbers) is None
    assert zone_allowed_from(NEW._replace(zone_changed_at=noon), numbers) == noon + timedelta(
        days=1
    )


@pytest.mark.parametrize("name", ["Europe/Lisbon", "UTC", "Etc/GMT+12", "America/Indiana/Knox"])
def test_places_of_the_tz_database_are_zones(name: str) -> None:
    assert is_zone(name)


@pytest.mark.parametrize(
    "name",
    ["", "localtime", "posixrules", "Factory", "Mars/Base", "europe/lisbon", "../UTC", "UTC\0"],
)
def test_anything_else_is_no_zone(name: str) -> None:
    assert not is_zone(name)
