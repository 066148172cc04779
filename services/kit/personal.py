"""What a service holds about one player: exported table by table, and erased.

Knows no table by name: it works from the service's metadata, so that a table with
a player in it is exported and erased from its first day.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from threading import BoundedSemaphore
from typing import Any

import grpc
import orjson
from psycopg.errors import ForeignKeyViolation
from sqlalchemy import (
    Column,
    ColumnElement,
    Delete,
    LargeBinary,
    MetaData,
    Table,
    bindparam,
    delete,
    select,
    tuple_,
)

from protos.personal.v1 import personal_pb2 as pb
from protos.personal.v1 import personal_pb2_grpc
from services.kit.database import Connection, Database
from services.kit.errors import Unavailable
from services.kit.server import Offer
from services.kit.statements import Command, Records

SERVICE = pb.DESCRIPTOR.services_by_name["PersonalDataService"]
# A statement reads or erases so many rows: some 20 ms, whatever else a player has.
PAGE = 500
# For every row to which others may refer, PostgreSQL looks again at all the others that
# were erased before it in the transaction: some 15 ms beside 100,000.
PARENTS_PAGE = 10
# A quarter of what a message may have.
CHUNK_BYTES = 1 << 18
# An export keeps a thread for as long as its reader takes: it must not take them all.
EXPORTS_AT_ONCE = 2

_MAY_BE_SECRET = re.compile("hash|password|private|secret|seed|token")

# What is shown in place of a column; None leaves it out.
Shown = Mapping[Column[Any], ColumnElement[Any] | None]


class Undecided(Exception):
    """A column may be a secret, and nobody said what is shown of it."""


class Held:
    """Every table of a service that has a player in it.

    That is a table with a column `user_id`; of others, `owners` say whose a row is.
    `locked_first` are the tables whose rows the service's own transactions lock before
    those of others, in that order: erasing keeps to it, so that none waits in a ring.
    After them children come before the rows that they refer to.

    `shown` says what is exported in place of a column. Raises Undecided, at import,
    when it says nothing of one that holds bytes or is named like a secret.
    """

    def __init__(
        self,
        metadata: MetaData,
        *,
        shown: Shown,
        locked_first: Sequence[Table] = (),
        owners: Mapping[Table, ColumnElement[Any]] | None = None,
    ) -> None:
        found: dict[Table, ColumnElement[Any]]
        found = {t: t.c.user_id for t in metadata.sorted_tables if "user_id" in t.c}
        found |= owners or {}
        parents = {key.column.table for table in found for key in table.foreign_keys}
        self.tables = [
            _PlayerTable(table, found[table], shown, is_parent=table in parents)
            for table in metadata.sorted_tables
            if table in found
        ]
        of = {each.table: each for each in self.tables}
        later = [t for t in reversed(metadata.sorted_tables) if t in of and t not in locked_first]
        self.erased_in_order = [of[table] for table in (*locked_first, *later)]

    def erase(self, connection: Connection, user_id: str) -> int:
        """Erases every row of a player, in the caller's transaction; how many there were."""
        return sum(each.erase(connection, user_id) for each in self.erased_in_order)


