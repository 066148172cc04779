"""Many at the same time, by real threads: the locks and unique keys hold."""

from collections.abc import Callable, Sequence
from functools import partial

import pytest

from protos.session.v1 import session_pb2 as pb
from services.kit.errors import Refused
from tests.service.peers import at_once, insisting, neighbours
from tests.service.session.conftest import Town
from tests.service.session.players import Player
from tests.service.session.test_session_once import once


def test_sixty_parallel_completes_pay_once_with_equal_answers(town: Town) -> None:
    player = Player(town.sessions)
    session = player.started()
    player.wait(25)

    completions = at_once(60, insisting(lambda _: player.complete(session)))

    assert sum(not completion.replayed for completion in completions) == 1
    assert {c.session.reward_gold for c in completions} == {25}
    assert (player.hero().exp, player.hero().gold) == (50, 25)
    assert town.world.total(player.id) == 1


def test_thirty_parallel_starts_open_one(town: Town) -> None:
    player = Player(town.sessions)
    task = player.tasks()[0]

    results = at_once(30, insisting(lambda _: player.start(task_id=task.id)))

    assert sum(result.HasField("started") for result in results) == 1
    assert sum(result.HasField("already_active") for result in results) == 29
    told = {(r.started or r.already_active).session_id for r in results if r.HasField("started")}
    assert {r.already_active.session_id for r in results if r.HasField("already_active")} == told
    assert town.rows("SELECT count(*) FROM session WHERE user_id = %s", player.id) == [(1,)]


def test_when_complete_and_cancel_meet_one_of_them_wins(town: Town) -> None:
    for _ in range(10):
        player = Player(town.sessions)
        session = player.started()
        player.wait(25)

        attempts = (partial(player.complete, session), partial(player.cancel, session))
        answers = at_once(2, partial(_attempt, attempts))

        assert sorted(answers) == [False, True]
        completed = player.history()[0].status == pb.STATUS_SUCCESS
        assert player.hero().gold == (25 if completed else 0)


def test_batches_that_share_players_in_opposite_order_do_not_block_each_other(town: Town) -> None:
    players = [Player(town.sessions, id_) for id_ in neighbours(20)]
    sessions = [player.started() for player in players]
    for player in players:
        player.wait(25)
    wishes = [
        pb.Complete(user_id=player.id, session_id=session.session_id)
        for player, session in zip(players, sessions, strict=True)
    ]

    answers = at_once(
        6,
        lambda n: town.sessions.BatchCompleteSessions(
            pb.BatchCompleteSessionsRequest(completes=wishes[:: -1 if n % 2 else 1])
        ),
    )

    assert all(r.HasField("completed") for answer in answers for r in answer.results)
    assert [player.hero().gold for player in players] == [25] * 20


def test_parallel_gifts_all_arrive(town: Town) -> None:
    player = Player(town.sessions)
    gifts = [_gift(player, n, exp=30) for n in range(20)]

    at_once(20, insisting(lambda n: town.sessions.GrantReward(gifts[n])))

    hero = player.hero()
    assert (50 * hero.level * (hero.level - 1) + hero.exp, hero.gold) == (600, 20)


def test_gifts_that_meet_a_completion_all_arrive(town: Town) -> None:
    for _ in range(10):
        player = Player(town.sessions)
        session = player.started()
        player.wait(25)
        gifts = [partial(town.sessions.GrantReward, _gift(player, n)) for n in range(11)]

        at_once(12, insisting(partial(_one_of, [partial(player.complete, session), *gifts])))

        assert player.hero().gold == 25 + 11


def test_parallel_first_touches_make_one_hero_with_three_starters(town: Town) -> None:
    player = Player(town.sessions)

    lists = at_once(12, insisting(lambda n: player.tasks() if n % 2 else player.hero()))

    assert {hero.id for hero in lists if isinstance(hero, pb.Hero)} == {player.hero().id}
    assert len(player.tasks()) == 3


def test_parallel_creates_stop_at_two_hundred_tasks(town: Town) -> None:
    player = Player(town.sessions)
    task = pb.CreateTaskRequest(
        user_id=player.id,
        name="Read",
        category="study",
        default_duration_minutes=25,
        room=pb.ROOM_STUDY,
    )
    player.tasks()
    for _ in range(190):
        town.sessions.CreateTask(task)

    create = insisting(lambda: town.sessions.CreateTask(task))
    created = at_once(12, lambda _: _won(create))

    assert sum(created) == 7
    assert len(player.tasks()) == 200
    with pytest.raises(Refused, match="TOO_MANY_TASKS"):
        town.sessions.CreateTask(task)


def _gift(player: Player, number: int, *, exp: int = 0) -> pb.GrantRewardRequest:
    """A gift that may be sent again: it has a key of its own."""
    return pb.GrantRewardRequest(user_id=player.id, exp=exp, gold=1, once=once(f"gift {number}"))


def _one_of(attempts: Sequence[Callable[[], object]], number: int) -> object:
    return attempts[number]()


def _attempt(attempts: Sequence[Callable[[], object]], number: int) -> bool:
    return _won(partial(_one_of, attempts, number))


def _won(work: Callable[[], object]) -> bool:
    try:
        work()
    except Refused:
        return False
    return True
