"""A player of the session service, in few words."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from google.protobuf.duration_pb2 import Duration

from protos.session.v1 import session_pb2 as pb
from services.kit.errors import from_item
from services.kit.times import instant
from tests.service.peers import Peer


@dataclass
class Player:
    """A new player at one service. Failures are raised as `Refused`."""

    service: Peer
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def tasks(self) -> list[pb.Task]:
        answer = self.service.BatchListTasks(pb.BatchListTasksRequest(user_ids=[self.id]))
        return list(answer.lists[0].tasks)

    def hero(self) -> pb.Hero:
        answer = self.service.BatchGetHeroes(pb.BatchGetHeroesRequest(user_ids=[self.id]))
        hero: pb.Hero = answer.heroes[0]
        return hero

    def start(self, minutes: int | None = 25, *, task_id: str | None = None) -> pb.StartResult:
        """The result of a start, whatever it is."""
        task_id = task_id or self.tasks()[0].id
        start = pb.Start(user_id=self.id, task_template_id=task_id, duration_minutes=minutes)
        answer = self.service.BatchStartSessions(pb.BatchStartSessionsRequest(starts=[start]))
        result: pb.StartResult = answer.results[0]
        return result

    def started(self, minutes: int = 25) -> pb.Session:
        """A new session."""
        result = self.start(minutes)
        assert result.WhichOneof("outcome") == "started", result
        return result.started

    def complete(self, session: pb.Session) -> pb.Completion:
        wish = pb.Complete(user_id=self.id, session_id=session.session_id)
        request = pb.BatchCompleteSessionsRequest(completes=[wish])
        result = self.service.BatchCompleteSessions(request).results[0]
        if result.HasField("failure"):
            raise from_item(result.failure)
        completion: pb.Completion = result.completed
        return completion

    def focus(self, minutes: int = 25) -> pb.Completion:
        """A whole session, completed at its end."""
        session = self.started(minutes)
        self.wait(minutes)
        return self.complete(session)

    def settled(self, minutes: int = 25) -> pb.Completion:
        """A whole session of which world and inventory know: on a busy machine a little later."""
        completion = self.focus(minutes)
        while not completion.settled:
            completion = self.complete(completion.session)
        return completion

    def cancel(self, session: pb.Session) -> pb.Session:
        request = pb.CancelSessionRequest(user_id=self.id, session_id=session.session_id)
        cancelled: pb.Session = self.service.CancelSession(request).session
        return cancelled

    def active(self) -> pb.Session | None:
        answer = self.service.GetActiveSession(pb.GetActiveSessionRequest(user_id=self.id))
        return answer.session if answer.HasField("session") else None

    def history(self, **wanted: Any) -> list[pb.Session]:
        request = pb.ListSessionsRequest(user_id=self.id, **({"limit": 100} | wanted))
        return list(self.service.ListSessions(request).sessions)

    def enrich(self, gold: int) -> "Player":
        """The same player, richer."""
        self.service.GrantReward(pb.GrantRewardRequest(user_id=self.id, gold=gold))
        return self

    def buy(
        self, item_id: str, *, rotation_id: str = "today", once: pb.Once | None = None
    ) -> pb.BuyItemResponse:
        request = pb.BuyItemRequest(
            user_id=self.id, item_id=item_id, rotation_id=rotation_id, once=once
        )
        bought: pb.BuyItemResponse = self.service.BuyItem(request)
        return bought

    def wait_until(self, at: datetime) -> None:
        """Moves the player's own clock to an instant ahead, give or take a second."""
        now = instant(self.wait().now)
        self.wait(seconds=round((at - now).total_seconds()))

    def wait(self, minutes: int = 0, *, seconds: int = 0) -> pb.Clock:
        """Moves the player's own clock."""
        by = Duration(seconds=60 * minutes + seconds)
        answer = self.service.AdvanceClock(pb.AdvanceClockRequest(user_id=self.id, by=by))
        clock: pb.Clock = answer.clock
        return clock
