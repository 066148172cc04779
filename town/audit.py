"""Changing what is stored, with an entry for each change in the `repair` table of that database."""

import getpass
import json
import os
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.rows import dict_row

from services.kit.ids import uuid7
from town.mending import Change
from town.reading import Connection

# As the table bounds them.
LONGEST_REASON: Final = 500
LONGEST_OPERATOR: Final = 80

ENTRY: Final = """
    INSERT INTO repair (user_id, id, invariant, before, after, reason, operator, repaired_at)
    VALUES (%(user_id)s, %(id)s, %(invariant)s, %(before)s, %(after)s, %(reason)s, %(operator)s, %(now)s)
"""


@dataclass(frozen=True, slots=True)
class Audit:
    """Who changes something, and why."""

    reason: str
    operator: str

    def apply(self, connection: Connection, change: Change, *, now: datetime) -> None:
        """Make the change and its entry, within the transaction of the caller, who holds the locks."""
        player = {"user_id": change.drift.player, "now": now}
        cursor = connection.cursor(row_factory=dict_row)
        cursor.execute(change.statement, player | dict(change.values))
        # What is deleted stands in the entry as a whole.
        deleted = cursor.fetchall() if cursor.description else []
        entry = {
            "id": uuid7(at=now),
            "invariant": change.drift.invariant,
            "before": _before(change, deleted),
            "after": change.result,
            "reason": self.reason,
            "operator": self.operator,
        }
        connection.execute(ENTRY, player | entry)


def operator() -> str:
    """Return who gives this command: the user of this machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name.
        user = f"user {os.geteuid()}"
    return f"{user}@{socket.gethostname()}"[:LONGEST_OPERATOR]


def _before(change: Change, deleted: list[dict[str, object]]) -> str:
    if deleted:
        return json.dumps(deleted, default=str)
    drift = change.drift
    return (
        f"{drift.what} {drift.id}: {drift.stored}" if drift.id else f"{drift.what} {drift.stored}"
    )
