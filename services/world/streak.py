"""The rules of the streak: credited dates in a row, in the player's own zone.

Pure date arithmetic; now is an argument. A date is *earned* by a success, or
*restored* by an operator, which counts the same, or is a *bridge* that a flight
east skipped: a bridge neither adds to a streak nor breaks it. The streak is a
function of the set of credited dates alone, never of the order in which they
became known; so are the freezes that the rules may give.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from services.world.rules import UTC, Freezes, Rules, World

_DAY = timedelta(days=1)
# Keys of the tz database that name no place: they mean "this machine" or nothing.
_NO_PLACES = frozenset({"localtime", "posixrules", "Factory"})


@dataclass(frozen=True, slots=True)
class Dates:
    """What one player's calendar holds; no date is in two sets."""

    earned: set[date] = field(default_factory=set)
    bridges: set[date] = field(default_factory=set)
    restored: set[date] = field(default_factory=set)

    @property
    def counting(self) -> set[date]:
        """The dates that add to a streak."""
        return self.earned | self.restored

    def put(self, day: date, kind: str) -> None:
        """Adds a date, which is in no set yet, to those of a kind as it is stored."""
        self._kinds()[kind].add(day)

    def kind(self, day: date) -> str | None:
        """Of which kind a date is; None when it is not credited."""
        return next((kind for kind, days in self._kinds().items() if day in days), None)

    def _kinds(self) -> dict[str, set[date]]:
        return {"earned": self.earned, "bridge": self.bridges, "restored": self.restored}


class Run(NamedTuple):
    """The streak as of its last date, in the columns of a world."""

    day_streak: int = 0
    longest_streak: int = 0
    last_session_date: date | None = None
    streak_through: date | None = None
    freeze_days: int = 0


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


def shown(world: World, *, today: date, freezes: Freezes) -> int:
    """The streak on a date: 0 when a date was missed since the last one that counts."""
    through = world.streak_through
    if through is None:
        return 0
    return world.day_streak if missed(through, today) <= freezes.held(world.freeze_days) else 0


def ended(world: World, *, today: date, freezes: Freezes) -> World:
    """The world with its streak stored as over, if it is on that date; else the world as it is.

    Only `day_streak` becomes what is shown anyway. Whoever changes anything that a streak
    follows from takes it from the dates again: see `needs_history`.
    """
    is_over = world.day_streak > 0 and shown(world, today=today, freezes=freezes) == 0
    return world._replace(day_streak=0, ended_on=today) if is_over else world


def missed(through: date, day: date) -> int:
    """How many dates lie between the two."""
    return max((day - through).days - 1, 0)


def needs_history(world: World, day: date) -> bool:
    """Whether `day` can only be placed with all credited dates at hand.

    So it is when it comes before the last one that counts, or not after every bridge; and when
    the streak was stored as over, for the date may be one of those that were missed.
    """
    if day == world.last_session_date:
        return False
    if world.ended_on is not None:
        return True
    return any(
        known is not None and day <= known
        for known in (world.last_session_date, world.bridged_through)
    )


def continued(world: World, day: date, freezes: Freezes) -> World:
    """The world with one more earned date, one that needs no history."""
    if day == world.last_session_date:
        return world
    run = Run(*[getattr(world, name) for name in Run._fields])
    return world._replace(**with_counted(run, day, freezes)._asdict())


def with_earned(dates: Dates, days: set[date]) -> Dates:
    """The calendar with more earned dates; a bridge among them becomes earned."""
    return Dates(dates.earned | (days - dates.restored), dates.bridges - days, dates.restored)


def with_restored(dates: Dates, days: set[date]) -> Dates:
    """The calendar with dates that count by an operator's word; an earned one stays earned."""
    return Dates(dates.earned, dates.bridges - days, dates.restored | (days - dates.earned))


def recomputed(world: World, dates: Dates, freezes: Freezes) -> World:
    """The world with the streaks that all its credited dates make."""
    run, counting = Run(), dates.counting
    for day in sorted(counting | dates.bridges):
        run = (with_counted if day in counting else with_bridge)(run, day, freezes)
    bridged_through = max(dates.bridges, default=None)
    return world._replace(**run._asdict(), bridged_through=bridged_through, ended_on=None)


def with_counted(run: Run, day: date, freezes: Freezes) -> Run:
    """The run after a date that counts, later than all before it."""
    left = _left(run, day, freezes)
    days = 1 if left is None else run.day_streak + 1
    return Run(
        day_streak=days,
        longest_streak=max(run.longest_streak, days),
        last_session_date=day,
        streak_through=day,
        freeze_days=freezes.earned(left or 0, day),
    )


def with_bridge(run: Run, day: date, freezes: Freezes) -> Run:
    """The run after a bridge, later than all dates before it; one that it does not reach is nothing."""
    left = _left(run, day, freezes)
    return run if left is None else run._replace(streak_through=day, freeze_days=left)


def _left(run: Run, day: date, freezes: Freezes) -> int | None:
    """The freeze days that are left when the run reaches `day`; None when it does not."""
    if run.streak_through is None:
        return None
    return freezes.left(run.freeze_days, missed(run.streak_through, day))
