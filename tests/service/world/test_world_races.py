"""Many at the same time, by real threads: the locks and unique keys hold."""

import psycopg
import pytest

from protos.world.v1 import world_pb2 as pb
from services.kit.errors import Refused
from services.world import store
from tests.service.peers import at_once, insisting, neighbours
from tests.service.world.residents import Player, Town, days


def test_one_session_told_thirty_times_at_once_counts_once(player: Player) -> None:
    success = player.success()

    results = at_once(30, insisting(lambda _: player.town.credit([success])[0]))

    assert all(result.HasField("credited") for result in results)
    assert player.world().total_sessions_success == 1


def test_thirty_sessions_at_once_all_count_and_upgrade_each_room_once(player: Player) -> None:
    instants = days(0, 29)

    successes = [player.success(instant) for instant in instants]
    results = at_once(30, insisting(lambda n: player.town.credit([successes[n]])[0]))

    world = player.world()
    assert (world.total_sessions_success, world.longest_streak) == (30, 30)
    rooms = sorted(room for result in results for room in result.credited.rooms_upgraded)
    assert rooms == [pb.ROOM_STUDY, pb.ROOM_BUILD, pb.ROOM_PLAZA]


def test_batches_that_share_new_players_in_opposite_order_do_not_block_each_other(
    town: Town,
) -> None:
    players = [Player(town, id_) for id_ in neighbours(20)]
    orders = (players, players[::-1])

    batches = at_once(12, lambda n: town.credit([p.success() for p in orders[n % 2]]))

    assert all(result.HasField("credited") for batch in batches for result in batch)
    assert {player.world().total_sessions_success for player in players} == {12}


def test_worlds_are_locked_in_the_order_of_their_players() -> None:
    locking = store._LOCK_WORLDS.sql

    assert "ORDER BY world_state.user_id FOR UPDATE OF world_state)" in locking


def test_a_player_seen_first_by_many_has_one_world(player: Player) -> None:
    worlds = at_once(20, insisting(lambda _: player.world()))

    assert len({world.id for world in worlds}) == 1


def test_of_two_zones_set_at_once_one_wins(player: Player) -> None:
    player.world()
    zones = ("Europe/Berlin", "Asia/Tokyo")

    answers = at_once(2, lambda n: _outcome(player, zones[n]))

    assert sorted(answers) == ["", "ZONE_CHANGED_RECENTLY"]
    assert player.world().timezone == zones[answers.index("")]


def test_a_clock_set_by_many_at_once_keeps_the_newest_revision(player: Player) -> None:
    at_once(20, insisting(lambda n: player.set_clock(1000 + n, revision=n + 1)))

    sql = "SELECT clock_offset_seconds, clock_revision FROM world_state WHERE user_id = %s"
    assert player.town.rows(sql, player.id) == [(1019, 20)]


def test_the_database_itself_refuses_a_second_record_of_a_session(player: Player) -> None:
    player.credit()

    with pytest.raises(psycopg.errors.UniqueViolation):
        player.town.execute(
            # On another day, and told at another time.
            "INSERT INTO credited_session"
            " (user_id, session_id, ends_at, local_date, credited_at, rooms_upgraded)"
            " SELECT user_id, session_id, ends_at, local_date + 1, now(), rooms_upgraded"
            " FROM credited_session WHERE user_id = %s",
            player.id,
        )


def _outcome(player: Player, zone: str) -> str:
    try:
        player.set_zone(zone)
    except Refused as refused:
        return refused.reason
    return ""
