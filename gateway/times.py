"""Local dates as the instants at which they begin and end."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.errors import invalid

# No session lies outside; dates beyond it would overflow in some zones.
_FIRST = date(1970, 1, 1)
_LAST = date(9000, 1, 1)


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
    return day_begins(min(day, _LAST) + timedelta(days=1), zone)
