"""The judge: a history and the final databases in, every broken promise out. Pure."""

import hashlib
import hmac
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tests.faults.history import Event, Kind, ends_of
from tests.faults.ledger import Ledger, SessionRow

OUT_OF = 10_000
# As far from what is to be expected as 850 and 1,150 of 10,000 rolls are (R4).
DEVIATIONS = 5.0
# None of the promises allows an answer later than this (R8).
LATEST_S = 10.0
EXP_PER_LEVEL = 100
# A session may be completed so long before its end (I9).
GRACE = timedelta(seconds=2)
# What a healthy or a faulty town may say to a player who plays by the rules.
STATUSES = frozenset({0, 200, 201, 204, 409, 503})
# What a session can not come back from.
FINAL = {"SESSION_CANCELLED": "cancel", "SESSION_TIMED_OUT": "timeout"}


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken, and by what."""

    promise: str
    what: str


Check = Callable[[Sequence[Event], Ledger], Iterator[Violation]]


def violations(events: Sequence[Event], ledger: Ledger) -> list[Violation]:
    """Every promise about rewards that the history or the databases break."""
    return [violation for check in CHECKS for violation in check(events, ledger)]


def answers_are_kept(events: Sequence[Event], ledger: Ledger) -> Iterator[Violation]:
    """I6: every 200 that a client saw is in the database, with the same exp, gold and item."""
    for end in ends_of(events, "complete"):
        if end.kind is Kind.OK:
            row = ledger.sessions.get(end.session)
            if row is None or row.status != "success":
                yield Violation("I6", f"{end.session} was paid and is {row and row.status}")
            elif not _agrees(end, row):
                yield Violation("I6", f"{end.session} said {end.told} and holds {row}")


def answers_are_equal(events: Sequence[Event], _: Ledger) -> Iterator[Violation]:
    """I6: all 200s for one session say the same reward for ever.

    The item alone may come later, when the first answers were not settled yet.
    """
    for session, ends in _by_session(ends_of(events, "complete"), Kind.OK).items():
        for fields in (("exp_reward", "gold_reward", "drop_proof"), ("dropped_item",)):
            told = [e.told for e in ends if fields != ("dropped_item",) or e.told["settled"]]
            if any(_of(one, fields) != _of(told[0], fields) for one in told):
                yield Violation("I6", f"{session} said several things of {fields}")


def nothing_is_between(events: Sequence[Event], ledger: Ledger) -> Iterator[Violation]:
    """I7, R1: a session is pending, or over with all or none of its effects, each once."""
    credited, granted, owned = (
        _count(effect.session for effect in effects)
        for effects in (ledger.credits, ledger.drops, ledger.items)
    )
    for row in ledger.sessions.values():
        is_paid = row.status == "success"
        if credited[row.id] != is_paid:
            yield Violation("R1", f"{row.id} is {row.status} and counts {credited[row.id]} times")
        if granted[row.id] != (is_paid and bool(row.dropped)):
            yield Violation("R1", f"{row.id} is {row.status} and dropped {granted[row.id]} times")
        if owned[row.id] != (row.dropped_item is not None):
            yield Violation("R1", f"{row.id} brought {owned[row.id]} items and says {row}")
        if is_paid and not row.is_settled:
            yield Violation("R7", f"{row.id} is not settled")
    for session in {e.session for e in ends_of(events) if e.session} - set(ledger.sessions):
        yield Violation("I7", f"{session} was seen and is gone")


def final_stays_final(events: Sequence[Event], ledger: Ledger) -> Iterator[Violation]:
    """I9: a final status never changes, and a success was not early."""
    for row in ledger.sessions.values():
        early = row.ends_at - (row.ended_at or row.ends_at)
        if row.status == "success" and early > GRACE:
            yield Violation("I9", f"{row.id} was completed early: {row}")
    for end in ends_of(events, "complete", "cancel"):
        claimed = _claimed(end)
        found = ledger.sessions.get(end.session)
        if claimed and found is not None and found.status != claimed:
            yield Violation("I9", f"{found.id} was {claimed} once and is {found.status}")


def heroes_have_what_was_paid(_: Sequence[Event], ledger: Ledger) -> Iterator[Violation]:
    """R1: what every player has is what was paid and given, less what was spent: no more, no less."""
    for player, hero in ledger.heroes.items():
        paid = [row for row in ledger.of(player) if row.status == "success"]
        gifts = [gift for gift in ledger.gifts if gift.player == player]
        kept = [one for one in ledger.purchases if one.player == player and not one.is_refunded]
        gold = sum(row.reward_gold or 0 for row in paid) + sum(gift.gold for gift in gifts)
        gold -= sum(purchase.gold for purchase in kept)
        exp = sum(row.reward_exp or 0 for row in paid) + sum(gift.exp for gift in gifts)
        if hero.gold != gold:
            yield Violation("R1", f"{player} has {hero.gold} gold of {gold}")
        if _all_exp(hero.level, hero.exp) != exp:
            yield Violation("R1", f"{player} has {hero} of {exp} exp")
        world = ledger.worlds.get(player)
        if (world.successes if world else 0) != len(paid):
            yield Violation("R1", f"{player} has {world} of {len(paid)} successes")


def purchases_are_kept(events: Sequence[Event], ledger: Ledger) -> Iterator[Violation]:
    """I6: whoever was told that an item is bought has it, for that price, paid once."""
    for end in ends_of(events, "buy"):
        if end.kind is Kind.OK:
            found = [
                one
                for one in ledger.purchases
                if (one.player, one.item, one.gold)
                == (end.player, end.told["item"], end.told["gold"])
                and not one.is_refunded
            ]
            if len(found) != 1 or not found[0].is_settled:
                yield Violation("I6", f"{end.player} was told {end.told} and holds {found}")


def drops_are_fair(events: Sequence[Event], _: Ledger) -> Iterator[Violation]:
    """R4: every proof verifies against what was shown at the start, and rolls as it says."""
    shown = {e.session: e.told.get("drop_commitment") for e in ends_of(events, "start")}
    for end in ends_of(events, "complete"):
        if end.kind is Kind.OK:
            proof = end.told["drop_proof"]
            seed = bytes.fromhex(proof["seed"])
            promised = shown.get(end.session) or proof["commitment"]
            if not hashlib.sha256(seed).hexdigest() == proof["commitment"] == promised:
                yield Violation("R4", f"{end.session} shows another seed than it promised")
            if roll_of(seed, end.session) != proof["roll"]:
                yield Violation("R4", f"{end.session} rolled otherwise than its seed says")
            if proof["dropped"] != (proof["roll"] < proof["chance"]):
                yield Violation("R4", f"{end.session} dropped against its roll")


def drops_are_as_frequent_as_promised(events: Sequence[Event], _: Ledger) -> Iterator[Violation]:
    """R4: 850 to 1,150 of 10,000 successes drop; of other numbers, as likely bounds."""
    proofs = {
        e.session: e.told["drop_proof"] for e in ends_of(events, "complete") if e.status == 200
    }
    if not proofs:
        return
    chance = next(iter(proofs.values()))["chance"]
    dropped = sum(proof["dropped"] for proof in proofs.values())
    low, high = drop_bounds(len(proofs), chance)
    if not low <= dropped <= high:
        yield Violation("R4", f"{dropped} of {len(proofs)} dropped, not {low:.0f} to {high:.0f}")


def rewards_are_visible(events: Sequence[Event], _: Ledger) -> Iterator[Violation]:
    """R7: a profile that is asked for after a completion answered shows its exp."""
    paid: dict[str, dict[str, int]] = defaultdict(dict)
    known: dict[int, int] = {}
    for event in events:
        if event.operation == "complete" and event.kind is Kind.OK:
            paid[event.player][event.session] = event.told["exp_reward"]
        elif event.operation == "profile" and event.kind is Kind.INVOKE:
            known[event.call] = sum(paid[event.player].values())
        elif event.operation == "profile" and event.kind is Kind.OK:
            shown = _all_exp(event.told["level"], event.told["exp"])
            if shown < known[event.call]:
                yield Violation("R7", f"{event.player} had been paid {known[event.call]}: {event}")


def answers_are_bounded(events: Sequence[Event], _: Ledger) -> Iterator[Violation]:
    """R8: no answer takes over 10 s, and none is anything but what was announced."""
    for end in ends_of(events):
        if end.took_s > LATEST_S:
            yield Violation("R8", f"an answer took {end.took_s:.1f} s: {end}")
        if end.status not in STATUSES:
            yield Violation("R8", f"an answer was not announced: {end}")


CHECKS: Sequence[Check] = (
    answers_are_kept,
    answers_are_equal,
    nothing_is_between,
    final_stays_final,
    heroes_have_what_was_paid,
    purchases_are_kept,
    drops_are_fair,
    drops_are_as_frequent_as_promised,
    rewards_are_visible,
    answers_are_bounded,
)


def drop_bounds(rolls: int, chance: int) -> tuple[float, float]:
    """Between which numbers the drops among so many rolls lie, but for bad dice."""
    p = chance / OUT_OF
    spread = DEVIATIONS * math.sqrt(rolls * p * (1 - p))
    return rolls * p - spread, rolls * p + spread


def roll_of(seed: bytes, session: str) -> int:
    """HMAC-SHA256 of the id under the seed, its first 8 bytes big-endian, modulo 10,000."""
    digest = hmac.digest(seed, session.encode("ascii"), "sha256")
    return int.from_bytes(digest[:8], "big") % OUT_OF


def p99(seconds: Sequence[float]) -> float:
    """The time that all but one in a hundred keep; 0 of none."""
    ordered = sorted(seconds)
    return ordered[(len(ordered) * 99 - 1) // 100] if ordered else 0.0


def _all_exp(level: int, exp: int) -> int:
    """What a hero ever earned, to have come to that level and exp."""
    return EXP_PER_LEVEL * level * (level - 1) // 2 + exp


def _agrees(end: Event, row: SessionRow) -> bool:
    told = end.told
    # An item that is still on its way is not denied.
    item = told["dropped_item"] if told["settled"] or told["dropped_item"] else row.dropped_item
    return (told["exp_reward"], told["gold_reward"], item, told["drop_proof"]["dropped"]) == (
        row.reward_exp,
        row.reward_gold,
        row.dropped_item,
        row.dropped,
    )


def _claimed(end: Event) -> str:
    """The final status that an answer claims, "" for none."""
    if end.kind is Kind.OK:
        return "success" if end.operation == "complete" else "cancel"
    if end.told.get("code") == "SESSION_ALREADY_COMPLETED":
        return "success"
    return FINAL.get(end.told.get("code", ""), "")


def _by_session(ends: Iterator[Event], kind: Kind) -> dict[str, list[Event]]:
    groups: dict[str, list[Event]] = defaultdict(list)
    for end in ends:
        if end.kind is kind:
            groups[end.session].append(end)
    return groups


def _of(told: dict[str, object], fields: Sequence[str]) -> list[object]:
    return [told[name] for name in fields]


def _count(names: Iterator[str]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for name in names:
        counts[name] += 1
    return counts
