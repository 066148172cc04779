"""The world service's calls: messages in, messages out.

Deciding and saving is done in worlds.py.
"""

from collections.abc import Mapping, Sequence

import grpc

from protos.world.v1 import world_pb2 as pb
from protos.world.v1 import world_pb2_grpc
from services.kit.batches import isolated
from services.world.messages import credit_of, tell_credit, tell_world, zones_message
from services.world.rules import Rules
from services.world.worlds import Credited, Worlds

SERVICE = pb.DESCRIPTOR.services_by_name["WorldService"]
CALLERS: Mapping[str, frozenset[str]] = {
    "BatchCreditSessions": frozenset({"session"}),
    "BatchGetWorlds": frozenset({"gateway", "session"}),
    "GetZones": frozenset({"gateway"}),
    "SetTimezone": frozenset({"gateway"}),
    "SetClock": frozenset({"gateway"}),
}
Context = grpc.ServicerContext


class WorldService(world_pb2_grpc.WorldServiceServicer):
    """Rooms, counted sessions, the streak: see protos/world/v1/world.proto."""

    def __init__(self, worlds: Worlds, numbers: Rules) -> None:
        self._worlds = worlds
        self._rules = numbers

    def BatchCreditSessions(
        self, request: pb.BatchCreditSessionsRequest, _: Context
    ) -> pb.BatchCreditSessionsResponse:
        response = pb.BatchCreditSessionsResponse()
        for outcome in isolated(self._credit, request.credits):
            tell_credit(response.results.add(), outcome, self._rules)
        return response

    def BatchGetWorlds(
        self, request: pb.BatchGetWorldsRequest, _: Context
    ) -> pb.BatchGetWorldsResponse:
        worlds = self._worlds.read(sorted(set(request.user_ids)))
        response = pb.BatchGetWorldsResponse()
        for user in request.user_ids:
            tell_world(response.worlds.add(), worlds[user], self._rules)
        return response

    def GetZones(self, request: pb.GetZonesRequest, _: Context) -> pb.GetZonesResponse:
        seen, changes = self._worlds.zones(request.user_id)
        return zones_message(seen, changes)

    def SetTimezone(self, request: pb.SetTimezoneRequest, _: Context) -> pb.SetTimezoneResponse:
        seen = self._worlds.set_timezone(request.user_id, request.timezone)
        response = pb.SetTimezoneResponse()
        tell_world(response.world, seen, self._rules)
        return response

    def SetClock(self, request: pb.SetClockRequest, _: Context) -> pb.SetClockResponse:
        self._worlds.set_clock(
            request.user_id, offset_seconds=request.offset.seconds, revision=request.revision
        )
        return pb.SetClockResponse()

    def _credit(self, messages: Sequence[pb.Credit]) -> list[Credited]:
        return self._worlds.credit([credit_of(message) for message in messages])
