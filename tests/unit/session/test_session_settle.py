"""The settle protocol by itself, between an outbox and receivers of ours."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from protos.inventory.v1 import inventory_pb2
from protos.world.v1 import world_pb2
from services.kit.errors import Unavailable
from services.session.settle import Settler, Told
from services.session.store import Key, SessionRow

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAID = SessionRow(
    user_id="0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1b",
    id="session",
    task_template_id="task",
    task_name="Read",
    category="study",
    room="study",
    duration_minutes=25,
    started_at=NOW,
    ends_at=NOW,
    seed=bytes(32),
    status="success",
    dropped=False,
)


class Outbox:
    """Holds one row; while it is `away`, nothing can be marked."""

    def __init__(self) -> None:
        self.away = False
        self.marked: dict[Key, Any] = {}

    def due(self) -> list[list[SessionRow]]:
        return [] if PAID.key in self.marked else [[PAID]]

    def mark(self, done: Mapping[Key, Any]) -> set[Key]:
        if self.away:
            raise Unavailable
        self.marked |= done
        return set(done)

    def refuse(self, rows: Sequence[SessionRow]) -> None:
        raise NotImplementedError


NEW_WORLD = world_pb2.World(total_sessions_success=1)


class Receivers:
    """Know everything that they are told, unless they are `broken`."""

    broken = False

    def tell(
        self, rows: Sequence[SessionRow], *, timeout_s: float, asks_wardrobes: bool = False
    ) -> Told:
        assert timeout_s > 0
        if self.broken:
            raise ZeroDivisionError
        worlds = {row.key: world_pb2.Credited(world=NEW_WORLD) for row in rows}
        wardrobes = {row.user_id: inventory_pb2.Wardrobe() for row in rows if asks_wardrobes}
        return Told(worlds, {}, frozenset(), wardrobes)


def test_a_mark_that_fails_costs_no_answer_and_is_made_up_for_by_the_sweeper() -> None:
    outbox = Outbox()
    settler = Settler(outbox, Receivers())
    outbox.away = True

    settled = settler.settle([PAID], timeout_s=1.0)

    assert settled[PAID.key].is_settled
    assert outbox.marked == {}
    outbox.away = False
    settler.settle_due()
    assert outbox.marked == {PAID.key: None}


def test_a_bug_in_telling_costs_a_paid_session_no_answer() -> None:
    outbox, receivers = Outbox(), Receivers()
    settler = Settler(outbox, receivers)
    receivers.broken = True

    settled = settler.settle([PAID], timeout_s=1.0)

    assert not settled[PAID.key].is_settled
    receivers.broken = False
    settler.settle_due()
    assert outbox.marked == {PAID.key: None}
