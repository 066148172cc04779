"""What no longer matters is forgotten, a page at a time."""

from services.auth import attempts, mail_store, rules, store
from services.kit.clock import database_now
from services.kit.database import Connection, Database

AT_ONCE = 500


class Purge:
    """Forgets used tokens, mail tokens that expired, and tries that no longer count."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def purge_due(self) -> int:
        """Forgets a page; says how much, 0 when nothing is left. Raises Unavailable."""
        return self._database.transact(_purged)


def _purged(connection: Connection) -> int:
    now = database_now(connection)
    used_before = now - rules.USED_TOKENS_KEPT
    return (
        attempts.purge(connection, now=now)
        + mail_store.purge_tokens(connection, expired_before=now)
        + store.purge_tokens(connection, used_before=used_before, limit=AT_ONCE)
    )
