"""The session service's calls: messages in, messages out, then tell the others.

Deciding and saving is done in sessions.py, purchases.py and players.py, one
transaction each, which once.py opens for what has no key by nature; what follows
a success in world and inventory is done in settle.py, a payment in deliveries.py.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration

from protos.session.v1 import session_pb2 as pb
from protos.session.v1 import session_pb2_grpc
from services.kit.audit import warrant_of
from services.kit.batches import isolated
from services.kit.database import Connection
from services.kit.errors import Failure
from services.kit.server import remaining
from services.kit.times import instant, wire
from services.session.messages import (
    DELIVERY_STATES,
    ROOMS,
    STATUSES,
    delivery_message,
    hero_message,
    session_message,
    statistics_message,
    task_message,
    write_proof,
    write_session,
)
from services.session.once import Once
from services.session.play import Play
from services.session.player_store import TaskRow
from services.session.players import Clock, Gift
from services.session.receipts import Receipts
from services.session.rules import Rules
from services.session.sessions import Closed, Opened, Wish
from services.session.settle import SETTLE_S, Settlement, Settler
from services.session.shop import Shop
from services.session.statistics import Statistician
from services.session.store import Key, Page
from services.session.stretches import Stretch
from services.session.undelivered import OpenDeliveries, Wanted

SERVICE = pb.DESCRIPTOR.services_by_name["SessionService"]
CALLERS: Mapping[str, frozenset[str]] = {
    method.name: frozenset({"gateway"}) for method in SERVICE.methods
}
Context = grpc.ServicerContext


class SessionService(session_pb2_grpc.SessionServiceServicer):
    """Tasks, sessions and the hero's growth: see protos/session/v1/session.proto."""

    def __init__(  # noqa: PLR0913  # one keyword for each part that it speaks for
        self,
        *,
        play: Callable[[], Play],
        once: Once,
        shop: Shop,
        settler: Settler,
        statistician: Statistician,
        open_deliveries: OpenDeliveries,
        receipts: Receipts,
    ) -> None:
        # Asked once, at the beginning of a call: see kit/rulebook.py.
        self._play = play
        self._once = once
        self._shop = shop
        self._settler = settler
        self._statistician = statistician
        self._open_deliveries = open_deliveries
        self._receipts = receipts

    def BatchStartSessions(
        self, request: pb.BatchStartSessionsRequest, _: Context
    ) -> pb.BatchStartSessionsResponse:
        start = partial(_start, self._play())
        outcomes = isolated(
            lambda starts: self._once.answers(starts, pb.StartResult, start), request.starts
        )
        results = [_start_result(outcome) for outcome in outcomes]
        return pb.BatchStartSessionsResponse(results=results)

    def BatchCompleteSessions(
        self, request: pb.BatchCompleteSessionsRequest, context: Context
    ) -> pb.BatchCompleteSessionsResponse:
        play = self._play()
        keys = [Key(c.user_id, c.session_id) for c in request.completes]
        outcomes = isolated(play.sessions.complete, keys)
        settled = self._settled(outcomes, remaining(context, at_most=SETTLE_S))
        response = pb.BatchCompleteSessionsResponse()
        for outcome in outcomes:
            result = response.results.add()
            if isinstance(outcome, Failure):
                result.failure.CopyFrom(outcome.as_item())
            else:
                _write_completion(result.completed, outcome, settled[outcome.key], play.rules)
        return response

    def CancelSession(
        self, request: pb.CancelSessionRequest, _: Context
    ) -> pb.CancelSessionResponse:
        play = self._play()
        row, now = play.sessions.cancel(Key(request.user_id, request.session_id))
        return pb.CancelSessionResponse(session=session_message(row, play.rules, now=now))

    def GetActiveSession(
        self, request: pb.GetActiveSessionRequest, _: Context
    ) -> pb.GetActiveSessionResponse:
        play = self._play()
        row, now = play.sessions.active(request.user_id)
        session = session_message(row, play.rules, now=now) if row else None
        return pb.GetActiveSessionResponse(session=session)

    def ListSessions(self, request: pb.ListSessionsRequest, _: Context) -> pb.ListSessionsResponse:
        play, limit = self._play(), max(1, min(request.limit, 100))
        self._settler.catch_up(request.user_id)
        # One more than asked for tells whether there is a next page.
        rows, now = play.sessions.history(_page(request, limit=limit + 1))
        messages = [session_message(row, play.rules, now=now) for row in rows[:limit]]
        self._receipts.write(messages, rows[:limit])
        next_before = messages[-1].session_id if len(rows) > limit else ""
        return pb.ListSessionsResponse(sessions=messages, next_before=next_before)

    def GetStatistics(
        self, request: pb.GetStatisticsRequest, _: Context
    ) -> pb.GetStatisticsResponse:
        self._settler.catch_up(request.user_id)
        found = self._statistician.statistics(request.user_id, _stretches(request))
        return statistics_message(found)

    def BatchListTasks(
        self, request: pb.BatchListTasksRequest, _: Context
    ) -> pb.BatchListTasksResponse:
        tasks = self._play().players.tasks(_distinct(request.user_ids))
        lists = [
            pb.TaskList(tasks=[task_message(row) for row in tasks[user]])
            for user in request.user_ids
        ]
        return pb.BatchListTasksResponse(lists=lists)

    def BatchGetHeroes(
        self, request: pb.BatchGetHeroesRequest, _: Context
    ) -> pb.BatchGetHeroesResponse:
        play = self._play()
        heroes = play.players.heroes(_distinct(request.user_ids))
        messages = [hero_message(heroes[user], play.rules) for user in request.user_ids]
        return pb.BatchGetHeroesResponse(heroes=messages)

    def CreateTask(self, request: pb.CreateTaskRequest, _: Context) -> pb.CreateTaskResponse:
        players = self._play().players
        task = TaskRow(
            user_id=request.user_id,
            id="",
            name=request.name,
            category=request.category,
            default_duration_minutes=request.default_duration_minutes,
            room=ROOMS.word(request.room),
        )

        def create(connection: Connection) -> pb.CreateTaskResponse:
            created = players.create_task(connection, task)
            return pb.CreateTaskResponse(task=task_message(created))

        return self._once.answer(request, pb.CreateTaskResponse, create)

    def UpdateTask(self, request: pb.UpdateTaskRequest, _: Context) -> pb.UpdateTaskResponse:
        changes = {
            name: _given(request, name) for name in ("name", "category", "default_duration_minutes")
        }
        changes["room"] = ROOMS.word(request.room) if request.HasField("room") else None
        task = self._play().players.change_task(Key(request.user_id, request.task_id), changes)
        return pb.UpdateTaskResponse(task=task_message(task))

    def ArchiveTask(self, request: pb.ArchiveTaskRequest, _: Context) -> pb.ArchiveTaskResponse:
        self._play().players.archive_task(Key(request.user_id, request.task_id))
        return pb.ArchiveTaskResponse()

    def BuyItem(self, request: pb.BuyItemRequest, context: Context) -> pb.BuyItemResponse:
        play = self._play()
        sold = self._shop.buy(request, lambda most: remaining(context, at_most=most))
        return pb.BuyItemResponse(
            item=sold.item,
            gold_spent=sold.price_gold,
            hero=hero_message(sold.hero, play.rules),
            replayed=sold.replayed,
        )

    def GetDropChance(
        self, request: pb.GetDropChanceRequest, _: Context
    ) -> pb.GetDropChanceResponse:
        play = self._play()
        chance = play.sessions.drop_chance(request.user_id)
        return pb.GetDropChanceResponse(chance=chance, rules_version=play.edition.version)

    def GrantReward(self, request: pb.GrantRewardRequest, _: Context) -> pb.GrantRewardResponse:
        play = self._play()
        gift = Gift(request.user_id, request.exp, request.gold)
        warrant = warrant_of(request.warrant) if request.HasField("warrant") else None

        def grant(connection: Connection) -> pb.GrantRewardResponse:
            hero = play.players.grant(connection, gift, warrant)
            return pb.GrantRewardResponse(hero=hero_message(hero, play.rules))

        return self._once.answer(request, pb.GrantRewardResponse, grant)

    def ListDeliveries(
        self, request: pb.ListDeliveriesRequest, _: Context
    ) -> pb.ListDeliveriesResponse:
        limit = max(1, min(request.limit, 100))
        state = DELIVERY_STATES.word(request.state) if request.state else None
        # One more than asked for tells whether there is a next page.
        rows = self._open_deliveries.page(Wanted(state, request.before or None, limit + 1))
        messages = [delivery_message(row) for row in rows[:limit]]
        next_before = messages[-1].id if len(rows) > limit else ""
        return pb.ListDeliveriesResponse(deliveries=messages, next_before=next_before)

    def RetryDelivery(
        self, request: pb.RetryDeliveryRequest, _: Context
    ) -> pb.RetryDeliveryResponse:
        row = self._open_deliveries.retry(request.delivery_id, warrant_of(request.warrant))
        return pb.RetryDeliveryResponse(delivery=delivery_message(row))

    def GetClock(self, request: pb.GetClockRequest, _: Context) -> pb.GetClockResponse:
        clock = self._play().players.clock(request.user_id)
        return pb.GetClockResponse(clock=_clock_message(clock))

    def AdvanceClock(self, request: pb.AdvanceClockRequest, _: Context) -> pb.AdvanceClockResponse:
        players = self._play().players

        def advance(connection: Connection) -> pb.AdvanceClockResponse:
            clock = players.advance_clock(connection, request.user_id, request.by.seconds)
            return pb.AdvanceClockResponse(clock=_clock_message(clock))

        return self._once.answer(request, pb.AdvanceClockResponse, advance)

    def ResetClock(self, request: pb.ResetClockRequest, _: Context) -> pb.ResetClockResponse:
        clock = self._play().players.reset_clock(request.user_id)
        return pb.ResetClockResponse(clock=_clock_message(clock))

    def _settled(
        self, outcomes: Sequence[Closed | Failure], timeout_s: float
    ) -> dict[Key, Settlement]:
        """Settles every session that is paid, each once however often it was asked."""
        paid = {o.key: o.session for o in outcomes if isinstance(o, Closed)}
        return self._settler.settle(list(paid.values()), timeout_s=timeout_s) if paid else {}


