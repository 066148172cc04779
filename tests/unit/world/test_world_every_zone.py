"""Every zone of the tz database, every change of its offset from 2020 to 2035: no streak is hurt."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from services.world.rules import NO_FREEZES, World
from services.world.streak import Dates, continued, local_date, needs_history, recomputed, shown
from tests.unit.world.transitions import around, at, by_the_c_library, transitions, zones

# In one worker: finding the transitions takes a second or two.
pytestmark = pytest.mark.xdist_group("zones")
NEW = World(user_id="player", id="world")
DAY = timedelta(days=1)


def test_around_every_transition_of_every_zone_dates_are_right_and_a_streak_goes_on(
    record_property: Callable[[str, object], None],
) -> None:
    changing = found = 0
    every = zones()
    for zone in every:
        seconds = transitions(zone)
        changing, found = changing + bool(seconds), found + len(seconds)
        with by_the_c_library(zone) as expected:
            for second in seconds:
                _a_streak_goes_on(zone, second, expected)

    sessions = found * len(around())
    assert len(every) > 500, "these are not all zones"
    assert found > 5_000, "these are not all transitions"
    counted = f"{len(every)} zones, {changing} of them with {found:,} transitions, {sessions:,} sessions around them"
    record_property("counted", counted)


def test_in_zones_that_never_change_dates_are_right_too(
    record_property: Callable[[str, object], None],
) -> None:
    still = [zone for zone in zones() if not transitions(zone)]
    seconds = [int(datetime(2027, 6, 1, tzinfo=UTC).timestamp()) + n for n in around()]
    for zone in still:
        with by_the_c_library(zone) as expected:
            for second in seconds:
                assert local_date(at(second), zone) == expected(second), (zone, at(second))

    record_property("counted", f"{len(still)} zones without transitions from 2020 to 2035")


def _a_streak_goes_on(zone: str, transition: int, expected: Callable[[int], date]) -> None:
    """One who focuses every hour around it has a streak of as many days as there were dates."""
    seconds = [transition + n for n in around()]
    days = [local_date(at(second), zone) for second in seconds]
    told = zone, at(transition)

    assert days == [expected(second) for second in seconds], told
    distinct = sorted(set(days))
    assert distinct == [distinct[0] + n * DAY for n in range(len(distinct))], told
    world = NEW
    for day in days:
        assert shown(world, today=day, freezes=NO_FREEZES) == world.day_streak, told
        assert not needs_history(world, day), told
        world = continued(world, day, NO_FREEZES)
    assert world.day_streak == world.longest_streak == len(distinct), told
    assert recomputed(NEW, Dates(earned=set(days)), NO_FREEZES) == world, told


@pytest.mark.parametrize(
    ("zone", "night", "hours"),
    [
        # 02:00 does not come, and the next noon is 23 hours away.
        ("Europe/Berlin", datetime(2031, 3, 29, 11, tzinfo=UTC), 23),
        # 02:00 comes twice.
        ("Europe/Berlin", datetime(2031, 10, 25, 10, tzinfo=UTC), 25),
        # Half an hour, on Lord Howe Island alone.
        ("Australia/Lord_Howe", datetime(2031, 4, 5, 1, tzinfo=UTC), 24.5),
    ],
)
def test_from_noon_to_noon_over_a_night_of_the_clocks_is_one_day(
    zone: str, night: datetime, hours: float
) -> None:
    noons = night, night + timedelta(hours=hours)

    first, second = (local_date(noon, zone) for noon in noons)

    assert second - first == DAY
    assert continued(continued(NEW, first, NO_FREEZES), second, NO_FREEZES).day_streak == 2


def test_both_times_that_a_clock_shows_half_past_two_are_of_one_date() -> None:
    once = datetime(2031, 10, 26, 0, 30, tzinfo=UTC)

    assert local_date(once, "Europe/Berlin") == local_date(
        once + timedelta(hours=1), "Europe/Berlin"
    )


def test_a_midnight_that_does_not_come_ends_a_date_all_the_same() -> None:
    # In Cairo the clocks go from 00:00 to 01:00 on the last Friday of April.
    skipped = datetime(2031, 4, 24, 22, tzinfo=UTC)

    assert local_date(skipped - timedelta(seconds=1), "Africa/Cairo") == date(2031, 4, 24)
    assert local_date(skipped, "Africa/Cairo") == date(2031, 4, 25)


def test_a_whole_date_that_a_zone_skipped_is_a_gap_which_an_operator_can_restore() -> None:
    # Samoa went from 29 to 31 December 2011, over the date line. By date arithmetic alone,
    # 30 December was missed. No zone does so between 2020 and 2035: see the test above.
    evening = datetime(2011, 12, 30, 9, 59, tzinfo=UTC)
    days = [local_date(evening + n * timedelta(minutes=1), "Pacific/Apia") for n in range(2)]

    assert days == [date(2011, 12, 29), date(2011, 12, 31)]
    assert recomputed(NEW, Dates(earned=set(days)), NO_FREEZES).day_streak == 1
    restored = Dates(earned=set(days), restored={date(2011, 12, 30)})
    assert recomputed(NEW, restored, NO_FREEZES).day_streak == 3
