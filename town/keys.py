"""List the keys that sign access tokens, or replace them ahead of their time: they last 30 days, and rotate by themselves.

Ordinary rotating costs nobody anything. Auth publishes a new key within seconds; it signs 5 minutes later, when
everybody knows it, and what the old one signed stays valid.

With --now, for a key that may be in wrong hands: all keys are thrown out, a new one signs at once, and EVERY ACCESS
TOKEN OF EVERY PLAYER DIES within seconds. Clients get new ones with their refresh tokens, which stay valid.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.rows import class_row

from services.auth.rules import KEY_LEAD, KEY_PUBLISHED_FOR
from services.kit.times import rfc3339
from town.audit import Deed, note
from town.databases import told_in_one_sentence
from town.reach import urls_of_town
from town.reading import Connection, connection_of, database_now
from town.repair import reason

KEYS: Final = """
    SELECT kid, signs_from, renew_at, retired_at, revoked_at
    FROM signing_key ORDER BY signs_from DESC, kid DESC
"""
# One that is published already, and does not sign yet, is the new key that is asked for.
RENEW: Final = """
    UPDATE signing_key SET renew_at = %(now)s WHERE retired_at IS NULL AND signs_from <= %(now)s
    RETURNING kid
"""
# Waits for whoever makes a key, and keeps others from it: one made meanwhile would go unseen.
LOCK: Final = "LOCK TABLE signing_key IN EXCLUSIVE MODE"
REVOKE: Final = """
    UPDATE signing_key
    SET revoked_at = %(now)s, retired_at = LEAST(COALESCE(retired_at, %(now)s), %(now)s)
    WHERE revoked_at IS NULL AND (retired_at IS NULL OR retired_at > %(still_published)s)
    RETURNING kid
"""


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key, without what it consists of."""

    kid: str
    signs_from: datetime
    renew_at: datetime
    retired_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """What it does now, and until when."""
        if self.revoked_at is not None:
            return f"thrown out at {rfc3339(self.revoked_at)}"
        if self.signs_from > now:
            return f"published, signs from {rfc3339(self.signs_from)}"
        if self.retired_at is None:
            return f"signs, renewed at {rfc3339(self.renew_at)}"
        if self.retired_at > now:
            return f"signs until {rfc3339(self.retired_at)}"
        until = self.retired_at + KEY_PUBLISHED_FOR
        return f"retired, {'published until' if until > now else 'gone since'} {rfc3339(until)}"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do; without anything, list."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.set_defaults(rotate=False, now=False)
    commands = parser.add_subparsers(metavar="list|rotate")
    commands.add_parser("list", help="list all keys, the newest first")
    rotate = commands.add_parser("rotate", help="replace the key that signs; no token is refused")
    rotate.set_defaults(rotate=True)
    rotate.add_argument(
        "--now",
        action="store_true",
        help="throw out all keys at once: every access token of every player dies",
    )
    rotate.add_argument(
        "--reason", metavar="TEXT", type=reason, default="rotated", help="why, for the entry"
    )


def run(arguments: argparse.Namespace) -> int:
    """List the keys, or have auth replace them. Returns 0; raises CannotOpen."""
    with told_in_one_sentence(), connection_of("auth", urls_of_town(["auth"])) as connection:
        now = database_now(connection)
        if not arguments.rotate:
            print(*_lines(listed(connection), now), sep="\n")
        elif arguments.now:
            print(_thrown_out(revoke(connection, arguments.reason)))
        else:
            print(_rotating(renew(connection, arguments.reason)))
    return 0


def listed(connection: Connection) -> list[Key]:
    """Return every key that there ever was, the newest first."""
    return connection.cursor(row_factory=class_row(Key)).execute(KEYS).fetchall()


def renew(connection: Connection, why: str) -> bool:
    """Have auth make the next key; return False when that is on its way already, or there is none yet."""
    with connection.transaction():
        now = database_now(connection)
        renewed = connection.execute(RENEW, {"now": now}).fetchall()
        _note(connection, "key.renew", renewed, why, now)
    return bool(renewed)


def revoke(connection: Connection, why: str) -> int:
    """Throw out every key that verifies anything, now or later; return how many."""
    with connection.transaction():
        connection.execute(LOCK)
        now = database_now(connection)
        bounds = {"now": now, "still_published": now - KEY_PUBLISHED_FOR}
        revoked = connection.execute(REVOKE, bounds).fetchall()
        _note(connection, "key.revoke", revoked, why, now)
    return len(revoked)


def _note(
    connection: Connection, action: str, kids: Sequence[tuple[Any, ...]], why: str, now: datetime
) -> None:
    for (kid,) in kids:
        note(connection, Deed(action, str(kid), {"at": [None, now]}), why, now=now)


def _lines(keys: Sequence[Key], now: datetime) -> Iterator[str]:
    yield from (f"{key.kid}  {key.state(now)}" for key in keys)
    if not keys:
        yield "There is no key yet: auth makes the first when it starts."


def _rotating(is_new: bool) -> str:  # noqa: FBT001  # what was done, not how to do it
    if not is_new:
        return "Nothing to do: the next key is on its way, or auth has never been started."
    minutes = KEY_LEAD.total_seconds() / 60
    return (
        f"Auth publishes a new key within seconds, and signs with it {minutes:.0f} minutes later."
    )


def _thrown_out(count: int) -> str:
    return (
        f"{count} thrown out: every access token is dead within seconds."
        " Auth signs with a new key at once; clients get new tokens with their refresh tokens."
    )
