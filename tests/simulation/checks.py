"""What must be true of a town: at every commit, and at rest.

Written anew and simply, from the rows alone: nothing here calls the code whose
result it judges.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.session.settle import REFUSALS
from tests.simulation.players import Seen
from tests.simulation.postgres import Change, Postgres
from tests.simulation.town import SESSION_RULES, WORLD_RULES, Town

_DAY = timedelta(days=1)
_EARLY = SESSION_RULES.early_grace
# What is decided once: columns of a session that never change after its end.
_DECIDED = ("status", "ended_at", "reward_exp", "reward_gold", "levels_gained", "dropped", "seed")


class Watch:
    """Looks at every commit: what was wrong for a moment was wrong."""

    def __init__(self) -> None:
        self.wrongs: list[str] = []

    def __call__(self, postgres: Postgres, changes: list[Change]) -> None:
        for change in changes:
            look = getattr(self, f"_{change.table}", None)
            if look is not None:
                self.wrongs += look(postgres, change)

    def _session(self, postgres: Postgres, change: Change) -> Iterator[str]:
        before, after = change.before, change.after
        if after is None:
            yield f"I9: {change.key} was deleted"
            return
        if before is not None and before.status != "pending":
            for column in _DECIDED:
                if getattr(before, column) != getattr(after, column):
                    yield f"I9: {column} of {after.id} changed after its end"
        elif (
            after.status == "success"
            and postgres.weather.calendar.latest("session") < after.ends_at - _EARLY
        ):
            yield f"I9: {after.id} succeeded before its time"
        if before is not None and before.settled_at is not None and _mark(before) != _mark(after):
            yield f"the first mark of {after.id} was overwritten"
        if before is not None and before.status == "success" and after.settle_after is not None:
            is_leased = before.settle_after != after.settle_after
            if after.settle_attempts - before.settle_attempts != int(is_leased):
                yield f"two sweepers held the lease of {after.id}"

    def _hero(self, _: Postgres, change: Change) -> Iterator[str]:
        before, after = change.before, change.after
        if before is not None and (after.gold < before.gold or after.level < before.level):
            yield f"I1: hero {after.user_id} became poorer"

    def _world(self, _: Postgres, change: Change) -> Iterator[str]:
        before, after = change.before, change.after
        if before is None:
            return
        for column in ("study_room_level", "build_room_level", "plaza_level"):
            if getattr(after, column) < getattr(before, column):
                yield f"I4: {column} of {after.user_id} fell"

    def _credit(self, postgres: Postgres, change: Change) -> Iterator[str]:
        credit = change.after
        zones = [z for z in postgres.table("zone").values() if z.user_id == credit.user_id]
        before = [z for z in zones if z.changed_at <= credit.ends_at]
        zone = max(before, key=lambda z: z.changed_at).timezone if before else "UTC"
        if credit.ends_at.astimezone(ZoneInfo(zone)).date() != credit.local_date:
            yield f"I11: {credit.session_id} ended on another date in {zone}"


def _mark(row: Any) -> tuple[Any, Any]:
    return row.settled_at, row.dropped_item


def wrongs(town: Town, seen: Seen) -> list[str]:
    """What is not true of a town at rest."""
    bugs = [] if town.weather.poisoned else town.network.broken
    return [*bugs, *_of_players(town), *_of_deliveries(town), *_of_answers(town, seen)]


def _of_players(town: Town) -> Iterator[str]:
    paid = _by_user(s for s in town.session.table("session").values() if s.status == "success")
    for hero in town.session.table("hero").values():
        yield from _hero(hero, paid[hero.user_id])
        yield from _world(town, hero.user_id, paid[hero.user_id])
        yield from _items(town, hero.user_id, paid[hero.user_id])


def _hero(hero: Any, paid: list[Any]) -> Iterator[str]:
    gold = sum(session.duration_minutes for session in paid)
    exp = 2 * gold
    if hero.gold != gold or any(s.reward_gold != s.duration_minutes for s in paid):
        yield f"I1: hero {hero.user_id} has {hero.gold} gold of {gold}"
    if 50 * hero.level * (hero.level - 1) + hero.exp != exp:
        yield f"I2: hero {hero.user_id} has level {hero.level}, {hero.exp} exp of {exp}"
    if not 0 <= hero.exp < 100 * hero.level:
        yield f"I2: hero {hero.user_id} has {hero.exp} exp in level {hero.level}"


def _world(town: Town, user: str, paid: list[Any]) -> Iterator[str]:
    database = town.databases["world"]
    world = database.table("world").get((user,))
    told = {s.id for s in paid if ("world", s.id) not in town.weather.poisoned}
    counted = {c.session_id for c in database.table("credit").values() if c.user_id == user}
    if told != counted:
        yield f"I4: of {user} the sessions {sorted(told ^ counted)} are paid or counted alone"
    if world is None:
        return
    if world.total_sessions_success != len(told):
        yield f"I4: {user} has {world.total_sessions_success} counted of {len(told)}"
    for upgrade in WORLD_RULES.upgrades:
        level = 2 if len(told) >= upgrade.sessions else 1
        if getattr(world, f"{upgrade.room}_room_level", world.plaza_level) != level:
            yield f"I4: {upgrade.room} of {user} is not at level {level}"
    yield from _streak(town, world)


def _streak(town: Town, world: Any) -> Iterator[str]:
    database = town.databases["world"]
    days = {
        d.local_date: d.kind for d in database.table("day").values() if d.user_id == world.user_id
    }
    credits_ = [c for c in database.table("credit").values() if c.user_id == world.user_id]
    if {c.local_date for c in credits_} != {day for day, kind in days.items() if kind == "earned"}:
        yield f"I11: the earned dates of {world.user_id} are not those of the sessions"
    runs = _runs(days)
    current, longest = (runs[-1] if runs else 0), max(runs, default=0)
    if (world.day_streak, world.longest_streak) != (current, longest):
        streaks = f"{world.day_streak}, {world.longest_streak}"
        yield f"I11: streaks of {world.user_id} are {streaks}, not {current}, {longest}"


def _runs(days: dict[date, str]) -> list[int]:
    """The earned days of each stretch that has any, oldest first."""
    runs: list[int] = []
    for day in sorted(days):
        if day - _DAY not in days:
            runs.append(0)
        runs[-1] += days[day] == "earned"
    return [run for run in runs if run]


def _items(town: Town, user: str, paid: list[Any]) -> Iterator[str]:
    database = town.databases["inventory"]
    grants = {
        g.session_id: g.item_id for g in database.table("grant").values() if g.user_id == user
    }
    owned = {o.session_id: o.item_id for o in database.table("owned").values() if o.user_id == user}
    dropping = {s.id for s in paid if s.dropped} - {
        session for service, session in town.weather.poisoned if service == "inventory"
    }
    if set(grants) != dropping:
        yield f"I3: of {user} the drops {sorted(set(grants) ^ dropping)} are decided or given alone"
    if {session: item for session, item in grants.items() if item} != owned:
        yield f"I3: {user} owns {owned}, but was given {grants}"
    for session in paid:
        kept = session.dropped_item["item"]["id"] if session.dropped_item else None
        if session.settled_at is not None and kept != grants.get(session.id):
            yield f"I3: {session.id} shows {kept}, and gave {grants.get(session.id)}"


def _of_deliveries(town: Town) -> Iterator[str]:
    poisoned = {session for _, session in town.weather.poisoned}
    for session in town.session.table("session").values():
        if session.settle_refusals and session.id not in poisoned:
            yield f"I5: {session.id} counts {session.settle_refusals} refusals, and nobody refused"
        if session.status != "success" or session.settled_at is not None:
            continue
        if session.id not in poisoned:
            yield f"I5: {session.id} is not settled"
        elif session.settle_after is not None or session.settle_refusals != REFUSALS:
            yield f"I5: poisoned {session.id} is no dead letter after {session.settle_refusals}"


def _of_answers(town: Town, seen: Seen) -> Iterator[str]:
    rows = {s.id: s for s in town.session.table("session").values()}
    gave = {g.session_id: g.item_id for g in town.databases["inventory"].table("grant").values()}
    for completion in seen.completions:
        row, told = rows.get(completion.session.session_id), completion.session
        if row is None or row.status != "success":
            yield f"I6: a 200 was seen of {told.session_id}, which is no success"
            continue
        told_reward = (told.reward_exp, told.reward_gold, completion.levels_gained)
        if told_reward != (row.reward_exp, row.reward_gold, row.levels_gained):
            yield f"I6: a 200 of {row.id} told {told_reward}"
        proof = completion.drop_proof
        if (proof.seed, proof.dropped) != (row.seed, row.dropped):
            yield f"I6: a 200 of {row.id} told another drop"
        item = told.dropped_item.item.id if told.HasField("dropped_item") else None
        given = gave.get(row.id)
        if item != given and (completion.settled or item is not None):
            yield f"I6: a 200 of {row.id} told of {item}, not {given}"
    for session_id, reason in seen.refusals:
        expected = {"SESSION_CANCELLED": "cancel", "SESSION_TIMED_OUT": "timeout"}.get(reason)
        if session_id not in rows or rows[session_id].status != expected:
            yield f"I9: {reason} was seen of {session_id}, which it is not"
    for session_id in seen.cancelled:
        if session_id not in rows or rows[session_id].status != "cancel":
            yield f"I9: {session_id} was cancelled, and is not"


def _by_user(rows: Iterable[Any]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row.user_id].append(row)
    return grouped
