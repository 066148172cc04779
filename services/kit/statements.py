"""Hot statements: SQLAlchemy Core, compiled once, run by psycopg.

A statement is a module constant. Arrays go in, rows come out, one round trip
for a whole batch:

    SAVE = Command(update(hero).values(gold=new.c.gold).where(
        of_users(hero.c.user_id), hero.c.user_id == new.c.user_id))
    SAVE.run(connection, rows=changed)
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar

from psycopg.rows import BaseRowFactory
from sqlalchemy import ARRAY, Column, ColumnElement, any_, bindparam, column, func
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine.interfaces import Compiled
from sqlalchemy.sql import ClauseElement, TableValuedAlias
from sqlalchemy.sql.selectable import ReturnsRows

from services.kit.arrays import Literal, literal_of
from services.kit.database import Connection

Row = TypeVar("Row")

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # the library has no types here


def of_users(user_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Bounds a player table by the players at hand: the parameter `users`.

    Every statement bounds every player table so, even beside a join with
    `given`: it is what sends it to one shard.
    """
    return user_id == any_(bindparam("users", type_=ARRAY(UUID(as_uuid=False))))


def given(*columns: Column[Any], name: str = "given") -> TableValuedAlias:
    """Rows handed in as one array per column: `unnest(:user_id, :id) AS given`."""
    arrays = [bindparam(c.name, type_=ARRAY(c.type)) for c in columns]
    typed = [column(c.name, c.type) for c in columns]
    return func.unnest(*arrays).table_valued(*typed).render_derived(name=name)


class _Compiled:
    """The text of a statement, and its parameters."""

    def __init__(self, clause: ClauseElement) -> None:
        compiled = clause.compile(dialect=_DIALECT)
        self.sql = str(compiled)
        self._constants = {k: v for k, v in compiled.params.items() if v is not None}
        self._names = [n for n in compiled.params if n not in self._constants]
        self._literals = _array_literals(compiled)

    def _bound(self, connection: Connection, parameters: dict[str, Any]) -> dict[str, Any]:
        """The parameters of a call; `rows=` is turned into one array per column."""
        rows = parameters.pop("rows", None)
        if rows is not None:
            free = [name for name in self._names if name not in parameters]
            parameters |= transposed(rows, free)
        connection.touch(parameters.get("users") or parameters.get("user_id") or ())
        for name, literal in self._literals.items():
            parameters[name] = literal(parameters[name])
        return self._constants | parameters


class Query(_Compiled, Generic[Row]):
    """A statement whose rows are instances of `row`, a dataclass.

    Raises TypeError at import when the columns are not the fields of `row`.
    """

    def __init__(self, clause: ReturnsRows, row: type[Row]) -> None:
        super().__init__(clause)
        self._factory = _rows_of(clause, row)

    def all(self, connection: Connection, **parameters: Any) -> list[Row]:
        """Every row, in the statement's order."""
        cursor = connection.cursor(row_factory=self._factory)
        return cursor.execute(self.sql, self._bound(connection, parameters)).fetchall()

    def one(self, connection: Connection, **parameters: Any) -> Row | None:
        """The first row, or None."""
        found = self.all(connection, **parameters)
        return found[0] if found else None


class Command(_Compiled):
    """A statement that changes rows and gives none back."""

    def run(self, connection: Connection, **parameters: Any) -> int:
        """The number of rows changed."""
        return connection.execute(self.sql, self._bound(connection, parameters)).rowcount


def _array_literals(compiled: Compiled) -> dict[str, Literal]:
    """For each array parameter, what makes its text."""
    arrays = {
        name: literal_of(parameter.type.item_type)
        for parameter, name in compiled.bind_names.items()  # type: ignore[attr-defined]
        if isinstance(parameter.type, ARRAY)
    }
    return {name: literal for name, literal in arrays.items() if literal}


def transposed(rows: Sequence[Any], names: Iterable[str]) -> dict[str, list[Any]]:
    """One list per name; `users` are the rows' `user_id`."""
    attributes = {name: "user_id" if name == "users" else name for name in names}
    return {n: [getattr(row, a) for row in rows] for n, a in attributes.items()}


def _rows_of(clause: ReturnsRows, row: type[Row]) -> BaseRowFactory[Row]:
    columns = [c.name for c in clause.exported_columns]
    names = [field.name for field in fields(row)]  # type: ignore[arg-type]  # a dataclass by contract
    if columns != names:
        message = f"{row.__name__} has {names}, the statement gives {columns}"
        raise TypeError(message)
    return lambda _: lambda values: row(*values)
