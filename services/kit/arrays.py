"""Lists as PostgreSQL array literals.

psycopg makes arrays element by element in Python, at 1 to 8 µs each; that was
the dearest part of a batch. One literal per list costs a tenth of it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, DateTime, LargeBinary, String
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.types import TypeEngine

Literal = Callable[[Sequence[Any]], str]


def literal_of(element: TypeEngine[Any]) -> Literal | None:
    """Makes the literal of a list of such elements, None among them; or None for other types."""
    return next((make for kinds, make in _LITERALS if isinstance(element, kinds)), None)


def _texts(values: Sequence[str | None]) -> str:
    if None in values:
        return _braced("NULL" if text is None else f'"{_escaped(text)}"' for text in values)
    joined = '","'.join(values)  # type: ignore[arg-type]  # no None is among them
    # Only our own quotes, and nothing that escapes: as it is nearly always.
    if joined.count('"') == 2 * max(0, len(values) - 1) and "\\" not in joined:
        return f'{{"{joined}"}}' if values else "{}"
    return _braced(f'"{_escaped(text)}"' for text in values if text is not None)


def _numbers(values: Sequence[int | None]) -> str:
    return _braced(["NULL" if number is None else str(number) for number in values])


def _truths(values: Sequence[bool | None]) -> str:
    return _braced(["NULL" if truth is None else "t" if truth else "f" for truth in values])


def _instants(values: Sequence[Any]) -> str:
    return _braced(["NULL" if value is None else value.isoformat() for value in values])


def _bytes(values: Sequence[bytes | None]) -> str:
    return _braced(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _braced(elements: Iterable[str]) -> str:
    return "{" + ",".join(elements) + "}"


_LITERALS: tuple[tuple[tuple[type, ...], Literal], ...] = (
    ((UUID, String, JSONB), _texts),
    ((BigInteger,), _numbers),
    ((Boolean,), _truths),
    ((DateTime, Date), _instants),
    ((LargeBinary,), _bytes),
)
