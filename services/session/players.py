"""What belongs to a player besides sessions: tasks, the hero, the sandbox's clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from services.kit.audit import Act, Warrant, differences
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.ids import uuid7
from services.session import player_store, rules
from services.session.failures import ClockTooFar, SandboxOff, TaskUnknown, TooManyTasks
from services.session.player_store import Grant, HeroRow, TaskRow
from services.session.rules import Growth, Rules
from services.session.store import Key
from services.session.tables import trail

# The sandbox's clock runs at most ten years ahead in all.
FURTHEST_CLOCK_S = int(timedelta(days=3653).total_seconds())


@dataclass(frozen=True, slots=True)
class Clock:
    """A player's time in the sandbox; `revision` grows with every change."""

    now: datetime
    offset_seconds: int
    revision: int


class Gift(NamedTuple):
    """EXP and gold to give a player, each from 0."""

    user_id: str
    exp: int
    gold: int


class Players:
    """Tasks and heroes. A player's first touch makes the hero and the starter tasks."""

    def __init__(self, database: Database, numbers: Rules, *, has_sandbox: bool) -> None:
        self._database = database
        self._rules = numbers
        self._has_sandbox = has_sandbox

    def tasks(self, users: Sequence[str]) -> dict[str, list[TaskRow]]:
        """Every player's tasks, oldest first."""
        with self._database.read() as connection:
            lists = player_store.list_tasks(connection, users)
        empty = [user for user, tasks in lists.items() if not tasks]
        if empty and self._welcome_new(empty):
            with self._database.read() as connection:
                lists |= player_store.list_tasks(connection, empty)
        return lists

    def heroes(self, users: Sequence[str]) -> dict[str, HeroRow]:
        """Every player's hero."""
        with self._database.read() as connection:
            heroes = player_store.read_heroes(connection, users)
        missing = [user for user in users if user not in heroes]
        if missing:
            self._welcome_new(missing)
            with self._database.read() as connection:
                heroes |= player_store.read_heroes(connection, missing)
        return heroes

    def create_task(self, connection: Connection, task: TaskRow) -> TaskRow:
        """Adds a task under a new id, in the caller's transaction. Raises TooManyTasks."""
        self._locked(connection, task.user_id)
        if player_store.count_tasks(connection, task.user_id) >= self._rules.maximum_active_tasks:
            raise TooManyTasks
        created = task._replace(id=uuid7(at=database_now(connection)))
        player_store.add_tasks(connection, [created])
        return created

    def change_task(self, key: Key, changes: dict[str, Any]) -> TaskRow:
        """The task with `changes`. Safe to repeat. Raises TaskUnknown."""
        with self._database.read() as connection:
            changed = player_store.change_task(connection, key, changes)
        if changed is None:
            raise TaskUnknown
        return changed

    def archive_task(self, key: Key) -> None:
        """Takes a task off the list. Safe to repeat. Raises TaskUnknown."""
        with self._database.read() as connection:
            if not player_store.archive_task(connection, key, now=database_now(connection)):
                raise TaskUnknown

    def grant(self, connection: Connection, gift: Gift, warrant: Warrant | None = None) -> HeroRow:
        """The hero, richer by a gift, in the caller's transaction.

        Without an operator's warrant it is the sandbox's: raises SandboxOff.
        """
        if warrant is None:
            self._require_sandbox()
        hero = self._locked(connection, gift.user_id)
        if not (gift.exp or gift.gold):
            return hero
        now = database_now(connection)
        growth = rules.grown(Growth(hero.level, hero.exp), gift.exp, self._rules)
        richer = hero._replace(level=growth.level, exp=growth.exp, gold=hero.gold + gift.gold)
        source = "operator" if warrant else "sandbox"
        player_store.save_heroes(connection, [richer])
        player_store.add_grant(
            connection, Grant(id=uuid7(at=now), granted_at=now, source=source, **gift._asdict())
        )
        if warrant:
            changes = differences(hero, richer, ("level", "exp", "gold"))
            act = Act("reward.grant", gift.user_id, gift.user_id, changes)
            trail.add(connection, warrant, act, now=now)
        return richer

    def clock(self, user_id: str) -> Clock:
        """The player's clock. Raises SandboxOff."""
        self._require_sandbox()
        hero = self.heroes([user_id])[user_id]
        with self._database.read() as connection:
            return _clock(hero, database_now(connection))

    def advance_clock(self, connection: Connection, user_id: str, seconds: int) -> Clock:
        """The player's clock, moved forward in the caller's transaction.

        Raises SandboxOff, ClockTooFar.
        """
        self._require_sandbox()
        return _moved(connection, self._locked(connection, user_id), by_seconds=seconds)

    def reset_clock(self, user_id: str) -> Clock:
        """The player's clock at real time. Safe to repeat. Raises SandboxOff."""
        self._require_sandbox()
        return self._database.transact(lambda connection: self._reset_clock(connection, user_id))

    def _welcome_new(self, users: Sequence[str]) -> set[str]:
        return self._database.transact(lambda connection: self._welcome(connection, users))

    def _welcome(self, connection: Connection, users: Sequence[str]) -> set[str]:
        """Makes heroes and starter tasks; the players who had none."""
        now = database_now(connection)
        new = player_store.welcome(
            connection, [Key(user, uuid7(at=now)) for user in sorted(set(users))]
        )
        player_store.add_tasks(connection, [t for user in new for t in self._starters(user, now)])
        return new

    def _starters(self, user_id: str, now: datetime) -> list[TaskRow]:
        return [
            TaskRow(
                user_id=user_id,
                # A millisecond apart, so that their order is that of the rules file.
                id=uuid7(at=now + timedelta(milliseconds=place)),
                name=starter.name,
                category=starter.category,
                default_duration_minutes=starter.default_duration_minutes,
                room=starter.room,
            )
            for place, starter in enumerate(self._rules.starters)
        ]

    def _reset_clock(self, connection: Connection, user_id: str) -> Clock:
        hero = self._locked(connection, user_id)
        return _moved(connection, hero, by_seconds=-hero.clock_offset_seconds)

    def _locked(self, connection: Connection, user_id: str) -> HeroRow:
        """The player's hero, locked: it stands for the player."""
        self._welcome(connection, [user_id])
        return player_store.lock_heroes(connection, [user_id])[user_id]

    def _require_sandbox(self) -> None:
        if not self._has_sandbox:
            raise SandboxOff


def _moved(connection: Connection, hero: HeroRow, *, by_seconds: int) -> Clock:
    offset = hero.clock_offset_seconds + by_seconds
    if offset > FURTHEST_CLOCK_S:
        raise ClockTooFar
    moved = hero._replace(clock_offset_seconds=offset, clock_revision=hero.clock_revision + 1)
    player_store.save_clock(connection, moved)
    return _clock(moved, database_now(connection))


def _clock(hero: HeroRow, now: datetime) -> Clock:
    return Clock(
        now=now + timedelta(seconds=hero.clock_offset_seconds),
        offset_seconds=hero.clock_offset_seconds,
        revision=hero.clock_revision,
    )
