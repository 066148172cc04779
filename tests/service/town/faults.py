"""Faults to plant in a player who played, by SQL, and what must be found and become of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

Value = str | int | None


class Fate(Enum):
    """What becomes of a drift."""

    MENDED = "all is right once the sweeper has run"
    PUT_BACK = "the purchase is in the outbox again, where whoever delivers purchases finds it"
    LEFT = "a person must decide"


@dataclass(frozen=True)
class Fault:
    """Statements to plant it, by service, and the drifts that it must show.

    A drift is (invariant, thing, id, stored, recomputed). Names in braces, and parameters of the
    statements, are the player's own things: see `things_of` in test_town_faults.py.
    """

    name: str
    plant: Sequence[tuple[str, str]]
    found: Sequence[tuple[str, str, Value, Value, Value]]
    fate: Fate = Fate.MENDED


HERO: Final = "UPDATE hero SET {} WHERE user_id = %(player)s"
SESSION: Final = "UPDATE session SET {} WHERE user_id = %(player)s AND id = %(session)s"
WORLD: Final = "UPDATE world_state SET {} WHERE user_id = %(player)s"
WARDROBE: Final = "UPDATE wardrobe SET {} WHERE user_id = %(player)s"

FORGET_DROP: Final = (
    "DELETE FROM drop_grant WHERE user_id = %(player)s AND session_id = %(session)s"
)
LOSE_ITEM: Final = "DELETE FROM inventory WHERE user_id = %(player)s AND session_id = %(session)s"
DISGUISE_ITEM: Final = """
    UPDATE inventory SET source = 'grant', session_id = NULL
    WHERE user_id = %(player)s AND session_id = %(session)s
"""
ADD_ITEM: Final = """
    INSERT INTO inventory (user_id, item_id, id, obtained_at, source, session_id)
    VALUES (%(player)s, %(unowned)s, %(foreign)s, now(), 'drop', %(foreign)s)
"""
ADD_DROP: Final = """
    INSERT INTO drop_grant (user_id, session_id, item_id, obtained_at)
    VALUES (%(player)s, %(foreign)s, %(unowned)s, now())
"""
REMEMBER_WRONGLY: Final = (
    "dropped_item = jsonb_set(dropped_item, '{item,id}', to_jsonb(%(unowned)s::text))"
)
BUY: Final = """
    INSERT INTO purchase (user_id, id, item_id, price_gold, rotation_id, rules_version, bought_at,
                          refunded_at, settled_at, settle_after)
    VALUES (%(player)s, %(foreign)s, %(unowned)s, {price}, 'today', 'v', now(),
            {refunded_at}, {settled_at}, {settle_after})
"""
SETTLED: Final = BUY.format(price=0, refunded_at="NULL", settled_at="now()", settle_after="now()")
TOO_DEAR: Final = SETTLED.replace(" 0, 'today'", " 200, 'today'")
REFUNDED: Final = BUY.format(price=0, refunded_at="now()", settled_at="now()", settle_after="NULL")
DEAD: Final = BUY.format(price=0, refunded_at="NULL", settled_at="NULL", settle_after="NULL")
DELIVER: Final = """
    INSERT INTO inventory (user_id, item_id, id, obtained_at, source, purchase_id)
    VALUES (%(player)s, %(unowned)s, %(foreign)s, now(), 'shop', %(foreign)s)
"""
UNCOUNT: Final = """
    DELETE FROM credited_session WHERE user_id = %(player)s AND session_id = %(session)s
"""
COUNT_NOBODYS: Final = """
    INSERT INTO credited_session
    SELECT user_id, %(foreign)s, ends_at, local_date, '{}', credited_at
    FROM credited_session WHERE user_id = %(player)s AND session_id = %(session)s
