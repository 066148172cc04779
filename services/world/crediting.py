"""Counting successes: read what is known, decide with the rules, save.

Everything is decided for the whole batch at once, in six statements. The zones
of old and the calendar are read only for a session that comes late: one that
ended before the last change of zone, or on a date that is not ahead.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.kit.database import Connection
from services.world import rules, store, streak
from services.world.rules import Rules, World
from services.world.store import CreditRow, Key


@dataclass(frozen=True, slots=True)
class Credit:
    """A success to count: its key, and its planned end by the player's clock."""

    key: Key
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
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
    grown, rooms = _grown(worlds, fresh, numbers)
    store.add_credits(
        connection,
        [
            CreditRow(key.user_id, key.session_id, ends_at, days[key], now, ",".join(rooms[key]))
            for key, ends_at in fresh.items()
        ],
    )
    after = grown | _with_days(connection, grown, days)
    store.save_worlds(connection, after.values())
    return Outcome({**worlds, **after}, {**known, **rooms})


def _local_dates(
    connection: Connection, worlds: Mapping[str, World], fresh: Mapping[Key, datetime]
) -> dict[Key, date]:
    """The date of each session's end, in the zone that was in force then."""
    late = {
        key
        for key, ends_at in fresh.items()
        if (changed := worlds[key.user_id].zone_changed_at) is not None and ends_at < changed
    }
    players = sorted({key.user_id for key in late})
    changes = store.zone_changes(connection, players) if late else {}
    zones = {
        key: streak.zone_at(fresh[key], changes[key.user_id])
        if key in late
        else worlds[key.user_id].timezone
        for key in fresh
    }
    return {key: streak.local_date(fresh[key], zone) for key, zone in zones.items()}


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
    connection: Connection, worlds: Mapping[str, World], days: Mapping[Key, date]
) -> dict[str, World]:
    """The worlds whose streak the days touch, and the days recorded."""
    earned: dict[str, set[date]] = defaultdict(set)
    for key, day in days.items():
        # The last earned date is recorded already.
        if day != worlds[key.user_id].last_session_date:
            earned[key.user_id].add(day)
    if not earned:
        return {}
    store.earn(connection, earned)
    late = sorted(u for u, new in earned.items() if streak.needs_history(worlds[u], min(new)))
    calendars = store.dates(connection, late) if late else {}
    return {
        user: streak.recomputed(worlds[user], calendars[user])
        if user in calendars
        else _continued(worlds[user], new)
        for user, new in earned.items()
    }


def _continued(world: World, days: set[date]) -> World:
    for day in sorted(days):
        world = streak.continued(world, day)
    return world
