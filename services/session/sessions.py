"""Sessions: lock, decide, save. Every method is one transaction, or one read.

Only a start belongs to its caller's transaction, which keeps its answer too (once.py).
No call to another service happens here; settle.py does that after the commit.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.errors import Failure, Unavailable
from services.kit.failpoints import reach
from services.kit.ids import uuid7
from services.session import completion_store, player_store, rules, store
from services.session.completion_store import outcome
from services.session.events import Event, running
from services.session.failures import (
    DurationRefused,
    SessionAlreadyCompleted,
    SessionCancelled,
    SessionTimedOut,
    SessionTooEarly,
    SessionUnknown,
    TaskUnknown,
)
from services.session.player_store import HeroRow, TaskRow
from services.session.rules import Growth, Luck, Rules, Verdict
from services.session.settle import FIRST_SWEEP
from services.session.store import Key, Page, SessionRow
from services.session.timeouts import timed_out


class Wish(NamedTuple):
    """A wish to start; without minutes it lasts as long as the task usually does."""

    user_id: str
    task_id: str
    minutes: int | None


class Opened(NamedTuple):
    """The pending session that a wish to start made, or found."""

    session: SessionRow
    now: datetime
    is_new: bool


class Closed(NamedTuple):
    """A paid session with its dice, the hero as it is now, and whether it had been paid before."""

    session: SessionRow
    hero: HeroRow
    luck: Luck
    now: datetime
    replayed: bool

    @property
    def key(self) -> Key:
        """Names the session."""
        return self.session.key


class Sessions:
    """Opens, completes, cancels and lists sessions under one set of rules."""

    def __init__(
        self, database: Database, numbers: Rules, rules_version: str, *, has_sandbox: bool
    ) -> None:
        self._database = database
        self._rules = numbers
        self._version = rules_version
        self._has_sandbox = has_sandbox

    def start(self, connection: Connection, wishes: Sequence[Wish]) -> list[Opened | Failure]:
        """Opens a session for each wish whose player has none pending.

        In the caller's transaction; each wish succeeds or fails alone with
        TaskUnknown, DurationRefused or Unavailable.
        """
        tasks = player_store.read_tasks(connection, [Key(w.user_id, w.task_id) for w in wishes])
        heroes = {hero.user_id: hero for _, hero in tasks.values()}
        pending, now = store.lock_pending(connection, sorted(heroes))
        nows = {user: self._player_now(hero, now) for user, hero in heroes.items()}
        overdue = [row for row in pending.values() if self._is_overdue(row, nows[row.user_id])]
        store.close_sessions(connection, [timed_out(row, self._rules) for row in overdue])
        for row in overdue:
            del pending[row.user_id]
        decided = [
            self._opening(wish, found[0], nows[wish.user_id])
            if (found := tasks.get(Key(wish.user_id, wish.task_id)))
            else TaskUnknown()
            for wish in wishes
        ]
        new = _first_of_each_player(decided, pending)
        opened = store.open_sessions(connection, list(new.values()))
        pending |= _found_or_opened(connection, new, opened)
        reach("session.start.before_commit")
        return [
            row if isinstance(row, Failure) else _opened(row, pending, nows[row.user_id])
            for row in decided
        ]

    def complete(self, keys: Sequence[Key]) -> list[Closed | Failure]:
        """Closes and pays each session once, in one transaction for all.

        Each fails alone with SessionUnknown, SessionTooEarly, SessionTimedOut
        or SessionCancelled. Raises Unavailable; then it may have paid, and
        asking again tells.
        """
        outcomes = self._database.transact(lambda connection: self._complete(connection, keys))
        reach("session.complete.after_commit")
        return outcomes

    def cancel(self, key: Key) -> tuple[SessionRow, datetime]:
        """Gives a pending session up, and the player's time. Safe to repeat.

        Raises SessionUnknown, SessionAlreadyCompleted, SessionTimedOut.
        """
        row, now = self._database.transact(lambda connection: self._cancel(connection, key))
        if row.status == "success":
            raise SessionAlreadyCompleted
        if row.status == "timeout":
            raise SessionTimedOut
        return row, now

    def active(self, user_id: str) -> tuple[SessionRow | None, datetime]:
        """The pending session, if any, and the player's time."""
        with self._database.read() as connection:
            now = self._now_of(connection, user_id)
            row = store.read_pending(connection, [user_id]).get(user_id)
        if row is not None and self._is_overdue(row, now):
            self._time_out(row)
            return None, now
        return row, now

    def history(self, page: Page) -> tuple[list[SessionRow], datetime]:
        """Finished sessions, newest first, and the player's time."""
        _, now = self.active(page.user_id)
        with self._database.read() as connection:
            return store.history(connection, page), now

    def drop_chance(self, user_id: str) -> int:
        """The chance of a session that the player starts now; without one, by real time."""
        if not self._rules.events:
            return self._rules.drop_chance
        with self._database.read() as connection:
            now = self._now_of(connection, user_id) if user_id else database_now(connection)
        return rules.drop_chance(self._rules, self._event(now))

    def _event(self, started_at: datetime) -> Event | None:
        """The event under which a session is that starts at an instant, whenever it ends."""
        return running(self._rules.events, started_at)

    def _now_of(self, connection: Connection, user_id: str) -> datetime:
        """The player's time: the database's, and in a sandbox the player's own lead."""
        heroes = player_store.read_heroes(connection, [user_id])
        return self._player_now(heroes.get(user_id), database_now(connection))

    def _time_out(self, row: SessionRow) -> None:
        """Times a pending session out that its player looked at too late."""
        closed = timed_out(row, self._rules)
        self._database.transact(lambda connection: store.close_sessions(connection, [closed]))

    def _player_now(self, hero: HeroRow | None, now: datetime) -> datetime:
        offset = hero.clock_offset_seconds if hero else 0
        return rules.players_now(now, offset, is_sandbox=self._has_sandbox)

    def _is_overdue(self, row: SessionRow, now: datetime) -> bool:
        return rules.verdict(row.ends_at, now=now, rules=self._rules) is Verdict.TOO_LATE

    def _opening(self, wish: Wish, task: TaskRow, now: datetime) -> SessionRow | Failure:
        """The session that a wish would open."""
        minutes = task.default_duration_minutes if wish.minutes is None else wish.minutes
        if not self._rules.minimum_minutes <= minutes <= self._rules.maximum_minutes:
            return DurationRefused()
        return SessionRow(
            user_id=wish.user_id,
            id=uuid7(at=now),
            task_template_id=task.id,
            task_name=task.name,
            category=task.category,
            room=task.room,
            duration_minutes=minutes,
            started_at=now,
            ends_at=now + timedelta(minutes=minutes),
            seed=secrets.token_bytes(32),
        )

    def _complete(self, connection: Connection, keys: Sequence[Key]) -> list[Closed | Failure]:
        locked, now = completion_store.lock(connection, keys)
        # The same session, or player, may occur twice: each decision sees the last.
        sessions = {row.key: row for row, _ in locked}
        grown = {hero.user_id: hero for _, hero in locked}
        ended: set[Key] = set()
        decided: list[_Completed | Failure] = []
        for key in keys:
            before = sessions.get(key)
            if before is None:
                decided.append(SessionUnknown())
                continue
            after = self._completed(before, grown[key.user_id], now)
            if after.session is not before:
                ended.add(key)
                sessions[key], grown[key.user_id] = after.session, after.hero
            decided.append(after.failure or after)
        completion_store.save(
            connection, [outcome(sessions[key], grown[key.user_id]) for key in ended]
        )
        reach("session.complete.before_commit")
        return [
            one if isinstance(one, Failure) else self._closed(one, grown, now) for one in decided
        ]

    def _completed(self, row: SessionRow, hero: HeroRow, now: datetime) -> "_Completed":
        """What a wish to complete makes of a session and its hero."""
        if row.status == "success":
            return _Completed(row, hero, replayed=True)
        if row.status != "pending":
            failure = SessionCancelled() if row.status == "cancel" else SessionTimedOut()
            return _Completed(row, hero, failure)
        player_now = self._player_now(hero, now)
        match rules.verdict(row.ends_at, now=player_now, rules=self._rules):
            case Verdict.TOO_EARLY:
                early = SessionTooEarly.until(row.ends_at, now=player_now)
                return _Completed(row, hero, early)
            case Verdict.TOO_LATE:
                late = timed_out(row, self._rules)
                return _Completed(late, hero, SessionTimedOut())
            case Verdict.IN_TIME:
                return self._paid(row, hero, ended_at=player_now, now=now)

    def _paid(
        self, row: SessionRow, hero: HeroRow, *, ended_at: datetime, now: datetime
    ) -> "_Completed":
        """A success: what it pays, and whether it drops, decided once and for all."""
        event = self._event(row.started_at)
        reward = rules.reward(row.duration_minutes, self._rules, event)
        chance = rules.drop_chance(self._rules, event)
        growth = rules.grown(Growth(hero.level, hero.exp), reward.exp, self._rules)
        luck = rules.luck(row.seed, row.id)
        paid = row._replace(
            status="success",
            ended_at=ended_at,
            reward_exp=reward.exp,
            reward_gold=reward.gold,
            levels_gained=growth.level - hero.level,
            drop_chance=chance,
            dropped=luck.roll < chance,
            rules_version=self._version,
            settle_after=now + FIRST_SWEEP,
        )
        richer = hero._replace(level=growth.level, exp=growth.exp, gold=hero.gold + reward.gold)
        return _Completed(paid, richer, luck=luck)

    def _closed(self, done: "_Completed", heroes: dict[str, HeroRow], now: datetime) -> Closed:
        row, hero = done.session, heroes[done.session.user_id]
        luck = done.luck or rules.luck(row.seed, row.id)
        return Closed(row, hero, luck, self._player_now(hero, now), done.replayed)

    def _cancel(self, connection: Connection, key: Key) -> tuple[SessionRow, datetime]:
        row = store.lock_sessions(connection, [key]).get(key)
        if row is None:
            raise SessionUnknown
        now = self._now_of(connection, key.user_id)
        if row.status != "pending":
            return row, now
        if self._is_overdue(row, now):
            row = timed_out(row, self._rules)
        else:
            row = row._replace(status="cancel", ended_at=now, reward_exp=0, reward_gold=0)
        store.close_sessions(connection, [row])
        return row, now


