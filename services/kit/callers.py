"""Which service calls: a short-lived token on every call between processes."""

import hashlib
import hmac
import time
from collections.abc import Mapping

import jwt

from services.kit.errors import PermissionDenied, Unauthenticated

LIFETIME_S = 300
# A token is made anew well before it expires, so that none dies on its way.
RENEW_S = 200
# A process whose clock is wrong by a day must not close the town: the tokens only
# name the caller, they decide nothing about time.
LEEWAY_S = 25 * 3600
# A town has a few callers: what is remembered never grows with traffic.
REMEMBERED = 64
METADATA_KEY = "authorization"
_REQUIRED = ["iss", "aud", "exp", "iat"]


def derived_key(secret: str, purpose: str) -> bytes:
    """32 bytes for one purpose, from the town's service secret."""
    return hmac.digest(secret.encode(), purpose.encode(), hashlib.sha256)


class TokenMaker:
    """Makes the tokens with which `caller` shows itself."""

    def __init__(self, caller: str, secret: str) -> None:
        self._caller = caller
        self._key = derived_key(secret, "service tokens")
        self._made: dict[str, tuple[float, tuple[tuple[str, str], ...]]] = {}

    def metadata(self, audience: str) -> tuple[tuple[str, str], ...]:
        """The metadata of a call to the service `audience`."""
        now = time.time()
        made_at, metadata = self._made.get(audience, (0.0, ()))
        if not 0 <= now - made_at < RENEW_S:
            claims = {"iss": self._caller, "aud": audience, "iat": now, "exp": now + LIFETIME_S}
            token = jwt.encode(claims, self._key, algorithm="HS256")
            metadata = ((METADATA_KEY, f"Bearer {token}"),)
            self._made[audience] = (now, metadata)
        return metadata


class CallerList:
    """Holds every call to one service against the list of who may make it."""

    def __init__(self, service: str, secret: str, callers: Mapping[str, frozenset[str]]) -> None:
        self._service = service
        self._key = derived_key(secret, "service tokens")
        self._callers = callers
        self._seen: dict[str, tuple[float, str]] = {}

    def check(self, method: str, header: str) -> None:
        """Passes when the token's service may call `method`, named as on the wire.

        Raises Unauthenticated for no or a bad token, PermissionDenied for the
        wrong service.
        """
        if self._caller(header) not in self._callers[method]:
            raise PermissionDenied

    def _caller(self, header: str) -> str:
        expires, caller = self._seen.get(header, (0.0, ""))
        if time.time() < expires + LEEWAY_S:
            return caller
        claims = self._verified(header.removeprefix("Bearer "))
        if len(self._seen) > REMEMBERED:
            self._seen.clear()
        caller = str(claims["iss"])
        self._seen[header] = (float(claims["exp"]), caller)
        return caller

    def _verified(self, token: str) -> dict[str, float | str]:
        try:
            return jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                audience=self._service,
                leeway=LEEWAY_S,
                options={"require": _REQUIRED},
            )
        except jwt.InvalidTokenError:
            raise Unauthenticated from None
