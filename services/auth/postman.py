"""Letters leave: taken from the queue, written, carried, and struck off.

A letter that is carried but not struck off, because of a crash between, is carried
again: at least once, as mail is.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from services.auth import mail_store, rules, store
from services.auth.carriers import Carrier, NotCarried
from services.auth.letters import Letters
from services.auth.mail_store import MailRow
from services.auth.recovery import LIFETIMES, issued
from services.kit.clock import database_now
from services.kit.database import Connection, Database

# Few at once: they are in our hands for as long as all of them may take.
AT_ONCE = 8
IN_HAND = timedelta(minutes=5)

log = structlog.get_logger(__name__)


class Postman:
    """Empties the queue. Any number may at once."""

    def __init__(self, database: Database, letters: Letters, carrier: Carrier) -> None:
        self._database = database
        self._letters = letters
        self._carrier = carrier

    def deliver_due(self) -> bool:
        """Carries a page of letters; says whether there may be more. Raises Unavailable."""
        rows = self._database.transact(_taken)
        for row in rows:
            self._deliver(row)
        return len(rows) == AT_ONCE

    def _deliver(self, row: MailRow) -> None:
        token, now = self._database.transact(lambda connection: _token_for(connection, row))
        if token is not None:
            message = self._letters.written(
                row.letter, to=row.email, token=token, mail_id=row.id, now=now
            )
            try:
                self._carrier.carry(message, row.id)
            except NotCarried as error:
                self._put_back(row, str(error), now)
                return
        self._database.transact(lambda connection: mail_store.remove(connection, row.id))

    def _put_back(self, row: MailRow, why: str, now: datetime) -> None:
        tries = row.tries + 1
        is_given_up = tries >= rules.MAIL_TRIES
        # Whom it was for is nobody's business in a log.
        say = log.error if is_given_up else log.warning
        say("mail_given_up" if is_given_up else "mail_not_sent", mail=row.id, tries=tries, why=why)

        def work(connection: Connection) -> None:
            if is_given_up:
                mail_store.remove(connection, row.id)
            else:
                again = now + rules.mail_retry(tries)
                mail_store.postpone(connection, row.id, to=again, tries=tries)

        self._database.transact(work)


def _taken(connection: Connection) -> Sequence[MailRow]:
    """Letters that are due, in our hands for a while."""
    now = database_now(connection)
    rows = mail_store.lock_due(connection, now=now, limit=AT_ONCE)
    for row in rows:
        mail_store.postpone(connection, row.id, to=now + IN_HAND, tries=row.tries)
    return rows


def _token_for(connection: Connection, row: MailRow) -> tuple[str | None, datetime]:
    """What the letter carries, "" for nothing, and the time; None where none is to be sent."""
    now = database_now(connection)
    if row.letter not in LIFETIMES:
        return "", now
    user = store.find_user(connection, row.email_key)
    is_wanted = user is not None and user.is_active
    if user is None or not is_wanted or (row.letter == rules.VERIFY and user.is_verified):
        return None, now
    return issued(connection, user, row.letter, now=now), now
