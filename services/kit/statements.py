"""Hot statements: SQLAlchemy Core, compiled once, run by psycopg.

A statement is a module constant. Arrays go in, rows come out, one round trip
for a whole batch:

    SAVE = Command(update(hero).values(gold=new.c.gold).where(
        of_users(hero.c.user_id), hero.c.user_id == new.c.user_id))
    SAVE.run(connection, rows=changed)
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import accumulate
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar, overload

from psycopg.rows import BaseRowFactory
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Select,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine.interfaces import Compiled
from sqlalchemy.sql import ClauseElement, TableValuedAlias
from sqlalchemy.sql.selectable import ReturnsRows

from services.kit.arrays import Literal, literal_of
from services.kit.database import Connection

Row = TypeVar("Row")
One = TypeVar("One")
Other = TypeVar("Other")

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # the library has no types here


def of_users(user_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Bounds a player table by the players at hand: the parameter `users`.

    Every statement bounds every player table so, even beside a join with
    `given`: it is what sends it to one shard.
    """
    return user_id == any_(bindparam("users", type_=ARRAY(UUID(as_uuid=False))))


def where_given(
    name: str, kind: Any, condition: Callable[[Any], ColumnElement[bool]]
) -> ColumnElement[bool]:
    """A filter by a parameter of that kind, which passes everything when it is None."""
    parameter = cast(bindparam(name, type_=kind), kind)
    return or_(parameter.is_(None), condition(parameter))


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
    """A statement whose rows are of one kind, a NamedTuple; or tuples of one of each kind.

    Raises TypeError at import when the columns are not the fields of the kinds.
    """

    @overload
    def __init__(self: "Query[One]", clause: ReturnsRows, kind: type[One], /) -> None: ...
    @overload
    def __init__(
        self: "Query[tuple[One, Other]]", clause: ReturnsRows, one: type[One], other: type[Other], /
    ) -> None: ...
    def __init__(self, clause: ReturnsRows, *kinds: type[Any]) -> None:
        super().__init__(clause)
        _require_fields(clause, *kinds)
        made = _made(kinds)
        self._factory: BaseRowFactory[Row] = lambda _: made

    def all(self, connection: Connection, **parameters: Any) -> list[Row]:
        """Every row, in the statement's order."""
        cursor = connection.cursor(row_factory=self._factory)
        return cursor.execute(self.sql, self._bound(connection, parameters)).fetchall()

    def one(self, connection: Connection, **parameters: Any) -> Row | None:
        """The first row, or None."""
        found = self.all(connection, **parameters)
        return found[0] if found else None


class Found(NamedTuple, Generic[Row]):
    """Rows, and the database's time after the last of them was read, or locked."""

    rows: list[Row]
    now: datetime


class Timed(_Compiled, Generic[Row]):
    """A statement that reads or locks rows, and takes the time as well, in one round trip.

    The SELECT, with FOR UPDATE or without, is run as a subquery, row by row, and the
    clock is read for each row after its lock; where there is none, for a row of nulls
    after the search. Kinds of rows as for Query.
    """

    @overload
    def __init__(self: "Timed[One]", rows: Select[Any], kind: type[One], /) -> None: ...
    @overload
    def __init__(
        self: "Timed[tuple[One, Other]]", rows: Select[Any], one: type[One], other: type[Other], /
    ) -> None: ...
    def __init__(self, rows: Select[Any], *kinds: type[Any]) -> None:
        _require_fields(rows, *kinds)
        read = rows.subquery("read")
        always = select(literal_column("1")).subquery("always")
        timed = select(*read.c, func.clock_timestamp()).select_from(always)
        super().__init__(timed.outerjoin(read, true()))
        self._made = _made(kinds)

    def all(self, connection: Connection, **parameters: Any) -> Found[Row]:
        """Every row, in the statement's order."""
        found = connection.execute(self.sql, self._bound(connection, parameters)).fetchall()
        made = [self._made(values[:-1]) for values in found if values[0] is not None]
        return Found(made, found[-1][-1])


class Records(_Compiled):
    """A statement whose rows are plain tuples, for who knows no table by name."""

    def all(self, connection: Connection, **parameters: Any) -> list[tuple[Any, ...]]:
        """Every row, in the statement's order."""
        return connection.execute(self.sql, self._bound(connection, parameters)).fetchall()


class Command(_Compiled):
    """A statement that changes rows and gives none back."""

    def run(self, connection: Connection, **parameters: Any) -> int:
        """The number of rows changed."""
        return connection.execute(self.sql, self._bound(connection, parameters)).rowcount


def _array_literals(compiled: Compiled) -> dict[str, Literal]:
    """For each array parameter, what makes its text."""
    arrays = {
        name: literal_of(parameter.type.item_type)
        for parameter, name in compiled.bind_names.items()  # type: ignore[attr-defined]  # of every SQL compiler, not of its base
        if isinstance(parameter.type, ARRAY)
    }
    return {name: literal for name, literal in arrays.items() if literal}


def transposed(rows: Sequence[Any], names: Iterable[str]) -> dict[str, list[Any]]:
    """One list per name; `users` are the rows' `user_id`."""
    getters = {n: attrgetter("user_id" if n == "users" else n) for n in names}
    return {name: list(map(get, rows)) for name, get in getters.items()}


def _require_fields(clause: ReturnsRows, *kinds: type[Any]) -> None:
    columns = [c.name for c in clause.exported_columns]
    names = [name for kind in kinds for name in kind._fields]
    if columns != names:
        message = f"{[kind.__name__ for kind in kinds]} have {names}, the statement gives {columns}"
        raise TypeError(message)


def _made(kinds: Sequence[type[Any]]) -> Callable[[Sequence[Any]], Any]:
    """What makes a row of its values: an instance of the one kind, or a tuple of one of each."""
    if len(kinds) == 1:
        make: Callable[[Sequence[Any]], Any] = kinds[0]._make
        return make
    ends = list(accumulate(len(kind._fields) for kind in kinds))
    parts = [
        (kind._make, end - len(kind._fields), end) for kind, end in zip(kinds, ends, strict=True)
    ]
    return lambda values: tuple([make(values[first:end]) for make, first, end in parts])
