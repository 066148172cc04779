"""A player who is erased while calls of the player's are under way."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from protos.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from protos.world.v1 import world_pb2, world_pb2_grpc
from services.kit.errors import Failure, Unavailable
from tests.service.inventory.stock import drop_of, new_id
from tests.service.peers import at_once, peer
from tests.service.personal.archive import Archives
from tests.service.session.players import Player

Attempt = Callable[[], object]

NOON = datetime(2031, 5, 14, 12, tzinfo=UTC)
_START = (
    "INSERT INTO session (user_id, id, task_template_id, task_name, category, room,"
    " duration_minutes, started_at, ends_at, status, seed)"
    " SELECT user_id, gen_random_uuid(), id, name, category, room, 25, now(), now(), 'pending',"
    " sha256('') FROM task_template WHERE user_id = %s LIMIT 1"
)


def test_erasing_and_completing_at_once_leave_nothing_half_done(archives: Archives) -> None:
    archive = archives.of["session"]
    for _ in range(5):
        player = Player(archives.session, new_id())
        session = player.started()
        player.wait(25)
        complete, erase = partial(player.complete, session), partial(archive.erase, player.id)

        said = at_once(8, partial(_said, [erase, *7 * [complete]]))

        assert isinstance(said[0], int)
        assert {word for word in said if isinstance(word, str)} <= {"SESSION_UNKNOWN"}
        assert not any(archive.rows(player.id).values())
        # What was paid before is told to the others all the same, and whole.
        _assert_whole(archives, player.id)


def test_erasing_and_crediting_at_once_leave_a_whole_town_or_none(archives: Archives) -> None:
    world = archives.of["world"]
    teller = peer("world", world.target, world_pb2_grpc.WorldServiceStub, caller="session")

    def credit(user_id: str, day: int) -> None:
        ends_at = Timestamp()
        ends_at.FromDatetime(NOON + timedelta(days=day))
        told = world_pb2.Credit(user_id=user_id, session_id=new_id(), ends_at=ends_at)
        teller.BatchCreditSessions(world_pb2.BatchCreditSessionsRequest(credits=[told]))

    days = range(1, 8)
    for _ in range(5):
        user_id = new_id()
        credit(user_id, 0)

        attempts: list[Attempt] = [
            partial(world.erase, user_id),
            *(partial(credit, user_id, n) for n in days),
        ]
        said = at_once(8, partial(_said, attempts))

        assert isinstance(said[0], int)
        assert said[1:] == [None] * 7
        _assert_whole(archives, user_id)


def test_erasing_and_giving_at_once_leave_whole_belongings_or_none(archives: Archives) -> None:
    inventory = archives.of["inventory"]
    stub = inventory_pb2_grpc.InventoryServiceStub
    giver = peer("inventory", inventory.target, stub, caller="session")

    def give(user_id: str) -> None:
        drops = [drop_of(user_id), drop_of(user_id)]
        giver.BatchGrantDrops(inventory_pb2.BatchGrantDropsRequest(drops=drops))

    for _ in range(5):
        user_id = new_id()
        give(user_id)

        attempts: list[Attempt] = [partial(inventory.erase, user_id), *7 * [partial(give, user_id)]]
        said = at_once(8, partial(_said, attempts))

        assert isinstance(said[0], int)
        assert said[1:] == [None] * 7
        _assert_whole(archives, user_id)


def test_erasing_waits_for_a_completion_and_holds_nothing_that_it_needs(
    archives: Archives,
) -> None:
    archive = archives.of["session"]
    player = Player(archives.session, new_id())
    player.started()
    with psycopg.connect(archive.url) as completing, ThreadPoolExecutor() as threads:
        completing.execute("SELECT 1 FROM session WHERE user_id = %s FOR UPDATE", [player.id])
        erasing = threads.submit(archive.erase, player.id)
        archive.await_a_waiter()

        completing.execute("SELECT 1 FROM hero WHERE user_id = %s FOR UPDATE NOWAIT", [player.id])
        completing.commit()

        assert erasing.result() > 0


def test_a_session_that_starts_in_between_keeps_everything_until_the_next_try(
    archives: Archives,
) -> None:
    archive = archives.of["session"]
    player = Player(archives.session, new_id())
    player.tasks()
    before = archive.rows(player.id)
    with psycopg.connect(archive.url) as starting, ThreadPoolExecutor() as threads:
        starting.execute(_START, [player.id])
        erasing = threads.submit(archive.erase, player.id)
        archive.await_a_waiter()
        starting.commit()

        with pytest.raises(Unavailable):
            erasing.result()

    after = archive.rows(player.id)
    assert after | {"session": []} == before
    assert len(after["session"]) == 1
    assert archive.erase(player.id) == sum(map(len, after.values()))


def _said(attempts: Sequence[Attempt], number: int) -> object:
    """What an attempt answers, or the reason why it failed."""
    try:
        return attempts[number]()
    except Failure as failure:
        return failure.reason


def _assert_whole(archives: Archives, user_id: str) -> None:
    """Every count agrees with the rows that it counts, in world and in inventory."""
    world, inventory = archives.of["world"], archives.of["inventory"]
    totals = world.ask("SELECT total_sessions_success FROM world_state WHERE user_id = %s", user_id)
    held = world.rows(user_id)
    assert sum(total for (total,) in totals) == len(held["credited_session"])
    assert bool(held["world_state"]) == bool(held["credited_date"])
    belongings = inventory.rows(user_id)
    assert len(belongings["drop_grant"]) == len(belongings["inventory"])
    assert bool(belongings["wardrobe"]) == bool(belongings["inventory"])
