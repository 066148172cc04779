"""What happened to a player, out of the tables that one service has.

A service names its sources: which columns of a table tell when something of one kind
happened, to what, and what there is to say of it. Nothing is written for it.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import grpc
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    bindparam,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import UUID

from protos.timeline.v1 import timeline_pb2 as pb
from protos.timeline.v1 import timeline_pb2_grpc
from services.kit.audit import LONGEST_PAGE, Trail
from services.kit.database import Connection, Database
from services.kit.server import Offer
from services.kit.statements import Records
from services.kit.times import instant, wire

SERVICE = pb.DESCRIPTOR.services_by_name["TimelineService"]
_ID = UUID(as_uuid=False)


class Place(NamedTuple):
    """Where a happening stands among all: no two stand in one place."""

    at: datetime
    id: str
    kind: pb.Kind.ValueType


# Adds to happenings what no column of theirs tells.
Explain = Callable[[Sequence[pb.Happening]], None]
# Nothing comes later.
_END = Place(datetime.max.replace(tzinfo=UTC), "f" * 32, max(pb.Kind.values()))


class Source:
    """Rows of one table, each of which tells of one happening of a kind.

    `player` is whose it is, `at` when it happened (never, where it is null), `of` the id
    of what it happened to; one row at most has a place. `told` are fields of
    `pb.Happening`. Raises ValueError, at import, for one that it has not.
    """

    def __init__(
        self,
        kind: pb.Kind.ValueType,
        *,
        player: ColumnElement[Any],
        at: ColumnElement[Any],
        of: ColumnElement[Any],
        where: Sequence[ColumnElement[bool]] = (),
        **told: ColumnElement[Any],
    ) -> None:
        if unknown := told.keys() - pb.Happening.DESCRIPTOR.fields_by_name.keys():
            message = f"a happening has no {', '.join(sorted(unknown))}"
            raise ValueError(message)
        self._kind = kind
        self._told = tuple(told)
        place = tuple_(at, of, literal_column(str(kind)))
        before = tuple_(
            bindparam("at", type_=DateTime(timezone=True)),
            bindparam("id", type_=_ID),
            bindparam("kind", type_=BigInteger),
        )
        mine = player == bindparam("user_id", type_=_ID)
        self._page = Records(
            select(at, of, *told.values())
            .where(mine, at.is_not(None), *where, place < before)
            .order_by(at.desc(), of.desc())
            .limit(bindparam("limit", type_=BigInteger))
        )

    def page(
        self, connection: Connection, user_id: str, before: Place, limit: int
    ) -> Iterator[tuple[Place, pb.Happening]]:
        """The newest of a player's happenings before a place."""
        rows = self._page.all(connection, user_id=user_id, limit=limit, **before._asdict())
        for at, of, *values in rows:
            place = Place(at, of, self._kind)
            said = dict(zip(self._told, map(_worded, values), strict=True))
            yield place, pb.Happening(place=_message(place), **said)


def changes_of(trail: Trail) -> Source:
    """What operators changed of players, out of a service's own trail."""
    entry = trail.table.c
    return Source(
        pb.KIND_OPERATOR_CHANGED,
        player=entry.user_id,
        at=entry.at,
        of=entry.id,
        actor=entry.actor,
        action=entry.action,
        reason=entry.reason,
    )


class TimelineService(timeline_pb2_grpc.TimelineServiceServicer):
    """Tells of one service's part: see protos/timeline/v1/timeline.proto."""

    def __init__(
        self, database: Database, sources: Sequence[Source], explain: Explain | None = None
    ) -> None:
        self._database = database
        self._sources = sources
        self._explain = explain

    def ListHappenings(  # noqa: N802  # the contract's name
        self, request: pb.ListHappeningsRequest, _: grpc.ServicerContext
    ) -> pb.ListHappeningsResponse:
        """Reads a page of happenings."""
        before = _place(request.before) if request.HasField("before") else _END
        limit = max(1, min(request.limit, LONGEST_PAGE))
        with self._database.read() as connection:
            found = [
                each
                for source in self._sources
                for each in source.page(connection, request.user_id, before, limit)
            ]
        found.sort(key=lambda each: each[0], reverse=True)
        happenings = [told for _, told in found[:limit]]
        if self._explain is not None:
            self._explain(happenings)
        return pb.ListHappeningsResponse(happenings=happenings)


def offer(database: Database, sources: Sequence[Source], explain: Explain | None = None) -> Offer:
    """What a process offers beside its own service, so that its players' timelines can be read."""
    servicer = TimelineService(database, sources, explain)
    return Offer(
        service=SERVICE.full_name,
        callers={"ListHappenings": frozenset({"gateway"})},
        register=lambda server: timeline_pb2_grpc.add_TimelineServiceServicer_to_server(
            servicer, server
        ),
    )


def _worded(value: Any) -> Any:
    """A value as a message holds it."""
    if isinstance(value, datetime):
        return wire(value)
    return value.isoformat() if isinstance(value, date) else value


def _place(message: pb.Place) -> Place:
    return Place(instant(message.at), message.id, message.kind)


def _message(place: Place) -> pb.Place:
    return pb.Place(at=wire(place.at), id=place.id, kind=place.kind)
