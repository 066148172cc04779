"""What statements are given, as rows; and the statements of every database.

What the others mean, in Python, stands in session_sql.py, world_sql.py and
inventory_sql.py. The SQL itself is tested on PostgreSQL (tests/service); a
statement that nobody lists stops the simulation.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from services.kit import clock, database
from tests.simulation.postgres import HURRIED_S, Statement, Transaction

Parameters = Mapping[str, Any]

_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,{}]+)')
_ESCAPED = re.compile(r"\\(.)")
_KINDS: tuple[tuple[type, Callable[[str], Any]], ...] = (
    (BigInteger, int),
    (Boolean, "t".__eq__),
    (DateTime, datetime.fromisoformat),
    (Date, date.fromisoformat),
    (LargeBinary, lambda text: bytes.fromhex(text[2:])),
    (JSONB, json.loads),
)


def given(parameters: Parameters, columns: Iterable[Column[Any]]) -> list[dict[str, Any]]:
    """The rows that were handed in as one array per column."""
    lists = {c.name: _elements(parameters[c.name], _read(c.type)) for c in columns}
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


@cache
def _read(kind: TypeEngine[Any]) -> Callable[[str], Any]:
    """What makes a value of an element's text."""
    return next((read for kinds, read in _KINDS if isinstance(kind, kinds)), str)


# The same few players and sessions come again and again.
@lru_cache(maxsize=4096)
def _elements(literal: str, read: Callable[[str], Any]) -> tuple[Any, ...]:
    """The list that an array literal was made of; see services/kit/arrays.py."""
    return tuple(
        None if bare == "NULL" else read(bare or _ESCAPED.sub(r"\1", quoted))
        for quoted, bare in _ELEMENT.findall(literal)
    )


def users_of(parameters: Parameters) -> set[str]:
    return set(_elements(parameters["users"], str))


def read_clock(transaction: Transaction, _: Parameters) -> Any:
    return [clock._Now(transaction.now())]


def timed(transaction: Transaction, rows: Sequence[Sequence[Any]]) -> Any:
    """What a `Timed` statement of services/kit/statements.py gives: rows, each with the time."""
    return [(*row, transaction.now()) for row in rows] or [(None, transaction.now())]


def hurry(transaction: Transaction, _: Parameters) -> Any:
    transaction.lock_timeout_s = HURRIED_S


MEANING: Mapping[str, Statement] = {
    clock._CLOCK.sql: read_clock,
    database._BRIEF_LOCK_WAIT: hurry,
}
