"""Players: they start, complete several times at once, give up, move, and remember every answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from protos.session.v1 import session_pb2 as pb
from protos.session.v1 import session_pb2_grpc
from protos.world.v1 import world_pb2, world_pb2_grpc
from services.kit.errors import Failure, Unavailable, from_item
from services.kit.times import instant
from tests.simulation.town import Town

# As the gateway's calls; a player's own patience is longer.
CALL_S = 2.3
TRIES = 12
ZONES = ("Europe/Lisbon", "Pacific/Kiritimati", "America/Los_Angeles", "Asia/Tokyo")


@dataclass
class Seen:
    """What players were told of their sessions."""

    completions: list[pb.Completion] = field(default_factory=list)
    # (session, reason) of each refusal to complete.
    refusals: list[tuple[str, str]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)


class Player:
    """One player, who plays some sessions and goes."""

    def __init__(self, town: Town, user_id: str, seen: Seen) -> None:
        self.user_id = user_id
        self.is_done = False
        self._town = town
        self._dice = town.dice
        self._seen = seen
        self._task_id = town.welcome(user_id)
        client = town.client()
        self._session = session_pb2_grpc.SessionServiceStub(client.channel)
        self._world = world_pb2_grpc.WorldServiceStub(client.channel)
        self._client = client
        self._busy = 0
        town.scheduler.spawn(f"player {user_id[-3:]}", self._play)

    def _play(self) -> None:
        for _ in range(self._dice.randint(2, 4)):
            if self._dice.random() < 0.3:
                self._move()
            session = self._started()
            if self._town.weather.is_fair:
                break
            if session is not None:
                self._wait_for(session)
                self._close(session)
            self._rest()
        self.is_done = True

    def _started(self) -> pb.Session | None:
        minutes = self._dice.choice((5, 25, 60, 180))
        start = pb.Start(
            user_id=self.user_id, task_template_id=self._task_id, duration_minutes=minutes
        )
        request = pb.BatchStartSessionsRequest(starts=[start])
        answer = self._asked(lambda: self._call(self._session.BatchStartSessions, request))
        if answer is None or answer.results[0].HasField("failure"):
            return None
        result = answer.results[0]
        session: pb.Session = getattr(result, result.WhichOneof("outcome"))
        weather = self._town.weather
        if weather.has_poison and len(weather.poisoned) < 1 and self._dice.random() < 0.5:
            weather.poisoned.add((self._dice.choice(("world", "inventory")), session.session_id))
        return session

    def _wait_for(self, session: pb.Session) -> None:
        """Nothing happens in the town until the session ends; or a day longer."""
        beyond = self._dice.choice((-3.0, -1.5, 0.0, 20.0, 20.0, 3_600.0, 86_390.0))
        if self._dice.random() < 0.05:
            beyond = 90_000.0
        now = self._town.session.now()
        self._leap(instant(session.ends_at) - now + timedelta(seconds=beyond))

    def _close(self, session: pb.Session) -> None:
        """Completes from several places at once, and perhaps gives it up at the same time."""
        works: list[Callable[[str], None]] = [self._complete] * self._dice.randint(1, 3)
        if self._dice.random() < 0.2:
            works.append(self._cancel)
        self._busy += len(works)
        for number, work in enumerate(works):
            self._town.scheduler.spawn(
                f"player {self.user_id[-3:]}.{number}",
                partial(self._at_once, work, session.session_id),
            )
        self._town.scheduler.wait(lambda: self._busy == 0)

    def _at_once(self, work: Callable[[str], None], session_id: str) -> None:
        work(session_id)
        self._busy -= 1

    def _complete(self, session_id: str) -> None:
        wish = pb.Complete(user_id=self.user_id, session_id=session_id)
        # Two taps may travel in one batch.
        wishes = [wish] * self._dice.choice((1, 1, 2))
        request = pb.BatchCompleteSessionsRequest(completes=wishes)

        def once() -> None:
            for result in self._call(self._session.BatchCompleteSessions, request).results:
                self._learn(session_id, result)

        for _ in range(self._dice.choice((1, 1, 2))):
            self._asked(once)

    def _learn(self, session_id: str, result: pb.CompleteResult) -> None:
        """Remembers what was said of a session. Raises Unavailable when asking again may tell more."""
        if result.HasField("completed"):
            self._town.scheduler.note(f"200 for {session_id}")
            self._seen.completions.append(result.completed)
            return
        reason = from_item(result.failure).reason
        if reason in {"UNAVAILABLE", "SESSION_TOO_EARLY"}:
            raise Unavailable
        self._town.scheduler.note(f"{reason} for {session_id}")
        self._seen.refusals.append((session_id, reason))

    def _cancel(self, session_id: str) -> None:
        request = pb.CancelSessionRequest(user_id=self.user_id, session_id=session_id)
        if self._asked(lambda: self._call(self._session.CancelSession, request)) is not None:
            self._town.scheduler.note(f"cancelled {session_id}")
            self._seen.cancelled.append(session_id)

    def _move(self) -> None:
        request = world_pb2.SetTimezoneRequest(
            user_id=self.user_id, timezone=self._dice.choice(ZONES)
        )
        self._asked(lambda: self._call(self._world.SetTimezone, request))

    def _rest(self) -> None:
        self._town.scheduler.sleep(self._dice.random() * 0.3)
        self._leap(timedelta(hours=self._dice.choice((0, 0, 1, 8, 16, 20, 24, 50))))

    def _leap(self, by: timedelta) -> None:
        """Time passes in which nothing happens: in fair weather none, where seconds are counted."""
        if not self._town.weather.is_fair:
            self._town.weather.calendar.leap(by)

    def _call(self, method: Any, request: Any) -> Any:
        return self._client.call(method, request, timeout_s=CALL_S).answer()

    def _asked(self, once: Callable[[], Any]) -> Any:
        """Again and again while nobody knows; None when it was refused, or never known."""
        for _ in range(TRIES):
            try:
                return once()
            except Unavailable:
                self._town.scheduler.sleep(0.1 + self._dice.random() * 2)
            except Failure as failure:
                self._town.scheduler.note(f"refused: {failure.reason}")
                return None
        return None
