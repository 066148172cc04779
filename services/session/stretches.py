"""Whether a session ended within one of several stretches of time, as SQL asks it."""

from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from sqlalchemy import ARRAY, BigInteger, ColumnElement, bindparam, func, literal_column

from services.session.tables import INSTANT, session

# Of stretches in order, none of which reaches into the next: see bounds_of.
_BOUNDS = bindparam("bounds", type_=ARRAY(INSTANT))


class Stretch(NamedTuple):
    """A stretch of time, up to before `ends_at`."""

    begins_at: datetime
    ends_at: datetime


def bounds_of(stretches: Iterable[Stretch]) -> list[datetime]:
    """The beginnings and ends of stretches, in turn: the parameter `bounds`."""
    return list(chain.from_iterable(stretches))


def place_among_bounds() -> ColumnElement[int]:
    """Where the end of a session stands among `bounds`.

    Within the first stretch at 1, within the second at 3. One look finds it, however many
    there are.
    """
    return func.width_bucket(session.c.ends_at, _BOUNDS, type_=BigInteger)


def is_within(place: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a place is within a stretch, and not before, between or after them."""
    return place % literal_column("2") == literal_column("1")


def has_no_bound() -> ColumnElement[bool]:
    """Whether there is no stretch at all."""
    return func.cardinality(_BOUNDS) == literal_column("0")
