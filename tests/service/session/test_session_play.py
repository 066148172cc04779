"""Starting, completing, cancelling and looking back, on real PostgreSQL."""

import hashlib
import hmac
from datetime import timedelta

import pytest

from protos.session.v1 import session_pb2 as pb
from services.kit.errors import Refused
from services.kit.times import instant
from tests.service.peers import neighbours
from tests.service.session.conftest import Town
from tests.service.session.players import Player


def test_a_new_player_finds_one_starter_per_room(town: Town) -> None:
    tasks = Player(town.sessions).tasks()

    assert [task.room for task in tasks] == [pb.ROOM_STUDY, pb.ROOM_BUILD, pb.ROOM_TRAINING]


def test_starters_that_were_archived_do_not_come_back(town: Town) -> None:
    player = Player(town.sessions)
    for task in player.tasks():
        town.sessions.ArchiveTask(pb.ArchiveTaskRequest(user_id=player.id, task_id=task.id))

    assert player.tasks() == []


def test_a_session_starts_pending_and_shows_only_the_commitment(town: Town) -> None:
    session = Player(town.sessions).started(25)

    assert session.status == pb.STATUS_PENDING
    assert instant(session.ends_at) - instant(session.started_at) == timedelta(minutes=25)
    assert instant(session.completable_until) - instant(session.ends_at) == timedelta(hours=24)
    assert len(session.drop_commitment) == 32
    assert not session.HasField("reward_exp")


def test_without_minutes_a_session_lasts_as_long_as_its_task_usually_does(town: Town) -> None:
    player = Player(town.sessions)
    build = player.tasks()[1]

    result = player.start(None, task_id=build.id)

    assert result.started.duration_minutes == build.default_duration_minutes == 50


def test_a_second_start_is_told_of_the_pending_session(town: Town) -> None:
    player = Player(town.sessions)
    session = player.started()

    result = player.start()

    assert result.already_active.session_id == session.session_id


def test_an_unknown_task_and_another_players_task_look_the_same(town: Town) -> None:
    player, other = Player(town.sessions), Player(town.sessions)
    unknown = player.start(task_id="0190c0de-0000-7000-8000-00000000ffff")
    stolen = player.start(task_id=other.tasks()[0].id)

    assert unknown == stolen
    assert unknown.failure.reason == "TASK_UNKNOWN"


@pytest.mark.parametrize("minutes", [4, 181, 0, -5])
def test_a_duration_outside_the_rules_is_refused(town: Town, minutes: int) -> None:
    result = Player(town.sessions).start(minutes)

    assert result.failure.reason == "DURATION_REFUSED"


def test_completing_early_tells_the_seconds_left_and_keeps_it_pending(town: Town) -> None:
    player = Player(town.sessions)
    session = player.started(25)
    player.wait(24)

    with pytest.raises(Refused) as refused:
        player.complete(session)

    assert refused.value.reason == "SESSION_TOO_EARLY"
    assert 55 <= int(refused.value.metadata["retry_after"]) <= 60
    assert player.active() is not None


def test_completing_in_time_pays_exp_and_gold(town: Town) -> None:
    player = Player(town.sessions)

    completion = player.focus(25)

    assert (completion.session.reward_exp, completion.session.reward_gold) == (50, 25)
    assert (completion.hero.level, completion.hero.exp, completion.hero.gold) == (1, 50, 25)
    assert completion.settled
    assert completion.world.total_sessions_success == 1
    assert not completion.replayed
    assert player.hero() == completion.hero


def test_180_minutes_take_a_new_hero_to_level_3(town: Town) -> None:
    completion = Player(town.sessions).focus(180)

    hero = completion.hero
    assert (hero.level, hero.exp, hero.exp_to_next, hero.gold) == (3, 60, 300, 180)
    assert completion.levels_gained == 2


def test_completing_again_pays_nothing_and_answers_the_same(town: Town) -> None:
    player = Player(town.sessions)
    first = player.focus()

    second = player.complete(first.session)

    assert second.replayed
    second.replayed = False
    second.session.server_time.CopyFrom(first.session.server_time)
    assert second == first
    assert player.hero().gold == 25


def test_the_proof_reveals_the_seed_that_was_committed_to(generous: Town) -> None:
    player = Player(generous.sessions)
    session = player.started()
    player.wait(25)

    proof = player.complete(session).drop_proof

    digest = hmac.new(proof.seed, session.session_id.encode(), hashlib.sha256).digest()
    assert proof.commitment == session.drop_commitment == hashlib.sha256(proof.seed).digest()
    assert proof.roll == int.from_bytes(digest[:8], "big") % 10_000
    assert proof.dropped
    assert generous.inventory.given[session.session_id] == digest[8:24]


