"""What happens to worlds: each change is one transaction, lock → decide → save."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import NamedTuple, TypeVar

from services.kit.audit import Act, Warrant, differences
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.failpoints import reach
from services.kit.ids import uuid7
from services.kit.newcomers import under_lock
from services.world import calendar_store, explaining, store, streak
from services.world.crediting import Credit, credit
from services.world.explaining import Calendar, Told
from services.world.failures import DateOutOfReach, SandboxOff, ZoneChangedRecently, ZoneUnknown
from services.world.rules import Rules, World
from services.world.streak import ZoneChange
from services.world.tables import trail

Answer = TypeVar("Answer")

# What somebody can still tell of. Further back a restored date helps nobody.
RESTORABLE_DAYS = 400


class Seen(NamedTuple):
    """A world, and the instant at which it is looked at, by the player's clock."""

    world: World
    now: datetime


class Credited(NamedTuple):
    """A session that counts: the world of now, and the rooms that this session upgraded."""

    seen: Seen
    rooms: tuple[str, ...]


class Explained(NamedTuple):
    """A world as it is looked at, why its streak is what it is, and the dates that were asked for."""

    seen: Seen
    why: str
    dates: list[Told]


class Worlds:
    """The worlds of players. A player's first touch makes the world."""

    def __init__(self, database: Database, numbers: Rules, *, has_sandbox: bool) -> None:
        self._database = database
        self._rules = numbers
        self._has_sandbox = has_sandbox

    def read(self, users: Sequence[str]) -> dict[str, Seen]:
        """Every player's world as it is now."""
        worlds, now = self._read(users)
        missing = [user for user in users if user not in worlds]
        if missing:
            self._database.transact(lambda connection: _make(connection, missing))
            worlds, now = self._read(users)
        return {user: self._seen(world, now) for user, world in worlds.items()}

    def zones(self, user_id: str) -> tuple[Seen, list[ZoneChange]]:
        """The player's world, and every change of its zone, oldest first."""
        seen = self.read([user_id])[user_id]
        with self._database.read() as connection:
            changes = store.zone_changes(connection, [user_id])[user_id]
        return seen, sorted(changes, key=attrgetter("changed_at"))

    def credit(self, successes: Sequence[Credit]) -> list[Credited]:
        """Counts sessions, each once however often it is told.

        The answers are in the order of `successes`; telling a session again
        answers the same rooms, with the world of now.
        """

        def decide(
            connection: Connection, worlds: dict[str, World], now: datetime
        ) -> list[Credited]:
            outcome = credit(connection, worlds, successes, self._rules, now=now)
            reach("world.credit.before_commit")
            seen = {user: self._seen(world, now) for user, world in outcome.worlds.items()}
            return [Credited(seen[c.key.user_id], outcome.rooms[c.key]) for c in successes]

        credited = self._locked({c.key.user_id for c in successes}, decide)
        reach("world.credit.after_commit")
        return credited

    def set_timezone(self, user_id: str, timezone: str) -> Seen:
        """The world with that zone in force from now on.

        The zone that is in force already changes nothing, so it is safe to
        repeat. Raises ZoneUnknown, ZoneChangedRecently.
        """
        if not streak.is_zone(timezone):
            raise ZoneUnknown

        def decide(connection: Connection, worlds: dict[str, World], now: datetime) -> Seen:
            seen = self._seen(worlds[user_id], now)
            if seen.world.timezone == timezone:
                return seen
            return self._move(connection, seen, timezone)

        return self._locked([user_id], decide)

    def set_clock(self, user_id: str, *, offset_seconds: int, revision: int) -> None:
        """Sets how far the player's clock is ahead; an older revision changes nothing.

        Raises SandboxOff.
        """
        if not self._has_sandbox:
            raise SandboxOff

        def decide(connection: Connection, worlds: dict[str, World], now: datetime) -> None:
            world = worlds[user_id]
            if revision > world.clock_revision:
                set_ = world._replace(clock_offset_seconds=offset_seconds, clock_revision=revision)
                seen = self._seen(set_, now)
                store.save_worlds(connection, [_zone_kept(connection, seen)])

        self._locked([user_id], decide)

    def restore(self, user_id: str, days: set[date], warrant: Warrant) -> Seen:
        """The world in which those dates count as earned ones do, on an operator's word.

        A date that counts already stays as it is, so it is safe to repeat. Raises
        DateOutOfReach.
        """

        def decide(connection: Connection, worlds: dict[str, World], now: datetime) -> Seen:
            seen = self._seen(worlds[user_id], now)
            _require_within_reach(seen, days)
            before = calendar_store.dates(connection, [user_id])[user_id]
            new = days - before.counting
            if not new:
                return seen
            calendar_store.restore(connection, user_id, new)
            after = streak.with_restored(before, new)
            world = streak.recomputed(seen.world, after, self._rules.freezes)
            store.save_worlds(connection, [world])
            changes = differences(seen.world, world, ("day_streak", "longest_streak"))
            changes |= {str(day): [before.kind(day), "restored"] for day in sorted(new)}
            trail.add(
                connection, warrant, Act("streak.restore", user_id, user_id, changes), now=now
            )
            return Seen(world, seen.now)

        return self._locked([user_id], decide)

    def explain(self, user_id: str, first: date | None, last: date | None) -> Explained:
        """Why the streak is what it is, and the dates between; see explaining.py.

        The world is locked meanwhile, so that all its rows tell of one moment.
        """

        def decide(connection: Connection, worlds: dict[str, World], now: datetime) -> Explained:
            seen = self._seen(worlds[user_id], now)
            calendar = Calendar(
                dates=calendar_store.dates(connection, [user_id])[user_id],
                changes=store.zone_changes(connection, [user_id])[user_id],
                now=seen.now,
                zone=seen.world.timezone,
                freezes=self._rules.freezes,
            )
            within = explaining.bounds(calendar, first, last)
            sessions = calendar_store.sessions(connection, user_id, *within)
            return Explained(
                seen, explaining.summary(calendar), explaining.told(calendar, sessions, *within)
            )

        return self._locked([user_id], decide)

    def _read(self, users: Sequence[str]) -> tuple[dict[str, World], datetime]:
        with self._database.read() as connection:
            return store.read_worlds(connection, users)

    def _locked(
        self,
        users: Iterable[str],
        decide: Callable[[Connection, dict[str, World], datetime], Answer],
    ) -> Answer:
        """What `decide` makes of the locked worlds of `users` and the time since, committed."""
        return under_lock(self._database, users, decide, lock=store.lock_worlds, make=_make)

    def _move(self, connection: Connection, seen: Seen, timezone: str) -> Seen:
        """The world in another zone, saved."""
        world, now = seen
        allowed_from = streak.zone_allowed_from(world, self._rules)
        if allowed_from is not None and now < allowed_from:
            raise ZoneChangedRecently.until(allowed_from)
        store.set_zone(connection, ZoneChange(world.user_id, now, timezone))
        moved = world._replace(timezone=timezone, zone_changed_at=now)
        skipped = streak.skipped(
            streak.local_date(now, world.timezone), streak.local_date(now, timezone)
        )
        if skipped:
            calendar_store.bridge(connection, world.user_id, skipped)
        # Flown west, a player may be back on a date on which a streak that was over is not.
        if skipped or world.ended_on is not None:
            moved = streak.recomputed(
                moved,
                calendar_store.dates(connection, [world.user_id])[world.user_id],
                self._rules.freezes,
            )
        store.save_worlds(connection, [moved])
        return Seen(moved, now)

    def _seen(self, world: World, now: datetime) -> Seen:
        """The world by its player's clock, when the database's says `now`."""
        offset = world.clock_offset_seconds if self._has_sandbox else 0
        return Seen(world, now + timedelta(seconds=offset))


def _make(connection: Connection, users: Sequence[str]) -> None:
    """Makes a world for each of `users` who has none."""
    now = database_now(connection)
    store.make_worlds(connection, [World(user_id=user, id=uuid7(at=now)) for user in users])


def _zone_kept(connection: Connection, seen: Seen) -> World:
    """The world in its zone, also when its clock went back to before the zone was set."""
    world, now = seen
    if world.zone_changed_at is None or world.zone_changed_at <= now:
        return world
    store.set_zone(connection, ZoneChange(world.user_id, now, world.timezone))
    return world._replace(zone_changed_at=now)


def _require_within_reach(seen: Seen, days: set[date]) -> None:
    """Passes when every date is the player's today or one of those before. Raises DateOutOfReach."""
    today = streak.local_date(seen.now, seen.world.timezone)
    if any(not 0 <= (today - day).days <= RESTORABLE_DAYS for day in days):
        raise DateOutOfReach
