"""What operators ask of the session service: gifts, and deliveries that are stuck."""

import uuid
from itertools import chain
from typing import Any

import pytest

from protos.audit.v1 import audit_pb2
from protos.session.v1 import session_pb2 as pb
from services.kit.errors import Internal, Refused, Unavailable
from services.kit.ids import uuid7
from tests.service.peers import at_once, insisting
from tests.service.session.conftest import Arm, Town
from tests.service.session.players import Player
from tests.service.session.test_session_once import once

ACTOR = str(uuid.uuid4())
WARRANT = audit_pb2.Warrant(actor=ACTOR, reason="ticket 7")
WAITING, FAILING, DEAD = (
    pb.DELIVERY_STATE_WAITING,
    pb.DELIVERY_STATE_FAILING,
    pb.DELIVERY_STATE_DEAD,
)


def give(player: Player, *, key: pb.Once | None = None, **gift: int) -> pb.GrantRewardResponse:
    request = pb.GrantRewardRequest(user_id=player.id, warrant=WARRANT, once=key, **gift)
    given: pb.GrantRewardResponse = player.service.GrantReward(request)
    return given


def entries(town: Town, user_id: str) -> list[tuple[Any, ...]]:
    sql = "SELECT actor, action, target::text, reason, changes FROM audit WHERE user_id = %s ORDER BY id"
    return town.rows(sql, user_id)


def grants(town: Town, user_id: str) -> list[tuple[Any, ...]]:
    return town.rows("SELECT exp, gold, source FROM hero_grant WHERE user_id = %s", user_id)


def test_an_operator_gives_where_there_is_no_sandbox_with_one_entry(earnest: Town) -> None:
    player = Player(earnest.sessions)

    hero = give(player, exp=130, gold=25).hero

    assert (hero.level, hero.exp, hero.gold) == (2, 30, 25)
    assert hero == player.hero()
    assert grants(earnest, player.id) == [(130, 25, "operator")]
    changes = {"level": [1, 2], "exp": [0, 30], "gold": [0, 25]}
    assert entries(earnest, player.id) == [(ACTOR, "reward.grant", player.id, "ticket 7", changes)]


def test_without_a_warrant_it_is_the_sandbox_s_and_has_no_entry(town: Town, earnest: Town) -> None:
    player = Player(town.sessions).enrich(5)

    with pytest.raises(Refused, match="SANDBOX_OFF"):
        Player(earnest.sessions, player.id).enrich(5)

    assert grants(town, player.id) == [(0, 5, "sandbox")]
    assert entries(town, player.id) == []


def test_a_gift_of_nothing_is_no_gift(earnest: Town) -> None:
    player = Player(earnest.sessions)

    assert give(player).hero.gold == 0

    assert grants(earnest, player.id) == []
    assert entries(earnest, player.id) == []


def test_gifts_at_once_are_all_given_each_with_its_entry(earnest: Town) -> None:
    player = Player(earnest.sessions)

    at_once(12, insisting(lambda n: give(player, key=once(f"gift {n}"), exp=30, gold=1)))

    hero = player.hero()
    # Of 360 exp 100 go into the first level and 200 into the second.
    assert (hero.level, hero.exp, hero.gold) == (3, 60, 12)
    golds = sorted(entry[4]["gold"] for entry in entries(earnest, player.id))
    assert golds == [[n, n + 1] for n in range(12)]


def test_a_gift_with_a_key_is_given_once_with_one_entry_however_often_it_is_sent(
    earnest: Town,
) -> None:
    player = Player(earnest.sessions)

    answers = at_once(8, lambda _: give(player, key=once(), gold=7))

    assert [answer.hero for answer in answers] == [answers[0].hero] * 8
    assert sum(not answer.replayed for answer in answers) == 1
    assert player.hero().gold == 7
    assert len(entries(earnest, player.id)) == 1


def test_a_key_that_was_used_for_another_gift_gives_nothing_and_has_no_entry(
    earnest: Town,
) -> None:
    player = Player(earnest.sessions)
    give(player, key=once(), gold=7)

    with pytest.raises(Refused, match="IDEMPOTENCY_KEY_REUSED"):
        give(player, key=once(body=b"another"), gold=8)

    assert player.hero().gold == 7
    assert len(entries(earnest, player.id)) == 1


def test_a_gift_that_is_rolled_back_has_no_entry(earnest: Town, arm: Arm) -> None:
    player = Player(earnest.sessions)
    player.hero()
    arm("once.kept")

    with pytest.raises(Internal):
        give(player, key=once(), gold=7)

    assert (player.hero().gold, entries(earnest, player.id)) == (0, [])
    assert give(player, key=once(), gold=7).hero.gold == 7
    assert len(entries(earnest, player.id)) == 1


def stuck(town: Town, count: int = 1) -> list[Player]:
    """Players with a session that is paid, and of which world has not heard."""
    players = [Player(town.sessions) for _ in range(count)]
    town.world.away = True
    for player in players:
        player.focus()
    town.world.away = False
    return players


def turn(
    town: Town, player: Player, *, attempts: int, refusals: int = 0, dead: bool = False
) -> None:
    """Has a delivery fare as it did after so many tries."""
    sql = """
        UPDATE session SET settle_attempts = %s, settle_refusals = %s,
            settle_after = CASE WHEN %s THEN NULL ELSE settle_after END
        WHERE user_id = %s RETURNING id
    """
    town.rows(sql, attempts, refusals, dead, player.id)


