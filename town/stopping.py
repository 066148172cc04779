"""Being asked to stop."""

import signal
from types import FrameType


class Stopped(Exception):
    """The operator has asked us to stop."""


class StopRequest:
    """Remembers that we were asked to stop, by Ctrl-C, `kill` or a closed terminal.

    Nothing is interrupted by it, neither at the first time nor at the second: we look when it suits us.
    """

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)
        # Under nohup the end of the terminal is to be ignored.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._ask)

    def check(self) -> None:
        """Raise Stopped when we were asked to stop."""
        if self.asked:
            raise Stopped

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
