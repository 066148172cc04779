"""Getting back in, and proving an address: by tokens that come by mail."""

import secrets
from datetime import datetime

import structlog

from services.auth import mail_store, rules, store
from services.auth.credentials import Credentials
from services.auth.failures import MailTokenInvalid
from services.auth.logins import end_all
from services.auth.tokens import fingerprint
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.ids import uuid7

log = structlog.get_logger(__name__)

LIFETIMES = {rules.VERIFY: rules.VERIFY_LIFETIME, rules.RESET: rules.RESET_LIFETIME}


def queue(connection: Connection, letter: str, email: str, *, now: datetime) -> None:
    """Has a letter sent to an address in normal form, soon and at least once."""
    row = mail_store.MailRow(uuid7(now), letter, email, rules.email_key(email), now, now)
    mail_store.add_mail(connection, row)


def issued(connection: Connection, user: store.UserRow, purpose: str, *, now: datetime) -> str:
    """A new token, 43 URL-safe characters, for the address that an account has now."""
    token = secrets.token_urlsafe(32)
    expires = now + LIFETIMES[purpose]
    mail_store.add_token(
        connection,
        mail_store.MailTokenRow(fingerprint(token), user.id, purpose, user.email_key, expires),
    )
    return token


def use_up_all(connection: Connection, user_id: str, *, now: datetime) -> None:
    """Lets none of the letters that a locked account was sent open anything any more."""
    for purpose in LIFETIMES:
        mail_store.use_tokens(connection, user_id, purpose, now=now)


class Recovery:
    """What a player can do with nothing but a mailbox."""

    def __init__(self, database: Database, credentials: Credentials) -> None:
        self._database = database
        self._credentials = credentials

    def ask(self, letter: str, email: str) -> None:
        """Queues a letter to an address as typed, whether or not there is such an account."""
        normal = rules.normal_email(email)
        if rules.unfit_field({"email": normal}) is None:
            self._database.transact(
                lambda connection: queue(connection, letter, normal, now=database_now(connection))
            )

    def verify(self, token: str) -> store.UserRow:
        """The account whose address the token proves. Raises MailTokenInvalid."""

        def work(connection: Connection) -> store.UserRow:
            user, now = _used(connection, token, rules.VERIFY)
            verified = user._replace(is_verified=True, updated_at=now)
            store.save_user(connection, verified)
            return verified

        return self._database.transact(work)

    def reset(self, token: str, password: str) -> None:
        """Sets a new password and ends every login.

        Raises MailTokenInvalid, PasswordTooWeak, HashingBusy.
        """
        # Looked at before the hash, so that made-up tokens cost none.
        with self._database.read() as connection:
            user = _meant(connection, mail_store.read_token(connection, fingerprint(token)))
        hashed = self._credentials.hashed(password, user.email, user.full_name)

        def work(connection: Connection) -> None:
            user, now = _used(connection, token, rules.RESET)
            store.save_user(connection, user._replace(hashed_password=hashed, updated_at=now))
            end_all(connection, user.id, rules.PASSWORD, now=now)
            queue(connection, rules.PASSWORD_CHANGED, user.email, now=now)

        self._database.transact(work)
        log.info("password_reset", user=user.id)


def _meant(connection: Connection, row: mail_store.MailTokenRow | None) -> store.UserRow:
    """The account of a token. Raises MailTokenInvalid."""
    user = store.read_users(connection, [row.user_id]).get(row.user_id) if row else None
    if user is None:
        raise MailTokenInvalid
    return user


def _used(connection: Connection, token: str, purpose: str) -> tuple[store.UserRow, datetime]:
    """The locked account of a token that is used up by this, with all others of its purpose."""
    hashed = fingerprint(token)
    # The account first: locks are taken in one order.
    user_id = _meant(connection, mail_store.read_token(connection, hashed)).id
    user, row = store.lock_user(connection, user_id), mail_store.lock_token(connection, hashed)
    now = database_now(connection)
    if user is None or row is None or not _is_good(row, user, purpose, now=now):
        raise MailTokenInvalid
    mail_store.use_tokens(connection, user.id, purpose, now=now)
    return user, now


def _is_good(
    row: mail_store.MailTokenRow, user: store.UserRow, purpose: str, *, now: datetime
) -> bool:
    return (
        row.purpose == purpose
        and row.used_at is None
        and now < row.expires_at
        and row.email_key == user.email_key
        and user.is_active
    )
