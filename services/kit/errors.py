"""Named failures, and how they cross the wire.

A service raises a named failure; the server sends its canonical code with an
`ErrorInfo`; the caller's client raises it again as `Refused`. HTTP is known to
the gateway alone.
"""

import re
from typing import ClassVar

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from protos.failure.v1 import failure_pb2

DOMAIN = "nesra.town"


class Failure(Exception):
    """Something that a caller may be told by name.

    `reason` is the class's name in UPPER_SNAKE; `metadata` are the strings that
    the reason promises.
    """

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.FAILED_PRECONDITION
    reason: str = "FAILURE"

    def __init_subclass__(cls) -> None:
        if "reason" not in vars(cls):
            cls.reason = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).upper()

    def __init__(self, **metadata: str) -> None:
        super().__init__(self.reason, metadata)
        self.metadata = metadata

    def as_item(self) -> failure_pb2.Failure:
        """The failure of one item of a batch."""
        return failure_pb2.Failure(reason=self.reason, metadata=self.metadata)

    def as_status(self) -> grpc.Status:
        """The failure of a whole call."""
        info = ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.metadata)
        detail = Any()
        detail.Pack(info)
        status = Status(code=self.code.value[0], message=self.reason, details=[detail])
        converted: grpc.Status = rpc_status.to_status(status)
        return converted


class Unavailable(Failure):
    """Try again shortly: something that is needed does not answer."""

    code = grpc.StatusCode.UNAVAILABLE


class HeldUp(Unavailable):
    """A lock or a statement took too long, or transactions kept colliding.

    One item may be the cause, so a batch is worth trying item by item.
    """

    reason = Unavailable.reason


class Internal(Failure):
    """A bug. What happened stands in the log, nothing of it on the wire."""

    code = grpc.StatusCode.INTERNAL


class Unauthenticated(Failure):
    """The call carries no valid service token."""

    code = grpc.StatusCode.UNAUTHENTICATED


class PermissionDenied(Failure):
    """The calling service is not among those that may call this method."""

    code = grpc.StatusCode.PERMISSION_DENIED


class Refused(Failure):
    """What a remote service said by name; `reason` is the name it gave."""

    def __init__(self, reason: str, metadata: dict[str, str]) -> None:
        self.reason = reason
        super().__init__(**metadata)


# What a caller can only wait out: the far side is away, full or too slow.
_PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.ABORTED,
}


def from_item(item: failure_pb2.Failure) -> Failure:
    """The failure of one item of a batch: `Unavailable`, or the named failure."""
    if item.reason == Unavailable.reason:
        return Unavailable()
    return Refused(item.reason, dict(item.metadata))


def from_rpc(error: grpc.RpcError) -> Failure:
    """What a failed call means: `Unavailable`, the named failure, or `Internal`."""
    info = _error_info(error)
    code = error.code()
    if code in _PASSING:
        return Unavailable()
    if info is None or code is grpc.StatusCode.INTERNAL:
        return Internal(code=code.name)
    return Refused(info.reason, dict(info.metadata))


def _error_info(error: grpc.RpcError) -> ErrorInfo | None:
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info = ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            return info
    return None
