"""Telling gateways by what access tokens are judged: read once, told to all who listen.

One thread of each process looks at the database, and only while somebody listens. A
stream lives only as long as these looks succeed: whoever hears nothing more must not
believe that nothing happened.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, takewhile
from typing import NamedTuple

import grpc
import structlog

from services.auth import rules
from services.auth.key_store import KeyRow
from services.auth.keys import SigningKeys
from services.auth.logins import ENDED_AT_ONCE, Ends, ended_since
from services.auth.store import Ended
from services.kit.database import Database
from services.kit.errors import Failure, Unavailable

# What was committed is told within this and the moment that a look takes. A logout has
# a second to reach every gateway.
LOOK_EVERY_S = 0.2
# Who listens takes a silence of three of these for an end.
BEAT_EVERY_S = 0.5
# Each keeps a thread and its stack. A town with more gateways than this for each replica
# of auth has some that ask instead.
LISTENERS = 8

log = structlog.get_logger(__name__)


class News(NamedTuple):
    """What somebody who listens is told at once; with `more`, the next follows directly."""

    families: list[str]
    until: datetime
    now: datetime
    keys: list[KeyRow]
    more: bool


class _Sight(NamedTuple):
    """What the last look saw beside the families that ended."""

    now: datetime
    until: datetime
    keys: list[KeyRow]
    more: bool


@dataclass(slots=True, eq=False)
class _Listener:
    """What somebody who listens was told so far."""

    since: datetime | None
    # The number of the last look, and of the last family, that it was told of.
    look: int
    family: int = 0
    keys: Sequence[KeyRow] = ()
    told_at: float = float("-inf")
    is_gone: bool = False


class Watch:
    """Looks at what ended and which keys there are, and tells it to all who listen."""

    def __init__(self, database: Database, keys: SigningKeys) -> None:
        self._database = database
        self._keys = keys
        # Guards everything below. Nothing slow happens under its lock: the server's own
        # thread takes it when a caller leaves.
        self._changed = threading.Condition()
        self._listeners = 0
        self._is_over = False
        self._looks = 0
        self._sight: _Sight | None = None
        # Everything that still matters, in the order in which it was seen, and how many
        # there were before the first of them.
        self._ended: dict[str, datetime] = {}
        self._forgotten = 0

    def run(self, stopping: threading.Event) -> None:
        """Looks while somebody listens, until `stopping` is set: then all streams end."""
        while not stopping.wait(LOOK_EVERY_S):
            if self._listeners:
                self._look()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def listen(self, since: datetime | None, context: grpc.ServicerContext) -> Iterator[News]:
        """All that still matters, or ended at or after `since`; then what is new, until the caller leaves.

        Raises Unavailable when too many listen, the database does not answer, or the
        process leaves.
        """
        listener = self._admitted(since)
        try:
            if not context.add_callback(lambda: self._dismiss(listener)):
                return
            while (news := self._next(listener)) is not None:
                yield news
        finally:
            with self._changed:
                self._listeners -= 1

    def _look(self) -> None:
        try:
            sight, ends = self._seen()
        except Failure as failure:
            log.warning("watch_is_blind", reason=failure.reason)
            self._see(None, ())
        except Exception:
            # A bug must neither end the looking nor leave those who listen in peace.
            log.exception("watch_broke")
            self._see(None, ())
        else:
            self._see(sight, ends.families)

    def _seen(self) -> tuple[_Sight, Ends]:
        published = self._keys.published()
        since = self._sight.until if self._sight else None
        with self._database.read() as connection:
            ends = ended_since(connection, since, now=published.now)
        return _Sight(published.now, ends.until, published.rows, ends.more), ends

    def _see(self, sight: _Sight | None, families: Sequence[Ended]) -> None:
        """Makes a look known; without a sight, that it failed."""
        with self._changed:
            self._sight = sight
            self._looks += 1
            for family in families:
                self._ended.setdefault(family.id, family.ended_at)
            if sight is not None:
                self._forget(before=sight.now - rules.ENDED_MATTERS)
            self._changed.notify_all()

    def _forget(self, *, before: datetime) -> None:
        old = list(takewhile(lambda family: self._ended[family] < before, self._ended))
        for family in old:
            del self._ended[family]
        self._forgotten += len(old)

    def _admitted(self, since: datetime | None) -> _Listener:
        with self._changed:
            if self._is_over or self._listeners >= LISTENERS:
                raise Unavailable
            self._listeners += 1
            # The picture may be as old as the last who listened: only the next look counts.
            return _Listener(since, self._looks)

    def _dismiss(self, listener: _Listener) -> None:
        with self._changed:
            listener.is_gone = True
            self._changed.notify_all()

    def _next(self, listener: _Listener) -> News | None:
        """What there is to tell, once there is something; None when the caller has left."""
        with self._changed:
            while True:
                self._changed.wait_for(
                    lambda: listener.is_gone or self._is_over or self._looks > listener.look
                )
                if listener.is_gone:
                    return None
                if self._is_over or self._sight is None:
                    raise Unavailable
                news = self._news(listener, self._sight)
                if news is not None:
                    return news

    def _news(self, listener: _Listener, sight: _Sight) -> News | None:
        """What the listener has not heard; None when there is nothing, and no beat is due."""
        begin = max(listener.family, self._forgotten) - self._forgotten
        fresh = list(islice(self._ended.items(), begin, begin + ENDED_AT_ONCE))
        listener.family = self._forgotten + begin + len(fresh)
        is_behind = listener.family < self._forgotten + len(self._ended)
        if not is_behind:
            listener.look = self._looks
        now = time.monotonic()
        is_due = now - listener.told_at >= BEAT_EVERY_S
        if not fresh and sight.keys == listener.keys and not is_due:
            return None
        listener.keys, listener.told_at = sight.keys, now
        since = listener.since
        families = [family for family, ended_at in fresh if since is None or ended_at >= since]
        return News(families, sight.until, sight.now, sight.keys, more=is_behind or sight.more)
