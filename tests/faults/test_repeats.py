"""World and inventory may be told anything any number of times, in any order."""

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import pytest

from protos.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from protos.world.v1 import world_pb2, world_pb2_grpc
from services.kit.shards import shard_of
from services.kit.times import wire
from services.session.rules import luck
from tests.faults import ledger, plan
from tests.faults.driver import Habits
from tests.faults.history import ends_of
from tests.faults.ledger import Ledger, SessionRow
from tests.faults.stage import Scene
from tests.service.peers import Peer, peer

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(0)]

BATCH = 128
# A few players with many sessions each, over several days.
PLAYERS = 4


def test_r5_every_delivery_repeated_in_any_order_counts_once(scene: Scene) -> None:
    load = scene.load(players=PLAYERS, habits=Habits(buy_of=10**9))
    for callee in ("world-1", "inventory-1"):
        scene.town.links["session-1", callee].reset()
    with load.playing(scene.tier.deliveries):
        pass
    played = {end.session for end in ends_of(load.history.events, "complete")}
    final = ledger.read(scene.town.databases, load.player_ids)
    paid = [row for row in _paid(final) if row.id in played]
    told = plan.repeated(scene.seed, paid)

    credits_ = _credited(scene, told)
    drops = _granted(scene, [row for row in told if row.dropped])

    scene.figures |= {"deliveries": len(paid), "told": len(told), "drops": len(drops)}
    assert _contradictions(credits_) == []
    assert _contradictions(drops) == []
    scene.judge(load)
    final = ledger.read(scene.town.databases, load.player_ids)
    assert {p: _streaks(final, p) for p in load.player_ids} == {
        world.player: (world.streak, world.longest_streak) for world in final.worlds.values()
    }


def _paid(final: Ledger) -> list[SessionRow]:
    return [row for row in final.sessions.values() if row.status == "success"]


def _credited(scene: Scene, told: Sequence[SessionRow]) -> list[tuple[str, str]]:
    """What world says to each delivery: the rooms that the session upgraded."""
    world = _service(scene, "world", world_pb2_grpc.WorldServiceStub)
    answers = []
    for batch in _batches(scene.seed, told):
        credits_ = [
            world_pb2.Credit(user_id=row.player, session_id=row.id, ends_at=wire(row.ends_at))
            for row in batch
        ]
        request = world_pb2.BatchCreditSessionsRequest(credits=credits_)
        for row, result in zip(batch, world.BatchCreditSessions(request).results, strict=True):
            answers.append((row.id, str(result.credited.rooms_upgraded)))
    return answers


def _granted(scene: Scene, told: Sequence[SessionRow]) -> list[tuple[str, str]]:
    """What inventory says to each delivery: the item that the session dropped."""
    inventory = _service(scene, "inventory", inventory_pb2_grpc.InventoryServiceStub)
    answers = []
    for batch in _batches(scene.seed, told):
        drops = [
            inventory_pb2.Drop(
                user_id=row.player, session_id=row.id, luck=luck(row.seed, row.id).choice
            )
            for row in batch
        ]
        request = inventory_pb2.BatchGrantDropsRequest(drops=drops)
        for row, result in zip(batch, inventory.BatchGrantDrops(request).results, strict=True):
            answers.append((row.id, result.granted.item.item.id))
    return answers


def _service(scene: Scene, name: str, stub: "type") -> Peer:
    return peer(name, scene.town.target_of(name), stub, caller="session")


def _batches(seed: int, told: Sequence[SessionRow]) -> Iterator[Sequence[SessionRow]]:
    """The deliveries in batches of any size, each of players of one shard, in their order."""
    rng = random.Random(seed)
    by_shard: dict[int, list[SessionRow]] = {}
    for row in told:
        by_shard.setdefault(shard_of(row.player), []).append(row)
    for rows in by_shard.values():
        while rows:
            size = rng.randint(1, BATCH)
            yield rows[:size]
            del rows[:size]


def _contradictions(answers: Sequence[tuple[str, str]]) -> list[str]:
    """The sessions to which different things were said."""
    return [session for session, said in set(answers) if said != dict(answers)[session]]


def _streaks(final: Ledger, player: str) -> tuple[int, int]:
    """Streak and longest streak, by counting days in a row in UTC."""
    days = sorted({row.ends_at.date() for row in _paid(final) if row.player == player})
    longest = current = 0
    before: date | None = None
    for day in days:
        current = current + 1 if before and day - before == timedelta(days=1) else 1
        longest = max(longest, current)
        before = day
    return current, longest
