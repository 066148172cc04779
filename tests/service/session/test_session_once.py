"""A write with an idempotency key is done once, and answered the same ever after."""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from google.protobuf.duration_pb2 import Duration

from protos.session.v1 import session_pb2 as pb
from services.kit import failpoints
from services.kit.database import Connection, Database
from services.kit.errors import Failure, Internal, Refused, Unavailable, from_item
from services.session.once import Once
from tests.service.peers import at_once, insisting, neighbours
from tests.service.session.conftest import Town
from tests.service.session.players import Player

TEN_YEARS_S = 3653 * 86_400


def once(key: str = "first try", *, route: str = "POST /api/x", body: bytes = b"{}") -> pb.Once:
    return pb.Once(key=key, route=route, fingerprint=hashlib.sha256(body).digest())


def start(player: Player, once: pb.Once | None) -> Any:
    wish = pb.Start(user_id=player.id, task_template_id=player.tasks()[0].id, once=once)
    result = started(player, wish)[0]
    if result.HasField("failure"):
        raise from_item(result.failure)
    return result


def started(player: Player, *wishes: pb.Start) -> list[pb.StartResult]:
    request = pb.BatchStartSessionsRequest(starts=wishes)
    return list(player.service.BatchStartSessions(request).results)


def create(player: Player, once: pb.Once | None) -> Any:
    return player.service.CreateTask(
        pb.CreateTaskRequest(
            user_id=player.id,
            name="Read",
            category="study",
            default_duration_minutes=25,
            room=pb.ROOM_STUDY,
            once=once,
        )
    )


def advance(player: Player, once: pb.Once | None, seconds: int = 60) -> Any:
    by = Duration(seconds=seconds)
    return player.service.AdvanceClock(pb.AdvanceClockRequest(user_id=player.id, by=by, once=once))


def grant(player: Player, once: pb.Once | None) -> Any:
    return player.service.GrantReward(
        pb.GrantRewardRequest(user_id=player.id, exp=5, gold=7, once=once)
    )


@dataclass(frozen=True)
class Write:
    """A call, and how often the player has had its effect."""

    call: Callable[[Player, pb.Once | None], Any]
    effect: Callable[[Town, Player], int]


def sessions_of(town: Town, player: Player) -> int:
    sql = "SELECT count(*) FROM session WHERE user_id = %s"
    return int(town.rows(sql, player.id)[0][0])


