"""Tokens: what signs an access token, and what a refresh token looks like.

An access token is a JWT that anybody can verify with the published keys. A
refresh token says nothing to its holder; its family and generation, sealed with
a key of the town, make it. So the newest one can be told again without keeping it.
"""

import base64
import hashlib
import hmac
import secrets
import time
import uuid
from dataclasses import dataclass
from datetime import datetime

import jwt
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.auth import rules, store
from services.kit.callers import derived_key
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.errors import Unavailable
from services.kit.ids import uuid7

ALGORITHM = "EdDSA"
ISSUER = "nesra-town"
AUDIENCE = "nesra-town-api"
TYPE = "at+jwt"

# A key that another replica has retired is signed with for no longer than this.
REREAD_S = 60.0
# Until the last token that a retired key signed has expired.
PUBLISHED_AFTER_RETIRING = rules.ENDED_MATTERS + rules.CLOCK_LEEWAY * 2

_NONCE_BYTES = 12
# A UUID and a generation.
_CONTENT_BYTES = 16 + 8

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id under which its public half is published."""

    kid: str
    private: Ed25519PrivateKey


def access_token(
    key: SigningKey, *, user_id: str, family_id: str, now: datetime
) -> tuple[str, datetime]:
    """A signed access token, and when it expires (a whole second)."""
    issued = now.replace(microsecond=0)
    expires = issued + rules.ACCESS_LIFETIME
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": user_id,
        "sid": family_id,
        "iat": issued,
        "exp": expires,
        "jti": uuid7(now),
    }
    headers = {"kid": key.kid, "typ": TYPE}
    return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers=headers), expires


class RefreshTokens:
    """Makes refresh tokens: the same family and generation always give the same one."""

    def __init__(self, secret: str) -> None:
        self._key = derived_key(secret, "refresh tokens")

    def of(self, family_id: str, generation: int) -> str:
        """The token: 75 URL-safe characters."""
        content = uuid.UUID(family_id).bytes + generation.to_bytes(8)
        return base64.urlsafe_b64encode(content + self._seal(content)).rstrip(b"=").decode()

    def read(self, token: str) -> tuple[str, int] | None:
        """The family and generation of a token that was made here; None for any other text."""
        try:
            raw = base64.b64decode(f"{token}=", altchars=b"-_", validate=True)
        except ValueError:
            return None
        content, seal = raw[:_CONTENT_BYTES], raw[_CONTENT_BYTES:]
        if not hmac.compare_digest(seal, self._seal(content)):
            return None
        return str(uuid.UUID(bytes=content[:16])), int.from_bytes(content[16:])

    def _seal(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")


def fingerprint(token: str) -> bytes:
    """What is stored of a refresh token: its SHA-256."""
    return hashlib.sha256(token.encode()).digest()


class SigningKeys:
    """The town's signing keys, encrypted at rest with the town's secret.

    The first is made when there is none; a key that the secret does not open,
    because the secret was changed, is retired for a new one.
    """

    def __init__(self, database: Database, secret: str) -> None:
        self._database = database
        self._cipher = AESGCM(derived_key(secret, "signing keys"))
        self._read: tuple[float, SigningKey] | None = None

    def active(self) -> SigningKey:
        """The key to sign with. Raises Unavailable."""
        if self._read is None or time.monotonic() - self._read[0] > REREAD_S:
            self._read = (time.monotonic(), self._active_in_database())
        return self._read[1]

    def is_ready(self) -> bool:
        """Whether there is a key to sign with."""
        try:
            self.active()
        except Unavailable:
            return False
        return True

    def published(self) -> list[store.KeyRow]:
        """The keys that verify tokens still alive, newest first. Raises Unavailable."""
        self.active()
        with self._database.read() as connection:
            retired_after = database_now(connection) - PUBLISHED_AFTER_RETIRING
            return store.published_keys(connection, retired_after=retired_after)

    def _active_in_database(self) -> SigningKey:
        with self._database.read() as connection:
            found = self._opened(store.active_key(connection))
        return found or self._database.transact(self._made)

    def _made(self, connection: Connection) -> SigningKey:
        """The active key; a new one where none was, or none that opens."""
        locked = store.lock_active_key(connection)
        found = self._opened(locked)
        if found is not None:
            return found
        now = database_now(connection)
        if locked is not None:
            store.retire_key(connection, locked.kid, now=now)
            log.warning("signing_key_replaced", kid=locked.kid, why="the secret was changed")
        store.add_key(connection, self._new(now))
        # Perhaps another replica's, which was there first.
        made = self._opened(store.active_key(connection))
        if made is None:
            raise Unavailable
        return made

    def _new(self, now: datetime) -> store.KeyRow:
        private = Ed25519PrivateKey.generate()
        kid, nonce = uuid7(now), secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, private.private_bytes_raw(), kid.encode())
        public = private.public_key().public_bytes_raw()
        return store.KeyRow(kid, ALGORITHM, sealed, public, now)

    def _opened(self, row: store.KeyRow | None) -> SigningKey | None:
        if row is None:
            return None
        nonce, sealed = row.private_key[:_NONCE_BYTES], row.private_key[_NONCE_BYTES:]
        try:
            raw = self._cipher.decrypt(nonce, sealed, row.kid.encode())
        except InvalidTag:
            return None
        return SigningKey(row.kid, Ed25519PrivateKey.from_private_bytes(raw))
