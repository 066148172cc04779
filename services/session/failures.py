"""How a call to the session service fails by name."""

from datetime import datetime, timedelta

import grpc

from services.kit.errors import Failure
from services.kit.times import rfc3339


class TaskUnknown(Failure):
    """The player has no such task, or has archived it."""

    code = grpc.StatusCode.NOT_FOUND


class TooManyTasks(Failure):
    """The player has as many active tasks as the rules allow."""


class DurationRefused(Failure):
    """The duration is outside what the rules allow."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class SessionUnknown(Failure):
    """The player has no such session."""

    code = grpc.StatusCode.NOT_FOUND


class SessionTooEarly(Failure):
    """The session's time has not passed; it stays pending."""

    @classmethod
    def until(cls, ends_at: datetime, *, now: datetime) -> "SessionTooEarly":
        """Tells when it ends, and the whole seconds left."""
        left = -((now - ends_at) // timedelta(seconds=1))
        return cls(ends_at=rfc3339(ends_at), retry_after=str(max(1, left)))


class SessionTimedOut(Failure):
    """The session's window has closed."""


class SessionCancelled(Failure):
    """The session was given up."""


class SessionAlreadyCompleted(Failure):
    """The session was completed and paid."""


class NotEnoughGold(Failure):
    """The hero has less gold than the item costs."""


class AlreadyOwned(Failure):
    """The player owns this item, and nobody owns one twice."""


class OfferExpired(Failure):
    """The item can not be bought, or not any more."""


class DeliveryUnknown(Failure):
    """There is no such delivery, or it is done."""

    code = grpc.StatusCode.NOT_FOUND


class SandboxOff(Failure):
    """The town has no sandbox."""

    code = grpc.StatusCode.NOT_FOUND


class ClockTooFar(Failure):
    """The player's clock would run too far ahead of real time."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class IdempotencyKeyReused(Failure):
    """The same key came with another request before."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class IdempotencyKeyInProgress(Failure):
    """The first call with this key is still running."""
