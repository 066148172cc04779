"""Counting successes: read what is known, decide with the rules, save.

Everything is decided for the whole batch at once, and saved in one statement. The zones
of old and the calendar are read only for a session that comes late: one that
ended before the last change of zone, or on a date that is not ahead.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from services.kit.database import Connection
from services.world import calendar_store, rules, store, streak
from services.world.rules import Freezes, Rules, World
from services.world.store import CreditRow, Key


class Credit(NamedTuple):
    """A success to count: its key, and its planned end by the player's clock."""

    key: Key
    ends_at: datetime


class Outcome(NamedTuple):
    """Every world as it is now, and which rooms each session upgraded."""

    worlds: Mapping[str, World]
    rooms: Mapping[Key, tuple[str, ...]]


def credit(
    connection: Connection,
    worlds: Mapping[str, World],
    successes: Sequence[Credit],
    numbers: Rules,
    *,
    now: datetime,
) -> Outcome:
    """Counts the sessions that do not count yet; `worlds` are locked."""
    ends = {c.key: c.ends_at for c in successes}
    known = store.credited(connection, ends)
    fresh = {key: ends_at for key, ends_at in ends.items() if key not in known}
    if not fresh:
        return Outcome(worlds, known)
    days = _local_dates(connection, worlds, fresh)
    # The last earned date is recorded already.
    new = {key for key, day in days.items() if day != worlds[key.user_id].last_session_date}
    grown, rooms = _grown(worlds, fresh, numbers)
    after = grown | _with_days(connection, grown, {key: days[key] for key in new}, numbers.freezes)
    rows = [
        CreditRow(*key, ends_at, days[key], ",".join(rooms[key]), is_new_date=key in new)
        for key, ends_at in fresh.items()
    ]
    store.credit_sessions(connection, rows, after, credited_at=now)
    return Outcome({**worlds, **after}, {**known, **rooms})


def _local_dates(
    connection: Connection, worlds: Mapping[str, World], fresh: Mapping[Key, datetime]
) -> dict[Key, date]:
    """The date of each session's end, in the zone that was in force then."""
    late = {
        key.user_id
        for key, ends_at in fresh.items()
        if (changed := worlds[key.user_id].zone_changed_at) is not None and ends_at < changed
    }
    changes = store.zone_changes(connection, sorted(late)) if late else {}
    return {
        key: streak.local_date(
            ends_at,
            streak.zone_at(ends_at, changes[key.user_id])
            if key.user_id in late
            else worlds[key.user_id].timezone,
        )
        for key, ends_at in fresh.items()
    }


def _grown(
    worlds: Mapping[str, World], fresh: Mapping[Key, datetime], numbers: Rules
) -> tuple[dict[str, World], dict[Key, tuple[str, ...]]]:
    """The worlds whose sessions count, and the rooms that each session upgraded."""
    after = {key.user_id: worlds[key.user_id] for key in fresh}
    rooms = {}
    for key in fresh:
        before = after[key.user_id]
        after[key.user_id] = rules.counted(before, numbers)
        rooms[key] = rules.upgraded(before, after[key.user_id])
    return after, rooms


def _with_days(
    connection: Connection,
    worlds: Mapping[str, World],
    days: Mapping[Key, date],
    freezes: Freezes,
) -> dict[str, World]:
    """The worlds whose streak the new dates touch."""
    earned: dict[str, set[date]] = defaultdict(set)
    for key, day in days.items():
        earned[key.user_id].add(day)
    late = sorted(u for u, new in earned.items() if streak.needs_history(worlds[u], min(new)))
    calendars = calendar_store.dates(connection, late) if late else {}
    return {
        user: streak.recomputed(worlds[user], streak.with_earned(calendars[user], new), freezes)
        if user in calendars
        else _continued(worlds[user], new, freezes)
        for user, new in earned.items()
    }


def _continued(world: World, days: set[date], freezes: Freezes) -> World:
    for day in sorted(days):
        world = streak.continued(world, day, freezes)
    return world