def test_inventory_hears_when_a_session_that_dropped_had_started_and_by_which_rules(
    generous: Town,
) -> None:
    completion = Player(generous.sessions).focus()

    drop = generous.inventory.drops[completion.session.session_id]
    assert drop.started_at == completion.session.started_at
    assert drop.rules_version == completion.drop_proof.rules_version


def test_a_session_drops_when_its_proof_says_so_and_only_then(even: Town) -> None:
    player = Player(even.sessions)

    proofs = [player.focus(5).drop_proof for _ in range(24)]

    assert [proof.dropped for proof in proofs] == [proof.roll < 5_000 for proof in proofs]
    assert {proof.dropped for proof in proofs} == {True, False}


def test_a_drop_is_kept_with_the_session_and_told_again(generous: Town) -> None:
    player = Player(generous.sessions)

    first = player.focus()

    assert first.session.dropped_item.item.name == "Straw hat"
    assert player.complete(first.session).session.dropped_item == first.session.dropped_item
    assert player.history()[0].dropped_item == first.session.dropped_item


def test_after_the_window_a_session_has_timed_out_whoever_looks_first(town: Town) -> None:
    completer, canceller, looker, starter = (Player(town.sessions) for _ in range(4))
    for player in (completer, canceller, looker, starter):
        player.started(25)
        player.wait(25 + 24 * 60, seconds=60)
    session = _pending(town, completer)

    with pytest.raises(Refused, match="SESSION_TIMED_OUT"):
        completer.complete(session)
    with pytest.raises(Refused, match="SESSION_TIMED_OUT"):
        canceller.cancel(_pending(town, canceller))
    assert looker.active() is None
    assert starter.start().HasField("started")
    for player in (completer, canceller, looker, starter):
        (finished,) = player.history()
        assert finished.status == pb.STATUS_TIMEOUT
        assert finished.ended_at == finished.completable_until
        assert (finished.reward_exp, finished.reward_gold) == (0, 0)


def test_the_last_instant_of_the_window_still_pays(town: Town) -> None:
    player = Player(town.sessions)
    session = player.started(25)
    # A few seconds before its end, as long as this test takes.
    player.wait(25 + 24 * 60, seconds=-30)

    assert player.complete(session).session.status == pb.STATUS_SUCCESS


def test_a_cancelled_session_pays_nothing_and_stays_cancelled(town: Town) -> None:
    player = Player(town.sessions)
    session = player.started()

    cancelled = player.cancel(session)
    again = player.cancel(session)

    assert cancelled.status == again.status == pb.STATUS_CANCEL
    assert cancelled.ended_at == again.ended_at
    assert (cancelled.reward_exp, cancelled.reward_gold) == (0, 0)
    player.wait(25)
    with pytest.raises(Refused, match="SESSION_CANCELLED"):
        player.complete(session)


def test_a_completed_session_can_not_be_cancelled(town: Town) -> None:
    player = Player(town.sessions)
    session = player.focus().session

    with pytest.raises(Refused, match="SESSION_ALREADY_COMPLETED"):
        player.cancel(session)


def test_another_players_session_is_unknown(town: Town) -> None:
    session = Player(town.sessions).started()
    thief = Player(town.sessions)
    thief.hero()

    with pytest.raises(Refused, match="SESSION_UNKNOWN"):
        thief.complete(session)
    with pytest.raises(Refused, match="SESSION_UNKNOWN"):
        thief.cancel(session)


