"""A world or inventory that is away delays a reward's effects and never loses them."""

from typing import Any

import psycopg
import pytest
from prometheus_client import generate_latest

from protos.session.v1 import session_pb2 as pb
from protos.session.v1 import session_pb2_grpc
from services.kit.errors import PermissionDenied, Refused
from services.kit.metrics import registry
from services.session import service
from services.session.figures import deliveries
from services.session.outbox import Backlog
from services.session.settle import REFUSALS
from tests.service.peers import at_once, neighbours, peer
from tests.service.session.conftest import Town
from tests.service.session.players import Player


def test_with_world_away_the_reward_is_paid_and_settled_later(town: Town) -> None:
    player = Player(town.sessions)
    town.world.away = True

    completion = player.focus()

    town.world.away = False
    assert completion.session.reward_gold == 25
    assert not completion.settled
    assert not completion.HasField("world")
    assert town.world.total(player.id) == 0
    _sweep(town, player)
    assert town.world.total(player.id) == 1
    assert _settled(town, player)


def test_with_inventory_away_the_drop_comes_later(generous: Town) -> None:
    player = Player(generous.sessions)
    generous.inventory.away = True

    completion = player.focus()

    generous.inventory.away = False
    assert completion.drop_proof.dropped
    assert not completion.settled
    assert not completion.session.HasField("dropped_item")
    assert completion.world.total_sessions_success == 1
    _sweep(generous, player)
    assert player.history()[0].dropped_item.item.name == "Straw hat"


def test_completing_again_settles_what_was_left(town: Town) -> None:
    player = Player(town.sessions)
    town.world.away = True
    first = player.focus()
    town.world.away = False

    second = player.complete(first.session)

    assert second.settled
    assert second.replayed
    assert player.hero().gold == 25


def test_settling_takes_no_longer_than_the_caller_waits(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "SETTLE_S", 60.0)

    assert Player(town.sessions).focus().settled

    # Who asks here waits 10 s; on its way such a time is rounded up a little.
    assert town.world.time_left < 11.0


def test_a_completion_tells_what_is_worn(town: Town) -> None:
    done = Player(town.sessions).focus()

    assert done.wardrobe.equipped_hat_id


def test_what_is_worn_is_unknown_while_inventory_is_away(town: Town) -> None:
    town.inventory.away = True

    done = Player(town.sessions).focus()

    town.inventory.away = False
    assert not done.HasField("wardrobe")
    assert done.HasField("world")
    assert done.session.reward_gold == 25


def test_a_settled_session_answers_unsettled_while_the_world_is_unknown(town: Town) -> None:
    player = Player(town.sessions)
    first = player.focus()
    town.world.away = True

    second = player.complete(first.session)

    town.world.away = False
    assert not second.settled
    assert second.session.reward_gold == 25


def test_one_refused_delivery_does_not_hold_up_its_neighbours(town: Town) -> None:
    poisoned, healthy = Player(town.sessions), Player(town.sessions)
    town.world.away = True
    poisoned.focus()
    healthy.focus()
    town.world.away = False
    town.world.refused.add(poisoned.id)

    _sweep(town, poisoned, healthy)

    assert _settled(town, healthy)
    assert not _settled(town, poisoned)
    town.world.refused.clear()
    _sweep(town, poisoned)
    assert _settled(town, poisoned)


def test_a_failing_delivery_waits_longer_each_time(town: Town) -> None:
    player = Player(town.sessions)
    town.world.refused.add(player.id)
    player.focus()

    waits = []
    for _ in range(6):
        _sweep(town, player)
        ((wait,),) = town.rows(
            "SELECT settle_after - clock_timestamp() FROM session WHERE user_id = %s", player.id
        )
        waits.append(round(wait.total_seconds()))

    town.world.refused.clear()
    assert waits == [1, 2, 4, 8, 16, 16]


def test_a_delivery_that_is_refused_ten_times_is_dead_and_not_tried_again(town: Town) -> None:
    player, healthy = Player(town.sessions), Player(town.sessions)
    town.world.refused.add(player.id)
    player.focus()
    town.world.away = True
    healthy.focus()
    town.world.away = False

    for _ in range(REFUSALS):
        _sweep(town, player)
    _sweep(town, healthy)

    calls = len(town.world.calls)
    town.sweeper.sweep()
    assert _state(town, player) == (None, REFUSALS, REFUSALS)
    assert _settled(town, healthy)
    assert len(town.world.calls) == calls
    town.world.refused.clear()
    assert player.complete(player.history()[0]).settled


def test_a_delivery_that_nobody_answers_is_never_dead(town: Town) -> None:
    player = Player(town.sessions)
    town.world.away = True
    player.focus()

    for _ in range(2 * REFUSALS):
        _sweep(town, player)

    town.world.away = False
    _, attempts, refusals = _state(town, player)
    assert (attempts, refusals) == (2 * REFUSALS, 0)
    _sweep(town, player)
    assert _settled(town, player)


def test_a_receiver_that_breaks_on_a_batch_is_told_one_by_one(town: Town) -> None:
    poisoned, *healthy = [Player(town.sessions, id_) for id_ in neighbours(3)]
    town.world.away = True
    for player in (poisoned, *healthy):
        player.focus()
    town.world.away = False
    town.world.breaking.add(poisoned.id)

    _sweep(town, poisoned, *healthy)

    town.world.breaking.clear()
    assert [_settled(town, player) for player in healthy] == [True, True]
    assert _state(town, poisoned)[2] == 1


