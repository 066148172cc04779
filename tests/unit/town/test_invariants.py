"""Each invariant, against a player in whom one thing is wrong."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.session.events import Event
from services.world.rules import Freezes
from services.world.streak import Dates
from tests.unit.town.a_player import (
    CAPE,
    DAYS,
    HAT,
    MORNING,
    NOW,
    NUMBERS,
    PLAYER,
    WORLD,
    Player,
    credit,
    owned,
    purchase,
    success,
)
from town.facts import DropGrant, Hero, Wardrobe
from town.invariants import Drift, drifts

# What is found: the invariant, the thing and which one, what is stored and what should be.
Found = tuple[str, str, str | None, str | int | None, str | int | None]


def found(player: Player) -> list[Found]:
    seen = list(drifts(player.facts, NUMBERS))
    assert {drift.player for drift in seen} <= {PLAYER}
    return [(d.invariant, d.what, d.id, d.stored, d.recomputed) for d in seen]


def successes(number: int, **changes: object) -> Player:
    """The player with one session changed."""
    usual = Player()
    usual.successes[number] = success(number, **changes)
    return usual


def test_all_is_right_with_a_player_who_played() -> None:
    assert found(Player()) == []


def test_all_is_right_with_a_player_who_never_came() -> None:
    nobody = Player(
        hero=None, gift=None, successes=[], purchases=[], owned=[], grants=[],
        wardrobe=None, world=None, credits=[], dates=Dates(),
    )  # fmt: skip

    assert found(nobody) == []


def test_i1_gold_is_what_was_earned_and_given_less_what_was_spent() -> None:
    rich = Player(hero=Hero(PLAYER, 3, 10, 126, 0))

    assert found(rich) == [("I1", "gold", None, 126, 125)]


def test_i1_a_refunded_purchase_spends_nothing() -> None:
    refunded = Player(purchases=[purchase(is_refunded=True)], owned=[owned(HAT)], wardrobe=None)

    assert found(refunded) == [("I1", "gold", None, 125, 155)]


def test_i1_spending_more_than_was_earned_is_named_even_where_it_is_stored() -> None:
    poor = Player(hero=Hero(PLAYER, 3, 10, -45, 0), purchases=[purchase(price_gold=200)])

    assert found(poor) == [("I1", "gold", None, -45, -45)]


def test_i1_a_missing_hero_of_someone_who_earned_is_named() -> None:
    assert found(Player(hero=None)) == [
        ("I1", "gold", None, None, 125),
        ("I2", "level", None, None, 3),
        ("I2", "exp", None, None, 10),
    ]


def test_i2_level_and_exp_are_what_was_earned_and_given() -> None:
    assert found(Player(hero=Hero(PLAYER, 2, 210, 125, 0))) == [
        ("I2", "level", None, 2, 3),
        ("I2", "exp", None, 210, 10),
    ]


def test_i2_exp_beyond_the_level_is_named_although_the_sum_is_right() -> None:
    # 100 + 210 is what level 3 with 10 has seen too.
    assert ("I2", "exp", None, 210, 10) in found(Player(hero=Hero(PLAYER, 2, 210, 125, 0)))


def test_i3_a_settled_drop_that_inventory_does_not_know_is_named() -> None:
    lost = Player(owned=[owned(CAPE)], grants=[], wardrobe=None)

    assert found(lost) == [
        ("I3", "drop of session", "session-5", "not granted, not owned", "dropped hat")
    ]


def test_i3_a_drop_on_its_way_may_be_given_already_or_not() -> None:
    on_its_way = successes(5, is_settled=False, settle_after=NOW, ended_at=NOW, item_id=None)
    not_given = replace(on_its_way, owned=[owned(CAPE)], grants=[], wardrobe=None)

    assert found(on_its_way) == found(not_given) == []


def test_i3_a_drop_without_a_session_is_named() -> None:
    surplus = successes(5, dropped=False, item_id=None)

    assert found(surplus) == [
        ("I3", "drop of session", "session-5", "granted hat, owned hat", "no drop")
    ]


def test_i3_the_three_places_must_name_the_same_item() -> None:
    other = Player(grants=[DropGrant(PLAYER, "session-5", CAPE)])
    told = successes(5, item_id=CAPE)
    gift = Player(owned=[owned(HAT, source="grant", session_id=None), owned(CAPE)])

    assert [f[3:] for f in found(other)] == [("granted cape, owned hat", "dropped hat")]
    assert [f[3:] for f in found(told)] == [("granted hat, owned hat", "dropped cape")]
    assert [f[3:] for f in found(gift)] == [("granted hat, not owned", "dropped hat")]


def test_i3_a_drop_of_nothing_is_right_when_all_three_say_so() -> None:
    nothing = successes(5, item_id=None)
    nothing = replace(
        nothing, owned=[owned(CAPE)], grants=[DropGrant(PLAYER, "session-5", None)], wardrobe=None
    )

    assert found(nothing) == []


def test_i3_a_purchase_that_was_not_delivered_is_named() -> None:
    lost = Player(owned=[owned(HAT)], wardrobe=None)

    assert found(lost) == [("I3", "purchase", "purchase", "not owned", "bought cape")]


def test_i3_an_item_of_no_purchase_or_a_refunded_one_is_named() -> None:
    gold = Hero(PLAYER, 3, 10, 155, 0)

    for purchases in ([], [purchase(is_refunded=True)]):
        surplus = Player(hero=gold, purchases=purchases)
        assert found(surplus) == [("I3", "purchase", "purchase", "owned cape", "not bought")]


def test_i3_a_purchase_on_its_way_may_be_delivered_already_or_not() -> None:
    bought = purchase(is_settled=False, settle_after=NOW, bought_at=NOW)
    on_its_way = Player(purchases=[bought])
    not_delivered = replace(on_its_way, owned=[owned(HAT)], wardrobe=None)

    assert found(on_its_way) == found(not_delivered) == []


def test_i3_an_item_owned_twice_is_named() -> None:
    twice = Player(owned=[owned(HAT), owned(CAPE), owned(HAT, source="event", session_id=None)])

    assert found(twice) == [("I3", "copies of item", HAT, 2, 1)]


def test_i4_a_settled_success_that_does_not_count_is_named() -> None:
    world = WORLD._replace(total_sessions_success=5)
    missing = Player(world=world, credits=[credit(n) for n in range(5)])

    assert found(missing) == [("I4", "session", "session-5", "not counted", "counted")]


def test_i4_a_success_on_its_way_may_count_already() -> None:
    assert found(successes(5, is_settled=False, settle_after=NOW, ended_at=NOW)) == []


def test_i4_a_count_without_a_success_is_named_with_all_that_follows() -> None:
    world = WORLD._replace(total_sessions_success=7)
    surplus = Player(world=world, credits=[*Player().credits, credit(1, session_id="nobody's")])

    assert found(surplus) == [
        ("I4", "session", "nobody's", "counted", "no success"),
        ("I4", "total_sessions_success", None, 7, 6),
    ]


@pytest.mark.parametrize("level", [1, 3])
def test_i4_a_room_has_the_level_of_the_rule(level: int) -> None:
    wrong = Player(world=WORLD._replace(study_room_level=level))

    assert found(wrong) == [("I4", "study_room_level", None, level, 2)]


def test_i4_a_room_keeps_what_a_session_raised_it_by_when_the_rules_ask_for_more() -> None:
    stricter = replace(
        NUMBERS,
        world=replace(
            NUMBERS.world,
            upgrades=tuple(replace(u, sessions=50) for u in NUMBERS.world.upgrades),
        ),
    )

    assert list(drifts(Player().facts, stricter)) == []


@pytest.mark.parametrize(("level", "is_right"), [(1, False), (2, True), (3, True), (4, False)])
def test_i4_a_room_may_be_as_any_rules_made_it_that_were_used(level: int, is_right: bool) -> None:  # noqa: FBT001
    better = replace(
        NUMBERS.world, upgrades=tuple(replace(u, level=3) for u in NUMBERS.world.upgrades)
    )
    numbers = replace(NUMBERS, world=better, worlds=(better, NUMBERS.world))
    player = Player(world=WORLD._replace(study_room_level=level))

    assert (list(drifts(player.facts, numbers)) == []) == is_right


def test_i9_a_session_is_judged_by_the_rules_that_it_was_paid_by() -> None:
    end = success(5).ends_at
    early = successes(5, ended_at=end - timedelta(minutes=1), rules_version="patient")
    patient = replace(NUMBERS.session, early_grace_seconds=60)
    numbers = replace(NUMBERS, sessions={**NUMBERS.sessions, "patient": patient})
    strict = replace(NUMBERS, sessions={**NUMBERS.sessions, "patient": NUMBERS.session})

    assert list(drifts(early.facts, numbers)) == []
    (drift,) = drifts(early.facts, strict)
    assert drift.invariant == "I9"


PARTY = Event("party", "Party", MORNING, MORNING, MORNING + timedelta(hours=1), 150, 250, 7_000)


def at_the_party(**changes: object) -> Player:
    """The player whose first session, and no other, started while an event ran."""
    usual = successes(
        0, **{"exp": 75, "gold": 62, "chance": 7_000, "rules_version": "party"} | changes
    )
    return replace(usual, hero=Hero(PLAYER, 3, 35, 162, 0))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, None),
        ({"gold": 61}, ("I1", "gold of session", 61, 62)),
        ({"exp": 50}, ("I2", "exp of session", 50, 75)),
        ({"chance": 1_000}, ("I3", "drop chance of session", 1_000, 7_000)),
        ({"chance": None}, None),
        # Of a version that nobody kept nobody knows what it paid.
        ({"exp": 1, "gold": 1, "rules_version": "other"}, None),
    ],
)
def test_a_success_is_paid_by_its_own_rules_and_the_event_that_ran_at_its_start(
    changes: dict[str, object], told: tuple[str, str, int, int] | None
) -> None:
    rules = replace(NUMBERS.session, events=(PARTY,))
    numbers = replace(NUMBERS, sessions={**NUMBERS.sessions, "party": rules})

    seen = list(drifts(at_the_party(**changes).facts, numbers))

    of_session = [d for d in seen if d.what.endswith("of session")]
    expected = Drift(PLAYER, told[0], told[1], "session-0", *told[2:]) if told else None
    assert of_session == ([expected] if expected else [])
    if not changes:
        assert seen == []


def test_a_success_under_rules_without_the_event_pays_what_it_pays_otherwise() -> None:
    rich = at_the_party(rules_version=next(iter(NUMBERS.sessions)))

    assert [f[:2] for f in found(rich)] == [
        ("I1", "gold of session"),
        ("I2", "exp of session"),
        ("I3", "drop chance of session"),
    ]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"settle_after": None, "ended_at": NOW}, "dead"),
        ({"settle_after": NOW, "ended_at": NOW - timedelta(seconds=31)}, "waiting"),
        ({"settle_after": NOW - timedelta(seconds=31), "ended_at": NOW}, "waiting"),
        ({"settle_after": NOW, "ended_at": NOW, "settle_attempts": 6}, "waiting"),
    ],
)
def test_i5_a_delivery_that_is_dead_or_takes_too_long_is_named(
    changes: dict[str, object], state: str
) -> None:
    late = successes(5, is_settled=False, **changes)
    changes = {"bought_at" if n == "ended_at" else n: v for n, v in changes.items()}
    unsold = Player(purchases=[purchase(is_settled=False, **changes)])

    named = [f for f in found(late) if f[0] == "I5"]

    assert named == [("I5", "delivery of session", "session-5", state, "settled")]
    assert found(unsold) == [("I5", "delivery of purchase", "purchase", state, "settled")]


def test_i5_a_delivery_has_half_a_minute() -> None:
    paid_at = NOW - timedelta(seconds=30)
    recent = successes(5, is_settled=False, settle_after=NOW, ended_at=paid_at, settle_attempts=5)

    assert [f for f in found(recent) if f[0] == "I5"] == []


def test_i8_what_is_worn_is_owned_and_fits_its_slot() -> None:
    assert found(Player(wardrobe=Wardrobe(PLAYER, CAPE, None, "wings"))) == [
        ("I8", "hat", CAPE, "worn", "not worn: its type is outfit"),
        ("I8", "accessory", "wings", "worn", "not worn: it is not owned"),
    ]


@pytest.mark.parametrize("minutes", [-1, 24 * 60 + 1])
def test_i9_a_success_completed_outside_its_window_is_named(minutes: int) -> None:
    end = success(5).ends_at

    (named,) = found(successes(5, ended_at=end + timedelta(minutes=minutes)))

    assert named[:3] == ("I9", "completion of session", "session-5")
    assert str(named[4]).startswith("from 2 s before 2026-05-15T10:25:00Z until 2026-05-16T10:25")


def test_i9_the_grace_of_two_seconds_is_no_drift() -> None:
    end = success(5).ends_at

    assert found(successes(5, ended_at=end - timedelta(seconds=2))) == []


def test_i9_a_success_under_other_rules_is_not_judged_by_these() -> None:
    end = success(5).ends_at

    early = successes(5, ended_at=end - timedelta(minutes=1), rules_version="other")

    assert found(early) == []


def test_i10_a_success_that_began_before_the_one_before_it_ended_is_named() -> None:
    overlapping = successes(1, started_at=success(0).ended_at - timedelta(seconds=1))

    assert found(overlapping) == [
        ("I10", "start of session", "session-1", "2026-05-14T08:25:59Z",
         "from 2026-05-14T08:26:00Z"),
    ]  # fmt: skip


def test_i10_one_that_lies_within_a_longer_one_is_named_beside_the_next_one() -> None:
    long = successes(0, ended_at=success(2).ends_at, rules_version="other")

    assert [f[2] for f in found(long) if f[0] == "I10"] == ["session-1", "session-2"]


def test_i10_sessions_may_touch() -> None:
    assert found(successes(1, started_at=success(0).ended_at)) == []


@pytest.mark.parametrize(("revision", "count"), [(1, 1), (2, 0)])
def test_i10_is_not_judged_once_a_clock_may_have_been_set_back(revision: int, count: int) -> None:
    overlapping = successes(1, started_at=success(0).started_at)
    player = replace(overlapping, hero=Hero(PLAYER, 3, 10, 125, revision))

    assert len(found(player)) == count


def test_i11_a_streak_that_the_dates_do_not_make_is_named_by_its_columns() -> None:
    wrong = Player(world=WORLD._replace(day_streak=3, longest_streak=9))

    assert found(wrong) == [
        ("I11", "streak", None, "day_streak 3, longest_streak 9", "day_streak 2, longest_streak 2")
    ]


def test_i11_a_streak_that_was_stored_as_over_is_right_if_it_was_over_that_day() -> None:
    over, alive = DAYS[-1] + timedelta(days=2), DAYS[-1] + timedelta(days=1)
    ended = [WORLD._replace(day_streak=0, ended_on=day) for day in (over, alive)]

    assert found(Player(world=ended[0])) == []
    assert found(Player(world=ended[1])) == [
        ("I11", "streak", None, "day_streak 0", "day_streak 2")
    ]


def test_i11_earned_dates_are_those_of_the_counted_sessions() -> None:
    stranger = DAYS[1] + timedelta(days=1)
    wrong = Player(dates=Dates(earned={DAYS[0], stranger}, bridges={DAYS[1]}))

    assert found(wrong) == [
        ("I11", "date", str(DAYS[1]), "bridge", "earned"),
        ("I11", "date", str(stranger), "earned", None),
    ]


def test_i11_a_bridge_holds_a_streak_together_and_adds_nothing() -> None:
    bridge = DAYS[1] + timedelta(days=1)
    world = WORLD._replace(streak_through=bridge, bridged_through=bridge)

    assert found(Player(world=world, dates=Dates(earned=set(DAYS), bridges={bridge}))) == []


def test_i11_a_restored_date_counts_without_a_session() -> None:
    restored = DAYS[1] + timedelta(days=1)
    world = WORLD._replace(
        day_streak=3, longest_streak=3, last_session_date=restored, streak_through=restored
    )
    dates = Dates(earned=set(DAYS), restored={restored})

    assert found(Player(world=world, dates=dates)) == []


def test_i11_a_session_on_a_restored_date_leaves_it_restored() -> None:
    dates = Dates(earned={DAYS[0]}, restored={DAYS[1]})

    assert found(Player(dates=dates)) == []


def test_i11_a_streak_that_lost_a_restored_date_is_named() -> None:
    restored = DAYS[1] + timedelta(days=1)
    wrong = Player(dates=Dates(earned=set(DAYS), restored={restored}))

    assert found(wrong) == [
        (
            "I11",
            "streak",
            None,
            f"day_streak 2, longest_streak 2, last_session_date {DAYS[1]}, streak_through {DAYS[1]}",
            f"day_streak 3, longest_streak 3, last_session_date {restored}, streak_through {restored}",
        )
    ]


def test_i11_streak_freezes_are_recomputed_by_the_rules_that_are_given() -> None:
    rule = Freezes(every_days=2, since=DAYS[0])
    numbers = replace(NUMBERS, world=replace(NUMBERS.world, freezes=rule))
    player = Player()

    assert [d.recomputed for d in drifts(player.facts, numbers)] == ["freeze_days 2"]


def test_a_drift_can_be_told_from_another_by_its_values() -> None:
    drift = Drift(PLAYER, "I1", "gold", None, 1, 2)

    assert drift != replace(drift, stored=3)
    assert len({drift, replace(drift)}) == 1
