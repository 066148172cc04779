"""Whole lives of players, by the service's own code: only the set of credited dates makes a streak.

Sessions, told in time or late, alone or many at once; flights at any instant, also while
clocks change; dates that an operator restores; with streak freezes and without.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.world.failures import DateOutOfReach, ZoneChangedRecently
from services.world.rules import NO_FREEZES, Freezes, Rules, World
from services.world.streak import Dates, continued, local_date, recomputed, shown
from tests.unit.world.in_memory import Life

# Within three weeks from here the clocks of New York, Berlin and Cairo change.
BEGIN = datetime(2031, 3, 9, tzinfo=UTC)
MINUTES = 23 * 24 * 60
# Instants at which clocks change, and at which a date begins somewhere.
CHANGES = [9 * 60 - 120, 21 * 1440 + 60, 21 * 1440 + 60 - 180]
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Pacific/Honolulu",
    "Etc/GMT+12",
)
MANY_FREEZES = Freezes(every_days=2, held_at_most=2, since=date(2031, 3, 12))
DAY = timedelta(days=1)

minutes = st.integers(0, MINUTES) | st.sampled_from(CHANGES).flatmap(
    lambda minute: st.integers(minute - 2, minute + 2)
)
delays = st.sampled_from([0, 1, 90, 1500, 9000])


@st.composite
def days_and_more(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Sessions on about half of the days, so that there are streaks to break, and some besides."""
    mask, late = draw(st.integers(0, 2**23 - 1)), draw(st.lists(delays, min_size=1, max_size=5))
    daily = [(n * 1440 + 720, late[n % len(late)]) for n in range(23) if mask >> n & 1]
    return daily + draw(st.lists(st.tuples(minutes, delays), max_size=8))


freezes = st.sampled_from([NO_FREEZES, MANY_FREEZES, Freezes(3, 1, date(2031, 1, 1))])


@dataclass(frozen=True)
class Plan:
    """What happens, each at its minute."""

    # (when it ended, how many minutes later it was told)
    sessions: Sequence[tuple[int, int]]
    moves: Sequence[tuple[int, str]]
    # (when, how many days back)
    restored: Sequence[tuple[int, int]]
    freezes: Freezes
    # When the nightly job looks, as often as it does or not.
    nights: Sequence[int]


plans = st.builds(
    Plan,
    sessions=days_and_more(),
    moves=st.lists(st.tuples(minutes, st.sampled_from(ZONES)), max_size=5),
    restored=st.lists(st.tuples(minutes, st.integers(0, 9)), max_size=3),
    freezes=freezes,
    nights=st.lists(minutes, max_size=4) | st.just(range(5, MINUTES, 360)),
)


def at(minute: int) -> datetime:
    return BEGIN + timedelta(minutes=minute)


def lived(plan: Plan, *, is_late: bool) -> Life:
    """The life of a plan; what is to be checked at every step is checked."""
    events: list[tuple[int, int, str, Any]] = [
        # At the same instant, a move comes first: it is in force from then on.
        *((minute, 0, "move", zone) for minute, zone in plan.moves),
        *((end + late * is_late, 1, "tell", end) for end, late in plan.sessions),
        *((minute, 2, "restore", back) for minute, back in plan.restored),
        *((minute, 3, "night", None) for minute in plan.nights),
    ]
    life = Life(Rules(zone_change_hours=24, upgrades=(), freezes=plan.freezes), BEGIN)
    for minute, _, what, value in sorted(events, key=lambda event: event[:2]):
        life.now = at(minute)
        before = life.dates()
        if what == "tell":
            life.tell(at(value))
        elif what == "night":
            _ends_what_is_over(life, plan.freezes)
        elif what == "move":
            _fly(life, value)
            assert life.dates().counting == before.counting
        else:
            today = local_date(life.now, life.look().world.timezone)
            life.restore({today - value * DAY})
        assert life.dates().counting >= before.counting
        _is_by_definition(life, plan.freezes)
    life.now = at(MINUTES + 12_000)
    _is_by_definition(life, plan.freezes)
    _ends_what_is_over(life, plan.freezes)
    return life


def _ends_what_is_over(life: Life, freezes: Freezes) -> None:
    """A night changes nothing but the streak that is stored, to what is shown, and not twice."""
    before, now = life.look()
    seen = shown(before, today=local_date(now, before.timezone), freezes=freezes)

    ended, again = life.night(), life.night()

    after = life.look().world
    assert (ended, again) == (int(before.day_streak > 0 and seen == 0), 0)
    assert after == before._replace(day_streak=after.day_streak, ended_on=after.ended_on)
    assert after.day_streak == seen


def _fly(life: Life, zone: str) -> None:
    with contextlib.suppress(ZoneChangedRecently):
        life.move(zone)


