"""A player's zone: when it may change, and which dates it makes."""

from datetime import datetime, timedelta

import pytest

from services.kit.errors import Refused
from tests.service.world.residents import NOON, Player, days

HONOLULU = "Pacific/Honolulu"  # UTC-10
KIRITIMATI = "Pacific/Kiritimati"  # UTC+14, a date ahead of Honolulu at every hour
BERLIN = "Europe/Berlin"
# Clocks are set to within a few seconds: far enough from the 24 hours between changes.
A_DAY_LATER = NOON + timedelta(days=1, minutes=30)


def test_the_first_zone_is_free_and_is_shown(player: Player) -> None:
    assert player.set_zone(BERLIN).timezone == BERLIN
    assert player.world().timezone == BERLIN


@pytest.mark.parametrize("name", ["", "Mars/Base", "localtime", "Factory", "UTC\0", "x" * 5000])
def test_an_unknown_zone_is_refused(player: Player, name: str) -> None:
    with pytest.raises(Refused) as refused:
        player.set_zone(name)

    assert refused.value.reason == "ZONE_UNKNOWN"
    assert player.world().timezone == "UTC"


def test_a_further_change_within_24_hours_is_refused_and_told_when(player: Player) -> None:
    player.live_at(NOON)
    player.set_zone(BERLIN)
    player.live_at(NOON + timedelta(hours=23, minutes=30))

    with pytest.raises(Refused) as refused:
        player.set_zone(HONOLULU)

    assert refused.value.reason == "ZONE_CHANGED_RECENTLY"
    text = refused.value.metadata["allowed_from"]
    assert text.endswith("Z")
    allowed_from = datetime.fromisoformat(text)
    assert abs(allowed_from - NOON - timedelta(days=1)) < timedelta(seconds=30)
    assert player.world().timezone == BERLIN


def test_after_24_hours_by_the_players_clock_the_zone_may_change_again(player: Player) -> None:
    player.live_at(NOON)
    player.set_zone(BERLIN)
    player.live_at(NOON + timedelta(hours=24, minutes=30))

    assert player.set_zone(HONOLULU).timezone == HONOLULU


def test_setting_the_same_zone_again_changes_nothing(player: Player) -> None:
    player.set_zone(BERLIN)
    before = player.everything()

    player.set_zone(BERLIN)

    assert player.everything() == before


def test_setting_the_zone_of_a_new_player_uses_nothing_up(player: Player) -> None:
    player.set_zone("UTC")

    assert player.set_zone(BERLIN).timezone == BERLIN


def test_a_session_counts_in_the_zone_at_its_end(player: Player) -> None:
    player.live_at(NOON)
    player.set_zone(KIRITIMATI)

    assert player.credit(NOON + timedelta(hours=1)).world.last_session_date == "2031-05-15"


def test_a_session_that_ended_before_the_first_zone_counts_in_utc(player: Player) -> None:
    player.live_at(NOON)
    player.set_zone(KIRITIMATI)

    assert player.credit(NOON - timedelta(hours=1)).world.last_session_date == "2031-05-14"


def test_a_session_that_ended_between_two_changes_counts_in_the_first_zone(
    player: Player,
) -> None:
    player.live_at(NOON)
    player.set_zone(HONOLULU)
    player.live_at(NOON + timedelta(days=3))
    player.set_zone(KIRITIMATI)

    assert player.credit(NOON + timedelta(hours=20)).world.last_session_date == "2031-05-14"


def test_a_change_of_zone_never_rewrites_earned_dates(player: Player) -> None:
    player.live_at(NOON)
    player.credit(*days(-2, 0))
    before = player.dates()

    player.set_zone(HONOLULU)

    assert player.dates() == before
    assert player.world().day_streak == 3


def test_flying_east_bridges_the_skipped_dates(player: Player) -> None:
    player.live_at(NOON)
    player.set_zone(HONOLULU)
    player.credit(NOON)
    player.live_at(A_DAY_LATER)

    player.set_zone(KIRITIMATI)

    assert player.dates() == {"2031-05-14": "earned", "2031-05-15": "bridge"}
    assert player.world().day_streak == 1
    world = player.credit(NOON + timedelta(days=1, hours=1)).world
    assert (world.last_session_date, world.day_streak, world.longest_streak) == ("2031-05-16", 2, 2)


def test_a_date_earned_before_the_flight_stays_earned(player: Player) -> None:
    player.live_at(NOON)
    player.set_zone(HONOLULU)
    player.live_at(A_DAY_LATER)
    player.credit(*days(0, 1))

    player.set_zone(KIRITIMATI)

    assert player.dates() == {"2031-05-14": "earned", "2031-05-15": "earned"}
    assert player.world().day_streak == 2


def test_a_late_session_earns_a_bridged_date(player: Player) -> None:
    player.live_at(NOON)
    player.set_zone(HONOLULU)
    player.credit(NOON)
    player.live_at(A_DAY_LATER)
    player.set_zone(KIRITIMATI)
    player.credit(NOON + timedelta(days=1, hours=1))

    world = player.credit(NOON + timedelta(days=1, hours=-1)).world

    assert player.dates()["2031-05-15"] == "earned"
    assert (world.day_streak, world.longest_streak) == (3, 3)


def test_a_late_session_before_a_bridge_holds_the_streak_over_it(player: Player) -> None:
    player.live_at(NOON)
    player.set_zone(HONOLULU)
    player.live_at(A_DAY_LATER)
    player.set_zone(KIRITIMATI)
    player.credit(NOON)

    assert player.credit(NOON + timedelta(days=1, hours=1)).world.day_streak == 2


def test_flying_west_the_date_repeats_and_counts_once(player: Player) -> None:
    player.live_at(NOON)
    player.set_zone(KIRITIMATI)
    player.credit(NOON + timedelta(hours=1), NOON + timedelta(hours=25))
    player.live_at(NOON + timedelta(hours=26))
    player.set_zone(HONOLULU)

    repeated = player.credit(NOON + timedelta(days=2)).world
    following = player.credit(NOON + timedelta(days=3)).world

    assert (repeated.last_session_date, repeated.day_streak) == ("2031-05-16", 2)
    assert (following.last_session_date, following.day_streak) == ("2031-05-17", 3)


def test_today_is_the_players_local_date(player: Player) -> None:
    player.credit(*days(-2, 0))
    player.live_at(NOON + timedelta(days=1))
    assert player.world().day_streak == 3

    player.set_zone(KIRITIMATI)

    # It is the 16th there; the 15th was skipped by the flight, not missed.
    assert player.world().day_streak == 3
    player.live_at(NOON + timedelta(days=2))
    assert player.world().day_streak == 0
