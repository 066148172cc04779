"""Tokens: what an access token says, and what a refresh token looks like.

An access token is a JWT that anybody can verify with the published keys. A
refresh token says nothing to its holder; its family and generation, sealed with
a key of the town, make it. So the newest one can be told again without keeping it.
"""

import base64
import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.auth import rules
from services.kit.callers import derived_key
from services.kit.ids import uuid7

ALGORITHM = "EdDSA"
ISSUER = "nesra-town"
AUDIENCE = "nesra-town-api"
TYPE = "at+jwt"

# A UUID and a generation.
_CONTENT_BYTES = 16 + 8


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
