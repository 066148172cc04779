"""Erasing an account in all four services, and keeping the receipt.

The shape of every other flow: the wish is a row that is committed first (`deletes_at`,
then the receipt), the others are asked outside a transaction, and asked again until
they have nothing left. What was under way when they were asked first, such as the
delivery of a drop, may leave something behind: so a round that found nothing, half a
minute after the last one that did, is what ends it. Long after, the receipts are asked
again about once a day: a service that was restored from a backup forgets as it should.
"""

from collections.abc import Sequence
from typing import Protocol

import structlog

from services.auth import erasure_store, rules, store
from services.auth.erasure_store import ErasureRow
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.errors import Failure

AT_ONCE = 16

log = structlog.get_logger(__name__)


class Elsewhere(Protocol):
    """Another service that holds players."""

    def erase(self, user_id: str) -> int:
        """Erases a player there; says how many rows there were. Raises Failure."""
        ...


class Erasures:
    """Erases what is due. `elsewhere` in the order in which they are asked: who tells others first."""

    def __init__(self, database: Database, elsewhere: Sequence[Elsewhere]) -> None:
        self._database = database
        self._elsewhere = elsewhere

    def begin_due(self) -> int:
        """Opens receipts for a page of accounts; says how many. Raises Unavailable."""
        return self._database.transact(_opened)

    def erase_due(self) -> bool:
        """Asks all for a page of receipts; says whether there may be more. Raises Unavailable."""
        rows = self._database.transact(_taken)
        for row in rows:
            self._erase(row.user_id)
        return len(rows) == AT_ONCE

    def _erase(self, user_id: str) -> None:
        try:
            found = sum(service.erase(user_id) for service in self._elsewhere)
        except Failure as failure:
            # It is asked again, as all are, when its time comes.
            log.warning("erasure_postponed", reason=failure.reason)
            return
        self._database.transact(lambda connection: _concluded(connection, user_id, found))


def _opened(connection: Connection) -> int:
    now = database_now(connection)
    users = erasure_store.due_users(connection, now=now, limit=AT_ONCE)
    for user in users:
        requested = (user.deletes_at or now) - rules.RESTORABLE
        row = ErasureRow(user.id, requested, ask_at=now, erased_at=None, rows=0)
        erasure_store.open_erasure(connection, row)
    return len(users)


def _taken(connection: Connection) -> Sequence[ErasureRow]:
    """Receipts that are due; in half a minute again, unless they are concluded by then."""
    now = database_now(connection)
    rows = erasure_store.lock_due(connection, now=now, limit=AT_ONCE)
    for row in rows:
        erasure_store.save(connection, row._replace(ask_at=now + rules.ERASURE_AGAIN))
    return rows


def _concluded(connection: Connection, user_id: str, found: int) -> None:
    """Counts what was found elsewhere; where that was nothing, the account goes too."""
    user = store.lock_user(connection, user_id)
    row = erasure_store.lock(connection, user_id)
    if row is None:
        return
    if found:
        erasure_store.save(connection, row._replace(rows=row.rows + found))
        return
    now = database_now(connection)
    here = erasure_store.erase_account(connection, user_id) if user else 0
    ask_at = rules.recheck_at(row.erased_at or now, now=now)
    done = row._replace(ask_at=ask_at, erased_at=row.erased_at or now, rows=row.rows + here)
    erasure_store.save(connection, done)
    if user is not None:
        log.info("account_erased", rows=done.rows)