def _is_by_definition(life: Life, freezes: Freezes) -> None:
    world, now = life.look()
    today = local_date(now, world.timezone)
    seen = shown(world, today=today, freezes=freezes), world.longest_streak

    assert seen == by_the_day(life.dates(), today, freezes)
    explained = life.explain(date(2031, 1, 1))
    assert explained.why.startswith(
        f"The streak is {seen[0]}:" if world.longest_streak else "There"
    )
    told = {each.day: each for each in explained.dates}
    # Who flew west may have a later date already.
    if today == max(told, default=None):
        assert told[today].day_streak == seen[0]
    assert max((each.day_streak for each in explained.dates), default=0) == seen[1]


def by_the_day(dates: Dates, today: date, freezes: Freezes) -> tuple[int, int]:
    """The streak and the longest one, lived day by day: the rule as it is told to players."""
    days = dates.counting | dates.bridges
    if not dates.counting:
        return 0, 0
    streak = longest = charge = 0
    day = min(dates.counting)
    while day <= max(days | {today - DAY}):
        if day in dates.counting:
            streak += 1
            if freezes.every_days and freezes.since is not None and day >= freezes.since:
                charge = min(charge + 1, freezes.every_days * freezes.held_at_most)
        elif day in dates.bridges:
            pass
        elif freezes.every_days and charge >= freezes.every_days:
            charge -= freezes.every_days
        else:
            streak = charge = 0
        longest = max(longest, streak)
        day += DAY
    return streak, longest


@settings(max_examples=40)
@given(plans)
def test_told_late_or_in_time_a_life_comes_to_the_same(plan: Plan) -> None:
    late, in_time = lived(plan, is_late=True), lived(plan, is_late=False)

    assert late.dates().counting == in_time.dates().counting
    assert late.dates().bridges == in_time.dates().bridges
    ends = [life.look().world._replace(id="", ended_on=None) for life in (late, in_time)]
    assert ends[0] == ends[1]


@settings(max_examples=40)
@given(days_and_more(), st.randoms(), freezes)
def test_all_told_at_once_they_make_what_they_make_one_by_one(
    sessions: list[tuple[int, int]], random: Any, rule: Freezes
) -> None:
    ends = [end for end, _ in sessions]
    numbers = Rules(zone_change_hours=24, upgrades=(), freezes=rule)
    at_once, one_by_one = Life(numbers, at(MINUTES)), Life(numbers, at(MINUTES))

    at_once.tell(*map(at, ends))
    random.shuffle(ends)
    for end in ends:
        one_by_one.tell(at(end))

    assert at_once.dates() == one_by_one.dates()
    assert at_once.look().world._replace(id="") == one_by_one.look().world._replace(id="")


masks = st.integers(0, 2**40 - 1)


@settings(max_examples=200)
@given(masks, masks, masks, st.integers(0, 5), freezes)
def test_forty_days_mostly_earned_come_to_what_the_definition_says(
    some: int, more: int, sparse: int, today: int, rule: Freezes
) -> None:
    earned, bridges = some | more, sparse & some & ~more
    dates = Dates(_days(earned & ~bridges), _days(bridges))
    now = max(dates.counting | dates.bridges | {BEGIN.date()}) + today * DAY
    world = recomputed(World("player", "world"), dates, rule)

    assert (shown(world, today=now, freezes=rule), world.longest_streak) == by_the_day(
        dates, now, rule
    )
    step_by_step = World("player", "world")
    for day in sorted(dates.earned):
        step_by_step = continued(step_by_step, day, rule)
    assert step_by_step == recomputed(World("player", "world"), Dates(dates.earned), rule)


def _days(mask: int) -> set[date]:
    return {BEGIN.date() + n * DAY for n in range(40) if mask >> n & 1}


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30), max_size=4), st.integers(0, 30))
def test_one_date_more_never_makes_anything_shorter(
    earned: set[int], bridges: set[int], more: int
) -> None:
    rule = MANY_FREEZES
    days, skipped = ({BEGIN.date() + n * DAY for n in ns} for ns in (earned, bridges))
    new = BEGIN.date() + more * DAY
    before = by_the_day(Dates(days, skipped - days), new, rule)

    after = by_the_day(Dates(days | {new}, skipped - days - {new}), new, rule)

    assert after[0] >= before[0]
    assert after[1] >= before[1]


@pytest.mark.parametrize("away", [1, -401])
def test_a_date_ahead_or_long_ago_is_not_restored(away: int) -> None:
    life = Life(Rules(zone_change_hours=24, upgrades=()), BEGIN)

    with pytest.raises(DateOutOfReach):
        life.restore({BEGIN.date() + away * DAY})

    assert life.dates() == Dates()
