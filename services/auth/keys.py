"""The town's signing keys: made ahead, published, signed with in turn, and replaced.

Each key signs from the moment at which the one before it is retired. Both moments
are written down when the successor is made, so that all replicas change over at the
same instant of the database's clock, with nothing left to do.
"""

import secrets
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.auth import key_store, rules
from services.auth.key_store import KeyRow
from services.auth.tokens import ALGORITHM, SigningKey
from services.kit.callers import derived_key
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.errors import Unavailable
from services.kit.ids import uuid7
from services.kit.statements import Found

# A key that an operator has thrown out is signed with for no longer than this.
REREAD_S = 1.0

_NONCE_BYTES = 12

log = structlog.get_logger(__name__)


class _Held(NamedTuple):
    """A key that this town's secret opens, and from when on it signs."""

    signs_from: datetime
    key: SigningKey


class SigningKeys:
    """The signing keys, encrypted at rest with the town's secret.

    The first is made when there is none, each further one when it is time; a key
    that the secret does not open, because the secret was changed, is retired at
    once for a new one. `lead` is how long a key is published before it signs.
    """

    def __init__(
        self, database: Database, secret: str, *, lead: timedelta = rules.KEY_LEAD
    ) -> None:
        self._database = database
        self._cipher = AESGCM(derived_key(secret, "signing keys"))
        self._lead = lead
        self._held: tuple[float, Sequence[_Held]] = (float("-inf"), ())

    def signing_at(self, now: datetime) -> SigningKey:
        """The key to sign with at that time of the database. Raises Unavailable."""
        held = self._current()
        if not held:
            raise Unavailable
        due = [one for one in held if one.signs_from <= now]
        # A clock that was set back may be before them all.
        return (due[0] if due else held[-1]).key

    def is_ready(self) -> bool:
        """Whether there is a key to sign with."""
        try:
            return bool(self._current())
        except Unavailable:
            return False

    def published(self) -> Found[KeyRow]:
        """The keys that verify tokens alive now or soon, newest first. Raises Unavailable."""
        found = self._read()
        if self._is_due(found):
            self._renew()
            found = self._read()
        opened = [(row.signs_from, self._opened(row)) for row in found.rows]
        held = [_Held(signs_from, key) for signs_from, key in opened if key]
        self._held = (time.monotonic(), held)
        return found

    def _current(self) -> Sequence[_Held]:
        """The keys that can sign, newest first."""
        read_at, _ = self._held
        if time.monotonic() - read_at > REREAD_S:
            self.published()
        return self._held[1]

    def _read(self) -> Found[KeyRow]:
        with self._database.read() as connection:
            return key_store.published_keys(connection, published_for=rules.KEY_PUBLISHED_FOR)

    def _is_due(self, found: Found[KeyRow]) -> bool:
        """Whether the newest key needs a successor; so it does where there is none."""
        newest = next((row for row in found.rows if row.retired_at is None), None)
        return newest is None or newest.renew_at <= found.now or not self._opened(newest)

    def _renew(self) -> None:
        made = self._database.transact(self._made)
        if made is not None:
            log.info("signing_key_made", kid=made.kid, signs_from=made.signs_from.isoformat())

    def _made(self, connection: Connection) -> KeyRow | None:
        """The key that was due: it signs at once where the newest cannot, else soon.

        None where another replica was there first.
        """
        newest = key_store.lock_newest_key(connection)
        now = database_now(connection)
        signs_from = now
        if newest is not None and self._opened(newest):
            if now < newest.renew_at:
                return None
            signs_from = now + self._lead
        if newest is not None:
            key_store.retire_key(connection, newest.kid, at=signs_from)
        made = self._new(now, signs_from)
        return made if key_store.add_key(connection, made) else None

    def _new(self, now: datetime, signs_from: datetime) -> KeyRow:
        private = Ed25519PrivateKey.generate()
        kid, nonce = uuid7(now), secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, private.private_bytes_raw(), kid.encode())
        return KeyRow(
            kid=kid,
            algorithm=ALGORITHM,
            private_key=sealed,
            public_key=private.public_key().public_bytes_raw(),
            created_at=now,
            signs_from=signs_from,
            renew_at=signs_from + rules.KEY_LIFETIME - self._lead,
        )

    def _opened(self, row: KeyRow) -> SigningKey | None:
        nonce, sealed = row.private_key[:_NONCE_BYTES], row.private_key[_NONCE_BYTES:]
        try:
            raw = self._cipher.decrypt(nonce, sealed, row.kid.encode())
        except InvalidTag:
            return None
        return SigningKey(row.kid, Ed25519PrivateKey.from_private_bytes(raw))