class _PlayerTable:
    """One table, and its statements about one player."""

    def __init__(
        self, table: Table, owner: ColumnElement[Any], shown: Shown, *, is_parent: bool
    ) -> None:
        self.table = table
        self._key = [column for column in table.primary_key if column is not owner]
        exported = list(_exported(table, shown))
        # SQLAlchemy has a kind of its own for names; JSON takes plain ones.
        self._names = [str(column.name) for column in exported]
        mine = owner == bindparam("user_id", type_=owner.type)
        rows = select(*exported, *self._key).where(mine).order_by(*self._key).limit(PAGE)
        self._first = Records(rows)
        self._next = Records(rows.where(_comes_after(self._key))) if self._key else None
        self._erase = Command(_erasing(table, mine, limit=PARENTS_PAGE if is_parent else PAGE))

    def pages(self, database: Database, user_id: str) -> Iterator[list[dict[str, Any]]]:
        """The player's rows by column, in the order of their key, a page at a time.

        No connection is kept between pages: nobody knows how long the reader takes.
        Raises Unavailable.
        """
        with database.read() as connection:
            page = self._first.all(connection, user_id=user_id)
        yield self._by_column(page)
        while self._next and len(page) == PAGE:
            after = self._after(page[-1])
            with database.read() as connection:
                page = self._next.all(connection, user_id=user_id, **after)
            yield self._by_column(page)

    def erase(self, connection: Connection, user_id: str) -> int:
        """Erases the player's rows; how many there were."""
        erased = 0
        while rows := self._erase.run(connection, user_id=user_id):
            erased += rows
        return erased

    def _by_column(self, page: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        # What follows the exported columns is the key, which may not be for everyone.
        return [dict(zip(self._names, row, strict=False)) for row in page]

    def _after(self, row: Sequence[Any]) -> dict[str, Any]:
        key = row[len(self._names) :]
        return {_after(c): value for c, value in zip(self._key, key, strict=True)}


class PersonalData(personal_pb2_grpc.PersonalDataServiceServicer):
    """Answers each method as personal.proto says."""

    def __init__(self, database: Database, held: Held) -> None:
        self._database = database
        self._held = held
        self._free = BoundedSemaphore(EXPORTS_AT_ONCE)

    def ExportUser(
        self, request: pb.ExportUserRequest, _: grpc.ServicerContext
    ) -> Iterator[pb.ExportUserResponse]:
        if not self._free.acquire(blocking=False):
            raise Unavailable
        try:
            for each in self._held.tables:
                pages = each.pages(self._database, request.user_id)
                for rows_json in chunks(pages):
                    yield pb.ExportUserResponse(table=each.table.name, rows_json=rows_json)
        finally:
            self._free.release()

    def EraseUser(
        self, request: pb.EraseUserRequest, _: grpc.ServicerContext
    ) -> pb.EraseUserResponse:
        try:
            rows = self._database.transact(lambda c: self._held.erase(c, request.user_id))
        except ForeignKeyViolation:
            # A call of the player's wrote in between, such as a session of a task.
            raise Unavailable from None
        return pb.EraseUserResponse(rows=rows)


def offer(
    database: Database, held: Held, *, erased_by: frozenset[str] = frozenset({"auth"})
) -> Offer:
    """How a service offers what it holds; `erased_by` may call EraseUser."""
    servicer = PersonalData(database, held)
    return Offer(
        service=SERVICE.full_name,
        callers={"ExportUser": frozenset({"gateway"}), "EraseUser": erased_by},
        register=lambda server: personal_pb2_grpc.add_PersonalDataServiceServicer_to_server(
            servicer, server
        ),
    )


def chunks(pages: Iterable[Iterable[dict[str, Any]]]) -> Iterator[str]:
    """A table's rows as JSON arrays of up to CHUNK_BYTES, or of one row that is larger.

    One array at least: that of a table without rows is empty.
    """
    rows: list[bytes] = []
    size = 0
    for row in chain.from_iterable(pages):
        text = orjson.dumps(row, default=bytes.hex, option=orjson.OPT_UTC_Z)
        if rows and size + len(text) > CHUNK_BYTES:
            yield _array(rows)
            rows, size = [], 0
        rows.append(text)
        size += len(text)
    yield _array(rows)


def _array(rows: Iterable[bytes]) -> str:
    return f"[{b','.join(rows).decode()}]"


def _exported(table: Table, shown: Shown) -> Iterator[ColumnElement[Any]]:
    for column in table.c:
        is_binary = isinstance(column.type, LargeBinary)
        if column not in shown and (is_binary or _MAY_BE_SECRET.search(column.name)):
            message = f"{column} may be a secret: say what is shown of it"
            raise Undecided(message)
        what = shown.get(column, column)
        if what is not None:
            yield what.label(column.name)


def _after(column: Column[Any]) -> str:
    return f"after_{column.name}"


def _comes_after(key: Sequence[Column[Any]]) -> ColumnElement[bool]:
    """Whether a row comes after the one that the parameters name."""
    return tuple_(*key) > tuple_(*(bindparam(_after(c), type_=c.type) for c in key))


def _erasing(table: Table, mine: ColumnElement[bool], *, limit: int) -> Delete:
    """Erases a page of rows, locked in the order of their key, as everybody locks them."""
    key = list(table.primary_key)
    locked = select(*key).where(mine).order_by(*key).limit(limit).with_for_update().cte("locked")
    return delete(table).where(mine, *(column == locked.c[column.name] for column in key))
