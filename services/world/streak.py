"""The rules of the streak: credited dates in a row, in the player's own zone.

Pure date arithmetic; now is an argument. A date is *earned* by a success, or is
a *bridge* that a flight east skipped: a bridge neither adds to a streak nor
breaks it. The streak is a function of the set of credited dates alone, never of
the order in which they became known.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from services.world.rules import UTC, Rules, World

_DAY = timedelta(days=1)
# Keys of the tz database that name no place: they mean "this machine" or nothing.
_NO_PLACES = frozenset({"localtime", "posixrules", "Factory"})


@dataclass(frozen=True, slots=True)
class Dates:
    """What one player's calendar holds; no date is in both sets."""

    earned: set[date] = field(default_factory=set)
    bridges: set[date] = field(default_factory=set)


class ZoneChange(NamedTuple):
    """From `changed_at` on, by the player's clock, this zone is in force."""

    user_id: str
    changed_at: datetime
    timezone: str


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_PLACES


# All of them stay loaded: ZoneInfo itself keeps only eight.
_zone = cache(ZoneInfo)


def is_zone(name: str) -> bool:
    """Whether `name` is a place of the tz database, in its exact spelling."""
    return name in _zones()


def local_date(instant: datetime, timezone: str) -> date:
    """The calendar date at an instant in a zone."""
    return instant.astimezone(_zone(timezone)).date()


def zone_at(instant: datetime, changes: Iterable[ZoneChange]) -> str:
    """The zone in force at an instant; UTC before the first change."""
    before = [change for change in changes if change.changed_at <= instant]
    return max(before, key=lambda change: change.changed_at).timezone if before else UTC


def zone_allowed_from(world: World, rules: Rules) -> datetime | None:
    """When the zone may change again, inclusive; None when the first is still free."""
    if world.zone_changed_at is None:
        return None
    return world.zone_changed_at + timedelta(hours=rules.zone_change_hours)


def skipped(old: date, new: date) -> list[date]:
    """The dates from the old local date up to the day before the new one."""
    return [old + n * _DAY for n in range((new - old).days)]


def shown(world: World, *, today: date) -> int:
    """The streak on a date: 0 when a date was missed since the last earned one."""
    through = world.streak_through
    return world.day_streak if through is not None and today - through <= _DAY else 0


def needs_history(world: World, day: date) -> bool:
    """Whether `day` can only be placed with all credited dates at hand.

    So it is when it comes before the last earned date, or not after every bridge.
    """
    if day == world.last_session_date:
        return False
    return any(
        known is not None and day <= known
        for known in (world.last_session_date, world.bridged_through)
    )


def continued(world: World, day: date) -> World:
    """The world with one more earned date, one that needs no history."""
    if day == world.last_session_date:
        return world
    through = world.streak_through
    follows = through is not None and day - through <= _DAY
    days = world.day_streak + 1 if follows else 1
    return world._replace(
        day_streak=days,
        longest_streak=max(world.longest_streak, days),
        last_session_date=day,
        streak_through=day,
    )


def with_earned(dates: Dates, days: set[date]) -> Dates:
    """The calendar with more earned dates; a bridge among them becomes earned."""
    return Dates(dates.earned | days, dates.bridges - days)


def recomputed(world: World, dates: Dates) -> World:
    """The world with the streaks that all its credited dates make."""
    runs = [run for run in _runs(dates.earned | dates.bridges) if dates.earned & run]
    lengths = [len(dates.earned & run) for run in runs]
    return world._replace(
        day_streak=lengths[-1] if runs else 0,
        longest_streak=max(lengths, default=0),
        last_session_date=max(dates.earned, default=None),
        streak_through=max(runs[-1]) if runs else None,
        bridged_through=max(dates.bridges, default=None),
    )


def _runs(days: set[date]) -> list[set[date]]:
    """The days in stretches without a gap, oldest first."""
    runs: list[set[date]] = []
    previous: date | None = None
    for day in sorted(days):
        if previous is None or day - previous > _DAY:
            runs.append(set())
        runs[-1].add(day)
        previous = day
    return runs
