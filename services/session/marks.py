"""Marks of what is settled, made beside the calls: nobody waits for them.

Until it is marked, a settled session is told again by whoever meets it, which is as
good as once. A mark that is lost with its process is made by the sweeper.
"""

import threading
from collections.abc import Mapping
from typing import Any, Protocol

import structlog

from services.kit.errors import Failure
from services.kit.failpoints import reach
from services.kit.shards import by_shard
from services.session.store import Key

# As many as one statement marks at most; whoever has more to add marks at once.
BATCH = 128
MOST_WAITING = 8 * BATCH
# In a busy town one statement then marks what several batches settled: with its commit
# it costs as much as a few completions.
GATHER_S = 0.05
# Whoever looks back waits no longer for the thread; it then sees what is stored.
CATCH_UP_WITHIN_S = 1.0

log = structlog.get_logger(__name__)


class Outbox(Protocol):
    """Where the rows are taken out."""

    def mark(self, done: Mapping[Key, Any]) -> set[Key]:
        """Takes rows of one shard out, each with what it brought. Raises Unavailable."""


class Marks:
    """Marks rows in a thread of its own while `run` is under way, and else at once."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._waiting: dict[Key, Any] = {}
        # The players of what the thread is marking.
        self._under_way: frozenset[str] = frozenset()
        self._changed = threading.Condition()
        self._is_running = False

    @property
    def is_running(self) -> bool:
        """Whether marks are made by the thread."""
        return self._is_running

    @property
    def waiting(self) -> int:
        """How many rows wait for the thread."""
        return len(self._waiting)

    def add(self, done: Mapping[Key, Any]) -> None:
        """Marks rows soon. Never raises for a database that is away."""
        with self._changed:
            if self._is_running and len(self._waiting) < MOST_WAITING:
                self._waiting.update(done)
                self._changed.notify_all()
                return
        self._mark(done)

    def catch_up(self, user_id: str) -> None:
        """Marks what waits of a player: whoever looks back finds what it was told."""
        with self._changed:
            mine = {k: self._waiting.pop(k) for k in [*self._waiting] if k.user_id == user_id}
            self._changed.wait_for(lambda: user_id not in self._under_way, CATCH_UP_WITHIN_S)
        self._mark(mine)

    def run(self, stopping: threading.Event) -> None:
        """Marks what is added until `stopping` is set, and all that waits then."""
        with self._changed:
            self._is_running = True
        while not stopping.wait(0):
            with self._changed:
                is_needed = self._changed.wait_for(lambda: self._waiting, timeout=1.0)
            if is_needed and not stopping.wait(GATHER_S):
                self._mark_waiting()
        with self._changed:
            self._is_running = False
        self._mark_waiting()

    def _mark_waiting(self) -> None:
        with self._changed:
            waiting, self._waiting = self._waiting, {}
            self._under_way = frozenset(key.user_id for key in waiting)
        try:
            self._mark(waiting)
        except Exception:
            # A bug must not end the marking: the sweeper would have to do it all.
            log.exception("mark_broke", rows=len(waiting))
        with self._changed:
            self._under_way = frozenset()
            self._changed.notify_all()

    def _mark(self, done: Mapping[Key, Any]) -> None:
        for keys in by_shard(done):
            for first in range(0, len(keys), BATCH):
                self._mark_batch({key: done[key] for key in keys[first : first + BATCH]})

    def _mark_batch(self, done: Mapping[Key, Any]) -> None:
        try:
            self._outbox.mark(done)
        except Failure as failure:
            # Nothing is lost: the sweeper repeats what was done, and marks it then.
            log.warning("mark_postponed", rows=len(done), reason=failure.reason)
        reach("settle.after_mark")
