"""The only clock that decides: the service's own database's."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from services.kit.database import Connection
from services.kit.statements import Query


class _Now(NamedTuple):
    now: datetime


_CLOCK = Query(select(func.clock_timestamp().label("now")), _Now)


def database_now(connection: Connection) -> datetime:
    """The database's time in UTC, read now: take it after the row locks.

    Not the transaction's start, which a wait for a lock would leave behind.
    """
    return _CLOCK.all(connection)[0].now
