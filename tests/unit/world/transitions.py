"""The tz database, asked twice: by Python's zoneinfo, and by the C library as an oracle."""

import os
import time
import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

from services.world.streak import is_zone

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
LAST = int(datetime(2036, 1, 1, tzinfo=UTC).timestamp())
DAY_S, HOUR_S = 86_400, 3_600


def zones() -> list[str]:
    """Every zone that a player may live in."""
    return sorted(filter(is_zone, zoneinfo.available_timezones()))


def at(second: int) -> datetime:
    """The instant so many seconds after 1970."""
    return EPOCH + timedelta(seconds=second)


def transitions(zone: str) -> tuple[int, ...]:
    """From 2020 to 2035, each first second, since 1970, with another offset from UTC than before."""
    return _transitions(_file_of(zone).read_bytes(), zone)


@contextmanager
def by_the_c_library(zone: str) -> Iterator[Callable[[int], date]]:
    """Tells local dates in a zone, by an implementation that shares nothing with zoneinfo."""
    before = os.environ.get("TZ")
    _set_tz(f":{_file_of(zone)}")
    try:
        yield lambda second: date(*time.localtime(second)[:3])
    finally:
        _set_tz(before)


def _set_tz(value: str | None) -> None:
    os.environ.pop("TZ", None)
    if value is not None:
        os.environ["TZ"] = value
    time.tzset()


def _file_of(zone: str) -> Path:
    """The file that zoneinfo reads: the system's, else that of the package."""
    places = [Path(root, zone) for root in zoneinfo.TZPATH]
    package = Path(str(resources.files("tzdata"))) / "zoneinfo" / zone
    return next(place for place in (*places, package) if place.is_file())


# Many zones are the same under other names.
_KNOWN: dict[bytes, tuple[int, ...]] = {}


def _transitions(rules: bytes, zone: str) -> tuple[int, ...]:
    if rules not in _KNOWN:
        _KNOWN[rules] = tuple(_found(ZoneInfo(zone)))
    return _KNOWN[rules]


def _found(zone: ZoneInfo) -> Iterator[int]:
    """No zone changes twice within a day."""
    before = _offset(zone, FIRST)
    for second in range(FIRST + DAY_S, LAST + 1, DAY_S):
        after = _offset(zone, second)
        if after != before:
            yield _bisected(zone, second - DAY_S, second)
        before = after


def _bisected(zone: ZoneInfo, low: int, high: int) -> int:
    before = _offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(zone: ZoneInfo, second: int) -> timedelta | None:
    return datetime.fromtimestamp(second, zone).utcoffset()


@cache
def around() -> tuple[int, ...]:
    """Seconds before and after a transition: every hour of the days around, and closer nearby."""
    days, hours = range(-25 * HOUR_S, 25 * HOUR_S + 1, HOUR_S), range(-10_800, 10_801, 1_800)
    return tuple(sorted({*days, *hours, -60, -1, 1, 60}))
