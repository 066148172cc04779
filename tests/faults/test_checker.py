"""The judge can fail: for every promise a made-up history that breaks it, beside one that does not."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.faults import checker
from tests.faults.checker import Violation, drop_bounds, p99, roll_of
from tests.faults.history import Event, Kind, kind_of
from tests.faults.ledger import Effect, Gift, HeroRow, Ledger, Purchase, SessionRow, WorldRow

PLAYER = "a player"
SESSION = "00000000-0000-7000-8000-000000000001"
OTHER = "00000000-0000-7000-8000-000000000002"
ENDS = datetime(2030, 1, 1, 12, tzinfo=UTC)


def seed_that(*, dropped: bool) -> bytes:
    """A seed under which the session drops, or does not, with a chance of one half."""
    seeds = (bytes([n]) * 32 for n in range(256))
    return next(seed for seed in seeds if (roll_of(seed, SESSION) < 5000) == dropped)


SEED = seed_that(dropped=True)
PROOF: dict[str, Any] = {
    "seed": SEED.hex(),
    "commitment": hashlib.sha256(SEED).hexdigest(),
    "roll": roll_of(SEED, SESSION),
    "chance": 5000,
    "dropped": True,
    "rules_version": "1",
}
REWARD = {
    "exp_reward": 10,
    "gold_reward": 5,
    "dropped_item": "a hat",
    "drop_proof": PROOF,
    "settled": True,
}
ROW = SessionRow(
    id=SESSION,
    player=PLAYER,
    status="success",
    ends_at=ENDS,
    ended_at=ENDS,
    reward_exp=10,
    reward_gold=5,
    seed=SEED,
    dropped=True,
    dropped_item="a hat",
    is_settled=True,
)


def end(operation: str, status: int, **told: Any) -> Event:
    """How a call of the session ended."""
    return Event(
        kind_of(status),
        operation,
        call=7,
        player=PLAYER,
        session=SESSION,
        status=status,
        told=told,
        took_s=0.1,
    )


def ledger(row: SessionRow = ROW) -> Ledger:
    """Databases that hold one session with all that it brought."""
    return Ledger(
        sessions={row.id: row},
        heroes={PLAYER: HeroRow(PLAYER, level=1, exp=10, gold=5)},
        worlds={PLAYER: WorldRow(PLAYER, successes=1, streak=1, longest_streak=1)},
        credits=[Effect(PLAYER, row.id)],
        drops=[Effect(PLAYER, row.id, "a hat")],
        items=[Effect(PLAYER, row.id, "a hat")],
    )


def empty(row: SessionRow) -> Ledger:
    """Databases that hold one session that brought nothing."""
    return replace(
        ledger(row),
        heroes={PLAYER: HeroRow(PLAYER, level=1, exp=0, gold=0)},
        worlds={},
        credits=[],
        drops=[],
        items=[],
    )


PENDING = replace(
    ROW,
    status="pending",
    ended_at=None,
    reward_exp=None,
    reward_gold=None,
    dropped=None,
    dropped_item=None,
    is_settled=False,
)
PAID = end("complete", 200, **REWARD)
PLAYED = [
    end("start", 201, drop_commitment=PROOF["commitment"], duration_minutes=5),
    end("complete", 503, code="UNAVAILABLE"),
    PAID,
    PAID,
]


def found(events: list[Event], final: Ledger) -> set[str]:
    """The promises that are broken."""
    return {violation.promise for violation in checker.violations(events, final)}


def test_a_session_that_was_paid_once_breaks_nothing() -> None:
    assert checker.violations(PLAYED, ledger()) == []


def test_a_lost_answer_may_leave_a_session_pending_or_whole() -> None:
    lost = [end("complete", 0)]

    assert found(lost, empty(PENDING)) == set()
    assert found(lost, ledger()) == set()


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (lambda row: replace(row, reward_exp=12), "I6"),
        (lambda row: replace(row, reward_gold=6), "I6"),
        (lambda row: replace(row, dropped_item="a cape"), "I6"),
        (lambda row: replace(row, status="timeout"), "I6"),
        (lambda row: replace(row, is_settled=False), "R7"),
        (lambda row: replace(row, ended_at=ENDS - timedelta(seconds=3)), "I9"),
    ],
)
def test_a_session_that_is_otherwise_than_it_was_told_is_found(
    status: Callable[[SessionRow], SessionRow], says: str
) -> None:
    assert says in found(PLAYED, ledger(status(ROW)))


@pytest.mark.parametrize("field", ["exp_reward", "gold_reward", "dropped_item"])
def test_two_answers_that_differ_are_found(field: str) -> None:
    other = end("complete", 200, **REWARD | {field: "something else"})

    assert "I6" in found([*PLAYED, other], ledger())


def test_an_item_may_come_after_an_answer_that_was_not_settled() -> None:
    early = end("complete", 200, **REWARD | {"dropped_item": None, "settled": False})

    assert found([early, *PLAYED], ledger()) == set()


def test_an_item_may_not_be_taken_back() -> None:
    later = end("complete", 200, **REWARD | {"dropped_item": None})

    assert "I6" in found([*PLAYED, later], ledger())


@pytest.mark.parametrize("effects", ["credits", "drops", "items"])
def test_an_effect_that_is_missing_or_twice_there_is_found(effects: str) -> None:
    missing: Any = {effects: []}
    twice: Any = {effects: getattr(ledger(), effects) * 2}

    assert "R1" in found(PLAYED, replace(ledger(), **missing))
    assert "R1" in found(PLAYED, replace(ledger(), **twice))


def test_a_pending_session_that_has_an_effect_already_is_found() -> None:
    between = replace(empty(PENDING), credits=[Effect(PLAYER, SESSION)])

    assert "R1" in found([end("complete", 0)], between)


def test_a_session_that_vanished_is_found() -> None:
    assert "I7" in found([end("complete", 0)], replace(empty(PENDING), sessions={}))


@pytest.mark.parametrize(
    "hero",
    [
        HeroRow(PLAYER, level=1, exp=10, gold=10),
        HeroRow(PLAYER, level=1, exp=0, gold=5),
        HeroRow(PLAYER, level=2, exp=10, gold=5),
    ],
)
def test_a_hero_who_has_more_or_less_than_was_paid_is_found(hero: HeroRow) -> None:
    assert "R1" in found(PLAYED, replace(ledger(), heroes={PLAYER: hero}))


def test_a_town_that_counts_otherwise_is_found() -> None:
    world = WorldRow(PLAYER, successes=2, streak=1, longest_streak=1)

    assert "R1" in found(PLAYED, replace(ledger(), worlds={PLAYER: world}))
    assert "R1" in found(PLAYED, replace(ledger(), worlds={}))


def test_a_hero_pays_for_purchases_and_keeps_gifts() -> None:
    rich = replace(
        ledger(),
        gifts=[Gift(PLAYER, exp=0, gold=100)],
        purchases=[
            Purchase(PLAYER, "a cape", 90, is_settled=True, is_refunded=False),
            Purchase(PLAYER, "a crown", 99, is_settled=True, is_refunded=True),
        ],
        heroes={PLAYER: HeroRow(PLAYER, level=1, exp=10, gold=15)},
    )
    bought = end("buy", 201, item="a cape", gold=90)

    assert found([*PLAYED, bought], rich) == set()
    assert "R1" in found(PLAYED, replace(rich, gifts=[]))


@pytest.mark.parametrize("told", [{"item": "a crown", "gold": 5}, {"item": "a cape", "gold": 6}])
def test_a_purchase_that_was_told_and_is_not_there_is_found(told: dict[str, Any]) -> None:
    purchases = [
        Purchase(PLAYER, "a cape", 5, is_settled=True, is_refunded=False),
        Purchase(PLAYER, "a crown", 5, is_settled=True, is_refunded=True),
    ]
    heroes = {PLAYER: HeroRow(PLAYER, level=1, exp=10, gold=0)}
    final = replace(ledger(), purchases=purchases, heroes=heroes)

    assert found([*PLAYED, end("buy", 201, item="a cape", gold=5)], final) == set()
    assert found([*PLAYED, end("buy", 201, **told)], final) == {"I6"}


@pytest.mark.parametrize(
    ("operation", "status", "told", "is_now"),
    [
        ("cancel", 200, {}, "success"),
        ("complete", 409, {"code": "SESSION_CANCELLED"}, "success"),
        ("complete", 409, {"code": "SESSION_TIMED_OUT"}, "pending"),
        ("cancel", 409, {"code": "SESSION_ALREADY_COMPLETED"}, "cancel"),
    ],
)
def test_a_final_status_that_changed_is_found(
    operation: str, status: int, told: dict[str, Any], is_now: str
) -> None:
    events = [end(operation, status, **told)]

    assert "I9" in found(events, empty(replace(PENDING, status=is_now)))


@pytest.mark.parametrize(
    "proof",
    [
        {"seed": bytes(32).hex()},
        {"commitment": "00" * 32},
        {"roll": PROOF["roll"] + 1},
        {"dropped": False},
    ],
)
def test_a_proof_that_does_not_verify_is_found(proof: dict[str, Any]) -> None:
    told = end("complete", 200, **REWARD | {"drop_proof": PROOF | proof})

    assert "R4" in found([PLAYED[0], told], ledger())


def test_a_seed_that_was_changed_after_the_start_is_found() -> None:
    seed = seed_that(dropped=False)
    changed = end("start", 201, drop_commitment=hashlib.sha256(seed).hexdigest())

    assert "R4" in found([changed, PAID], ledger())


def test_dice_that_drop_too_often_are_found() -> None:
    proof = PROOF | {"chance": 1000}
    events = [
        replace(PAID, session=str(number), told=REWARD | {"drop_proof": proof})
        for number in range(100)
    ]

    found_ = list(checker.drops_are_as_frequent_as_promised(events, ledger()))

    assert [violation.promise for violation in found_] == ["R4"]


def test_the_bounds_of_10000_rolls_are_those_that_are_promised() -> None:
    assert drop_bounds(10_000, 1000) == pytest.approx((850, 1150))


def test_a_reward_that_the_profile_does_not_show_is_found() -> None:
    asked = Event(Kind.INVOKE, "profile", call=9, player=PLAYER)
    shown = Event(
        Kind.OK, "profile", call=9, player=PLAYER, status=200, told={"level": 1, "exp": 0}
    )

    assert list(checker.rewards_are_visible([asked, PAID, shown], ledger())) == []
    (violation,) = checker.rewards_are_visible([PAID, asked, shown], ledger())
    assert violation.promise == "R7"


@pytest.mark.parametrize(
    "bad", [replace(PAID, took_s=10.1), end("complete", 500), end("complete", 404)]
)
def test_an_answer_that_was_not_promised_is_found(bad: Event) -> None:
    assert [violation.promise for violation in checker.answers_are_bounded([bad], ledger())] == [
        "R8"
    ]


def test_the_99th_percentile_is_what_all_but_one_in_a_hundred_keep() -> None:
    assert p99([1.0] * 99 + [9.0]) == 1.0
    assert p99([1.0] * 98 + [9.0] * 2) == 9.0
    assert p99([]) == 0.0


def test_a_violation_says_what_it_is_about() -> None:
    (violation, *_) = checker.violations(PLAYED, ledger(replace(ROW, reward_gold=6)))

    assert isinstance(violation, Violation)
    assert SESSION in violation.what