class _Completed(NamedTuple):
    """A session and its hero after a wish to complete, and why it failed, if it did.

    `luck` is that of a session that was paid now.
    """

    session: SessionRow
    hero: HeroRow
    failure: Failure | None = None
    luck: Luck | None = None
    replayed: bool = False


def _first_of_each_player(
    decided: Sequence[SessionRow | Failure], pending: dict[str, SessionRow]
) -> dict[str, SessionRow]:
    """At most one new session per player, and none beside a pending one."""
    first: dict[str, SessionRow] = {}
    for row in decided:
        if isinstance(row, SessionRow) and row.user_id not in pending:
            first.setdefault(row.user_id, row)
    return first


def _found_or_opened(
    connection: Connection, new: dict[str, SessionRow], opened: set[Key]
) -> dict[str, SessionRow]:
    """The pending session of each player in `new`: ours, or one opened meanwhile."""
    ours = {user: row for user, row in new.items() if Key(user, row.id) in opened}
    lost = [user for user in new if user not in ours]
    return ours | (store.read_pending(connection, lost) if lost else {})


def _opened(row: SessionRow, pending: dict[str, SessionRow], now: datetime) -> Opened | Failure:
    found = pending.get(row.user_id)
    if found is None:
        # Somebody else's session was in the way and ended in this very moment.
        return Unavailable()
    return Opened(session=found, now=now, is_new=found.id == row.id)
