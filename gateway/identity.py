"""Who asks: access tokens in the header or in cookies, and whose page may act."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from starlette.requests import Request
from starlette.responses import Response

from gateway.errors import Problem
from gateway.heads import cookie_of, header
from gateway.keys import Ended, Keys
from gateway.settings import GatewaySettings
from protos.auth.v1.auth_pb2 import Tokens
from services.kit.errors import Unavailable
from services.kit.ids import is_canonical
from services.kit.times import instant

ISSUER = "nesra-town"
AUDIENCE = "nesra-town-api"
ALGORITHMS = ["EdDSA"]
CLAIMS = ["exp", "iat", "iss", "aud", "sub", "sid", "jti"]
# About 1 KB each: a gateway that serves more players than this verifies some again.
REMEMBERED = 20_000

# Three parts of base64url, the last of them 64 bytes in the one form that has no spare
# bits set: no other text than the one that auth made is the same token.
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]{85}[AQgw]", re.ASCII)
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


class Cookie(NamedTuple):
    """Under which name a browser keeps a token, and to which addresses it sends it."""

    name: str
    path: str


class Cookies(NamedTuple):
    """The two that a login sets."""

    access: Cookie
    refresh: Cookie


@dataclass(frozen=True, slots=True)
class Player:
    """Who asks, by which login; `expires` is the token's end in Unix seconds, `kid` its key."""

    id: str
    family: str
    expires: float
    kid: str


