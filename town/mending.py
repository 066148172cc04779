"""How each drift is mended: compensating, and by the town's own protocols wherever those can do it.

Pure: a drift and the facts that it was found in give the changes to make, each one statement in one database. What a
delivery lost goes back into the outbox, and the sweeper delivers it again; balances become what the rows that never
change make them; and what a player has too much, the player keeps, as a gift.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from services.world.rules import LEVELS
from town.facts import Facts
from town.invariants import Drift
from town.numbers import Numbers
from town.rebuilt import Drop, Value, drops_of, right_hero, right_world, sales_of, streak_of

SET_GOLD: Final = "UPDATE hero SET gold = %(gold)s WHERE hero.user_id = %(user_id)s"
SET_GROWTH: Final = (
    "UPDATE hero SET level = %(level)s, exp = %(exp)s WHERE hero.user_id = %(user_id)s"
)
SESSION_AGAIN: Final = """
    UPDATE session SET settled_at = NULL, dropped_item = NULL, settle_after = %(now)s,
                       settle_attempts = 0, settle_refusals = 0
    WHERE session.user_id = %(user_id)s AND session.id = %(id)s AND status = 'success'
"""
PURCHASE_AGAIN: Final = """
    UPDATE purchase SET settled_at = NULL, item = NULL, settle_after = %(now)s,
                        settle_attempts = 0, settle_refusals = 0
    WHERE purchase.user_id = %(user_id)s AND purchase.id = %(id)s AND refunded_at IS NULL
"""
KEEP_AS_GIFT: Final = """
    UPDATE inventory SET source = 'grant', session_id = NULL, purchase_id = NULL
    WHERE inventory.user_id = %(user_id)s AND inventory.item_id = %(item_id)s
"""
MARK_AS_DROP: Final = """
    UPDATE inventory SET source = 'drop', session_id = %(session_id)s
    WHERE inventory.user_id = %(user_id)s AND inventory.item_id = %(item_id)s AND source = 'grant'
"""
RECORD_DROP: Final = """
    INSERT INTO drop_grant (user_id, session_id, item_id, obtained_at)
    SELECT user_id, session_id, item_id, obtained_at FROM inventory
    WHERE inventory.user_id = %(user_id)s AND inventory.session_id = %(session_id)s
    ON CONFLICT (user_id, session_id) DO UPDATE SET item_id = EXCLUDED.item_id
"""
FORGET_DROP: Final = """
    DELETE FROM drop_grant
    WHERE drop_grant.user_id = %(user_id)s AND drop_grant.session_id = %(session_id)s
    RETURNING user_id, session_id, item_id, obtained_at
"""
TAKE_OFF: Final = {
    "hat": "UPDATE wardrobe SET equipped_hat_id = NULL WHERE wardrobe.user_id = %(user_id)s",
    "outfit": "UPDATE wardrobe SET equipped_outfit_id = NULL WHERE wardrobe.user_id = %(user_id)s",
    "accessory": "UPDATE wardrobe SET equipped_accessory_id = NULL WHERE wardrobe.user_id = %(user_id)s",
}
UNCOUNT: Final = """
    DELETE FROM credited_session
    WHERE credited_session.user_id = %(user_id)s AND credited_session.session_id = %(session_id)s
    RETURNING user_id, session_id, ends_at, local_date, rooms_upgraded, credited_at
"""
SET_TOWN: Final = """
    UPDATE world_state
    SET total_sessions_success = %(total_sessions_success)s,
        study_room_level = %(study_room_level)s, build_room_level = %(build_room_level)s,
        training_room_level = %(training_room_level)s, plaza_level = %(plaza_level)s
    WHERE world_state.user_id = %(user_id)s
"""
SET_STREAK: Final = """
    UPDATE world_state
    SET day_streak = %(day_streak)s, longest_streak = %(longest_streak)s,
        last_session_date = %(last_session_date)s, streak_through = %(streak_through)s,
        bridged_through = %(bridged_through)s, freeze_days = %(freeze_days)s
    WHERE world_state.user_id = %(user_id)s
"""
EARN: Final = """
    INSERT INTO credited_date (user_id, local_date, kind)
    VALUES (%(user_id)s, %(local_date)s, 'earned')
    ON CONFLICT (user_id, local_date) DO UPDATE SET kind = EXCLUDED.kind
