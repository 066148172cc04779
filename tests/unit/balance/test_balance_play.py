"""Lives: whatever is played, the books agree with what was played."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from services.inventory.rules import Event as Season
from services.session.events import Event
from services.session.rules import Growth, grown, reward
from services.world.rules import World, level_by_rule
from services.world.streak import local_date, recomputed, zone_at
from tests.unit.balance.a_game import (
    GAME,
    MARKET,
    NAMES,
    Watched,
    a_player,
    a_traveller,
    watched,
)
from town.balance.life import FIRST_SESSIONS, Session
from town.balance.play import CURVES, FIRST_DAY, Market, Play, lived

DAYS = 60
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_session(number: int = 0, *, minutes: int = 25, late: timedelta = timedelta()) -> Session:
    ends_at = NOON + timedelta(days=number, minutes=minutes)
    return Session(minutes, ends_at, ends_at + late, bytes(32))


@pytest.mark.parametrize("name", NAMES)
def test_gold_is_what_was_earned_less_what_was_spent_and_never_below_zero(name: str) -> None:
    play, life = watched(a_player(name), DAYS)

    earned = sum(reward(session.minutes, GAME.session, None).gold for session in life.heard)
    gold = play.curves[CURVES.index("gold") :: len(CURVES)]
    assert life.gold_earned == earned
    assert life.gold == earned - sum(life.prices) == gold[-1]
    assert min(gold) >= 0


@pytest.mark.parametrize("name", NAMES)
def test_the_level_is_that_of_all_exp_at_once(name: str) -> None:
    play, life = watched(a_player(name), DAYS)

    exp = sum(reward(session.minutes, GAME.session, None).exp for session in life.heard)
    assert life.exp == exp
    assert life.growth == grown(Growth(1, 0), exp, GAME.session)
    # Levels 1 to n - 1 took 100, 200, … exp (specification, Level Up).
    level = life.growth.level
    assert 100 * (level - 1) * level // 2 + life.growth.exp == exp
    assert life.growth.exp < 100 * level
    assert play.curves[-len(CURVES)] == level


@pytest.mark.parametrize("name", NAMES)
def test_nobody_plays_two_sessions_at_once_or_more_than_a_day_has(name: str) -> None:
    _, life = watched(a_player(name), DAYS)

    begins = [s.ends_at - timedelta(minutes=s.minutes) for s in life.heard]
    for before, begin in zip(life.heard, begins[1:], strict=False):
        assert before.ends_at <= before.completed_at <= begin
    minutes = Counter[object]()
    for session in life.heard:
        minutes[session.ends_at.date()] += session.minutes
    assert max(minutes.values()) <= 24 * 60


@pytest.mark.parametrize("name", NAMES)
def test_rooms_follow_the_number_of_sessions(name: str) -> None:
    play, life = watched(a_player(name), DAYS)

    assert life.sessions == len(life.heard)
    for upgrade in GAME.world.upgrades:
        is_reached = life.sessions >= upgrade.sessions
        assert ((upgrade.room, upgrade.level) in play.rooms) == is_reached
        if is_reached:
            until = sum(session.minutes for session in life.heard[: upgrade.sessions])
            assert play.rooms[upgrade.room, upgrade.level].focus_minutes == until
    assert life.world.study_room_level == level_by_rule("study", life.sessions, GAME.world)


@pytest.mark.parametrize("name", ["casual", "steady", "binge", "farmer of the shortest"])
def test_the_streak_is_what_all_dates_make_also_of_who_flies_around_the_world(name: str) -> None:
    _, life = watched(a_traveller(name), 400)

    earned = {local_date(s.ends_at, zone_at(s.ends_at, life.moves)) for s in life.heard}
    assert len(life.moves) > 3
    assert life.dates.earned == earned
    assert not earned & life.dates.bridges
    right = recomputed(World(user_id="", id=""), life.dates, GAME.world.freezes)
    assert life.world.day_streak == right.day_streak
    assert life.world.longest_streak == right.longest_streak
    assert life.world.last_session_date == max(earned)


def test_drops_and_purchases_are_owned_once_each() -> None:
    play, life = watched(a_player("farmer of the shortest"), 365)

    assert len(life.owned) == len(GAME.items) == play.curves[-1]
    assert life.drops > len(GAME.items) - life.bought
    assert play.everything is not None
    # Whoever owns everything can buy nothing.
    assert life.possible(MARKET.offers(play.now)) == []


def test_a_session_that_is_completed_too_early_or_too_late_pays_nothing() -> None:
    life = Watched()

    life.complete(a_session(0, late=timedelta(seconds=-3)))
    life.complete(a_session(1, late=timedelta(hours=24, seconds=1)))

    assert (life.exp, life.gold, life.sessions, life.drops) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("chance", "first", "drought", "drops"), [(0, None, 9, 0), (10_000, 1, 0, 9)]
)
def test_droughts_go_on_until_something_drops(
    chance: int, first: int | None, drought: int, drops: int
) -> None:
    life = Watched(game=replace(GAME, session=replace(GAME.session, drop_chance=chance)))

    for number in range(9):
        life.complete(a_session(number))

    assert (life.first_drop, life.longest_drought, life.drops) == (first, drought, drops)


def test_an_event_pays_and_drops_for_the_sessions_that_start_while_it_runs() -> None:
    # From the start of the second session until the start of the fourth.
    starts, ends = NOON + timedelta(days=1), NOON + timedelta(days=3)
    fair = Event("fair", "A fair", starts, starts, ends, 150, 250, 10_000)
    rules = replace(GAME.session, events=(fair,), drop_chance=0)
    life = Watched(game=replace(GAME, session=rules))

    for number in range(5):
        life.complete(a_session(number))

    assert (life.exp, life.gold_earned) == (3 * 50 + 2 * 75, 3 * 25 + 2 * 62)
    assert (life.drops, life.first_drop) == (2, 2)
    assert life.chances == {0: 3, 10_000: 2}


def test_items_of_an_event_are_obtained_only_while_it_runs_and_at_its_prices() -> None:
    starts, ends = NOON + timedelta(days=1), NOON + timedelta(days=3)
    own = tuple(item.id for item in GAME.items if item.rarity == "epic")
    fair = Season("fair", "A fair", starts, starts, ends, price_percent=50, items=own)
    game = replace(
        GAME,
        session=replace(GAME.session, drop_chance=10_000),
        inventory=replace(GAME.inventory, events=(fair,)),
    )
    life, market = Watched(game=game), Market(game)
    offered = {at: market.offers(at) for at in (NOON, starts, ends)}

    for number in range(5):
        life.complete(a_session(number))
        assert {item.id for item in life.missing(NOON)}.isdisjoint(own)
        if number == 0:
            assert life.owned.isdisjoint(own)

    common = {
        at: {o.price_gold for o in offers if o.item.rarity == "common"}
        for at, offers in offered.items()
    }
    assert [at for at, offers in offered.items() if {o.item.id for o in offers} & {*own}] == [
        starts
    ]
    assert list(common.values()) == [{100}, {50}, {100}]
    assert {item.id for item in life.missing(starts)} & {*own}


def test_the_days_of_a_run_are_those_that_it_names() -> None:
    play = Play(a_player("casual"), GAME, MARKET, date(2030, 5, 1))

    play.day(30)

    assert play.today == date(2030, 5, 31)


def test_the_zone_is_not_changed_twice_in_a_day() -> None:
    life = Watched()

    life.move("Asia/Tokyo", NOON)
    life.move("Europe/Berlin", NOON + timedelta(hours=23))
    still = life.world.timezone
    life.move("Europe/Berlin", NOON + timedelta(hours=24))

    assert (still, life.world.timezone) == ("Asia/Tokyo", "Europe/Berlin")


def test_what_is_affordable_is_judged_by_what_was_earned() -> None:
    play, life = watched(a_player("steady"), 120)

    prices = GAME.inventory.shop.price_gold
    for rarity, reached in play.afforded.items():
        gold = reward(reached.focus_minutes, GAME.session, None).gold
        assert gold >= prices.of(rarity)
    assert list(play.afforded) == ["common", "rare", "epic"]
    days = [reached.day for reached in play.afforded.values()]
    assert days == sorted(days)
    assert life.bought > 0


def test_an_evening_is_written_down_for_every_day_that_passes() -> None:
    outcome = lived(a_player("casual"), GAME, MARKET, DAYS)

    assert len(outcome.curves) == DAYS * len(CURVES)
    levels = outcome.curves[0 :: len(CURVES)]
    assert all(before <= after for before, after in pairwise(levels))
    assert outcome.days_played < DAYS


def test_early_drops_are_told_of_those_who_played_enough() -> None:
    few = lived(a_player("casual"), GAME, MARKET, 7)
    many = lived(a_player("farmer of the shortest"), GAME, MARKET, 7)

    assert few.early_drops is None
    assert many.early_drops is not None
    assert 0 <= many.early_drops <= FIRST_SESSIONS


def test_a_streak_that_was_missed_since_shows_zero() -> None:
    play, life = watched(a_player("binge"), DAYS)
    play.today = FIRST_DAY + timedelta(days=DAYS + 30)

    assert life.world.day_streak > 0
    assert play.outcome().streak == 0
