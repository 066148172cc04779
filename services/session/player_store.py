"""The statements about players: heroes, tasks, grants. See store.py for sessions.

Heroes are locked in user_id order, after the sessions of the same transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    and_,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from services.kit.database import Connection
from services.kit.statements import Command, Query, given, of_users
from services.session.store import Key, in_order, set_from
from services.session.tables import ID, INSTANT, hero, hero_grant, task_template


class HeroRow(NamedTuple):
    """A hero's growth, and the player's clock."""

    user_id: str
    id: str
    level: int
    exp: int
    gold: int
    clock_offset_seconds: int
    clock_revision: int


class TaskRow(NamedTuple):
    """A task template; `archived_at` is None while it is on the list."""

    user_id: str
    id: str
    name: str
    category: str
    default_duration_minutes: int
    room: str
    archived_at: datetime | None = None


class Grant(NamedTuple):
    """EXP and gold that came from no session."""

    user_id: str
    id: str
    exp: int
    gold: int
    granted_at: datetime
    source: str


_TASK = [task_template.c[name] for name in TaskRow._fields]
HERO = [hero.c[name] for name in HeroRow._fields]

_HEROES = select(*HERO).where(of_users(hero.c.user_id)).order_by(hero.c.user_id)
_READ_HEROES = Query(_HEROES, HeroRow)
_LOCK_HEROES = Query(_HEROES.with_for_update(of=hero), HeroRow)

_wanted = given(task_template.c.user_id, task_template.c.id)
_READ_TASKS = Query(
    select(*_TASK, *HERO)
    .join(
        _wanted,
        and_(task_template.c.user_id == _wanted.c.user_id, task_template.c.id == _wanted.c.id),
    )
    .join(hero, and_(hero.c.user_id == task_template.c.user_id, of_users(hero.c.user_id)))
    .where(of_users(task_template.c.user_id), task_template.c.archived_at.is_(None)),
    TaskRow,
    HeroRow,
)
_LIST_TASKS = Query(
    select(*_TASK)
    .where(of_users(task_template.c.user_id), task_template.c.archived_at.is_(None))
    .order_by(task_template.c.user_id, task_template.c.id),
    TaskRow,
)
_GROWN = [hero.c.user_id, hero.c.level, hero.c.exp, hero.c.gold]
_grown = given(*_GROWN)
_SAVE_HEROES = Command(
    update(hero)
    .values(set_from(_grown, _GROWN))
    .where(of_users(hero.c.user_id), hero.c.user_id == _grown.c.user_id)
)
_SAVE_CLOCK = Command(
    update(hero)
    .values(
        clock_offset_seconds=bindparam("offset", type_=BigInteger),
        clock_revision=bindparam("revision", type_=BigInteger),
    )
    .where(hero.c.user_id == bindparam("user_id", type_=ID))
)

_new_heroes = given(hero.c.user_id, hero.c.id)
_WELCOME = Query(
    upsert(hero)
    .from_select(
        ["user_id", "id", "level", "exp", "gold"],
        select(_new_heroes, literal_column("1"), literal_column("0"), literal_column("0")),
    )
    .on_conflict_do_nothing(index_elements=["user_id"])
    .returning(hero.c.user_id, hero.c.id),
    Key,
)
_TASK_NEW = [c for c in _TASK if c.name != "archived_at"]
_ADD_TASKS = Command(
    insert(task_template).from_select([c.name for c in _TASK_NEW], select(given(*_TASK_NEW)))
)


class _Count(NamedTuple):
    tasks: int


_COUNT_TASKS = Query(
    select(func.count().label("tasks"))
    .select_from(task_template)
    .where(of_users(task_template.c.user_id), task_template.c.archived_at.is_(None)),
    _Count,
)


def _unless_given(name: str) -> Any:
    current = task_template.c[name]
    return func.coalesce(cast(bindparam(f"new_{name}"), current.type), current)


_TASK_FIELDS = ("name", "category", "default_duration_minutes", "room")
_CHANGE_TASK = Query(
    update(task_template)
    .values({name: _unless_given(name) for name in _TASK_FIELDS})
    .where(
        task_template.c.user_id == bindparam("user_id", type_=ID),
        task_template.c.id == bindparam("task_id", type_=ID),
        task_template.c.archived_at.is_(None),
    )
    .returning(*_TASK),
    TaskRow,
)
_ARCHIVE_TASK = Command(
    update(task_template)
    .values(
        archived_at=func.coalesce(
            task_template.c.archived_at, bindparam("archived_at", type_=INSTANT)
        )
    )
    .where(
        task_template.c.user_id == bindparam("user_id", type_=ID),
        task_template.c.id == bindparam("task_id", type_=ID),
    )
)
_GRANT = [hero_grant.c[name] for name in Grant._fields]
_ADD_GRANT = Command(
    insert(hero_grant).from_select([c.name for c in _GRANT], select(given(*_GRANT)))
)


def read_heroes(connection: Connection, users: Sequence[str]) -> dict[str, HeroRow]:
    """The heroes that exist."""
    return {row.user_id: row for row in _READ_HEROES.all(connection, users=users)}


def lock_heroes(connection: Connection, users: Sequence[str]) -> dict[str, HeroRow]:
    """The heroes that exist, locked."""
    return {row.user_id: row for row in _LOCK_HEROES.all(connection, users=users)}


def read_tasks(connection: Connection, keys: Iterable[Key]) -> dict[Key, tuple[TaskRow, HeroRow]]:
    """The tasks that are on their players' lists among `keys`, each with its player's hero."""
    rows = _READ_TASKS.all(connection, rows=in_order(set(keys)))
    return {Key(task.user_id, task.id): (task, hero) for task, hero in rows}


def list_tasks(connection: Connection, users: Sequence[str]) -> dict[str, list[TaskRow]]:
    """Every player's tasks, oldest first."""
    lists: dict[str, list[TaskRow]] = {user: [] for user in users}
    for row in _LIST_TASKS.all(connection, users=users):
        lists[row.user_id].append(row)
    return lists


