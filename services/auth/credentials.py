"""Who someone is by a password: checked, confirmed, made new. Never within a transaction.

No row or connection waits for a hash.
"""

from dataclasses import dataclass

import structlog

from services.auth import attempts, rules, store
from services.auth.failures import BadCredentials, LoginThrottled, WrongPassword
from services.auth.passwords import Passwords, require_strong
from services.kit.database import Database

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Checked:
    """An account whose password was right.

    `renewed` is a new hash where the stored one is out of date; `tries` is what the
    tries were counted by, to be cleared when the login is.
    """

    user: store.UserRow
    renewed: str | None
    tries: bytes


class Credentials:
    """Passwords against stored hashes, each try counted."""

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords

    def of_login(self, email: str, password: str, address: str) -> Checked:
        """Whose login it is. Raises BadCredentials, LoginThrottled, HashingBusy.

        Unknown, wrong and inactive take the same: the same statements and one hash.
        """
        key = rules.email_key(email)
        with self._passwords.place():
            tries = self._counted(key, address)
            user = self._found(email, key)
            stored = user.hashed_password if user else None
            matches, renewed = self._passwords.verified(password, stored)
        if user is None or not matches or not user.is_active:
            log.warning("login_refused", user=user and user.id, address=address)
            raise BadCredentials
        return Checked(user, renewed, tries)

    def confirm(self, user: store.UserRow, password: str, address: str) -> None:
        """Passes for the password of the account.

        Raises WrongPassword, LoginThrottled, HashingBusy.
        """
        with self._passwords.place():
            tries = self._counted(user.id, address)
            matches, _ = self._passwords.verified(password, user.hashed_password)
        if not matches:
            log.warning("password_not_confirmed", user=user.id, address=address)
            raise WrongPassword
        self._database.transact(lambda connection: attempts.clear(connection, tries))

    def hashed(self, password: str, email: str, full_name: str | None) -> str:
        """The hash of a new password. Raises PasswordTooWeak, HashingBusy."""
        require_strong(password, email, full_name)
        with self._passwords.place():
            return self._passwords.hashed(password)

    def _counted(self, account: str, address: str) -> bytes:
        tries = attempts.key_of(account, address)
        try:
            attempts.require_left(self._database, tries)
        except LoginThrottled:
            log.warning("tries_used_up", address=address)
            raise
        return tries

    def _found(self, email: str, key: str) -> store.UserRow | None:
        unfit = rules.unfit_field({"email": rules.normal_email(email)})
        # What cannot be an address is looked for all the same, to take the same.
        with self._database.read() as connection:
            return store.find_user(connection, "" if unfit else key)
