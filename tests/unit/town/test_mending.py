"""What is to be done about each drift, and what a person must decide."""

from dataclasses import replace

import pytest

from tests.unit.town.a_player import CAPE, HAT, NUMBERS, PLAYER, Player, credit, owned, success
from town.facts import DropGrant, Hero
from town.invariants import Drift, drifts
from town.mending import Change, LeftAlone, Mend, mends


def plan(player: Player) -> list[Mend]:
    return [m for d in drifts(player.facts, NUMBERS) for m in mends(d, player.facts, NUMBERS)]


def results(player: Player) -> list[str]:
    """What the changes make, in order; every drift must be mended."""
    changes = plan(player)
    assert all(isinstance(change, Change) for change in changes)
    return [change.result for change in changes if isinstance(change, Change)]


def reasons(player: Player) -> set[str]:
    """Why everything is left alone."""
    left = plan(player)
    assert left
    assert all(isinstance(mend, LeftAlone) for mend in left)
    return {mend.why for mend in left if isinstance(mend, LeftAlone)}


def test_a_player_with_whom_all_is_right_needs_nothing() -> None:
    assert plan(Player()) == []


def test_gold_and_growth_are_set_each_by_itself() -> None:
    changes = plan(Player(hero=Hero(PLAYER, 3, 11, 126, 0)))

    assert [dict(c.values) for c in changes if isinstance(c, Change)] == [
        {"gold": 125},
        {"level": 3, "exp": 10},
    ]


def test_who_spent_more_than_was_earned_is_left_to_a_person() -> None:
    player = Player(successes=[], hero=Hero(PLAYER, 1, 10, 0, 0), credits=[])

    (gold,) = (mend for mend in plan(player) if mend.drift.invariant == "I1")

    assert gold == LeftAlone(gold.drift, "more was spent than was earned")


def test_a_missing_hero_or_world_is_first_made_by_its_service() -> None:
    assert reasons(Player(hero=None)) == {
        "the hero is made at the player's next visit: repair then"
    }
    assert reasons(Player(world=None)) == {
        "the world is made at the player's next visit: repair then"
    }


def test_an_item_too_many_stays_with_the_player() -> None:
    surplus = Player()
    surplus.successes[5] = success(5, dropped=False, item_id=None)

    assert results(surplus) == ["hat kept as a gift", "drop forgotten"]


def test_a_lost_drop_is_delivered_again() -> None:
    lost = Player(owned=[owned(CAPE)], grants=[], wardrobe=None)

    assert results(lost) == ["session delivered again"]


def test_what_is_owned_by_a_drop_is_what_the_drop_gave() -> None:
    other = Player(grants=[DropGrant(PLAYER, "session-5", CAPE)])

    assert results(other) == ["granted hat"]


def test_session_hears_again_what_inventory_remembers() -> None:
    nothing = Player(
        owned=[owned(CAPE)], grants=[DropGrant(PLAYER, "session-5", None)], wardrobe=None
    )

    assert results(nothing) == ["session delivered again"]


def test_a_granted_item_that_came_by_another_way_is_left_to_a_person() -> None:
    bought = Player(owned=[owned(CAPE)], grants=[DropGrant(PLAYER, "session-5", CAPE)])
    bought = replace(bought, wardrobe=None)

    assert reasons(bought) == {"the granted item is owned by another way"}


def test_a_purchase_that_brought_another_item_is_delivered_and_the_other_one_kept() -> None:
    other = Player(owned=[owned(HAT), replace(owned(CAPE), item_id="scarf")], wardrobe=None)

    assert results(other) == ["scarf kept as a gift", "purchase delivered again"]


def test_a_delivery_that_is_still_tried_is_left_to_the_sweeper() -> None:
    waiting = Player()
    waiting.successes[0] = success(0, is_settled=False, settle_after=success(0).ended_at)

    assert reasons(waiting) == {"the sweeper goes on trying; see `nesra deliveries`"}


def test_a_count_of_nobody_is_taken_out_and_the_rest_follows() -> None:
    surplus = Player(credits=[*Player().credits, credit(0, session_id="nobody's")])

    assert results(surplus) == ["not counted"]


@pytest.mark.parametrize(
    ("invariant", "what"),
    [
        ("I1", "gold of session"),
        ("I2", "exp of session"),
        ("I3", "drop chance of session"),
        ("I3", "copies of item"),
        ("I9", "completion of session"),
        ("I10", "start of session"),
    ],
)
def test_what_is_history_is_left_to_a_person(invariant: str, what: str) -> None:
    drift = Drift(PLAYER, invariant, what, "id", 2, 1)

    assert list(mends(drift, Player().facts, NUMBERS)) == [
        LeftAlone(drift, "what happened is history; a person must judge it")
    ]
