"""How a call to the world service fails by name."""

from datetime import datetime

import grpc

from services.kit.errors import Failure
from services.kit.times import rfc3339


class ZoneUnknown(Failure):
    """The tz database has no such zone."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class ZoneChangedRecently(Failure):
    """The zone was changed a short while ago."""

    @classmethod
    def until(cls, allowed_from: datetime) -> "ZoneChangedRecently":
        """Tells from when on, by the player's clock, it may change again."""
        return cls(allowed_from=rfc3339(allowed_from))


class DateOutOfReach(Failure):
    """A date to restore lies ahead of the player's today, or too far back."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class SandboxOff(Failure):
    """The town has no sandbox."""

    code = grpc.StatusCode.NOT_FOUND
