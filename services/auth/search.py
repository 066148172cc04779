"""Finding accounts by a part of their address or name.

No index finds a part of a text on every PostgreSQL, so accounts are looked through,
newest first, a stretch at a time, and never for long: a page that ran out of time
says where it has come to, and the next one goes on from there. A million accounts
take about 1 s.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from services.auth import operator_store, rules, store
from services.auth.operator_store import Stretch
from services.kit.database import Connection
from services.kit.ids import is_canonical

# A stretch takes about 50 ms.
STRETCH = 50_000
# With one more stretch well below what the gateway waits for (2 s).
WITHIN_S = 1.0
# Above and below every account: uuid's largest and smallest, which none has.
NEWEST = "ffffffff-ffff-ffff-ffff-ffffffffffff"
OLDEST = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Found:
    """One page, newest first; the next one is before `next_before`, and is none for ""."""

    users: list[store.UserRow]
    next_before: str


@dataclass(frozen=True, slots=True)
class Search:
    """What to find, and from before which account on: a part of address or name, or an id."""

    query: str
    before: str
    limit: int

    def page(
        self,
        connection: Connection,
        *,
        stretch: int = STRETCH,
        clock: Callable[[], float] = time.monotonic,
    ) -> Found:
        """The next accounts that are found, `limit` of them at most."""
        if is_canonical(self.query):
            return Found(list(store.read_users(connection, [self.query]).values()), "")
        until = clock() + WITHIN_S
        users: list[store.UserRow] = []
        before = self.before or NEWEST
        while True:
            end = operator_store.end_of_stretch(connection, before=before, accounts=stretch)
            users += self._found(connection, before, end or OLDEST, self.limit - len(users))
            if len(users) == self.limit:
                return Found(users, users[-1].id)
            if end is None or clock() > until:
                return Found(users, end or "")
            before = end

    def _found(
        self, connection: Connection, before: str, end: str, limit: int
    ) -> list[store.UserRow]:
        wish = Stretch(before, end, rules.email_key(self.query), self.query, limit)
        return operator_store.search(connection, wish)
