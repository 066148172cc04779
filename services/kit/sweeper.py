"""Background work in pages: what was left behind is taken up again, until the end."""

import threading
from collections.abc import Callable

import structlog

from services.kit.errors import Failure

EVERY_S = 1.0
# Of one step in one sweep, with 128 rows each: 5,120, so that a backlog is gone
# soon after a fault heals, and the other steps still get their turn.
PAGES = 40

# Does a page of work; says whether there may be more that can be done at once: 0 or False ends it.
Step = Callable[[], int]

log = structlog.get_logger(__name__)


class Sweeper:
    """Goes through its steps about every second.

    Any number of replicas may sweep at once, so every step is safe to repeat. A
    step that fails holds up none of the others.
    """

    def __init__(self, *steps: Step) -> None:
        self._steps = steps

    def run(self, stopping: threading.Event) -> None:
        """Sweeps until `stopping` is set."""
        while not stopping.wait(EVERY_S):
            self.sweep(stopping)

    def sweep(self, stopping: threading.Event | None = None) -> None:
        """Goes through all steps once, each page by page while there is more."""
        for step in self._steps:
            try:
                _finish(step, stopping or threading.Event())
            except Failure as failure:
                log.warning("sweep_postponed", reason=failure.reason)
            except Exception:
                # A bug must not end the sweeping: it would strand every player.
                log.exception("sweep_broke")


def _finish(step: Step, stopping: threading.Event) -> None:
    for _ in range(PAGES):
        if stopping.is_set() or not step():
            return
