"""A world or inventory that is away delays a reward's effects and never loses them."""

import pytest

from protos.session.v1 import session_pb2 as pb
from protos.session.v1 import session_pb2_grpc
from services.kit.errors import PermissionDenied, Refused
from tests.service.peers import peer
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


def test_the_sweeper_leaves_alone_what_was_just_paid(town: Town) -> None:
    player = Player(town.sessions)
    town.world.refused.add(player.id)
    player.focus()
    town.world.refused.clear()

    town.sweeper.sweep()

    assert not _settled(town, player)


def test_the_sweeper_times_out_what_nobody_completed(town: Town) -> None:
    player = Player(town.sessions)
    player.started(25)
    town.rows(
        "UPDATE session SET ends_at = ends_at - interval '25 hours' WHERE user_id = %s"
        " RETURNING id",
        player.id,
    )

    town.sweeper.sweep()

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
    for player in players:
        town.rows(
            "UPDATE session SET settle_after = clock_timestamp() - interval '1 day'"
            " WHERE user_id = %s AND settled_at IS NULL RETURNING id",
            player.id,
        )
    town.sweeper.sweep()


def _settled(town: Town, player: Player) -> bool:
    return town.rows(
        "SELECT settled_at IS NOT NULL FROM session WHERE user_id = %s", player.id
    ) == [(True,)]