def test_history_is_newest_first_in_pages_and_filtered(town: Town) -> None:
    player = Player(town.sessions)
    done = [player.focus(5).session for _ in range(5)]
    player.cancel(player.started())
    request = pb.ListSessionsRequest(user_id=player.id, limit=3)

    first = town.sessions.ListSessions(request)
    request.before = first.next_before
    second = town.sessions.ListSessions(request)

    ids = [s.session_id for s in [*first.sessions, *second.sessions]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 6
    assert second.next_before == ""
    assert len(player.history(status=pb.STATUS_SUCCESS)) == 5
    assert player.history(room=pb.ROOM_BUILD) == []
    from_third = player.history(ends_from=done[2].ends_at, status=pb.STATUS_SUCCESS)
    assert [s.session_id for s in from_third] == [s.session_id for s in done[:1:-1]]
    before_third = player.history(ends_before=done[2].ends_at)
    assert [s.session_id for s in before_third] == [s.session_id for s in done[1::-1]]


def test_history_keeps_the_name_that_a_task_had(town: Town) -> None:
    player = Player(town.sessions)
    task = player.tasks()[0]
    player.focus()
    town.sessions.UpdateTask(
        pb.UpdateTaskRequest(user_id=player.id, task_id=task.id, name="Renamed")
    )

    assert player.tasks()[0].name == "Renamed"
    assert player.history()[0].task_name == task.name


def test_a_task_is_changed_only_where_asked(town: Town) -> None:
    player = Player(town.sessions)
    task = player.tasks()[0]
    request = pb.UpdateTaskRequest(user_id=player.id, task_id=task.id, room=pb.ROOM_BUILD)

    changed = town.sessions.UpdateTask(request).task

    task.room = pb.ROOM_BUILD
    assert changed == task


def test_archiving_twice_is_archiving_once_but_never_another_players_task(town: Town) -> None:
    player, thief = Player(town.sessions), Player(town.sessions)
    task = player.tasks()[0]
    own = pb.ArchiveTaskRequest(user_id=player.id, task_id=task.id)

    town.sessions.ArchiveTask(own)
    town.sessions.ArchiveTask(own)

    assert task not in player.tasks()
    with pytest.raises(Refused, match="TASK_UNKNOWN"):
        town.sessions.ArchiveTask(pb.ArchiveTaskRequest(user_id=thief.id, task_id=task.id))
    with pytest.raises(Refused, match="TASK_UNKNOWN"):
        town.sessions.UpdateTask(pb.UpdateTaskRequest(user_id=player.id, task_id=task.id))


def test_a_gift_of_the_sandbox_levels_the_hero_up_and_is_recorded(town: Town) -> None:
    player = Player(town.sessions)
    request = pb.GrantRewardRequest(user_id=player.id, exp=360, gold=7)

    hero = town.sessions.GrantReward(request).hero

    assert (hero.level, hero.exp, hero.gold) == (3, 60, 7)
    recorded = town.rows("SELECT exp, gold FROM hero_grant WHERE user_id = %s", player.id)
    assert recorded == [(360, 7)]


def test_the_clock_moves_at_most_ten_years_and_can_be_set_back(town: Town) -> None:
    player = Player(town.sessions)
    moved = player.wait(60)

    with pytest.raises(Refused, match="CLOCK_TOO_FAR"):
        player.wait(60 * 24 * 3653)
    reset = town.sessions.ResetClock(pb.ResetClockRequest(user_id=player.id)).clock

    assert moved.offset.seconds == 3600
    assert reset.offset.seconds == 0
    assert reset.revision > moved.revision


def test_without_a_sandbox_its_calls_do_not_exist(earnest: Town) -> None:
    player = Player(earnest.sessions)

    for call, request in (
        ("GrantReward", pb.GrantRewardRequest(user_id=player.id, exp=1)),
        ("GetClock", pb.GetClockRequest(user_id=player.id)),
        ("AdvanceClock", pb.AdvanceClockRequest(user_id=player.id)),
        ("ResetClock", pb.ResetClockRequest(user_id=player.id)),
    ):
        with pytest.raises(Refused, match="SANDBOX_OFF"):
            getattr(earnest.sessions, call)(request)


def test_without_a_sandbox_a_clock_that_was_moved_there_counts_for_nothing(
    town: Town, earnest: Town
) -> None:
    player = Player(town.sessions)
    session = player.started()
    player.wait(25)

    with pytest.raises(Refused, match="SESSION_TOO_EARLY"):
        Player(earnest.sessions, player.id).complete(session)


def test_a_batch_is_answered_in_its_order_and_each_item_alone(town: Town) -> None:
    players = [Player(town.sessions, id_) for id_ in neighbours(3)]
    sessions = [player.started() for player in players]
    for player in players[:2]:
        player.wait(25)
    wishes = [
        pb.Complete(user_id=player.id, session_id=session.session_id)
        for player, session in zip(players, sessions, strict=True)
    ]
    stolen = pb.Complete(user_id=players[0].id, session_id=sessions[1].session_id)
    request = pb.BatchCompleteSessionsRequest(completes=[*wishes, stolen, wishes[0]])

    results = town.sessions.BatchCompleteSessions(request).results

    paid = [r.completed.session.reward_gold for r in results if r.HasField("completed")]
    reasons = [r.failure.reason for r in results if r.HasField("failure")]
    assert paid == [25, 25, 25]
    assert reasons == ["SESSION_TOO_EARLY", "SESSION_UNKNOWN"]
    assert [r.completed.replayed for r in results] == [False, False, False, False, True]
    assert players[0].hero().gold == 25


def _pending(town: Town, player: Player) -> pb.Session:
    """The pending session, without looking through the service."""
    ((session_id,),) = town.rows("SELECT id FROM session WHERE user_id = %s", player.id)
    return pb.Session(session_id=str(session_id))
