"""The world service's calls: messages in, messages out.

Deciding and saving is done in worlds.py.
"""

from collections.abc import Mapping, Sequence

import grpc

from protos.world.v1 import world_pb2 as pb
from protos.world.v1 import world_pb2_grpc
from services.kit.batches import isolated
from services.world.messages import credit_of, credit_result, world_message
from services.world.rules import Rules
from services.world.worlds import Credited, Worlds

SERVICE = pb.DESCRIPTOR.services_by_name["WorldService"]
CALLERS: Mapping[str, frozenset[str]] = {
    "BatchCreditSessions": frozenset({"session"}),
    "BatchGetWorlds": frozenset({"gateway", "session"}),
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
        outcomes = isolated(self._credit, request.credits)
        results = [credit_result(outcome, self._rules) for outcome in outcomes]
        return pb.BatchCreditSessionsResponse(results=results)

    def BatchGetWorlds(
        self, request: pb.BatchGetWorldsRequest, _: Context
    ) -> pb.BatchGetWorldsResponse:
        worlds = self._worlds.read(sorted(set(request.user_ids)))
        messages = [world_message(worlds[user], self._rules) for user in request.user_ids]
        return pb.BatchGetWorldsResponse(worlds=messages)

    def SetTimezone(self, request: pb.SetTimezoneRequest, _: Context) -> pb.SetTimezoneResponse:
        seen = self._worlds.set_timezone(request.user_id, request.timezone)
        return pb.SetTimezoneResponse(world=world_message(seen, self._rules))

    def SetClock(self, request: pb.SetClockRequest, _: Context) -> pb.SetClockResponse:
        self._worlds.set_clock(
            request.user_id, offset_seconds=request.offset.seconds, revision=request.revision
        )
        return pb.SetClockResponse()

    def _credit(self, messages: Sequence[pb.Credit]) -> list[Credited]:
        return self._worlds.credit([credit_of(message) for message in messages])