"""
UNEARN: Final = """
    DELETE FROM credited_date
    WHERE credited_date.user_id = %(user_id)s AND credited_date.local_date = %(local_date)s
    RETURNING user_id, local_date, kind
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One statement in one service's database, and what it makes of the drift. Safe to repeat."""

    drift: Drift
    service: str
    statement: str
    result: str
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A drift that a person must decide about, or that passes by itself, and why."""

    drift: Drift
    why: str


Mend = Change | LeftAlone


def mends(drift: Drift, facts: Facts, numbers: Numbers) -> Iterator[Mend]:
    """Return what is to be done about a drift, in the order in which it is to be done."""
    mender = MENDERS.get((drift.invariant, drift.what)) or MENDERS[drift.invariant, ""]
    yield from mender(drift, facts, numbers)


def again(drift: Drift, kind: str, delivery_id: str) -> Change:
    """Return the change that puts a session or purchase back into the outbox, due at once."""
    statement = {"session": SESSION_AGAIN, "purchase": PURCHASE_AGAIN}[kind]
    return Change(drift, "session", statement, f"{kind} delivered again", {"id": delivery_id})


def _gold(drift: Drift, facts: Facts, numbers: Numbers) -> Iterator[Mend]:
    gold = right_hero(facts, numbers).gold
    if gold < 0:
        yield LeftAlone(drift, "more was spent than was earned")
    elif facts.session.hero is None:
        yield LeftAlone(drift, "the hero is made at the player's next visit: repair then")
    else:
        yield Change(drift, "session", SET_GOLD, f"gold {gold}", {"gold": gold})


def _growth(drift: Drift, facts: Facts, numbers: Numbers) -> Iterator[Mend]:
    right = right_hero(facts, numbers)
    if facts.session.hero is None:
        yield LeftAlone(drift, "the hero is made at the player's next visit: repair then")
        return
    values = {"level": right.level, "exp": right.exp}
    yield Change(drift, "session", SET_GROWTH, f"level {right.level}, exp {right.exp}", values)


def _drop(drift: Drift, facts: Facts, _numbers: Numbers) -> Iterator[Mend]:
    drop = drops_of(facts)[drift.id or ""]
    yield from _given_drop(drift, facts, drop) if drop.success else _surplus_drop(drift, drop)


def _surplus_drop(drift: Drift, drop: Drop) -> Iterator[Mend]:
    """A drop that no session explains: the item stays, the drop is forgotten."""
    if drop.owned:
        yield _kept(drift, drop.owned.item_id)
    if drop.grant:
        values = {"session_id": drop.session_id}
        yield Change(drift, "inventory", FORGET_DROP, "drop forgotten", values)


def _given_drop(drift: Drift, facts: Facts, drop: Drop) -> Iterator[Mend]:
    """A drop that inventory has lost, or remembers wrongly: what the player owns by it is what it gave.

    Session then hears of that when it is delivered again: inventory repeats what it remembers.
    """
    granted = drop.grant.item_id if drop.grant else None
    owned = drop.owned.item_id if drop.owned else None
    if owned and owned != granted:
        values: dict[str, Value] = {"session_id": drop.session_id}
        yield Change(drift, "inventory", RECORD_DROP, f"granted {owned}", values)
    elif granted and not owned:
        if not any(i.item_id == granted and i.source == "grant" for i in facts.inventory.owned):
            yield LeftAlone(drift, "the granted item is owned by another way")
            return
        values = {"session_id": drop.session_id, "item_id": granted}
        yield Change(drift, "inventory", MARK_AS_DROP, f"{granted} owned by this drop", values)
    success = drop.success
    is_lost = drop.grant is None and drop.owned is None
    if success and success.is_settled and (is_lost or success.item_id != (owned or granted)):
        yield again(drift, "session", drop.session_id)


def _sale(drift: Drift, facts: Facts, _numbers: Numbers) -> Iterator[Mend]:
    sale = sales_of(facts)[drift.id or ""]
    if sale.owned:
        yield _kept(drift, sale.owned.item_id)
    if sale.purchase:
        yield again(drift, "purchase", sale.purchase_id)


def _kept(drift: Drift, item_id: str) -> Change:
    return Change(
        drift, "inventory", KEEP_AS_GIFT, f"{item_id} kept as a gift", {"item_id": item_id}
    )


def _session_count(drift: Drift, facts: Facts, _numbers: Numbers) -> Iterator[Mend]:
    session_id = drift.id or ""
    if session_id in facts.successes():
        yield again(drift, "session", session_id)
    else:
        yield Change(drift, "world", UNCOUNT, "not counted", {"session_id": session_id})


def _town(drift: Drift, facts: Facts, numbers: Numbers) -> Iterator[Mend]:
    if facts.world.world is None:
        yield LeftAlone(drift, "the world is made at the player's next visit: repair then")
        return
    right = right_world(facts, numbers)
    values = {name: getattr(right, name) for name in ("total_sessions_success", *LEVELS.values())}
    yield Change(drift, "world", SET_TOWN, f"{drift.what} {drift.recomputed}", values)


def _delivery(drift: Drift, _facts: Facts, _numbers: Numbers) -> Iterator[Mend]:
    if drift.stored == "dead":
        yield again(drift, drift.what.removeprefix("delivery of "), drift.id or "")
    else:
        yield LeftAlone(drift, "the sweeper goes on trying; see `nesra deliveries`")


def _worn(drift: Drift, _facts: Facts, _numbers: Numbers) -> Iterator[Mend]:
    yield Change(drift, "inventory", TAKE_OFF[drift.what], "taken off")


def _date(drift: Drift, _facts: Facts, _numbers: Numbers) -> Iterator[Mend]:
    statement, result = (EARN, "earned") if drift.recomputed else (UNEARN, "not earned")
    yield Change(drift, "world", statement, result, {"local_date": drift.id})


def _streak(drift: Drift, facts: Facts, numbers: Numbers) -> Iterator[Mend]:
    values = streak_of(right_world(facts, numbers))
    yield Change(drift, "world", SET_STREAK, str(drift.recomputed), values)


def _for_a_person(drift: Drift, _facts: Facts, _numbers: Numbers) -> Iterator[Mend]:
    yield LeftAlone(drift, "what happened is history; a person must judge it")


MENDERS: Final[Mapping[tuple[str, str], Callable[[Drift, Facts, Numbers], Iterator[Mend]]]] = {
    ("I1", ""): _gold,
    ("I1", "gold of session"): _for_a_person,
    ("I2", ""): _growth,
    ("I2", "exp of session"): _for_a_person,
    ("I3", "drop chance of session"): _for_a_person,
    ("I3", "drop of session"): _drop,
    ("I3", "purchase"): _sale,
    ("I3", "copies of item"): _for_a_person,
    ("I4", "session"): _session_count,
    ("I4", ""): _town,
    ("I5", ""): _delivery,
    ("I8", ""): _worn,
    ("I9", ""): _for_a_person,
    ("I10", ""): _for_a_person,
    ("I11", "date"): _date,
    ("I11", "streak"): _streak,
}