WRITES = [
    pytest.param(Write(start, sessions_of), id="start"),
    pytest.param(Write(create, lambda _, player: len(player.tasks()) - 3), id="create"),
    pytest.param(
        Write(advance, lambda _, player: player.wait().offset.seconds // 60), id="advance"
    ),
    pytest.param(Write(grant, lambda _, player: player.hero().gold // 7), id="grant"),
]


def kept(town: Town, player: Player) -> int:
    """How many keys of the player are stored."""
    sql = "SELECT count(*) FROM idempotency_key WHERE user_id = %s"
    return int(town.rows(sql, player.id)[0][0])


def first_told(answer: Any) -> Any:
    """A repeated answer as it was told first."""
    assert answer.replayed
    answer.replayed = False
    return answer


@contextmanager
def transaction(town: Town) -> Iterator[psycopg.Connection]:
    """Somebody else's transaction, rolled back at the end."""
    with psycopg.connect(town.url) as other:
        yield other
        other.rollback()


@pytest.fixture
def points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which fail points are armed."""
    monkeypatch.setattr(failpoints, "_FOLDER", str(tmp_path))
    return tmp_path


@pytest.fixture
def database(town: Town) -> Iterator[Database]:
    database = Database(town.url, size=2)
    database.open()
    yield database
    database.close()


@pytest.mark.parametrize("write", WRITES)
def test_a_repeated_write_is_done_once_and_answered_the_same(town: Town, write: Write) -> None:
    player = Player(town.sessions)

    first = write.call(player, once())
    second = write.call(player, once())

    assert not first.replayed
    assert first_told(second) == first
    assert write.effect(town, player) == 1


@pytest.mark.parametrize("write", WRITES)
def test_parallel_writes_with_one_key_are_done_once(town: Town, write: Write) -> None:
    player = Player(town.sessions)
    player.tasks()

    answers = at_once(20, insisting(lambda _: write.call(player, once())))

    assert sum(not answer.replayed for answer in answers) == 1
    for answer in answers:
        answer.replayed = False
    assert all(answer == answers[0] for answer in answers)
    assert write.effect(town, player) == 1


@pytest.mark.parametrize("write", WRITES)
def test_a_key_that_comes_with_another_body_is_refused(town: Town, write: Write) -> None:
    player = Player(town.sessions)
    write.call(player, once(body=b"{}"))

    with pytest.raises(Refused, match="IDEMPOTENCY_KEY_REUSED"):
        write.call(player, once(body=b'{"gold": 1000}'))

    assert write.effect(town, player) == 1
    assert write.call(player, once(body=b"{}")).replayed


@pytest.mark.parametrize("write", WRITES[1:])
def test_without_a_key_a_write_is_done_each_time(town: Town, write: Write) -> None:
    player = Player(town.sessions)

    answers = [write.call(player, None) for _ in range(2)]

    assert not any(answer.replayed for answer in answers)
    assert write.effect(town, player) == 2
    assert kept(town, player) == 0


def test_a_key_belongs_to_one_player_and_one_call(town: Town) -> None:
    player, other = Player(town.sessions), Player(town.sessions)

    answers = [
        grant(player, once("a")),
        grant(player, once("b")),
        grant(player, once("a", route="POST /api/y")),
        grant(other, once("a")),
    ]

    assert not any(answer.replayed for answer in answers)
    assert (player.hero().gold, other.hero().gold) == (21, 7)


def test_every_visible_character_is_part_of_a_key(town: Town) -> None:
    player = Player(town.sessions)
    visible = "".join(map(chr, range(0x21, 0x7F)))
    keys = [visible, visible.lower(), visible[::-1], "\\", '"', "NULL", "x" * 255]

    answers = [grant(player, once(key)) for key in keys]
    again = [grant(player, once(key)) for key in keys]

    assert not any(answer.replayed for answer in answers)
    assert all(answer.replayed for answer in again)


def test_a_named_failure_is_told_again_also_when_its_reason_is_gone(town: Town) -> None:
    player = Player(town.sessions)
    with pytest.raises(Refused, match="CLOCK_TOO_FAR") as first:
        advance(player, once(), TEN_YEARS_S + 1)

    with pytest.raises(Refused, match="CLOCK_TOO_FAR") as second:
        advance(player, once(), 60)

    assert first.value.metadata == {}
    assert second.value.metadata == {"replayed": "true"}
    assert player.wait().offset.seconds == 0


def test_of_a_write_that_failed_nothing_stays_but_its_failure(town: Town) -> None:
    newcomer = Player(town.sessions)

    with pytest.raises(Refused):
        advance(newcomer, once(), TEN_YEARS_S + 1)

    assert kept(town, newcomer) == 1
    assert town.rows("SELECT 1 FROM hero WHERE user_id = %s", newcomer.id) == []


def test_a_start_that_met_another_session_meets_it_again_after_that_ended(town: Town) -> None:
    player = Player(town.sessions)
    active = player.started()
    first = start(player, once())
    player.cancel(active)

    second = start(player, once())

    assert first.already_active.session_id == active.session_id
    assert first_told(second) == first
    assert player.active() is None


def test_a_start_that_failed_fails_again(town: Town) -> None:
    player = Player(town.sessions)
    unknown = pb.Start(user_id=player.id, task_template_id=str(uuid.uuid4()), once=once())

    first, second = started(player, unknown)[0], started(player, unknown)[0]

    assert first.failure.reason == second.failure.reason == "TASK_UNKNOWN"
    assert dict(first.failure.metadata) == {}
    assert dict(second.failure.metadata) == {"replayed": "true"}


@pytest.mark.parametrize("write", WRITES)
def test_a_write_that_broke_before_its_commit_is_done_by_the_next_try(
    town: Town, points: Path, write: Write
) -> None:
    player = Player(town.sessions)
    player.tasks()
    (points / "once.kept").write_text("raise")

    with pytest.raises(Failure, match="INTERNAL"):
        write.call(player, once())
    stored = kept(town, player)
    answer = write.call(player, once())

    assert stored == 0
    assert not answer.replayed
    assert write.effect(town, player) == 1


@pytest.mark.parametrize("write", WRITES)
def test_a_write_whose_answer_was_lost_after_its_commit_is_not_done_again(
    town: Town, points: Path, write: Write
) -> None:
    player = Player(town.sessions)
    player.tasks()
    (points / "once.committed").write_text("raise")

    with pytest.raises(Failure, match="INTERNAL"):
        write.call(player, once())
    answer = write.call(player, once())

    assert answer.replayed
    assert write.effect(town, player) == 1


def test_a_write_that_waited_too_long_is_not_kept(town: Town) -> None:
    player = Player(town.sessions)
    player.hero()
    with transaction(town) as other:
        other.execute("SELECT 1 FROM hero WHERE user_id = %s FOR UPDATE", [player.id])
        with pytest.raises(Unavailable):
            grant(player, once())

    assert kept(town, player) == 0
    assert not grant(player, once()).replayed


@pytest.mark.parametrize("failure", [Unavailable(), Internal()])
def test_what_asks_to_be_tried_again_is_not_kept(
    town: Town, database: Database, failure: Failure
) -> None:
    lucky, unlucky = (Player(town.sessions, id_) for id_ in neighbours(2))
    asked = [pb.Start(user_id=player.id, once=once()) for player in (lucky, unlucky)]
    answer = pb.StartResult(started=pb.Session(session_id="s"))

    outcomes = Once(database).answers(asked, pb.StartResult, lambda *_: [answer, failure])

    assert outcomes == [answer, failure]
    assert (kept(town, lucky), kept(town, unlucky)) == (1, 0)


def test_a_failure_that_asks_to_be_tried_again_undoes_its_work(
    town: Town, database: Database
) -> None:
    player = Player(town.sessions)
    hero = player.hero()

    def work(connection: Connection) -> pb.GrantRewardResponse:
        connection.execute("UPDATE hero SET gold = 1 WHERE hero.user_id = %s", [player.id])
        raise Unavailable

    with pytest.raises(Unavailable):
        Once(database).answer(
            pb.GrantRewardRequest(user_id=player.id, once=once()), pb.GrantRewardResponse, work
        )

    assert player.hero() == hero
    assert kept(town, player) == 0


def test_while_the_first_is_running_the_second_is_told_to_come_back(town: Town) -> None:
    player = Player(town.sessions)
    with _holding(town, player, once()), pytest.raises(Refused) as refused:
        grant(player, once())

    assert refused.value.reason == "IDEMPOTENCY_KEY_IN_PROGRESS"
    assert refused.value.metadata == {"retry_after": "1"}
    assert player.hero().gold == 0
    assert not grant(player, once()).replayed


def test_a_key_that_is_held_fails_alone_in_its_batch(town: Town) -> None:
    players = [Player(town.sessions, id_) for id_ in neighbours(4)]
    wishes = [
        pb.Start(user_id=player.id, task_template_id=player.tasks()[0].id, once=once())
        for player in players
    ]
    wishes[3].ClearField("once")

    with _holding(town, players[1], once()):
        results = started(players[0], *wishes)

    outcomes = [result.WhichOneof("outcome") for result in results]
    assert outcomes == ["started", "failure", "started", "started"]
    assert results[1].failure.reason == "IDEMPOTENCY_KEY_IN_PROGRESS"
    assert [kept(town, player) for player in players] == [1, 0, 1, 0]


def test_one_key_twice_in_a_batch_starts_one_session_and_tells_it_twice(town: Town) -> None:
    player = Player(town.sessions)
    task_id = player.tasks()[0].id
    wish = pb.Start(user_id=player.id, task_template_id=task_id, once=once())
    other = pb.Start(user_id=player.id, task_template_id=task_id, once=once(body=b"[]"))

    first, second, third = started(player, wish, wish, other)

    assert not first.replayed
    assert first_told(second).started == first.started
    assert third.failure.reason == "IDEMPOTENCY_KEY_REUSED"
    assert sessions_of(town, player) == 1


def test_in_a_batch_each_key_succeeds_fails_and_is_told_again_alone(town: Town) -> None:
    new, known, reused, lost = (Player(town.sessions, id_) for id_ in neighbours(4))
    before = start(known, once()), start(reused, once())
    wishes = [
        pb.Start(user_id=player.id, task_template_id=player.tasks()[0].id, once=once(body=body))
        for player, body in ((new, b"{}"), (known, b"{}"), (reused, b"[]"), (lost, b"{}"))
    ]
    wishes[3].task_template_id = str(uuid.uuid4())

    results = started(new, *wishes)

    assert results[0].HasField("started")
    assert first_told(results[1]) == before[0]
    assert [r.failure.reason for r in results[2:]] == ["IDEMPOTENCY_KEY_REUSED", "TASK_UNKNOWN"]


def test_a_poisoned_start_leaves_the_keys_of_its_neighbours_alone(town: Town) -> None:
    good, poisoned = (Player(town.sessions, id_) for id_ in neighbours(2))
    wishes = [
        pb.Start(user_id=player.id, task_template_id=player.tasks()[0].id, once=once(key))
        for player, key in ((good, "k"), (poisoned, "too long " * 50))
    ]

    results = started(good, *wishes)

    assert results[0].HasField("started")
    assert results[1].failure.reason == "INTERNAL"
    assert (kept(town, good), kept(town, poisoned)) == (1, 0)


def test_batches_with_the_same_keys_in_opposite_order_do_not_block_each_other(town: Town) -> None:
    players = [Player(town.sessions, id_) for id_ in neighbours(20)]
    wishes = [
        pb.Start(user_id=player.id, task_template_id=player.tasks()[0].id, once=once())
        for player in players
    ]

    answers = at_once(6, lambda n: started(players[0], *wishes[:: -1 if n % 2 else 1]))

    results = [result for answer in answers for result in answer]
    assert all(result.HasField("started") for result in results)
    assert sum(not result.replayed for result in results) == 20
    assert len({result.started.session_id for result in results}) == 20


@contextmanager
def _holding(town: Town, player: Player, once: pb.Once) -> Iterator[None]:
    """A first call with that key, in another process, that takes its time."""
    with transaction(town) as other:
        other.execute(
            "INSERT INTO idempotency_key VALUES (%s, %s, %s, %s, '', now())",
            [player.id, once.route, once.key, once.fingerprint],
        )
        yield
