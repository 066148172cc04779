"""A player of the world service, in few words."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from protos.audit.v1 import audit_pb2
from protos.world.v1 import world_pb2 as pb
from tests.service.peers import Peer

WARRANT = audit_pb2.Warrant(actor="0190c0de-0000-7000-8000-00000000000b", reason="ticket 7")
NOON = datetime(2031, 5, 14, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Town:
    """A world service as the session service and the gateway see it."""

    session: Peer
    gateway: Peer
    url: str

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What the database holds, asked directly."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql, parameters).fetchall()

    def execute(self, sql: str, *parameters: object) -> None:
        """Changes the database directly."""
        with psycopg.connect(self.url) as connection:
            connection.execute(sql, parameters)

    def credit(self, credits_: Sequence[pb.Credit]) -> list[pb.CreditResult]:
        """What became of each."""
        request = pb.BatchCreditSessionsRequest(credits=credits_)
        return list(self.session.BatchCreditSessions(request).results)


@dataclass
class Player:
    """A new player of a town. Failures are raised as `Refused`."""

    town: Town
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    revision: int = 0

    def success(self, ends_at: datetime = NOON, *, session_id: str | None = None) -> pb.Credit:
        """A success that nobody has told yet."""
        instant = Timestamp()
        instant.FromDatetime(ends_at)
        session_id = session_id or str(uuid.uuid4())
        return pb.Credit(user_id=self.id, session_id=session_id, ends_at=instant)

    def credit(self, *ends_at: datetime) -> pb.Credited:
        """Tells one success per instant, each by itself; what the last one answered."""
        for instant in ends_at or (NOON,):
            result = self.town.credit([self.success(instant)])[0]
        assert result.HasField("credited"), result
        return result.credited

    def world(self) -> pb.World:
        request = pb.BatchGetWorldsRequest(user_ids=[self.id])
        world: pb.World = self.town.gateway.BatchGetWorlds(request).worlds[0]
        return world

    def set_zone(self, timezone: str) -> pb.World:
        request = pb.SetTimezoneRequest(user_id=self.id, timezone=timezone)
        world: pb.World = self.town.gateway.SetTimezone(request).world
        return world

    def explain(
        self, first: str | None = None, last: str | None = None
    ) -> pb.ExplainStreakResponse:
        request = pb.ExplainStreakRequest(user_id=self.id, first=first, last=last)
        answer: pb.ExplainStreakResponse = self.town.gateway.ExplainStreak(request)
        return answer

    def restore(self, *dates: str) -> pb.World:
        request = pb.RestoreStreakRequest(user_id=self.id, dates=dates, warrant=WARRANT)
        world: pb.World = self.town.gateway.RestoreStreak(request).world
        return world

    def set_clock(self, seconds: int, *, revision: int | None = None) -> None:
        self.revision = self.revision + 1 if revision is None else revision
        offset = Duration(seconds=seconds)
        self.town.gateway.SetClock(
            pb.SetClockRequest(user_id=self.id, offset=offset, revision=self.revision)
        )

    def live_at(self, instant: datetime) -> None:
        """Sets the player's clock to an instant of the future, to within a few seconds."""
        self.set_clock((instant - datetime.now(UTC)) // timedelta(seconds=1))

    def dates(self) -> dict[str, str]:
        """The credited dates as the database holds them, and of which kind each is."""
        sql = "SELECT local_date::text, kind FROM credited_date WHERE user_id = %s"
        return dict(self.town.rows(sql, self.id))

    def everything(self) -> list[list[tuple[Any, ...]]]:
        """Every row of the player."""
        return [
            self.town.rows("SELECT * FROM world_state WHERE user_id = %s", self.id),
            self.town.rows("SELECT * FROM credited_session WHERE user_id = %s", self.id),
            self.town.rows("SELECT * FROM credited_date WHERE user_id = %s", self.id),
            self.town.rows("SELECT * FROM zone_change WHERE user_id = %s", self.id),
        ]


def days(first: int, last: int) -> list[datetime]:
    """Noons, counted from NOON, both ends included."""
    return [NOON + timedelta(days=number) for number in range(first, last + 1)]
