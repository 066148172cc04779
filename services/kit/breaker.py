"""Not waiting again and again for somebody who does not answer."""

import time
from collections.abc import Callable

# Fewer may be a slow moment.
FAILURES = 3
# How long nobody asks; then one tries, while the others go on not asking.
OPEN_S = 1.0
# Longer than it takes to try again and to run out of time again (1 s and 2.5 s).
SILENT_S = 4.0


class Breaker:
    """Opens after three calls in a row that nobody answered; then one call a second is let through.

    For any thread: what two of them count at once matters little.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._closed_until = 0.0

    def allows(self) -> bool:
        """Whether a call may be made now."""
        if self._failures < FAILURES:
            return True
        if self._clock() < self._closed_until:
            return False
        self._closed_until = self._clock() + OPEN_S
        return True

    @property
    def is_silent(self) -> bool:
        """Whether nobody answered within the last seconds. Who is not asked is not silent."""
        return self._failures >= FAILURES and self._clock() < self._closed_until + SILENT_S

    def answered(self) -> None:
        """Notes that a call was answered, well or badly."""
        self._failures = 0

    def unanswered(self) -> None:
        """Notes that a call ran out of time."""
        self._failures += 1
        self._closed_until = self._clock() + OPEN_S
