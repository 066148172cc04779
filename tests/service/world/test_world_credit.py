"""Sessions count once, rooms grow, dates make the streak."""

import uuid
from datetime import date, timedelta
from random import Random

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from protos.world.v1 import world_pb2 as pb
from services.kit.errors import Refused
from services.world.rules import NO_FREEZES, World
from services.world.streak import Dates, recomputed
from tests.service.peers import neighbours
from tests.service.world.residents import NOON, Player, Town, days


def test_a_new_player_has_a_new_world(player: Player) -> None:
    world = player.world()

    assert world == pb.World(
        id=world.id,
        user_id=player.id,
        study_room_level=1,
        build_room_level=1,
        training_room_level=1,
        plaza_level=1,
        timezone="UTC",
        next_upgrade=pb.NextUpgrade(room=pb.ROOM_STUDY, level=2, sessions_left=5),
    )


def test_the_id_of_a_world_stays(player: Player) -> None:
    before = player.world().id

    assert player.credit().world.id == before
    assert player.world().id == before
    assert uuid.UUID(before).version == 7


def test_the_first_success_counts(player: Player) -> None:
    world = player.credit(NOON).world

    assert (world.total_sessions_success, world.day_streak, world.longest_streak) == (1, 1, 1)
    assert world.last_session_date == "2031-05-14"
    assert world == player.world()


def test_worlds_are_read_in_the_order_of_the_request(town: Town) -> None:
    players = [Player(town, id_) for id_ in neighbours(5)]
    ids = [player.id for player in (*players, players[0])]

    worlds = town.gateway.BatchGetWorlds(pb.BatchGetWorldsRequest(user_ids=ids)).worlds

    assert [world.user_id for world in worlds] == ids


def test_the_upgrade_is_told_with_the_session_that_made_it(player: Player) -> None:
    for _ in range(4):
        assert player.credit().rooms_upgraded == []

    credited = player.credit()

    assert credited.rooms_upgraded == [pb.ROOM_STUDY]
    assert credited.world.study_room_level == 2


def test_thirty_successes_make_the_three_upgrades(player: Player) -> None:
    results = player.town.credit([player.success() for _ in range(30)])

    upgrades = {n: list(r.credited.rooms_upgraded) for n, r in enumerate(results, start=1)}
    assert {n: rooms for n, rooms in upgrades.items() if rooms} == {
        5: [pb.ROOM_STUDY],
        15: [pb.ROOM_BUILD],
        30: [pb.ROOM_PLAZA],
    }
    world = player.world()
    assert (world.study_room_level, world.build_room_level, world.plaza_level) == (2, 2, 2)
    assert world.training_room_level == 1
    assert not world.HasField("next_upgrade")


def test_telling_a_session_again_answers_the_same_rooms_and_the_world_of_now(
    player: Player,
) -> None:
    player.credit(*[NOON] * 4)
    fifth = player.success()
    player.town.credit([fifth])
    player.credit()
    before = player.everything()

    again = player.town.credit([fifth])[0].credited

    assert again.rooms_upgraded == [pb.ROOM_STUDY]
    assert again.world == player.world()
    assert again.world.total_sessions_success == 6
    assert player.everything() == before


def test_a_session_told_twice_in_one_batch_counts_once(player: Player) -> None:
    success = player.success()

    first, second = player.town.credit([success, success])

    assert first == second
    assert first.credited.world.total_sessions_success == 1


def test_a_batch_answers_in_the_order_of_the_request(town: Town) -> None:
    known, new = (Player(town, id_) for id_ in neighbours(2))
    known.credit()

    results = town.credit([p.success() for p in (new, known, new)])

    assert [r.credited.world.user_id for r in results] == [new.id, known.id, new.id]
    assert [r.credited.world.total_sessions_success for r in results] == [2, 2, 2]