def _start(
    play: Play, connection: Connection, starts: Sequence[pb.Start]
) -> list[pb.StartResult | Failure]:
    wishes = [Wish(s.user_id, s.task_template_id, _given(s, "duration_minutes")) for s in starts]
    outcomes = play.sessions.start(connection, wishes)
    return [o if isinstance(o, Failure) else _started(o, play.rules) for o in outcomes]


def _started(outcome: Opened, numbers: Rules) -> pb.StartResult:
    result = pb.StartResult()
    session = result.started if outcome.is_new else result.already_active
    write_session(session, outcome.session, numbers, now=outcome.now)
    return result


def _start_result(outcome: pb.StartResult | Failure) -> pb.StartResult:
    if isinstance(outcome, Failure):
        return pb.StartResult(failure=outcome.as_item())
    return outcome


def _write_completion(
    to: pb.Completion, closed: Closed, settlement: Settlement, numbers: Rules
) -> None:
    """Writes a paid session with everything known of its effects into an empty message."""
    row = closed.session
    write_session(to.session, row, numbers, now=closed.now, item=settlement.item)
    to.hero.CopyFrom(hero_message(closed.hero, numbers))
    if settlement.world is not None:
        to.world.CopyFrom(settlement.world)
    if settlement.wardrobe is not None:
        to.wardrobe.CopyFrom(settlement.wardrobe)
    to.levels_gained = row.levels_gained or 0
    to.rooms_upgraded.extend(settlement.rooms_upgraded)
    to.settled = settlement.is_settled
    to.replayed = closed.replayed
    write_proof(to.drop_proof, row, closed.luck)


def _given(message: Any, field: str) -> Any:
    """An optional field's value, or None where it is absent."""
    return getattr(message, field) if message.HasField(field) else None


def _distinct(users: Sequence[str]) -> list[str]:
    return sorted(set(users))


def _instant(message: Any, field: str) -> datetime | None:
    return instant(getattr(message, field)) if message.HasField(field) else None


def _page(request: pb.ListSessionsRequest, *, limit: int) -> Page:
    return Page(
        user_id=request.user_id,
        status=STATUSES.word(request.status) if request.status else None,
        room=ROOMS.word(request.room) if request.room else None,
        ends_from=_instant(request, "ends_from"),
        ends_before=_instant(request, "ends_before"),
        before=request.before or None,
        limit=limit,
        stretches=_stretches(request),
    )


def _stretches(request: pb.ListSessionsRequest | pb.GetStatisticsRequest) -> list[Stretch]:
    return [Stretch(instant(s.begins_at), instant(s.ends_at)) for s in request.stretches]


def _clock_message(clock: Clock) -> pb.Clock:
    offset = Duration(seconds=clock.offset_seconds)
    return pb.Clock(now=wire(clock.now), offset=offset, revision=clock.revision)
