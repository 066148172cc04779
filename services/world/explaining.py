"""Why a streak is what it is, date by date, in words that a player can be told.

Pure: what the calendar holds goes in, one `Told` per date comes out. Everything is
recomputed from the credited dates, by the rules of streak.py, so that it also shows
when something else is stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from services.world.rules import UTC, Freezes
from services.world.streak import (
    Dates,
    Run,
    ZoneChange,
    local_date,
    missed,
    with_bridge,
    with_counted,
    zone_at,
)

# Dates of one answer at most, and when nobody says which.
LONGEST = 400
USUAL = 30
COUNTING = ("earned", "restored")
_DAY = timedelta(days=1)


class DateSessions(NamedTuple):
    """The sessions of a date that count: how many, and the one that ended first.

    `credited_at` is when the first of them counted, in real time.
    """

    local_date: date
    session_id: str
    ends_at: datetime
    credited_at: datetime
    sessions: int


@dataclass(frozen=True, slots=True)
class Told:
    """One date: of which kind it is, in which zone it was lived, what the streak was on it.

    The kinds: earned, restored, bridge, frozen, missed; open, where it is not over yet.
    """

    day: date
    kind: str
    zone: str
    day_streak: int
    sessions: DateSessions | None
    why: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """What the explanation of one player's streak is made of, at `now` by the player's clock."""

    dates: Dates
    changes: Sequence[ZoneChange]
    now: datetime
    zone: str
    freezes: Freezes

    @property
    def today(self) -> date:
        """The player's date."""
        return local_date(self.now, self.zone)

    @property
    def first(self) -> date | None:
        """The first date that counts."""
        return min(self.dates.counting, default=None)

    @property
    def last(self) -> date:
        """The last date that there is something to tell of."""
        return max({self.today} | self.dates.counting | self.dates.bridges)


class Step(NamedTuple):
    """A date, its kind, and the run before and after it."""

    day: date
    kind: str
    before: Run
    after: Run


def bounds(calendar: Calendar, first: date | None, last: date | None) -> tuple[date, date]:
    """Which dates to tell of, both included, when these were asked for: at most LONGEST."""
    if first is not None:
        furthest = first + min(LONGEST - 1, (date.max - first).days) * _DAY
        return first, min(last or calendar.last, calendar.last, furthest)
    end = min(last or calendar.last, calendar.last)
    return end - min(USUAL - 1, (end - date.min).days) * _DAY, end


def steps(calendar: Calendar, last: date) -> Iterator[Step]:
    """Every date from the first one that counts, oldest first."""
    run, day = Run(), calendar.first
    while day is not None and day <= last:
        kind = _kind(calendar, run, day)
        after = run
        if kind in COUNTING:
            after = with_counted(run, day, calendar.freezes)
        elif kind == "bridge":
            after = with_bridge(run, day, calendar.freezes)
        yield Step(day, kind, run, after)
        run, day = after, day + _DAY if day < date.max else None


def told(
    calendar: Calendar, sessions: Mapping[date, DateSessions], first: date, last: date
) -> list[Told]:
    """The dates of a range from the first one that counts on, oldest first."""
    return [
        _told(calendar, step, sessions.get(step.day))
        for step in steps(calendar, last)
        if step.day >= first
    ]


def summary(calendar: Calendar) -> str:
    """Why the streak is what it is today."""
    run, began = Run(), date.min
    for step in steps(calendar, calendar.last):
        if step.kind in COUNTING and step.after.day_streak == 1:
            began = step.day
        run = step.after
    if run.streak_through is None or run.last_session_date is None:
        return "There is no streak: no date counts yet."
    held = calendar.freezes.held(run.freeze_days)
    until = run.streak_through + (1 + held) * _DAY
    if calendar.today > until:
        return (
            f"The streak is 0: {until} passed without a session, and {_of(run.day_streak)} ended."
            f" The longest was {run.longest_streak}."
        )
    return (
        f"The streak is {run.day_streak}: it began on {began}, and the last date that counts is"
        f" {run.last_session_date}. A session that ends by {until} in {calendar.zone} keeps it."
    )


