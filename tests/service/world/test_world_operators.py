"""What operators ask of world: why a streak is what it is, and that dates count."""

from datetime import UTC, datetime, timedelta

import pytest

from protos.world.v1 import world_pb2 as pb
from services.kit.errors import Refused
from tests.service.peers import at_once, insisting
from tests.service.world.residents import NOON, WARRANT, Player, days

AUDIT = "SELECT actor::text, action, target::text, reason, changes FROM audit WHERE user_id = %s"


@pytest.fixture
def gapped(player: Player) -> Player:
    """One who focused on 12, 13 and 15 May; it is noon of the 15th."""
    player.live_at(NOON + timedelta(days=1))
    player.credit(*days(-2, -1), NOON + timedelta(days=1))
    return player


def told(player: Player, first: str | None = None, last: str | None = None) -> list[str]:
    return [f"{one.date} {one.day_streak}" for one in player.explain(first, last).dates]


def test_a_restored_date_counts_as_an_earned_one(gapped: Player) -> None:
    world = gapped.restore("2031-05-14")

    assert (world.day_streak, world.longest_streak) == (4, 4)
    assert world == gapped.world()
    assert gapped.dates()["2031-05-14"] == "restored"


def test_what_was_restored_stands_in_the_trail_with_what_it_was(gapped: Player) -> None:
    gapped.restore("2031-05-14", "2031-05-13")

    changes = {
        "day_streak": [1, 4],
        "longest_streak": [2, 4],
        "2031-05-14": [None, "restored"],
    }
    assert gapped.town.rows(AUDIT, gapped.id) == [
        (WARRANT.actor, "streak.restore", gapped.id, "ticket 7", changes)
    ]


def test_restoring_again_changes_nothing_and_leaves_one_entry(gapped: Player) -> None:
    gapped.restore("2031-05-14")
    before = gapped.everything()

    assert gapped.restore("2031-05-14", "2031-05-14").day_streak == 4

    assert gapped.everything() == before
    assert len(gapped.town.rows(AUDIT, gapped.id)) == 1


def test_an_earned_date_stays_earned(gapped: Player) -> None:
    gapped.restore("2031-05-13")

    assert gapped.dates()["2031-05-13"] == "earned"
    assert gapped.town.rows(AUDIT, gapped.id) == []


def test_a_bridge_that_is_restored_adds_to_the_streak(player: Player) -> None:
    player.live_at(NOON)
    player.set_zone("Pacific/Honolulu")
    player.credit(NOON)
    player.live_at(NOON + timedelta(days=1, minutes=30))
    player.set_zone("Pacific/Kiritimati")

    assert player.restore("2031-05-15").day_streak == 2
    assert player.dates()["2031-05-15"] == "restored"


def test_a_restored_date_stays_restored_when_a_session_ends_on_it(gapped: Player) -> None:
    gapped.restore("2031-05-14")

    world = gapped.credit(NOON).world

    assert (world.day_streak, world.total_sessions_success) == (4, 4)
    assert gapped.dates()["2031-05-14"] == "restored"
    date = gapped.explain("2031-05-14").dates[0]
    assert (date.kind, date.sessions) == (pb.DATE_KIND_RESTORED, 1)


def test_today_may_be_restored_and_earned_besides(player: Player) -> None:
    player.live_at(NOON)
    player.restore("2031-05-14")

    world = player.credit(NOON).world

    assert (world.day_streak, world.last_session_date) == (1, "2031-05-14")
    assert player.dates() == {"2031-05-14": "restored"}


def test_the_next_date_follows_a_restored_one(gapped: Player) -> None:
    gapped.live_at(NOON + timedelta(days=3))
    gapped.restore("2031-05-14", "2031-05-16")

    assert gapped.credit(NOON + timedelta(days=3)).world.day_streak == 6


@pytest.mark.parametrize("day", ["2031-05-16", "9999-12-31", "2030-04-09", "0001-01-01"])
def test_a_date_ahead_or_long_ago_is_refused_and_nothing_is_restored(
    gapped: Player, day: str
) -> None:
    before = gapped.everything()

    with pytest.raises(Refused, match="DATE_OUT_OF_REACH"):
        gapped.restore("2031-05-14", day)

    assert gapped.everything() == before


def test_today_is_the_players_own(gapped: Player) -> None:
    gapped.set_zone("Pacific/Kiritimati")

    assert gapped.restore("2031-05-16").last_session_date == "2031-05-16"


def test_of_many_who_restore_at_once_one_is_told_in_the_trail(gapped: Player) -> None:
    worlds = at_once(8, lambda _: gapped.restore("2031-05-14"))

    assert {world.day_streak for world in worlds} == {4}
    assert len(gapped.town.rows(AUDIT, gapped.id)) == 1


def test_sessions_and_restored_dates_at_once_make_one_streak(gapped: Player) -> None:
    gapped.live_at(NOON + timedelta(days=9))
    earned = (2, 4, 5, 6, 7, 8)

    def act(n: int) -> None:
        if n < len(earned):
            gapped.credit(NOON + timedelta(days=earned[n]))
        else:
            gapped.restore("2031-05-14", "2031-05-17")

    at_once(10, insisting(act))

    assert gapped.world().day_streak == 11


def test_the_dates_between_are_told_and_none_before_the_first(gapped: Player) -> None:
    whole = ["2031-05-12 1", "2031-05-13 2", "2031-05-14 0", "2031-05-15 1"]

    assert told(gapped) == whole
    assert told(gapped, "2031-05-13", "2031-05-14") == whole[1:3]
    assert told(gapped, None, "2031-05-13") == whole[:2]
    assert told(gapped, "2031-05-14") == whole[2:]
    assert told(gapped, "0001-01-01", "9999-12-31") == []
    assert told(gapped, "2031-06-01", "9999-12-31") == []


def test_thirty_dates_are_told_when_none_are_named_and_400_at_most(player: Player) -> None:
    player.live_at(NOON)
    player.credit(NOON - timedelta(days=900))

    usual, wide = player.explain().dates, player.explain("2029-01-01").dates

    assert (len(usual), usual[-1].date) == (30, "2031-05-14")
    assert (len(wide), wide[0].date, wide[-1].date) == (400, "2029-01-01", "2030-02-04")


def test_a_date_names_the_session_that_ended_first_and_counts_them(player: Player) -> None:
    player.live_at(NOON)
    first, second = player.success(NOON - timedelta(hours=2)), player.success(NOON)
    player.town.credit([second])
    player.town.credit([first])

    (date,) = player.explain().dates

    assert (date.session_id, date.sessions) == (first.session_id, 2)
    assert date.ends_at == first.ends_at
    assert date.why == "2 sessions ended on this date, which counts once. A streak began."


def test_of_who_never_played_there_is_nothing_to_explain(player: Player) -> None:
    answer = player.explain()

    assert answer.why == "There is no streak: no date counts yet."
    assert (len(answer.dates), answer.world.day_streak) == (0, 0)
    assert answer.today == str(datetime.now(UTC).date())


def test_explaining_changes_nothing(gapped: Player) -> None:
    before = gapped.everything()

    gapped.explain()

    assert gapped.everything() == before
