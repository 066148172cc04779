"""The world service's statements, in Python: see sql.py."""

from collections.abc import Mapping
from typing import Any

from services.world import calendar_store
from services.world import store as world_store
from services.world.explaining import DateSessions
from services.world.rules import World
from services.world.streak import ZoneChange
from services.world.tables import credited_date, credited_session
from tests.simulation.postgres import Statement, Transaction
from tests.simulation.sql import Parameters, given, timed, users_of

_CREDIT_KEY = (credited_session.c.user_id, credited_session.c.session_id)
_DAY = (credited_date.c.user_id, credited_date.c.local_date)


def read_worlds(transaction: Transaction, parameters: Parameters) -> Any:
    return timed(transaction, transaction.rows("world", users_of(parameters)))


def lock_worlds(transaction: Transaction, parameters: Parameters) -> Any:
    there = transaction.rows("world", users_of(parameters))
    return timed(transaction, [transaction.lock("world", (row.user_id,)) for row in there])


def make_worlds(transaction: Transaction, parameters: Parameters) -> Any:
    for columns in given(parameters, world_store._WORLD):
        transaction.insert("world", (columns["user_id"],), World(**columns))


def save_worlds(transaction: Transaction, parameters: Parameters) -> Any:
    for columns in given(parameters, world_store._WORLD):
        transaction.put("world", (columns["user_id"],), World(**columns))


def next_zone(transaction: Transaction, parameters: Parameters) -> Any:
    zones = {world.timezone for world in _with_a_streak(transaction)}
    return [world_store._Zone(zone) for zone in sorted(zones) if zone > parameters["after"]][:1]


def lapsed(transaction: Transaction, parameters: Parameters) -> Any:
    after = (parameters["after_day"], parameters["after_user"])
    found = sorted(
        (world.streak_through, world.user_id)
        for world in _with_a_streak(transaction)
        if world.timezone == parameters["zone"]
        and world.streak_through is not None
        and world.streak_through < parameters["before"]
        and (world.streak_through, world.user_id) > after
    )
    return [world_store.Lapsed(user, day) for day, user in found[: parameters["limit"]]]


def _with_a_streak(transaction: Transaction) -> list[World]:
    worlds = transaction.postgres.table("world").values()
    return [world for world in worlds if world.day_streak > 0]


def read_credited(transaction: Transaction, parameters: Parameters) -> Any:
    keys = [(row["user_id"], row["session_id"]) for row in given(parameters, _CREDIT_KEY)]
    found = [row for key in keys if (row := transaction.get("credit", key)) is not None]
    return [
        world_store._Credited(
            row.user_id, row.session_id, row.rooms.split(",") if row.rooms else []
        )
        for row in found
    ]


def credit_sessions(transaction: Transaction, parameters: Parameters) -> Any:
    for columns in given(parameters, world_store._CREDIT):
        row = world_store.CreditRow(**columns)
        transaction.postgres.weather.strike_poisoned("world", row.session_id)
        transaction.insert_only("credit", (row.user_id, row.session_id), row)
    grow_and_earn(transaction, parameters)


def grow_and_earn(transaction: Transaction, parameters: Parameters) -> None:
    """What a credit changes beside its own row."""
    for columns in given(parameters, world_store._CREDIT):
        row = world_store.CreditRow(**columns)
        if row.is_new_date:
            _put_day(transaction, (row.user_id, row.local_date), "earned")
    for columns in given(parameters, (*_CREDIT_KEY[:1], *world_store._GROWN)):
        transaction.update("world", (columns["user_id"],), **columns)


def bridge(transaction: Transaction, parameters: Parameters) -> Any:
    for columns in given(parameters, _DAY):
        key = (columns["user_id"], columns["local_date"])
        transaction.insert("day", key, calendar_store._DayOfKind(*key, "bridge"))


def restore(transaction: Transaction, parameters: Parameters) -> Any:
    for columns in given(parameters, _DAY):
        _put_day(transaction, (columns["user_id"], columns["local_date"]), "restored")


def _put_day(transaction: Transaction, key: tuple[str, Any], kind: str) -> None:
    """A date that is new, or was a bridge."""
    there = transaction.lock("day", key)
    if there is None or there.kind == "bridge":
        transaction.put("day", key, calendar_store._DayOfKind(*key, kind))


def read_sessions(transaction: Transaction, parameters: Parameters) -> Any:
    mine = [
        row
        for row in transaction.rows("credit", {parameters["user_id"]})
        if parameters["first"] <= row.local_date <= parameters["last"]
    ]
    by_date: dict[Any, list[Any]] = {}
    for row in sorted(mine, key=lambda row: (row.ends_at, row.session_id)):
        by_date.setdefault(row.local_date, []).append(row)
    return [
        # The simulation keeps no time of crediting: as if each was told when it ended.
        DateSessions(day, rows[0].session_id, rows[0].ends_at, rows[0].ends_at, len(rows))
        for day, rows in sorted(by_date.items())
    ]


def read_dates(transaction: Transaction, parameters: Parameters) -> Any:
    return transaction.rows("day", users_of(parameters))


def read_zone_changes(transaction: Transaction, parameters: Parameters) -> Any:
    return transaction.rows("zone", users_of(parameters))


def forget_later_zones(transaction: Transaction, parameters: Parameters) -> Any:
    for change in transaction.rows("zone", {parameters["user_id"]}):
        if change.changed_at >= parameters["changed_at"]:
            transaction.put("zone", (change.user_id, change.changed_at), None)


def add_zone(transaction: Transaction, parameters: Parameters) -> Any:
    for columns in given(parameters, world_store._CHANGE):
        change = ZoneChange(**columns)
        transaction.insert_only("zone", (change.user_id, change.changed_at), change)


MEANING: Mapping[str, Statement] = {
    world_store._READ_WORLDS.sql: read_worlds,
    world_store._LOCK_WORLDS.sql: lock_worlds,
    world_store._MAKE_WORLDS.sql: make_worlds,
    world_store._SAVE_WORLDS.sql: save_worlds,
    world_store._NEXT_ZONE.sql: next_zone,
    world_store._LAPSED.sql: lapsed,
    world_store._CREDITED.sql: read_credited,
    world_store._CREDIT_SESSIONS.sql: credit_sessions,
    calendar_store._BRIDGE.sql: bridge,
    calendar_store._DATES.sql: read_dates,
    calendar_store._RESTORE.sql: restore,
    calendar_store._SESSIONS.sql: read_sessions,
    world_store._ZONE_CHANGES.sql: read_zone_changes,
    world_store._FORGET_LATER_ZONES.sql: forget_later_zones,
    world_store._ADD_ZONE.sql: add_zone,
}
