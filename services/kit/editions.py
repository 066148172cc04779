"""Every rules file that a service ever used, kept in its own database.

What a reward's version says can so be looked up for ever. The table belongs to no
player: a small reference table.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg.errors import UndefinedTable
from sqlalchemy import CheckConstraint, Column, DateTime, MetaData, Table, Text, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from services.kit.clock import database_now
from services.kit.database import Connection
from services.kit.errors import Unavailable
from services.kit.rulesfile import LONGEST_BYTES, RulesFile, Shape
from services.kit.statements import Command, Query

INSTANT = DateTime(timezone=True)
# Two replicas that take up different files at once: each must see what the other kept.
# Nobody waits for it but they; it is taken only when a process starts or its file changes.
_ONE_BY_ONE = "LOCK TABLE rules_version IN SHARE ROW EXCLUSIVE MODE"
_MOMENT = timedelta(microseconds=1)


class Kept(NamedTuple):
    """A rules file as it was used: first, and taken up last."""

    version: str
    content: str
    first_used_at: datetime
    last_used_at: datetime

    @property
    def file(self) -> RulesFile:
        """The file, named by its version."""
        return RulesFile(f"version {self.version}", self.content.encode())


class Editions:
    """The table `rules_version` of one service's database, and its statements."""

    def __init__(self, metadata: MetaData) -> None:
        self.table = _table(metadata)
        newest_first = select(self.table).order_by(self.table.c.last_used_at.desc())
        self._all = Query(newest_first, Kept)
        self._named = Query(
            select(self.table).where(self.table.c.version == bindparam("version", type_=Text)), Kept
        )
        self._latest = Query(newest_first.limit(1), Kept)
        new = insert(self.table).values(
            {c.name: bindparam(c.name, type_=c.type) for c in self.table.c}
        )
        self._use = Command(
            new.on_conflict_do_update(
                index_elements=["version"], set_={"last_used_at": new.excluded.last_used_at}
            )
        )

    def kept(self, connection: Connection) -> Sequence[Kept]:
        """All of them, the latest first."""
        return self._all.all(connection)

    def named(self, connection: Connection, version: str) -> Kept | None:
        """One of them, or None where it was never used."""
        return self._named.one(connection, version=version)

    def take_up(self, connection: Connection, file: RulesFile, shape: Shape[Any]) -> None:
        """Keeps a file that is to be used from now on, in the caller's transaction.

        Raises BadRules when players would lose something by it after the latest one
        that was kept, and Unavailable.
        """
        try:
            connection.execute(_ONE_BY_ONE)
        except UndefinedTable as error:
            # A new process on tables of before: it is ready once they are migrated.
            raise Unavailable from error
        latest = self._latest.one(connection)
        now = database_now(connection)
        if latest and latest.version != file.version:
            file.refuse_losses(shape, latest.file)
        # The order of these times is that of the changes, whatever the clock did meanwhile.
        used_at = max(now, latest.last_used_at + _MOMENT) if latest else now
        self._use.run(
            connection,
            version=file.version,
            content=file.text,
            first_used_at=used_at,
            last_used_at=used_at,
        )


def _table(metadata: MetaData) -> Table:
    return Table(
        "rules_version",
        metadata,
        Column("version", Text, primary_key=True),
        Column("content", Text, nullable=False),
        Column("first_used_at", INSTANT, nullable=False),
        Column("last_used_at", INSTANT, nullable=False),
        CheckConstraint("char_length(version) BETWEEN 1 AND 64", name="version_to_64"),
        CheckConstraint(f"char_length(content) <= {LONGEST_BYTES}", name="content_to_64_kib"),
    )
