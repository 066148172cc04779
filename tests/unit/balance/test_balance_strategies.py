"""What people with certain habits do on a day, who has them, and where they live."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from services.inventory.shop import Offer
from services.world.streak import is_zone
from tests.unit.balance.a_game import GAME, NAMES, STRATEGIES, a_player, a_traveller, shares
from town.balance.players import HOME_DAYS, TRIP_DAYS, ZONES
from town.balance.strategies import Buyer, Plan, cheapest, dearest, epics_first, planned, strategies

OFFERS = [
    Offer(item, GAME.inventory.shop.price_gold.of(item.rarity))
    for rarity in ("rare", "epic", "common")
    for item in [next(i for i in GAME.items if i.rarity == rarity)]
]
DAY_MINUTES = 24 * 60


def plans(name: str, *, is_weekend: bool, count: int = 500) -> list[Plan]:
    dice = Random(3)  # noqa: S311 - a game
    each = [planned(STRATEGIES[name], dice, is_weekend=is_weekend) for _ in range(count)]
    return [plan for plan in each if plan]


@pytest.mark.parametrize("name", NAMES)
def test_every_session_is_one_that_the_rules_let_somebody_start(name: str) -> None:
    lengths = {minutes for p in plans(name, is_weekend=True) for minutes, _ in p.sessions}

    assert lengths <= set(range(GAME.session.minimum_minutes, GAME.session.maximum_minutes + 1))


@pytest.mark.parametrize("name", NAMES)
def test_a_days_play_ends_before_the_next_day_begins(name: str) -> None:
    for plan in plans(name, is_weekend=True):
        takes = sum(minutes + away_s / 60 for minutes, away_s in plan.sessions)

        assert plan.begins + takes < DAY_MINUTES + STRATEGIES[name].begins[0]


def test_a_binge_is_on_weekends() -> None:
    assert len(plans("binge", is_weekend=True)) > 400
    assert len(plans("binge", is_weekend=False)) < 50


def test_farmers_follow_the_rules_to_the_shortest_and_the_longest_session() -> None:
    other = replace(GAME.session, minimum_minutes=15, maximum_minutes=120)

    *_, longest, shortest = strategies(other)

    assert (longest.minutes, shortest.minutes) == ((120,), (15,))
    assert shortest.sessions == (12, 20)


def test_both_farmers_go_on_for_as_long() -> None:
    *_, longest, shortest = STRATEGIES.values()

    assert shortest.sessions == (36, 60)
    assert longest.sessions == (1, 2)


def test_the_shares_make_a_hundred() -> None:
    assert sum(strategy.share for strategy in STRATEGIES.values()) == 100


@pytest.mark.parametrize("count", [25, 33, 50, 99, 10_000])
def test_every_strategy_has_its_share_of_players_and_nobody_is_left_out(count: int) -> None:
    found = shares(count)

    assert sum(found.values()) == count
    for name, strategy in STRATEGIES.items():
        assert abs(found[name] - count * strategy.share / 100) < 1
        assert found[name] >= 1


def test_expected_sessions_are_those_that_are_played() -> None:
    dice = Random(1)  # noqa: S311 - a game
    strategy = STRATEGIES["steady"]
    week = [planned(strategy, dice, is_weekend=n % 7 > 4) for n in range(7 * 400)]

    played = sum(len(plan.sessions) for plan in week if plan) / len(week)

    assert played == pytest.approx(strategy.sessions_a_day, rel=0.03)


@pytest.mark.parametrize(
    ("buyer", "with_epics", "without", "when_all_epics_are_owned"),
    [
        (cheapest, "common", "common", "common"),
        (dearest, "epic", "rare", "rare"),
        (epics_first, "epic", None, "rare"),
    ],
)
def test_buyers_choose_by_price_and_savers_wait_for_epics(
    buyer: Buyer, with_epics: str, without: str | None, when_all_epics_are_owned: str
) -> None:
    no_epics = [offer for offer in OFFERS if offer.item.rarity != "epic"]

    chosen = [
        buyer(offers, is_epic_missing)
        for offers, is_epic_missing in ((OFFERS, True), (no_epics, True), (no_epics, False))
    ]

    assert [offer and offer.item.rarity for offer in chosen] == [
        with_epics,
        without,
        when_all_epics_are_owned,
    ]
    assert buyer([], False) is None  # noqa: FBT003 - a Buyer


def test_homes_are_real_zones_and_their_weights_make_a_hundred() -> None:
    assert all(is_zone(zone) for zone in ZONES)
    assert sum(ZONES.values()) == 100


def test_zones_are_mixed_and_few_players_travel() -> None:
    everybody = [a_player("casual", number) for number in range(1_000)]

    assert {one.home for one in everybody} == set(ZONES)
    assert 20 < sum(len(one.moves) > 1 for one in everybody) < 90


def test_a_traveller_is_away_for_days_and_then_at_home_again() -> None:
    one = a_traveller("steady")

    days = list(one.moves)
    stays = [after - before for before, after in pairwise(days)]
    assert all(one.moves[day] == one.home for day in days[::2])
    assert all(one.moves[day] != one.home for day in days[1::2])
    assert all(HOME_DAYS[0] <= stay <= HOME_DAYS[1] for stay in stays[::2])
    assert all(TRIP_DAYS[0] <= stay <= TRIP_DAYS[1] for stay in stays[1::2])


def test_luck_is_a_players_own() -> None:
    first, again, second = a_player("steady"), a_player("steady"), a_player("steady", 1)
    other = a_player("steady", seed=8)

    seeds = [one.dice.randbytes(32) for one in (first, again, second, other)]
    assert seeds[0] == seeds[1]
    assert len(set(seeds)) == 3