def save_heroes(connection: Connection, rows: Sequence[HeroRow]) -> None:
    """Stores level, exp and gold of locked heroes."""
    if rows:
        _SAVE_HEROES.run(connection, rows=rows)


def save_clock(connection: Connection, row: HeroRow) -> None:
    """Stores a locked player's clock."""
    _SAVE_CLOCK.run(
        connection,
        user_id=row.user_id,
        offset=row.clock_offset_seconds,
        revision=row.clock_revision,
    )


def welcome(connection: Connection, keys: Sequence[Key]) -> set[str]:
    """Makes heroes of level 1 (player, hero's id); the players who had none."""
    return {key.user_id for key in _WELCOME.all(connection, rows=in_order(keys))}


def add_tasks(connection: Connection, rows: Sequence[TaskRow]) -> None:
    """Adds tasks."""
    if rows:
        _ADD_TASKS.run(connection, rows=rows)


def count_tasks(connection: Connection, user_id: str) -> int:
    """How many tasks are on a player's list."""
    return _COUNT_TASKS.all(connection, users=[user_id])[0].tasks


def change_task(connection: Connection, key: Key, changes: dict[str, Any]) -> TaskRow | None:
    """The task with `changes`, or None when it is not on the player's list."""
    new = {f"new_{name}": changes.get(name) for name in _TASK_FIELDS}
    return _CHANGE_TASK.one(connection, user_id=key.user_id, task_id=key.id, **new)


def archive_task(connection: Connection, key: Key, *, now: datetime) -> bool:
    """Whether the player has, or had, that task; it is off the list now."""
    found = _ARCHIVE_TASK.run(connection, user_id=key.user_id, task_id=key.id, archived_at=now)
    return bool(found)


def add_grant(connection: Connection, grant: Grant) -> None:
    """Records exp and gold that came from no session."""
    _ADD_GRANT.run(connection, rows=[grant])
