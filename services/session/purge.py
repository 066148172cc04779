"""Idempotency keys are forgotten when nobody repeats a call any more.

Any number of replicas may purge at once: every step is safe to repeat.
"""

from datetime import timedelta

from services.kit.clock import database_now
from services.kit.database import Database
from services.kit.shards import by_shard
from services.session import key_store

# Twice the day that is promised: nobody loses a key early, whatever a client calls a day.
KEPT = timedelta(hours=48)
# A page is deleted in a few milliseconds: nobody waits for its locks.
PAGE = 500


class KeyPurge:
    """Deletes the keys of every player that were answered over 48 h ago."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def purge_due(self) -> int:
        """Deletes a page of keys; how many there were, 0 when none is left.

        Raises Unavailable.
        """
        with self._database.read() as connection:
            before = database_now(connection) - KEPT
            names = key_store.expired(connection, before=before, limit=PAGE)
        for batch in by_shard(names):
            with self._database.read() as connection:
                key_store.purge(connection, batch, before=before)
        return len(names)
