"""Local dates as stretches of time, over zones that change."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.times import InForce, Span, lived, stretches

ZONES = [
    "UTC",
    "Europe/Lisbon",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
]
# From here on no zone has gone back to a date that was over.
MODERN, LATEST = datetime(2012, 1, 1), datetime(2039, 1, 1)  # noqa: DTZ001  # Hypothesis adds the zone
INSTANTS = st.datetimes(MODERN, LATEST, timezones=st.just(UTC))
LIVED = st.lists(
    st.builds(InForce, INSTANTS, st.sampled_from(ZONES)), max_size=5, unique_by=lambda z: z.since
).map(sorted)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def date_of(at: datetime, zones: list[InForce]) -> date:
    """The plain way to tell: by the last zone that had come into force."""
    zone = "UTC"
    for each in zones:
        if each.since <= at:
            zone = each.zone
    return at.astimezone(ZoneInfo(zone)).date()


@given(LIVED, INSTANTS, st.integers(0, 3), st.integers(0, 3))
def test_an_instant_lies_in_a_stretch_of_its_date_and_in_no_other(
    zones: list[InForce], at: datetime, before: int, after: int
) -> None:
    day = date_of(at, zones)
    found = stretches(day - timedelta(before), day + timedelta(after), zones)

    assert [s.day for s in found if s.begins_at <= at < s.ends_at] == [day]
    assert not [
        s for s in stretches(day + timedelta(1), day + timedelta(9), zones) if _holds(s, at)
    ]


def _holds(stretch: tuple[date, datetime, datetime], at: datetime) -> bool:
    return stretch[1] <= at < stretch[2]


@given(LIVED, INSTANTS, st.integers(-3, 3), st.integers(0, 3))
def test_an_instant_lies_in_a_span_of_dates_when_its_date_is_one_of_them(
    zones: list[InForce], at: datetime, after: int, days: int
) -> None:
    day = date_of(at, zones)
    first = day + timedelta(after)
    last = first + timedelta(days)

    assert _is_in(at, lived(first, last, zones)) == (first <= day <= last)
    assert _is_in(at, lived(first, None, zones)) == (first <= day)
    assert _is_in(at, lived(None, last, zones)) == (day <= last)
    assert _is_in(at, lived(None, None, zones))


def _is_in(at: datetime, spans: list[Span]) -> bool:
    return any(span.begins_at <= at < span.ends_at for span in spans)


def test_where_no_time_was_there_is_one_span_that_is_empty() -> None:
    (span,) = lived(date(9990, 1, 1), date(9991, 1, 1), [])

    assert span.begins_at == span.ends_at


@given(LIVED, st.dates(), st.integers(0, 40))
@example([], date.min, 3)
@example([], date.max, 0)
@example([InForce(utc(2020, 1, 1), "Pacific/Kiritimati")], date(8999, 12, 30), 40)
@example([InForce(utc(2020, 1, 1), "Pacific/Pago_Pago")], date(1969, 12, 30), 40)
def test_stretches_are_in_order_and_none_reaches_into_the_next(
    zones: list[InForce], first: date, days: int
) -> None:
    last = date.fromordinal(min(first.toordinal() + days, date.max.toordinal()))
    found = stretches(first, last, zones)

    assert all(s.begins_at < s.ends_at and first <= s.day <= last for s in found)
    assert all(a.ends_at <= b.begins_at for a, b in pairwise(found))


def test_a_flight_east_leaves_a_part_of_the_day_out() -> None:
    flight = InForce(utc(2026, 3, 1, 12), "Pacific/Kiritimati")

    found = stretches(date(2026, 3, 1), date(2026, 3, 2), [flight])

    assert found == [
        (date(2026, 3, 1), utc(2026, 3, 1), utc(2026, 3, 1, 12)),
        (date(2026, 3, 2), utc(2026, 3, 1, 12), utc(2026, 3, 2, 10)),
    ]


def test_a_flight_west_repeats_the_date() -> None:
    flight = InForce(utc(2026, 3, 2, 3), "America/New_York")

    found = stretches(date(2026, 3, 1), date(2026, 3, 1), [flight])

    assert found == [
        (date(2026, 3, 1), utc(2026, 3, 1), utc(2026, 3, 2)),
        (date(2026, 3, 1), utc(2026, 3, 2, 3), utc(2026, 3, 2, 5)),
    ]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_on_which_clocks_change_is_as_long_as_it_is(day: date, hours: int) -> None:
    (found,) = stretches(day, day, [InForce(utc(2020, 1, 1), "Europe/Berlin")])

    assert found.ends_at - found.begins_at == timedelta(hours=hours)