class Identity:
    """Tells the player of a request. A token is verified once, then remembered."""

    def __init__(
        self,
        settings: GatewaySettings,
        keys: Keys,
        ended: Ended,
        clock: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._ended = ended
        self._clock = clock
        self._seen: dict[str, Player] = {}
        self._origins = frozenset((settings.public_url, *settings.cors_origins))
        self._is_secure = settings.is_secure
        self._cookies = cookies(is_secure=settings.is_secure)

    @property
    def can_tell(self) -> bool:
        """Whether tokens can be judged: it is known what verifies them, and which logins ended."""
        return self._ended.is_known and bool(self._keys.known)

    async def player(self, request: Request) -> Player:
        """Whose request it is.

        The Authorization header wins over cookies. Raises UNAUTHENTICATED, Unavailable,
        and ORIGIN_REFUSED for a write by cookie from a page that is not ours.
        """
        given = [value for name, value in request.scope["headers"] if name == b"authorization"]
        if len(given) > 1:
            # Whoever stands between may have looked at the other one.
            raise Problem(code="UNAUTHENTICATED")
        if given:
            return await self._of_token(_bearer(str(given[0], "latin-1")))
        token = cookie_of(request, self._cookies.access.name)
        player = await self._of_token(token)
        if request.method not in _SAFE:
            self.require_origin(request)
        return player

    def require_origin(self, request: Request) -> None:
        """Passes when a page of ours, or an allowed one, asks. Raises ORIGIN_REFUSED."""
        if not self._is_ours(request, header(request, b"origin") or ""):
            raise Problem(code="ORIGIN_REFUSED")

    def refuse_foreign_page(self, request: Request) -> None:
        """Keeps other pages from logging a browser in. Raises ORIGIN_REFUSED."""
        origin = header(request, b"origin")
        if origin is not None and not self._is_ours(request, origin):
            raise Problem(code="ORIGIN_REFUSED")

    def refresh_token(self, request: Request) -> str:
        """The refresh token that a page of ours sends by cookie. Raises UNAUTHENTICATED, ORIGIN_REFUSED."""
        token = cookie_of(request, self._cookies.refresh.name)
        if not token:
            raise Problem(code="UNAUTHENTICATED")
        self.require_origin(request)
        return token

    def end(self, player: Player) -> None:
        """Refuses the player's login from now on, at this gateway at once."""
        self._ended.add(player.family)

    def left(self, player: Player) -> Response:
        """The answer to whoever has logged out: 204, and a browser forgets the tokens."""
        self.end(player)
        response = Response(status_code=204)
        self.clear_cookies(response)
        return response

    def seconds_until(self, moment: datetime) -> int:
        """How long until then, by the clock by which tokens expire; 0 when it has passed."""
        return max(0, round(moment.timestamp() - self._clock()))

    def set_cookies(self, response: Response, tokens: Tokens) -> None:
        """Lets a browser keep the tokens where no script can read them."""
        access, refresh = self._cookies
        for cookie, value, until in (
            (access, tokens.access_token, tokens.expires_at),
            (refresh, tokens.refresh_token, tokens.refresh_expires_at),
        ):
            self._set_cookie(response, cookie, value, self.seconds_until(instant(until)))

    def clear_cookies(self, response: Response) -> None:
        """Makes a browser forget the tokens."""
        for cookie in self._cookies:
            self._set_cookie(response, cookie, "", 0)

    def _set_cookie(self, response: Response, cookie: Cookie, value: str, age: int) -> None:
        response.set_cookie(
            cookie.name,
            value,
            max_age=age,
            path=cookie.path,
            secure=self._is_secure,
            httponly=True,
            samesite="lax",
        )

    def _is_ours(self, request: Request, origin: str) -> bool:
        scheme, _, host = origin.lower().partition("://")
        if scheme not in ("http", "https") or not host:
            return False
        if f"{scheme}://{host}" in self._origins:
            return True
        # Of a town that is reached over TLS nobody vouches for a page that was not.
        is_safe = scheme == "https" or not self._is_secure
        return is_safe and host == (header(request, b"host") or "").lower()

    async def _of_token(self, token: str) -> Player:
        player = self._seen.get(token)
        # What a key that was thrown out has signed is not believed any more.
        if player is None or player.kid not in self._keys.known:
            player = await self._verified(token)
            self._remember(token, player)
        if player.expires <= self._clock() or player.family in self._ended:
            self._seen.pop(token, None)
            raise Problem(code="UNAUTHENTICATED")
        return player

    def _remember(self, token: str, player: Player) -> None:
        if len(self._seen) >= REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[token] = player

    async def _verified(self, token: str) -> Player:
        if not _TOKEN.fullmatch(token):
            raise Problem(code="UNAUTHENTICATED")
        if not self.can_tell:
            raise Unavailable
        try:
            kid = _kid(jwt.get_unverified_header(token))
            claims = jwt.decode(
                token,
                await self._key(kid),
                algorithms=ALGORITHMS,
                issuer=ISSUER,
                audience=AUDIENCE,
                # Expiry is judged at every use, by `_of_token`. The clocks of auth
                # and gateway may differ a little, so a fresh iat may lie ahead.
                options={"require": CLAIMS, "verify_exp": False, "verify_iat": False},
            )
            return _player(claims, kid)
        except (jwt.InvalidTokenError, TypeError, ValueError):
            raise Problem(code="UNAUTHENTICATED") from None

    async def _key(self, kid: str) -> Ed25519PublicKey:
        key = await self._keys.find(kid)
        if key is None:
            raise Problem(code="UNAUTHENTICATED")
        return key


def cookies(*, is_secure: bool) -> Cookies:
    """The cookies of a town: over TLS, such as no other host can set (RFC 6265bis, 4.1.3.2)."""
    if is_secure:
        return Cookies(Cookie("__Host-nesra_access", "/"), Cookie("__Host-nesra_refresh", "/"))
    return Cookies(Cookie("nesra_access", "/api"), Cookie("nesra_refresh", "/api/auth"))


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Problem(code="UNAUTHENTICATED")
    return token


def _player(claims: dict[str, Any], kid: str) -> Player:
    """Whom a genuine token speaks of. Raises ValueError or TypeError where it is none of auth's."""
    sub, sid, exp = claims["sub"], claims["sid"], float(claims["exp"])
    if not (is_canonical(sub) and is_canonical(sid) and math.isfinite(exp)):
        raise ValueError
    return Player(sub, sid, exp, kid)


def _kid(header: dict[str, Any]) -> str:
    if header.get("typ") != "at+jwt" or header.get("alg") not in ALGORITHMS:
        raise jwt.InvalidTokenError
    return str(header.get("kid", ""))
