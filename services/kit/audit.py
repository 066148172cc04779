"""The audit trail: what operators change, with who, when, why, and what it was before.

Each service keeps the trail of its own changes in its own database, so that a change
and its entry commit together or not at all. Entries are only ever added. They hold no
personal values beside ids: no addresses, names or passwords.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import grpc
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    MetaData,
    Table,
    Text,
    bindparam,
    insert,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from protos.audit.v1 import audit_pb2 as pb
from protos.audit.v1 import audit_pb2_grpc
from services.kit.database import Connection, Database
from services.kit.ids import uuid7
from services.kit.server import Offer
from services.kit.statements import Command, Query, where_given
from services.kit.times import instant, rfc3339, wire

SERVICE = pb.DESCRIPTOR.services_by_name["AuditService"]
# Whom a change of the catalogue concerns: uuid's smallest, which no player has. So the
# trail has the key of every player's table, and lives on the player's shard.
NOBODY = "00000000-0000-0000-0000-000000000000"
# One more than the longest page of the API: it tells whether there is a next one.
LONGEST_PAGE = 101
LONGEST_REASON = 500
LONGEST_ACTOR = 120

ID = UUID(as_uuid=False)
INSTANT = DateTime(timezone=True)

# By field, what it was and what it is.
Changes = dict[str, list[Any]]


class Warrant(NamedTuple):
    """On whose word something is changed, and why: 1 to 500 characters."""

    actor: str
    reason: str


class Act(NamedTuple):
    """What was done: a stable word, whom it concerns, the id of what was changed."""

    action: str
    user_id: str
    target: str
    changes: Changes


class Entry(NamedTuple):
    """One row of the trail. The order of the ids is that of the changes."""

    user_id: str
    id: str
    actor: str
    action: str
    target: str
    reason: str
    changes: Changes
    at: datetime


class Page(NamedTuple):
    """Which entries to read: None means no bound."""

    before: str | None
    limit: int
    actor: str | None
    target: str | None
    made_from: datetime | None
    made_before: datetime | None


class Trail:
    """The table `audit` of one service's database, and its statements."""

    def __init__(self, metadata: MetaData) -> None:
        self.table = _table(metadata)
        column = self.table.c
        columns = [column[name] for name in Entry._fields]
        self._add = Command(
            insert(self.table).values({c.name: bindparam(c.name, type_=c.type) for c in columns})
        )
        self._page = Query(
            select(*columns)
            .where(
                where_given("before", ID, lambda p: column.id < p),
                where_given("actor", Text(), lambda p: column.actor == p),
                where_given("target", ID, lambda p: or_(column.target == p, column.user_id == p)),
                where_given("made_from", INSTANT, lambda p: column.at >= p),
                where_given("made_before", INSTANT, lambda p: column.at < p),
            )
            .order_by(column.id.desc())
            .limit(bindparam("limit", type_=BigInteger)),
            Entry,
        )

    def add(self, connection: Connection, warrant: Warrant, act: Act, *, now: datetime) -> None:
        """Records an act, in the transaction that does it."""
        values = act._asdict() | warrant._asdict() | {"id": uuid7(now), "at": now}
        self._add.run(connection, **values | {"changes": json.dumps(act.changes, default=rfc3339)})

    def page(self, connection: Connection, page: Page) -> list[Entry]:
        """Entries of all players, newest first."""
        return self._page.all(connection, **page._asdict())


class AuditService(audit_pb2_grpc.AuditServiceServicer):
    """Tells of one service's trail: see protos/audit/v1/audit.proto."""

    def __init__(self, database: Database, trail: Trail) -> None:
        self._database = database
        self._trail = trail

    def ListAudit(  # noqa: N802  # the contract's name
        self, request: pb.ListAuditRequest, _: grpc.ServicerContext
    ) -> pb.ListAuditResponse:
        """Reads a page of entries."""
        with self._database.read() as connection:
            entries = self._trail.page(connection, _page(request))
        return pb.ListAuditResponse(entries=[_message(entry) for entry in entries])


def offer(database: Database, trail: Trail) -> Offer:
    """What a process offers beside its own service, so that its trail can be read."""
    servicer = AuditService(database, trail)
    return Offer(
        service=SERVICE.full_name,
        callers={"ListAudit": frozenset({"gateway"})},
        register=lambda server: audit_pb2_grpc.add_AuditServiceServicer_to_server(servicer, server),
    )


def warrant_of(message: pb.Warrant) -> Warrant:
    """On whose word a call asks for something."""
    return Warrant(message.actor, message.reason)


def differences(before: Any, after: Any, fields: Iterable[str]) -> Changes:
    """Those of the named attributes that differ, each as it was and as it is."""
    pairs = {field: [getattr(before, field), getattr(after, field)] for field in fields}
    return {field: pair for field, pair in pairs.items() if pair[0] != pair[1]}


def _table(metadata: MetaData) -> Table:
    return Table(
        "audit",
        metadata,
        Column("user_id", ID, primary_key=True),
        Column("id", ID, primary_key=True),
        Column("actor", Text, nullable=False),
        Column("action", Text, nullable=False),
        Column("target", ID, nullable=False),
        Column("reason", Text, nullable=False),
        Column("changes", JSONB, nullable=False),
        Column("at", INSTANT, nullable=False),
        CheckConstraint(f"char_length(actor) BETWEEN 1 AND {LONGEST_ACTOR}", name="actor_to_120"),
        CheckConstraint("char_length(action) BETWEEN 1 AND 40", name="action_to_40"),
        CheckConstraint(
            f"char_length(reason) BETWEEN 1 AND {LONGEST_REASON}", name="reason_to_500"
        ),
        # The operators' page over all players, newest first.
        Index("audit_newest", "id"),
    )


def _page(request: pb.ListAuditRequest) -> Page:
    has = request.HasField
    return Page(
        before=request.before or None,
        limit=max(1, min(request.limit, LONGEST_PAGE)),
        actor=request.actor or None,
        target=request.target or None,
        made_from=instant(request.made_from) if has("made_from") else None,
        made_before=instant(request.made_before) if has("made_before") else None,
    )


def _message(entry: Entry) -> pb.Entry:
    return pb.Entry(
        id=entry.id,
        at=wire(entry.at),
        actor=entry.actor,
        action=entry.action,
        user_id=None if entry.user_id == NOBODY else entry.user_id,
        target=entry.target,
        reason=entry.reason,
        changes=json.dumps(entry.changes),
    )
