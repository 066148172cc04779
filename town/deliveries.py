"""List the sessions and purchases whose delivery is not done, and put back into the outbox what was given up.

A delivery *waits* until its receiver answers, *fails* when that was there and refused it, and is *dead* once the
sweeper has given it up, because it was refused too often. Times of a sandbox's players are by their own clocks.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from psycopg.rows import class_row

from services.kit.ids import is_canonical
from services.kit.times import rfc3339
from town.audit import Audit, operator
from town.databases import told_in_one_sentence
from town.invariants import Drift
from town.mending import again
from town.reach import urls_of_town
from town.reading import CHUNK, Connection, connection_of, database_now
from town.repair import reason

# Over all players: the outbox's own partial indexes hold nothing else.
OUTBOX: Final = {
    "session": """
        SELECT user_id, 'session' AS kind, id, settle_attempts AS attempts,
               settle_refusals AS refusals, settle_after, ended_at AS since
        FROM session WHERE session.status = 'success' AND session.settled_at IS NULL
    """,
    "purchase": """
        SELECT user_id, 'purchase' AS kind, id, settle_attempts AS attempts,
               settle_refusals AS refusals, settle_after, bought_at AS since
        FROM purchase WHERE purchase.settled_at IS NULL AND purchase.refunded_at IS NULL
    """,
}
LOCK: Final = {
    "session": """
        SELECT FROM session
        WHERE session.user_id = %(user_id)s AND session.id = %(id)s AND settled_at IS NULL FOR UPDATE
    """,
    "purchase": """
        SELECT FROM purchase
        WHERE purchase.user_id = %(user_id)s AND purchase.id = %(id)s
          AND settled_at IS NULL AND refunded_at IS NULL FOR UPDATE
    """,
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the outbox: `settle_after` is when the sweeper tries it next, None when it has given up."""

    user_id: str
    kind: str
    id: str
    attempts: int
    refusals: int
    settle_after: datetime | None
    since: datetime

    @property
    def state(self) -> str:
        """Whether it is waiting, failing or dead."""
        if self.settle_after is None:
            return "dead"
        return "failing" if self.refusals else "waiting"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do; without anything, list."""
    parser.add_argument("--json", action="store_true", help="one JSON object per delivery")
    parser.set_defaults(id=None, all_dead=False, retry=False)
    retry = parser.add_subparsers(metavar="retry").add_parser(
        "retry", help="put back: the sweeper tries it at once"
    )
    retry.set_defaults(retry=True)
    which = retry.add_mutually_exclusive_group(required=True)
    which.add_argument("id", metavar="ID", nargs="?", type=delivery_id, help="this one")
    which.add_argument("--all-dead", action="store_true", help="all that were given up")
    retry.add_argument(
        "--reason", metavar="TEXT", type=reason, default="retried", help="why, for the entry"
    )


def run(arguments: argparse.Namespace) -> int:
    """List the deliveries, or put some back. Returns 0, and 1 when none was as asked for; raises CannotOpen."""
    with (
        told_in_one_sentence(),
        connection_of("session", urls_of_town(["session"])) as connection,
    ):
        if arguments.retry:
            return _retry(connection, arguments)
        for delivery in outbox(connection):
            print(_as_json(delivery) if arguments.json else _sentence(delivery))
    return 0


def outbox(connection: Connection) -> Iterator[Delivery]:
    """Return every delivery that is not done, sessions first."""
    for statement in OUTBOX.values():
        cursor = connection.cursor(row_factory=class_row(Delivery))
        yield from cursor.stream(statement, size=CHUNK)


def put_back(connection: Connection, delivery: Delivery, audit: Audit) -> bool:
    """Make a delivery due at once, as if never tried; return whether it was still to be done."""
    drift = Drift(
        player=delivery.user_id,
        invariant="I5",
        what=f"delivery of {delivery.kind}",
        id=delivery.id,
        stored=f"{delivery.state}, {delivery.attempts} attempts, {delivery.refusals} refusals",
        recomputed="settled",
    )
    with connection.transaction():
        key = {"user_id": delivery.user_id, "id": delivery.id}
        if not connection.execute(LOCK[delivery.kind], key).rowcount:
            return False
        change = again(drift, delivery.kind, delivery.id)
        audit.apply(connection, change, "delivery.retry", now=database_now(connection))
    return True


def delivery_id(text: str) -> str:
    """Return the id as it was given. Raises ArgumentTypeError when it can be no delivery's."""
    if not is_canonical(text):
        message = f"{text!r} is no id of a session or purchase"
        raise argparse.ArgumentTypeError(message)
    return text


def _retry(connection: Connection, arguments: argparse.Namespace) -> int:
    audit = Audit(arguments.reason, operator())
    # All are read before one is put back: rows that still arrive keep the connection busy.
    chosen = [d for d in outbox(connection) if _is_meant(d, arguments)]
    done = sum(put_back(connection, delivery, audit) for delivery in chosen)
    print(f"{done:,} put back; the sweeper of an open town tries them at once.")
    return 0 if done or arguments.all_dead else 1


def _is_meant(delivery: Delivery, arguments: argparse.Namespace) -> bool:
    return delivery.state == "dead" if arguments.all_dead else delivery.id == arguments.id


def _sentence(delivery: Delivery) -> str:
    return (
        f"{delivery.user_id}  {delivery.kind:8} {delivery.id}  {delivery.state:7}"
        f"  {delivery.attempts} attempts, {delivery.refusals} refusals, since {rfc3339(delivery.since)}"
    )


def _as_json(delivery: Delivery) -> str:
    return json.dumps(asdict(delivery) | {"state": delivery.state}, default=rfc3339)