def test_two_sweepers_at_once_never_work_on_the_same_session(town: Town) -> None:
    players = [Player(town.sessions) for _ in range(30)]
    town.world.away = True
    for player in players:
        player.focus()
    _make_due(town, *players)

    pages = at_once(4, lambda _: town.outbox.due())

    town.world.away = False
    # What an earlier test left behind may be due by now, too.
    ours = {player.id for player in players}
    leased = [row.user_id for page in pages for batch in page for row in batch]
    assert sorted(user for user in leased if user in ours) == sorted(ours)


def test_a_refusal_counts_only_while_the_lease_holds(town: Town) -> None:
    player = Player(town.sessions)
    town.world.away = True
    player.focus()
    town.world.away = False
    _make_due(town, player)
    # What an earlier test left behind may be due by now, too.
    (stale,) = [row for batch in town.outbox.due() for row in batch if row.user_id == player.id]
    _make_due(town, player)
    town.outbox.due()

    town.outbox.refuse([stale])

    assert _state(town, player)[2] == 0


def test_one_locked_session_does_not_hold_up_its_batch(town: Town) -> None:
    locked, *others = [Player(town.sessions, id_) for id_ in neighbours(5)]
    sessions = [player.started() for player in (locked, *others)]
    for player in (locked, *others):
        player.wait(25)
    wishes = [
        pb.Complete(user_id=s[0].id, session_id=s[1].session_id)
        for s in zip((locked, *others), sessions, strict=True)
    ]

    with psycopg.connect(town.url) as holder:
        holder.execute("SELECT 1 FROM session WHERE user_id = %s FOR UPDATE", [locked.id])
        request = pb.BatchCompleteSessionsRequest(completes=wishes)
        first, *results = town.sessions.BatchCompleteSessions(request).results

    assert first.failure.reason == "UNAVAILABLE"
    assert [result.completed.settled for result in results] == [True] * 4
    assert locked.complete(sessions[0]).session.reward_gold == 25


def test_a_session_that_cannot_be_timed_out_does_not_hold_up_the_others(town: Town) -> None:
    stuck, other = Player(town.sessions), Player(town.sessions)
    for player, hours in ((stuck, 30), (other, 29)):
        player.started(25)
        town.rows(
            "UPDATE session SET ends_at = ends_at - %s * interval '1 hour' WHERE user_id = %s"
            " RETURNING id",
            hours,
            player.id,
        )

    with psycopg.connect(town.url) as holder:
        holder.execute("SELECT 1 FROM session WHERE user_id = %s FOR UPDATE", [stuck.id])
        town.time_out()

    assert [_status(town, player) for player in (stuck, other)] == ["pending", "timeout"]
    town.time_out()
    assert _status(town, stuck) == "timeout"


def test_the_backlog_is_counted_by_state(new_town: Town) -> None:
    waiting, failing, dead = (Player(new_town.sessions) for _ in range(3))
    new_town.world.away = True
    for player in (waiting, failing, dead):
        player.focus()
    new_town.world.away = False
    new_town.world.refused |= {failing.id, dead.id}
    _sweep(new_town, failing)
    for _ in range(REFUSALS):
        _sweep(new_town, dead)

    assert new_town.outbox.backlog() == Backlog(waiting=1, failing=1, dead=1)
    told = generate_latest(registry(lambda: deliveries({"session": new_town.outbox}))).decode()
    assert 'nesra_deliveries{kind="session",state="dead"} 1.0' in told


def test_the_sweeper_leaves_alone_what_was_just_paid(town: Town) -> None:
    player = Player(town.sessions)
    town.world.refused.add(player.id)
    player.focus()
    town.world.refused.clear()

    town.sweeper.sweep()

    assert not _settled(town, player)


def test_what_nobody_completed_times_out_by_itself(town: Town) -> None:
    player = Player(town.sessions)
    player.started(25)
    town.rows(
        "UPDATE session SET ends_at = ends_at - interval '25 hours' WHERE user_id = %s"
        " RETURNING id",
        player.id,
    )

    town.time_out()

    ((status, is_at_the_limit),) = town.rows(
        "SELECT status, ended_at = ends_at + interval '24 hours' FROM session WHERE user_id = %s",
        player.id,
    )
    assert (status, is_at_the_limit) == ("timeout", True)


def test_only_the_gateway_may_call(town: Town) -> None:
    world = peer("session", town.target, session_pb2_grpc.SessionServiceStub, caller="world")

    with pytest.raises(Refused, match="PERMISSION_DENIED"):
        world.BatchGetHeroes(pb.BatchGetHeroesRequest())
    assert PermissionDenied.reason == "PERMISSION_DENIED"


def _sweep(town: Town, *players: Player) -> None:
    """Sweeps as if the wait of these players' sessions were over."""
    _make_due(town, *players)
    town.sweeper.sweep()


def _make_due(town: Town, *players: Player) -> None:
    for player in players:
        town.rows(
            "UPDATE session SET settle_after = clock_timestamp() - interval '1 day'"
            " WHERE user_id = %s AND settled_at IS NULL AND settle_after IS NOT NULL"
            " RETURNING id",
            player.id,
        )


def _state(town: Town, player: Player) -> tuple[Any, ...]:
    """When the player's one delivery is tried next, how often it was, how often refused."""
    (state,) = town.rows(
        "SELECT settle_after, settle_attempts, settle_refusals FROM session WHERE user_id = %s",
        player.id,
    )
    return state


def _status(town: Town, player: Player) -> str:
    ((status,),) = town.rows("SELECT status FROM session WHERE user_id = %s", player.id)
    return str(status)


def _settled(town: Town, player: Player) -> bool:
    return town.rows(
        "SELECT settled_at IS NOT NULL FROM session WHERE user_id = %s", player.id
    ) == [(True,)]
