"""Idempotency keys are forgotten when nobody repeats a call any more.

Any number of replicas may purge at once: every step is safe to repeat.
"""

import threading
from collections.abc import Sequence
from datetime import timedelta

import structlog

from services.kit.clock import database_now
from services.kit.database import Database
from services.kit.errors import Failure
from services.kit.shards import shard_of
from services.session import key_store
from services.session.key_store import KeyName

# Twice the day that is promised: nobody loses a key early, whatever a client calls a day.
KEPT = timedelta(hours=48)
EVERY_S = 60.0
# A page is deleted in a few milliseconds: nobody waits for its locks.
PAGE = 500

log = structlog.get_logger(__name__)


class KeyPurge:
    """Deletes the keys of every player that were answered over 48 h ago."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, stopping: threading.Event) -> None:
        """Purges about every minute until `stopping` is set."""
        while not stopping.wait(EVERY_S):
            try:
                while self.purged_a_full_page() and not stopping.is_set():
                    pass
            except Failure as failure:
                log.warning("purge_postponed", reason=failure.reason)
            except Exception:
                # A bug must not end the purging: the table would grow for ever.
                log.exception("purge_broke")

    def purged_a_full_page(self) -> bool:
        """Deletes one page of keys; whether it was full, so that there may be more.

        Raises Unavailable.
        """
        with self._database.read() as connection:
            before = database_now(connection) - KEPT
            names = key_store.expired(connection, before=before, limit=PAGE)
        for batch in _by_shard(names):
            with self._database.read() as connection:
                key_store.purge(connection, batch, before=before)
        return len(names) == PAGE


def _by_shard(names: Sequence[KeyName]) -> list[list[KeyName]]:
    groups: dict[int, list[KeyName]] = {}
    for name in names:
        groups.setdefault(shard_of(name.user_id), []).append(name)
    return list(groups.values())
