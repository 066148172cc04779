"""The world service's calls: messages in, messages out.

Deciding and saving is done in worlds.py.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial

import grpc

from protos.world.v1 import world_pb2 as pb
from protos.world.v1 import world_pb2_grpc
from services.kit.audit import warrant_of
from services.kit.batches import isolated
from services.world.messages import (
    credit_of,
    tell_credit,
    tell_explained,
    tell_world,
    zones_message,
)
from services.world.play import Play
from services.world.worlds import Credited, Worlds

SERVICE = pb.DESCRIPTOR.services_by_name["WorldService"]
CALLERS: Mapping[str, frozenset[str]] = {
    "BatchCreditSessions": frozenset({"session"}),
    "BatchGetWorlds": frozenset({"gateway", "session"}),
    "GetZones": frozenset({"gateway"}),
    "SetTimezone": frozenset({"gateway"}),
    "SetClock": frozenset({"gateway"}),
    "ExplainStreak": frozenset({"gateway"}),
    "RestoreStreak": frozenset({"gateway"}),
}
Context = grpc.ServicerContext


class WorldService(world_pb2_grpc.WorldServiceServicer):
    """Rooms, counted sessions, the streak: see protos/world/v1/world.proto."""

    def __init__(self, play: Callable[[], Play]) -> None:
        # Asked once, at the beginning of a call: see kit/rulebook.py.
        self._play = play

    def BatchCreditSessions(
        self, request: pb.BatchCreditSessionsRequest, _: Context
    ) -> pb.BatchCreditSessionsResponse:
        play = self._play()
        response = pb.BatchCreditSessionsResponse()
        for outcome in isolated(partial(_credit, play.worlds), request.credits):
            tell_credit(response.results.add(), outcome, play.rules)
        return response

    def BatchGetWorlds(
        self, request: pb.BatchGetWorldsRequest, _: Context
    ) -> pb.BatchGetWorldsResponse:
        play = self._play()
        worlds = play.worlds.read(sorted(set(request.user_ids)))
        response = pb.BatchGetWorldsResponse()
        for user in request.user_ids:
            tell_world(response.worlds.add(), worlds[user], play.rules)
        return response

    def GetZones(self, request: pb.GetZonesRequest, _: Context) -> pb.GetZonesResponse:
        seen, changes = self._play().worlds.zones(request.user_id)
        return zones_message(seen, changes)

    def SetTimezone(self, request: pb.SetTimezoneRequest, _: Context) -> pb.SetTimezoneResponse:
        play = self._play()
        seen = play.worlds.set_timezone(request.user_id, request.timezone)
        response = pb.SetTimezoneResponse()
        tell_world(response.world, seen, play.rules)
        return response

    def SetClock(self, request: pb.SetClockRequest, _: Context) -> pb.SetClockResponse:
        self._play().worlds.set_clock(
            request.user_id, offset_seconds=request.offset.seconds, revision=request.revision
        )
        return pb.SetClockResponse()

    def ExplainStreak(
        self, request: pb.ExplainStreakRequest, _: Context
    ) -> pb.ExplainStreakResponse:
        has = request.HasField
        first = date.fromisoformat(request.first) if has("first") else None
        last = date.fromisoformat(request.last) if has("last") else None
        play = self._play()
        response = pb.ExplainStreakResponse()
        tell_explained(response, play.worlds.explain(request.user_id, first, last), play.rules)
        return response

    def RestoreStreak(
        self, request: pb.RestoreStreakRequest, _: Context
    ) -> pb.RestoreStreakResponse:
        play = self._play()
        days = {date.fromisoformat(day) for day in request.dates}
        seen = play.worlds.restore(request.user_id, days, warrant_of(request.warrant))
        response = pb.RestoreStreakResponse()
        tell_world(response.world, seen, play.rules)
        return response


def _credit(worlds: Worlds, messages: Sequence[pb.Credit]) -> list[Credited]:
    return worlds.credit([credit_of(message) for message in messages])
