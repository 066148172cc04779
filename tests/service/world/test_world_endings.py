"""The job that ends streaks: soon after midnight in each zone, and nobody waits for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from services.world import endings
from tests.service.by_the_clock import done
from tests.service.world.clock import with_a_clock
from tests.service.world.conftest import open_town
from tests.service.world.residents import Player, Town

DAY = timedelta(days=1)
# On the 16th, a date has been missed.
LAST = datetime(2031, 5, 14, 12, tzinfo=UTC)
MIDNIGHTS = {
    "Asia/Kathmandu": datetime(2031, 5, 15, 18, 15, tzinfo=UTC),
    "Europe/Berlin": datetime(2031, 5, 15, 22, 0, tzinfo=UTC),
    "UTC": datetime(2031, 5, 16, 0, 0, tzinfo=UTC),
}
MOVED = "UPDATE world_state SET timezone = %s WHERE user_id = %s RETURNING timezone"
STORED = "SELECT day_streak, longest_streak, ended_on::text FROM world_state WHERE user_id = %s"


@dataclass(frozen=True)
class Nights:
    """A world with a clock of its own, and its job."""

    town: Town
    set_to: Callable[[datetime], None]

    def run(self) -> int:
        return done("world", "streaks", self.town.url)

    def player(self, zone: str) -> Player:
        """One with a streak of three days, the last of them the 14th."""
        self.set_to(LAST - 3 * DAY)
        player = Player(self.town)
        player.set_zone(zone)
        player.credit(LAST - 2 * DAY, LAST - DAY, LAST)
        return player

    def stored(self, player: Player) -> tuple[int, int, str | None]:
        ((streak, longest, ended_on),) = self.town.rows(STORED, player.id)
        return streak, longest, ended_on


@pytest.fixture(scope="module")
def nights(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nights]:
    url = new_database("world")
    set_to = with_a_clock(url)
    with open_town(url, tmp_path_factory.mktemp("t"), sandbox=False) as town:
        yield Nights(town, set_to)


def test_a_streak_ends_with_the_midnight_of_its_own_zone_and_once(nights: Nights) -> None:
    players = {zone: nights.player(zone) for zone in MIDNIGHTS}
    moment = timedelta(seconds=10)

    for zone, midnight in MIDNIGHTS.items():
        nights.set_to(midnight - moment)
        assert nights.run() == 0
        assert players[zone].world().day_streak == 3
        nights.set_to(midnight + moment)
        # What is shown did not wait for it.
        assert players[zone].world().day_streak == 0
        assert (nights.run(), nights.run()) == (1, 0)
        assert nights.stored(players[zone]) == (0, 3, "2031-05-16")
        assert players[zone].world().day_streak == 0


def test_a_zone_that_nobody_here_knows_keeps_no_other_waiting(nights: Nights) -> None:
    stranger, neighbour = nights.player("Europe/Berlin"), nights.player("Europe/Berlin")
    nights.town.rows(MOVED, "Atlantis/Harbour", stranger.id)

    nights.set_to(MIDNIGHTS["Europe/Berlin"] + DAY)
    ended = nights.run()
    nights.town.rows(MOVED, "Europe/Berlin", stranger.id)

    assert ended == 1
    assert nights.stored(neighbour)[0] == 0
    assert nights.run() == 1


def test_a_success_that_is_told_late_goes_on_with_a_streak_that_was_ended(nights: Nights) -> None:
    player = nights.player("Europe/Berlin")
    nights.set_to(MIDNIGHTS["Europe/Berlin"] + timedelta(hours=8))
    assert nights.run() == 1

    credited = player.credit(LAST + DAY)

    assert credited.world.day_streak == 4
    assert nights.stored(player) == (4, 4, None)
    assert nights.run() == 0


def test_a_flight_west_to_a_date_that_is_not_over_shows_the_streak_again(nights: Nights) -> None:
    player = nights.player("Asia/Kathmandu")
    nights.set_to(MIDNIGHTS["Asia/Kathmandu"] + timedelta(hours=2))
    assert nights.run() == 1

    assert player.set_zone("America/New_York").day_streak == 3

    assert nights.stored(player) == (3, 3, None)
    assert nights.run() == 0


def test_who_cannot_be_ended_holds_up_nobody_behind(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endings, "PAGE", 2)
    nights.set_to(LAST + 3 * DAY)
    # Whoever other tests left with a streak.
    nights.run()
    players = sorted((nights.player("Asia/Tokyo") for _ in range(5)), key=lambda player: player.id)
    nights.set_to(LAST + 3 * DAY)

    with psycopg.connect(nights.town.url) as holder:
        holder.execute("SELECT 1 FROM world_state WHERE user_id = %s FOR UPDATE", [players[0].id])
        assert nights.run() == 4

    assert nights.run() == 1
    assert [nights.stored(player)[0] for player in players] == [0] * 5
