"""Letters leave: taken from the queue, written, carried, and struck off.

A letter that is carried but not struck off, because of a crash between, is carried
again: at least once, as mail is.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from services.auth import attempts, mail_store, rules, store
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


class _Errand(NamedTuple):
    """Whom a letter goes to, and the token that it carries; "" for none."""

    to: str
    token: str


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
        errand, now = self._database.transact(lambda connection: _errand(connection, row))
        if errand is not None:
            message = self._letters.written(
                row.letter, to=errand.to, token=errand.token, mail_id=row.id, now=now
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


def _errand(connection: Connection, row: MailRow) -> tuple[_Errand | None, datetime]:
    """Where the letter goes with what, None where none is to be sent; and the time."""
    now = database_now(connection)
    key = attempts.key_of(row.letter, row.email_key)
    if not row.tries and not attempts.are_left(connection, key, at_most=rules.LETTERS):
        log.warning("mailbox_spared", mail=row.id, letter=row.letter)
        return None, now
    if row.letter not in LIFETIMES:
        return _Errand(row.email, ""), now
    user = store.find_user(connection, row.email_key)
    if user is None or not user.is_active or (row.letter == rules.VERIFY and user.is_verified):
        return None, now
    # To the account's own address, never to the one that was typed: two mailboxes may
    # be equal in the form that is compared, and one of them be somebody else's.
    return _Errand(user.email, issued(connection, user, row.letter, now=now)), now