def test_a_poisoned_credit_fails_alone(player: Player) -> None:
    nameless = player.success(session_id="no uuid")
    timeless = pb.Credit(
        user_id=player.id, session_id=str(uuid.uuid4()), ends_at=Timestamp(seconds=1 << 60)
    )

    results = player.town.credit([player.success(), nameless, timeless, player.success()])

    outcomes = [result.WhichOneof("outcome") for result in results]
    assert outcomes == ["credited", "failure", "failure", "credited"]
    assert {result.failure.reason for result in results[1:3]} == {"INTERNAL"}
    assert player.world().total_sessions_success == 2


def test_dates_in_a_row_make_a_streak_that_a_gap_ends(player: Player) -> None:
    assert player.credit(*days(0, 2)).world.longest_streak == 3

    world = player.credit(NOON + timedelta(days=4)).world

    assert (world.day_streak, world.longest_streak) == (1, 3)


def test_a_late_success_fills_the_gap(player: Player) -> None:
    player.credit(*days(0, 1), *days(3, 5))

    world = player.credit(NOON + timedelta(days=2)).world

    assert (world.day_streak, world.longest_streak) == (6, 6)
    assert world.last_session_date == "2031-05-19"


def test_many_dates_of_one_player_in_one_batch_make_a_streak(player: Player) -> None:
    player.credit(NOON)

    results = player.town.credit([player.success(ends_at) for ends_at in reversed(days(1, 6))])

    assert {result.credited.world.day_streak for result in results} == {7}


def test_a_date_ahead_is_counted_without_the_history(player: Player) -> None:
    player.credit(NOON)
    sql = "UPDATE world_state SET day_streak = 41, longest_streak = 41 WHERE user_id = %s"
    player.town.execute(sql, player.id)

    assert player.credit(NOON + timedelta(days=1)).world.day_streak == 42


def test_a_missed_date_shows_0_without_any_job_and_the_longest_stays(player: Player) -> None:
    player.credit(*days(0, 2))

    player.live_at(NOON + timedelta(days=3))
    assert player.world().day_streak == 3

    player.live_at(NOON + timedelta(days=4))
    assert (player.world().day_streak, player.world().longest_streak) == (0, 3)


@pytest.mark.parametrize("seed", range(6))
def test_deliveries_repeated_in_any_order_come_to_the_same(town: Town, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - dice of a test
    orderly, shuffled = Player(town), Player(town)
    instants = [NOON + timedelta(hours=random.randrange(24 * 14)) for _ in range(24)]
    orderly.town.credit([orderly.success(instant) for instant in sorted(instants)])
    deliveries = [shuffled.success(instant) for instant in instants]
    deliveries = [d for d in deliveries for _ in range(random.randint(1, 5))]
    random.shuffle(deliveries)

    while deliveries:
        batch = [deliveries.pop() for _ in range(min(len(deliveries), random.randint(1, 9)))]
        town.credit(batch)

    assert _without_ids(shuffled.world()) == _without_ids(orderly.world())
    assert shuffled.dates() == orderly.dates()
    assert shuffled.world().total_sessions_success == 24
    _assert_streak_is_that_of_the_dates(shuffled)


def _without_ids(world: pb.World) -> pb.World:
    world.ClearField("id")
    world.ClearField("user_id")
    return world


def _assert_streak_is_that_of_the_dates(player: Player) -> None:
    earned = {date.fromisoformat(day) for day, kind in player.dates().items() if kind == "earned"}
    expected = recomputed(World(player.id, ""), Dates(earned=earned), NO_FREEZES)
    stored = player.town.rows(
        "SELECT day_streak, longest_streak, last_session_date FROM world_state WHERE user_id = %s",
        player.id,
    )
    assert stored == [
        (expected.day_streak, expected.longest_streak, expected.last_session_date),
    ]


def test_only_the_session_service_may_credit(player: Player) -> None:
    request = pb.BatchCreditSessionsRequest(credits=[player.success()])

    with pytest.raises(Refused, match="PERMISSION_DENIED"):
        player.town.gateway.BatchCreditSessions(request)

    assert player.world().total_sessions_success == 0


def test_an_empty_batch_is_answered(town: Town) -> None:
    assert town.credit([]) == []
    assert town.gateway.BatchGetWorlds(pb.BatchGetWorldsRequest()).worlds == []
