"""Print the receipts of erased accounts, or have everyone on kept receipts erased again.

A backup that is restored brings erased players back. Keep what this prints beside the backups, outside the databases,
and apply it after restoring one: the town then erases those accounts again, in all four services. (A single service
that was restored is asked again within a day anyway, by the receipts in auth's own database.)
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from psycopg.rows import class_row

from services.kit.audit import NOBODY
from services.kit.ids import is_canonical
from services.kit.times import rfc3339
from town.audit import Deed, note
from town.databases import told_in_one_sentence
from town.failures import CannotOpen
from town.reach import urls_of_town
from town.reading import CHUNK, Connection, connection_of, database_now
from town.repair import reason

RECEIPTS: Final = (
    "SELECT user_id, requested_at, erased_at, rows FROM erasure ORDER BY requested_at, user_id"
)
# Due at once; the account, if the backup had one, can no longer be restored by a login.
AGAIN: Final = """
    INSERT INTO erasure (user_id, requested_at, ask_at, rows)
    VALUES (%(user_id)s, %(requested_at)s, %(now)s, 0)
    ON CONFLICT (user_id) DO UPDATE SET ask_at = %(now)s
"""
BARRED: Final = 'UPDATE "user" SET deletes_at = %(now)s WHERE id = %(user_id)s'


@dataclass(frozen=True, slots=True)
class Receipt:
    """An account that is erased, or about to be: `erased_at` is None until nothing is left of it."""

    user_id: str
    requested_at: datetime
    erased_at: datetime | None
    rows: int


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do; without anything, print the receipts."""
    parser.set_defaults(file=None)
    again = parser.add_subparsers(metavar="apply").add_parser(
        "apply", help="erase everyone on the receipts again"
    )
    again.add_argument("file", metavar="FILE", type=Path, help="what `nesra erasures` printed")
    again.add_argument(
        "--reason", metavar="TEXT", type=reason, default="restored", help="why, for the entry"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the receipts, one JSON object a line, or apply some. Returns 0; raises CannotOpen."""
    kept = list(_read(arguments.file)) if arguments.file else None
    with told_in_one_sentence(), connection_of("auth", urls_of_town(["auth"])) as connection:
        if kept is None:
            for receipt in receipts(connection):
                print(json.dumps(asdict(receipt), default=rfc3339))
        else:
            apply(connection, kept, arguments.reason)
            print(
                f"{len(kept):,} to be erased again; an open town does so within two minutes.",
                file=sys.stderr,
            )
    return 0


def receipts(connection: Connection) -> Iterator[Receipt]:
    """Return every receipt, the oldest wish first."""
    yield from connection.cursor(row_factory=class_row(Receipt)).stream(RECEIPTS, size=CHUNK)


def apply(connection: Connection, kept: Iterable[Receipt], why: str) -> None:
    """Have everyone on the receipts erased again, all or nobody. Safe to repeat."""
    now = database_now(connection)
    rows = [asdict(receipt) | {"now": now} for receipt in kept]
    with connection.transaction(), connection.cursor() as cursor:
        for statement in (BARRED, AGAIN):
            cursor.executemany(statement, rows)
        # One entry for all: what the trail knows of the erased goes with them.
        deed = Deed("erasures.apply", NOBODY, {"receipts": [0, len(rows)]})
        note(connection, deed, why, now=now)


def _read(file: Path) -> Iterator[Receipt]:
    try:
        lines = file.read_text().splitlines()
    except OSError as error:
        sentence = f"The receipts in {file} cannot be read: {error.strerror}."
        raise CannotOpen(sentence) from error
    for number, line in enumerate(lines, 1):
        try:
            yield _receipt(json.loads(line))
        except (ValueError, TypeError, KeyError) as error:
            sentence = f"Line {number} of {file} is no receipt as `nesra erasures` prints it."
            raise CannotOpen(sentence) from error


def _receipt(told: dict[str, str]) -> Receipt:
    if not is_canonical(told["user_id"]):
        raise ValueError
    return Receipt(told["user_id"], datetime.fromisoformat(told["requested_at"]), None, 0)