"""
LOSE_DATE: Final = "DELETE FROM credited_date WHERE user_id = %(player)s AND local_date = %(today)s"
ADD_DATE: Final = "INSERT INTO credited_date VALUES (%(player)s, '2020-01-01', 'earned')"
RESTORE_DATE: Final = "INSERT INTO credited_date VALUES (%(player)s, '2020-01-01', 'restored')"

FAULTS: Final = (
    Fault(
        "I1: gold that nobody earned",
        [("session", HERO.format("gold = gold + 5"))],
        [("I1", "gold", None, 155, 150)],
    ),
    Fault(
        "I1: more spent than earned",
        [("session", TOO_DEAR), ("inventory", DELIVER)],
        [("I1", "gold", None, 150, -50)],
        Fate.LEFT,
    ),
    Fault(
        "I2: a level that fell",
        [("session", HERO.format("level = 2"))],
        [("I2", "level", None, 2, 3)],
    ),
    Fault(
        "I2: exp beyond the level",
        [("session", HERO.format("level = 2, exp = 200"))],
        [("I2", "level", None, 2, 3), ("I2", "exp", None, 200, 0)],
    ),
    Fault(
        "I3: a drop that inventory lost",
        [("inventory", FORGET_DROP), ("inventory", LOSE_ITEM)],
        [("I3", "drop of session", "{session}", "not granted, not owned", "dropped {item}")],
    ),
    Fault(
        "I3: a drop that was given without a record",
        [("inventory", FORGET_DROP)],
        [("I3", "drop of session", "{session}", "not granted, owned {item}", "dropped {item}")],
    ),
    Fault(
        "I3: a drop that is owned as if it were a gift",
        [("inventory", DISGUISE_ITEM)],
        [("I3", "drop of session", "{session}", "granted {item}, not owned", "dropped {item}")],
    ),
    Fault(
        "I3: a drop whose item session remembers wrongly",
        [("session", SESSION.format(REMEMBER_WRONGLY))],
        [
            (
                "I3",
                "drop of session",
                "{session}",
                "granted {item}, owned {item}",
                "dropped {unowned}",
            )
        ],
    ),
    Fault(
        "I3: a drop of no session",
        [("inventory", ADD_ITEM), ("inventory", ADD_DROP)],
        [("I3", "drop of session", "{foreign}", "granted {unowned}, owned {unowned}", "no drop")],
    ),
    Fault(
        "I3: a purchase that was never delivered",
        [("session", SETTLED)],
        [("I3", "purchase", "{foreign}", "not owned", "bought {unowned}")],
        Fate.PUT_BACK,
    ),
    Fault(
        "I3: an item of no purchase",
        [("inventory", DELIVER)],
        [("I3", "purchase", "{foreign}", "owned {unowned}", "not bought")],
    ),
    Fault(
        "I3: an item of a refunded purchase",
        [("session", REFUNDED), ("inventory", DELIVER)],
        [("I3", "purchase", "{foreign}", "owned {unowned}", "not bought")],
    ),
    Fault(
        # The only one of its day: with it goes the day, and both come back together.
        "I4: a success that does not count",
        [("world", UNCOUNT), ("world", WORLD.format("total_sessions_success = 5"))],
        [
            ("I4", "session", "{session}", "not counted", "counted"),
            ("I11", "date", "{today}", "earned", None),
            (
                "I11",
                "streak",
                None,
                "day_streak 6, longest_streak 6, last_session_date {today}, streak_through {today}",
                "day_streak 5, longest_streak 5, last_session_date {yesterday}, streak_through {yesterday}",
            ),
        ],
    ),
    Fault(
        "I4: a count without a success",
        [("world", COUNT_NOBODYS), ("world", WORLD.format("total_sessions_success = 7"))],
        [
            ("I4", "session", "{foreign}", "counted", "no success"),
            ("I4", "total_sessions_success", None, 7, 6),
        ],
    ),
    Fault(
        "I4: a total that is wrong",
        [("world", WORLD.format("total_sessions_success = 60"))],
        [("I4", "total_sessions_success", None, 60, 6)],
    ),
    Fault(
        "I4: a room that fell, and one that rose",
        [("world", WORLD.format("study_room_level = 1, plaza_level = 2"))],
        [("I4", "study_room_level", None, 1, 2), ("I4", "plaza_level", None, 2, 1)],
    ),
    Fault(
        "I5: a session whose delivery was given up",
        [("session", SESSION.format("settled_at = NULL, settle_after = NULL"))],
        [("I5", "delivery of session", "{session}", "dead", "settled")],
    ),
    Fault(
        # It is the sweeper's, not for repair to hurry; and the sweeper settles it.
        "I5: a session that nobody delivers",
        [("session", SESSION.format("settled_at = NULL, settle_after = now() - interval '31 s'"))],
        [("I5", "delivery of session", "{session}", "waiting", "settled")],
    ),
    Fault(
        "I5: a purchase whose delivery was given up",
        [("session", DEAD)],
        [("I5", "delivery of purchase", "{foreign}", "dead", "settled")],
        Fate.PUT_BACK,
    ),
    Fault(
        "I8: an item in a slot that is not its own",
        [("inventory", WARDROBE.format("equipped_hat_id = %(outfit)s"))],
        [("I8", "hat", "{outfit}", "worn", "not worn: its type is outfit")],
    ),
    Fault(
        "I1, I2: a session that paid more than its rules say",
        [
            ("session", SESSION.format("reward_exp = 51, reward_gold = 30")),
            ("session", HERO.format("exp = exp + 1, gold = gold + 5")),
        ],
        [
            ("I1", "gold of session", "{session}", 30, 25),
            ("I2", "exp of session", "{session}", 51, 50),
        ],
        Fate.LEFT,
    ),
    Fault(
        "I1, I2, I3: a session of the season that was paid and rolled without it",
        [("session", SESSION.format("started_at = %(season)s"))],
        [
            ("I1", "gold of session", "{session}", 25, 62),
            ("I2", "exp of session", "{session}", 50, 75),
            ("I3", "drop chance of session", "{session}", 10_000, 7_000),
        ],
        Fate.LEFT,
    ),
    Fault(
        "I9: a success that came too early",
        [("session", SESSION.format("ended_at = ends_at - interval '3 s'"))],
        [("I9", "completion of session", "{session}", "{three_early}", "{window}")],
        Fate.LEFT,
    ),
    Fault(
        "I10: two successes at once",
        [
            ("session", HERO.format("clock_revision = 1")),
            ("session", SESSION.format("started_at = %(overlap)s")),
        ],
        [("I10", "start of session", "{session}", "{overlap}", "from {before_ended}")],
        Fate.LEFT,
    ),
    Fault(
        "I11: a streak that broke",
        [("world", WORLD.format("day_streak = 1, longest_streak = 7"))],
        [
            (
                "I11",
                "streak",
                None,
                "day_streak 1, longest_streak 7",
                "day_streak 6, longest_streak 6",
            )
        ],
    ),
    Fault(
        "I11: a streak that broke beside a restored date, which is right",
        [("world", RESTORE_DATE), ("world", WORLD.format("day_streak = 1"))],
        [("I11", "streak", None, "day_streak 1", "day_streak 6")],
    ),
    Fault(
        "I11: a streak without its last day",
        [("world", WORLD.format("last_session_date = NULL, bridged_through = '2020-01-01'"))],
        [
            (
                "I11",
                "streak",
                None,
                "last_session_date None, bridged_through 2020-01-01",
                "last_session_date {today}, bridged_through None",
            )
        ],
    ),
    Fault(
        "I11: an earned date that was lost",
        [("world", LOSE_DATE)],
        [("I11", "date", "{today}", None, "earned")],
    ),
    Fault(
        "I11: a date that nothing earned",
        [("world", ADD_DATE)],
        [("I11", "date", "2020-01-01", "earned", None)],
    ),
)
