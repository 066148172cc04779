"""Changing what is stored, with an entry for each change in the audit trail of that database."""

import getpass
import json
import os
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.rows import dict_row

from services.kit.audit import LONGEST_ACTOR, NOBODY, Changes
from services.kit.ids import is_canonical, uuid7
from services.kit.times import rfc3339
from town.invariants import Drift
from town.mending import Change
from town.reading import Connection

ENTRY: Final = """
    INSERT INTO audit (user_id, id, actor, action, target, reason, changes, at)
    VALUES (%(user_id)s, %(entry)s, %(actor)s, %(action)s, %(target)s, %(reason)s, %(changes)s, %(now)s)
"""


@dataclass(frozen=True, slots=True)
class Audit:
    """Who changes something, and why."""

    reason: str
    operator: str

    def apply(self, connection: Connection, change: Change, action: str, *, now: datetime) -> None:
        """Make the change and its entry, within the transaction of the caller, who holds the locks."""
        drift = change.drift
        player = {"user_id": drift.player, "now": now}
        cursor = connection.cursor(row_factory=dict_row)
        cursor.execute(change.statement, player | dict(change.values))
        # What is deleted stands in the entry as a whole.
        deleted = cursor.fetchall() if cursor.description else []
        entry = {
            "entry": uuid7(at=now),
            "actor": self.operator,
            "action": action,
            "target": drift.id if _has_own_id(drift) else drift.player,
            "reason": self.reason,
            "changes": json.dumps(_changes(change, deleted), default=str),
        }
        connection.execute(ENTRY, player | entry)


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done to what is no player's: a stable word, the id of what was changed."""

    action: str
    target: str
    changes: Changes


def note(connection: Connection, deed: Deed, reason: str, *, now: datetime) -> None:
    """Add the entry of a deed, within the transaction that does it."""
    entry = {
        "user_id": NOBODY,
        "entry": uuid7(at=now),
        "actor": operator(),
        "action": deed.action,
        "target": deed.target,
        "reason": reason,
        "changes": json.dumps(deed.changes, default=rfc3339),
        "now": now,
    }
    connection.execute(ENTRY, entry)


def operator() -> str:
    """Return who gives this command: the user of this machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name.
        user = f"user {os.geteuid()}"
    return f"operator {user}@{socket.gethostname()}"[:LONGEST_ACTOR]


def _changes(change: Change, deleted: list[dict[str, object]]) -> Changes:
    drift = change.drift
    what = f"{drift.what} {drift.id}" if drift.id and not _has_own_id(drift) else drift.what
    return {what: [deleted or drift.stored, change.result]}


def _has_own_id(drift: Drift) -> bool:
    """Tell whether the drift is of a thing with an id; it may be of a date, or of the player."""
    return drift.id is not None and is_canonical(drift.id)
