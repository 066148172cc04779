"""The sandbox moves one player's clock; without a sandbox nothing does."""

from datetime import UTC, datetime, timedelta

import pytest

from services.kit.errors import Refused
from tests.service.world.residents import NOON, Player, Town, days

DAY_S = 86_400


def test_without_a_sandbox_the_clock_cannot_be_set(earnest: Town) -> None:
    player = Player(earnest)

    with pytest.raises(Refused, match="SANDBOX_OFF"):
        player.set_clock(DAY_S)


def test_without_a_sandbox_a_stored_clock_is_ignored(player: Player, earnest: Town) -> None:
    player.credit(NOON)
    player.live_at(NOON + timedelta(days=9))

    assert player.world().day_streak == 0
    assert Player(earnest, player.id).world().day_streak == 1


def test_a_streak_is_shown_by_the_clock_of_the_database(fast: Town) -> None:
    player = Player(fast)

    player.credit(datetime.now(UTC))

    # There, a whole date has passed without a session.
    assert (player.world().day_streak, player.world().longest_streak) == (0, 1)


def test_the_clock_of_one_player_leaves_the_others_alone(town: Town) -> None:
    early, late = Player(town), Player(town)
    early.credit(NOON)
    late.credit(NOON)

    late.live_at(NOON + timedelta(days=9))

    assert (early.world().day_streak, late.world().day_streak) == (1, 0)


def test_an_older_revision_never_undoes_a_newer_one(player: Player) -> None:
    player.set_clock(DAY_S, revision=2)

    player.set_clock(0, revision=1)
    player.set_clock(0, revision=2)

    sql = "SELECT clock_offset_seconds, clock_revision FROM world_state WHERE user_id = %s"
    assert player.town.rows(sql, player.id) == [(DAY_S, 2)]


def test_what_was_earned_stays_when_the_clock_goes_back(player: Player) -> None:
    player.live_at(NOON)
    player.credit(*days(-2, 0))

    player.set_clock(0)

    assert player.world().day_streak == 3


def test_a_zone_set_in_the_future_is_in_force_when_the_clock_goes_back(player: Player) -> None:
    player.live_at(NOON + timedelta(days=30))
    player.set_zone("Pacific/Kiritimati")

    player.live_at(NOON)

    assert player.world().timezone == "Pacific/Kiritimati"
    assert player.credit(NOON + timedelta(hours=1)).world.last_session_date == "2031-05-15"
    player.live_at(NOON + timedelta(days=2))
    assert player.set_zone("UTC").timezone == "UTC"


def test_a_zone_of_a_future_that_was_taken_back_counts_no_session(player: Player) -> None:
    player.live_at(NOON + timedelta(days=30))
    player.set_zone("Pacific/Kiritimati")
    player.live_at(NOON)
    player.live_at(NOON + timedelta(days=2))
    player.set_zone("UTC")
    player.live_at(NOON + timedelta(days=40))
    player.set_zone("Europe/Berlin")

    late = player.credit(NOON + timedelta(days=35)).world

    assert late.last_session_date == "2031-06-18"