def listed(town: Town, **wanted: Any) -> list[pb.Delivery]:
    request = pb.ListDeliveriesRequest(**{"limit": 100} | wanted)
    return list(town.sessions.ListDeliveries(request).deliveries)


def retry(town: Town, delivery_id: str) -> pb.Delivery:
    request = pb.RetryDeliveryRequest(delivery_id=delivery_id, warrant=WARRANT)
    delivery: pb.Delivery = town.sessions.RetryDelivery(request).delivery
    return delivery


def test_what_is_not_delivered_is_listed_by_state_the_newest_first(new_town: Town) -> None:
    waiting, failing, dead = stuck(new_town, 3)
    turn(new_town, waiting, attempts=3)
    turn(new_town, failing, attempts=2, refusals=1)
    turn(new_town, dead, attempts=12, refusals=10, dead=True)

    every = listed(new_town)

    assert [delivery.id for delivery in every] == sorted((d.id for d in every), reverse=True)
    assert {delivery.user_id: delivery.state for delivery in every} == {
        waiting.id: WAITING,
        failing.id: FAILING,
        dead.id: DEAD,
    }
    for player, state in ((waiting, WAITING), (failing, FAILING), (dead, DEAD)):
        assert [delivery.user_id for delivery in listed(new_town, state=state)] == [player.id]
    (given_up,) = listed(new_town, state=DEAD)
    assert (given_up.kind, given_up.attempts, given_up.refusals) == (
        pb.DELIVERY_KIND_SESSION,
        12,
        10,
    )
    assert not given_up.HasField("next_try_at")
    assert given_up.HasField("since")


def test_what_is_delivered_is_not_listed(new_town: Town) -> None:
    Player(new_town.sessions).focus()

    assert listed(new_town) == []


def test_purchases_and_sessions_are_one_list_page_by_page(new_town: Town) -> None:
    buyer = Player(new_town.sessions).enrich(1000)
    new_town.inventory.refuses[buyer.id] = "ITEM_UNKNOWN"
    for _ in range(2):
        with pytest.raises(Unavailable):
            buyer.buy(str(uuid.uuid4()))
    stuck(new_town, 3)
    pages, before = [], ""
    while True:
        request = pb.ListDeliveriesRequest(limit=2, before=before)
        page = new_town.sessions.ListDeliveries(request)
        pages.append([delivery.id for delivery in page.deliveries])
        before = page.next_before
        if not before:
            break

    assert [len(page) for page in pages] == [2, 2, 1]
    assert list(chain(*pages)) == [delivery.id for delivery in listed(new_town)]
    kinds = [delivery.kind for delivery in listed(new_town)]
    assert sorted(kinds) == [pb.DELIVERY_KIND_SESSION] * 3 + [pb.DELIVERY_KIND_PURCHASE] * 2


def test_a_dead_delivery_that_is_retried_is_delivered_with_one_entry(new_town: Town) -> None:
    (player,) = stuck(new_town)
    turn(new_town, player, attempts=12, refusals=10, dead=True)
    (dead,) = listed(new_town)

    again = retry(new_town, dead.id)
    new_town.sweeper.sweep()

    assert (again.state, again.attempts, again.refusals) == (WAITING, 0, 0)
    assert again.HasField("next_try_at")
    assert listed(new_town) == []
    assert new_town.world.total(player.id) == 1
    changes = {"state": ["dead", "waiting"], "attempts": [12, 0], "refusals": [10, 0]}
    assert entries(new_town, player.id) == [(ACTOR, "delivery.retry", dead.id, "ticket 7", changes)]


def test_retrying_many_times_at_once_puts_it_back_once(new_town: Town) -> None:
    (player,) = stuck(new_town)
    turn(new_town, player, attempts=12, refusals=10, dead=True)
    (dead,) = listed(new_town)

    answers = at_once(6, lambda _: retry(new_town, dead.id))

    assert [answer.state for answer in answers] == [WAITING] * 6
    assert len(entries(new_town, player.id)) == 1


def test_a_delivery_that_is_done_or_was_never_there_is_not_found(new_town: Town) -> None:
    player = Player(new_town.sessions)
    done = player.focus().session
    nobody = uuid7(done.started_at.ToDatetime())

    for delivery_id in (done.session_id, nobody):
        with pytest.raises(Refused, match="DELIVERY_UNKNOWN"):
            retry(new_town, delivery_id)

    assert entries(new_town, player.id) == []


def test_a_sweeper_that_holds_a_lease_does_not_undo_a_retry(new_town: Town) -> None:
    (player,) = stuck(new_town)
    turn(new_town, player, attempts=4, refusals=3)
    new_town.rows(
        "UPDATE session SET settle_after = now() WHERE user_id = %s RETURNING id", player.id
    )
    (batch,) = new_town.outbox.due()
    (failing,) = listed(new_town)

    retry(new_town, failing.id)
    new_town.outbox.refuse(batch)

    (delivery,) = listed(new_town)
    assert (delivery.state, delivery.attempts, delivery.refusals) == (WAITING, 0, 0)