def _kind(calendar: Calendar, run: Run, day: date) -> str:
    dates = calendar.dates
    if day in dates.earned:
        return "earned"
    if day in dates.restored:
        return "restored"
    if day in dates.bridges:
        return "bridge"
    if day >= calendar.today:
        return "open"
    return "frozen" if _is_kept(calendar, run, day) else "missed"


def _is_kept(calendar: Calendar, run: Run, day: date) -> bool:
    """Whether the run still stands at the end of a date on which nothing counts."""
    through = run.streak_through
    held = calendar.freezes.held(run.freeze_days)
    return through is not None and missed(through, day + _DAY) <= held


def _told(calendar: Calendar, step: Step, found: DateSessions | None) -> Told:
    counts = step.kind in (*COUNTING, "bridge")
    through = step.after.streak_through
    stands = through == step.day if counts else _stands(calendar, step)
    zone = (
        zone_at(found.ends_at, calendar.changes) if found else lived_in(step.day, calendar.changes)
    )
    return Told(
        day=step.day,
        kind=step.kind,
        zone=zone,
        day_streak=step.after.day_streak if stands else 0,
        sessions=found,
        why=" ".join([*_moves(step.day, calendar.changes), *_why(calendar, step, found, zone)]),
    )


def _stands(calendar: Calendar, step: Step) -> bool:
    """Whether the run stands on a date that is open or was missed."""
    day = step.day - _DAY if step.kind == "open" else step.day
    return _is_kept(calendar, step.before, day)


def lived_in(day: date, changes: Sequence[ZoneChange]) -> str:
    """The zone in which a date was lived, at its end where it was lived in two."""
    reached = [c for c in changes if local_date(c.changed_at, c.timezone) <= day]
    return max(reached, key=lambda c: c.changed_at).timezone if reached else UTC


def _moves(day: date, changes: Sequence[ZoneChange]) -> Iterator[str]:
    """What changes of zone brought the player to this date."""
    zone = UTC
    for change in sorted(changes, key=lambda c: c.changed_at):
        left, reached = (local_date(change.changed_at, z) for z in (zone, change.timezone))
        if reached == day and change.timezone != zone:
            yield f"Moved from {zone} to {change.timezone}."
        if reached <= day <= left and reached < left:
            yield "This date began twice."
        zone = change.timezone


def _why(calendar: Calendar, step: Step, found: DateSessions | None, zone: str) -> Iterator[str]:
    if found:
        yield _ended(found)
        counted_on = local_date(found.credited_at, zone)
        if counted_on > step.day:
            yield f"It was counted on {counted_on} only, and belongs to the date on which it ended."
    if step.kind == "restored":
        yield "An operator restored this date: it counts as earned."
    elif step.kind == "earned" and not found:
        yield "It counts as earned, though no session says so: `nesra verify` tells more."
    if step.kind in COUNTING:
        yield _grown(step)
    else:
        yield _uncounted(calendar, step)


def _ended(found: DateSessions) -> str:
    if found.sessions == 1:
        return "A session ended on this date."
    return f"{found.sessions} sessions ended on this date, which counts once."


def _grown(step: Step) -> str:
    if step.after.day_streak == 1:
        return "A streak began."
    return f"The streak grew to {step.after.day_streak}."


def _uncounted(calendar: Calendar, step: Step) -> str:
    if step.kind == "bridge":
        return "A flight east skipped this date: it neither adds to the streak nor breaks it."
    if step.kind == "open":
        return "This date is not over yet: a session that ends on it counts."
    if step.kind == "frozen":
        return "No session ended on this date; a streak freeze covered it."
    if _is_kept(calendar, step.before, step.day - _DAY):
        return f"No session ended on this date, so {_of(step.before.day_streak)} ended."
    return "No session ended on this date."


def _of(streak: int) -> str:
    return f"the streak of {streak}"
