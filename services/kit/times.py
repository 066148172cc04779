"""Instants between Python and protobuf, always in UTC."""

from datetime import UTC, datetime
from typing import cast, overload

from google.protobuf.timestamp_pb2 import Timestamp


@overload
def wire(at: datetime) -> Timestamp: ...
@overload
def wire(at: datetime | None) -> Timestamp | None: ...
def wire(at: datetime | None) -> Timestamp | None:
    """An instant for a message's constructor, which takes a datetime as it is.

    Only the library's type stubs do not know that yet.
    """
    return cast("Timestamp | None", at)


def instant(message: Timestamp) -> datetime:
    """The instant that a message tells."""
    return message.ToDatetime(UTC)


def rfc3339(at: datetime) -> str:
    """An instant in UTC as text, with Z."""
    return at.isoformat().replace("+00:00", "Z")
