"""The invariants of the town, recomputed for one player: facts in, drifts out.

Pure: reading.py reads the facts, rebuilt.py knows what they should be. What is checked, by the names that the town's
promises have:

- I1 gold is what was earned and granted, less what was spent, and never below 0; each success earned what its rules pay
- I2 level and exp are what was earned and granted, by the same rules
- I3 what came to the player by a drop or from the shop is what session knows, one to one; nothing is owned twice; each
  success could drop with the chance of its rules
- I4 every success counts once in the town, and the rooms have grown accordingly
- I5 nothing is left undelivered
- I8 what is worn is owned, in the slot of its type
- I9 a success was completed in time
- I10 successes do not overlap
- I11 the streak is what the credited dates make

I6 and I7 speak of what a client saw, and cannot be read from the databases.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.kit.times import rfc3339
from services.session.events import running
from services.session.rules import Rules as SessionRules
from services.session.rules import Verdict, completable_until, drop_chance, reward, verdict
from services.world.rules import LEVELS, World
from town.facts import DropGrant, Facts, Hero, Owned, Purchase, Success
from town.numbers import Numbers
from town.rebuilt import (
    STREAK,
    Value,
    drops_of,
    earned_dates,
    right_hero,
    right_rooms,
    right_world,
    sales_of,
    streak_of,
)

# After any fault everything is delivered within this (docs/running.md, "When something is away").
DELIVERED_WITHIN: Final = timedelta(seconds=30)
# The sweeper waits 3 s, then 1, 2, 4, 8 and 16 s between its tries: the sixth comes more than 30 s after the payment.
# It tells the age of a delivery also where the payment's own instant is that of a sandbox's clock, which runs ahead.
TRIES_IN_TIME: Final = 5
# A clock can only be set back after it was set ahead. From this revision on it may have been, and then a later
# session may truly overlap an earlier one; nothing that is stored tells those from a fault.
SET_BACK_REVISION: Final = 2


@dataclass(frozen=True, slots=True)
class Drift:
    """Something stored that is not what follows from the rows that never change.

    `what` is the thing, such as "gold" or "delivery of session"; `id` tells which one, where there are many.
    """

    player: str
    invariant: str
    what: str
    id: str | None
    stored: Value
    recomputed: Value


def drifts(facts: Facts, numbers: Numbers) -> Iterator[Drift]:
    """Return everything about one player that is not as it must be."""
    world = right_world(facts, numbers)
    yield from _hero(facts, numbers)
    yield from _rewards(facts, numbers)
    yield from _drops(facts)
    yield from _sales(facts)
    yield from _doubles(facts)
    yield from _counting(facts)
    yield from _growth(facts, numbers, world)
    yield from _deliveries(facts)
    yield from _worn(facts)
    yield from _timing(facts, numbers)
    yield from _overlaps(facts)
    yield from _dates(facts)
    yield from _streak(facts, world)


def _hero(facts: Facts, numbers: Numbers) -> Iterator[Drift]:
    stored, right = facts.session.hero, right_hero(facts, numbers)
    for invariant, what in (("I1", "gold"), ("I2", "level"), ("I2", "exp")):
        found, due = getattr(stored, what, None), getattr(right, what)
        is_right = found == due or (stored is None and right == _newcomer(facts.player))
        if not is_right or (what == "gold" and due < 0):
            yield Drift(facts.player, invariant, what, None, found, due)


def _rewards(facts: Facts, numbers: Numbers) -> Iterator[Drift]:
    for success in facts.session.successes:
        rules = _paid_by(success, numbers)
        if rules is None:
            continue
        event = running(rules.events, success.started_at)
        due = reward(success.minutes, rules, event)
        chance = drop_chance(rules, event)
        for invariant, what, found, right in (
            ("I1", "gold of session", success.gold, due.gold),
            ("I2", "exp of session", success.exp, due.exp),
            ("I3", "drop chance of session", success.chance, chance),
        ):
            if found not in (right, None):
                yield Drift(facts.player, invariant, what, success.id, found, right)


def _paid_by(success: Success, numbers: Numbers) -> SessionRules | None:
    """Return the rules that a success was paid by; None where they were never kept, and nobody knows them."""
    return numbers.sessions.get(success.rules_version or "")


def _newcomer(player: str) -> Hero:
    """Return the hero of a player who did nothing yet, and so may have none."""
    return Hero(user_id=player, level=1, exp=0, gold=0, clock_revision=0)


def _drops(facts: Facts) -> Iterator[Drift]:
    for drop in drops_of(facts).values():
        if not drop.agrees:
            stored = f"{_granted(drop.grant)}, {_owned(drop.owned)}"
            due = _dropped(drop.success)
            yield Drift(facts.player, "I3", "drop of session", drop.session_id, stored, due)


def _sales(facts: Facts) -> Iterator[Drift]:
    for sale in sales_of(facts).values():
        if not sale.agrees:
            due = f"bought {sale.purchase.item_id}" if sale.purchase else "not bought"
            stored = _owned(sale.owned)
            yield Drift(facts.player, "I3", "purchase", sale.purchase_id, stored, due)


def _doubles(facts: Facts) -> Iterator[Drift]:
    # The table's key promises it; a check costs nothing.
    for item_id, copies in Counter(item.item_id for item in facts.inventory.owned).items():
        if copies > 1:
            yield Drift(facts.player, "I3", "copies of item", item_id, copies, 1)


def _granted(grant: DropGrant | None) -> str:
    return f"granted {grant.item_id or 'nothing'}" if grant else "not granted"


def _owned(owned: Owned | None) -> str:
    return f"owned {owned.item_id}" if owned else "not owned"


def _dropped(success: Success | None) -> str:
    if success is None:
        return "no drop"
    return f"dropped {success.item_id or 'nothing'}" if success.is_settled else "to be dropped"


def _counting(facts: Facts) -> Iterator[Drift]:
    successes = facts.successes()
    counted = {credit.session_id for credit in facts.world.credits}
    for session_id, success in successes.items():
        if success.is_settled and session_id not in counted:
            yield Drift(facts.player, "I4", "session", session_id, "not counted", "counted")
    for session_id in sorted(counted - successes.keys()):
        yield Drift(facts.player, "I4", "session", session_id, "counted", "no success")


def _growth(facts: Facts, numbers: Numbers, right: World) -> Iterator[Drift]:
    stored = facts.world.world
    if stored is None and not facts.world.credits:
        return
    for what in ("total_sessions_success", *LEVELS.values()):
        found, due = getattr(stored, what, None), getattr(right, what)
        if found != due and not _was_due(facts, numbers, what, found):
            yield Drift(facts.player, "I4", what, None, found, due)


def _was_due(facts: Facts, numbers: Numbers, what: str, found: int | None) -> bool:
    """Whether a room is as rules of before made it: who has not played since they gave more keeps that."""
    return any(right_rooms(facts, rules).get(what) == found for rules in numbers.worlds)


def _deliveries(facts: Facts) -> Iterator[Drift]:
    # Idempotency keys need no look: one is stored with its answer, in the transaction that made it, so none can be
    # in progress.
    for success in facts.session.successes:
        if not success.is_settled:
            yield from _undelivered(facts, "session", success, paid_at=success.ended_at)
    for purchase in facts.session.purchases:
        if not (purchase.is_settled or purchase.is_refunded):
            yield from _undelivered(facts, "purchase", purchase, paid_at=purchase.bought_at)


def _undelivered(
    facts: Facts, kind: str, delivery: Success | Purchase, *, paid_at: datetime
) -> Iterator[Drift]:
    state = "waiting"
    if delivery.settle_after is None:
        state = "dead"
    elif delivery.settle_attempts <= TRIES_IN_TIME:
        # Both are earliest possible: a sandbox's clock runs ahead, and a try that is due may still come.
        since = min(paid_at, delivery.settle_after)
        if facts.session.now - since <= DELIVERED_WITHIN:
            return
    yield Drift(facts.player, "I5", f"delivery of {kind}", delivery.id, state, "settled")


def _worn(facts: Facts) -> Iterator[Drift]:
    types = {item.item_id: item.type for item in facts.inventory.owned}
    for slot, item_id in facts.inventory.wardrobe.worn() if facts.inventory.wardrobe else ():
        kind = types.get(item_id)
        if kind != slot:
            due = f"not worn: {f'its type is {kind}' if kind else 'it is not owned'}"
            yield Drift(facts.player, "I8", slot, item_id, "worn", due)


def _timing(facts: Facts, numbers: Numbers) -> Iterator[Drift]:
    for success in facts.session.successes:
        rules = _paid_by(success, numbers)
        if rules is None:
            continue
        if verdict(success.ends_at, now=success.ended_at, rules=rules) is not Verdict.IN_TIME:
            early = rules.early_grace_seconds
            until = rfc3339(completable_until(success.ends_at, rules))
            due = f"from {early} s before {rfc3339(success.ends_at)} until {until}"
            stored = rfc3339(success.ended_at)
            yield Drift(facts.player, "I9", "completion of session", success.id, stored, due)


def _overlaps(facts: Facts) -> Iterator[Drift]:
    hero = facts.session.hero
    if hero and hero.clock_revision >= SET_BACK_REVISION:
        return
    latest: Success | None = None
    for success in _by_start(facts.session.successes):
        if latest and success.started_at < latest.ended_at:
            stored, due = rfc3339(success.started_at), f"from {rfc3339(latest.ended_at)}"
            yield Drift(facts.player, "I10", "start of session", success.id, stored, due)
        if latest is None or success.ended_at > latest.ended_at:
            latest = success


def _by_start(successes: Sequence[Success]) -> list[Success]:
    return sorted(successes, key=lambda success: (success.started_at, success.ended_at))


def _dates(facts: Facts) -> Iterator[Drift]:
    dates, due = facts.world.dates, earned_dates(facts)
    for day in sorted((due - dates.counting) | (dates.earned - due)):
        recomputed = "earned" if day in due else None
        yield Drift(facts.player, "I11", "date", str(day), dates.kind(day), recomputed)


def _streak(facts: Facts, right: World) -> Iterator[Drift]:
    if facts.world.world is None:
        return
    stored, due = streak_of(facts.world.world), streak_of(right)
    wrong = [name for name in STREAK if stored[name] != due[name]]
    if wrong:
        yield Drift(
            facts.player, "I11", "streak", None, _listed(stored, wrong), _listed(due, wrong)
        )


def _listed(values: dict[str, Value], names: list[str]) -> str:
    return ", ".join(f"{name} {values[name]}" for name in names)
