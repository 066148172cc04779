"""Local dates as the instants at which they begin and end."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.errors import invalid

# No session lies outside; dates beyond it would overflow in some zones.
_FIRST = date(1970, 1, 1)
_LAST = date(9000, 1, 1)
_DAY = timedelta(days=1)


class Stretch(NamedTuple):
    """A stretch of time that was on one local date, up to before `ends_at`."""

    day: date
    begins_at: datetime
    ends_at: datetime


class Span(NamedTuple):
    """A stretch of time, up to before `ends_at`."""

    begins_at: datetime
    ends_at: datetime


class InForce(NamedTuple):
    """From that instant on a player lives in that zone."""

    since: datetime
    zone: str


_EVER = InForce(datetime.combine(_FIRST, time(), UTC) - _DAY, "UTC")
_NEVER = InForce(datetime.combine(_LAST, time(), UTC) + 2 * _DAY, "UTC")
_NO_TIME = Span(_EVER.since, _EVER.since)


def require_in_order(first: date | None, last: date | None) -> None:
    """Passes unless the query's `to` lies before its `from`. Raises VALIDATION_FAILED."""
    if first and last and first > last:
        raise invalid((("to",), "range_reversed", "It lies before from."))


def day_begins(day: date, zone: str) -> datetime:
    """The first instant of a local date, in UTC.

    Where midnight is skipped by a clock change it is the instant of the change;
    where midnight occurs twice, the first. Dates before 1970 or after 9000 are
    taken as those.
    """
    midnight = datetime.combine(min(max(day, _FIRST), _LAST), time(), tzinfo=ZoneInfo(zone))
    return midnight.astimezone(UTC)


def day_ends(day: date, zone: str) -> datetime:
    """The first instant after a local date, in UTC."""
    return day_begins(min(day, _LAST) + _DAY, zone)


def stretches(first: date, last: date, zones: Iterable[InForce]) -> list[Stretch]:
    """When it was a date from `first` to `last`, both inclusive, in the zone in force then.

    In order, without an overlap. A date has none where a flight east or a zone left it
    out, and several where a flight west repeated it. `zones` are in order; before them UTC
    is in force.
    """
    return [
        each
        for now, then in pairwise((_EVER, *zones, _NEVER))
        for each in _in_zone(first, last, now, until=then.since)
    ]


def lived(first: date | None, last: date | None, zones: Iterable[InForce]) -> list[Span]:
    """When it was a date from `first` to `last`, each where given, in the zone in force then.

    One a zone, in order, without an overlap; an empty one where it never was.
    """
    found = [
        Span(
            max(day_begins(first, now.zone), now.since) if first else now.since,
            min(day_ends(last, now.zone), then.since) if last else then.since,
        )
        for now, then in pairwise((_EVER, *zones, _NEVER))
    ]
    return [span for span in found if span.begins_at < span.ends_at] or [_NO_TIME]


def _in_zone(first: date, last: date, now: InForce, *, until: datetime) -> Iterator[Stretch]:
    zone = ZoneInfo(now.zone)
    day = max(first, now.since.astimezone(zone).date())
    last = min(last, until.astimezone(zone).date())
    begins_at = day_begins(day, now.zone)
    while day <= last:
        ends_at = day_ends(day, now.zone)
        within = Stretch(day, max(begins_at, now.since), min(ends_at, until))
        if within.begins_at < within.ends_at:
            yield within
        # No date follows the last one of the calendar.
        if day == date.max:
            return
        day, begins_at = day + _DAY, ends_at
