"""Opening an account, getting in, staying in, getting out."""

import base64
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.errors import Problem
from gateway.heads import header
from gateway.identity import Identity
from gateway.input import Password, Strict, no_body, no_query, read, read_form, read_if_any
from gateway.limits import CREDENTIALS, REGISTER, UNLIMITED
from gateway.plain import Documented, Takes, json_answer, route
from gateway.routes.users import Email, FullName, User, user_json
from gateway.text import email_address
from gateway.town import Town, address_of, asked_by, town_of
from protos.auth.v1 import auth_pb2 as pb
from services.kit.errors import Unavailable
from services.kit.times import instant

# As far as it is kept of what a client calls itself.
LONGEST_DEVICE = 200


class Tokens(Documented):
    """What a login hands out; the lives are in seconds."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int
    expires_at: datetime
    refresh_token: str
    refresh_expires_in: int
    refresh_expires_at: datetime
    user: User


class Jwk(Documented):
    """One public key (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    alg: Literal["EdDSA"]
    use: Literal["sig"]
    kid: str
    x: str


class Jwks(Documented):
    """The keys that verify access tokens."""

    keys: list[Jwk]


class Register(Strict):
    """An account to open."""

    email: Email
    password: Password
    full_name: FullName | None = None


class Login(Strict):
    """Who wants in."""

    email: Annotated[str, Field(max_length=1024)]
    password: Password


class Refresh(Strict):
    """A refresh token to use up."""

    refresh_token: Annotated[str, Field(max_length=1024)]


class PasswordForm(Strict):
    """The password form of OAuth2 (RFC 6749, 4.3); only two fields matter here."""

    username: Annotated[str, Field(max_length=1024)]
    password: Password
    grant_type: Literal["password"] = "password"  # a protocol's word
    scope: str = ""
    client_id: str = ""
    client_secret: str = ""


def tokens_json(tokens: pb.Tokens, identity: Identity) -> dict[str, Any]:
    """`Tokens` of the contract."""
    expires_at, refresh_expires_at = instant(tokens.expires_at), instant(tokens.refresh_expires_at)
    return {
        "access_token": tokens.access_token,
        "token_type": "bearer",
        "expires_in": identity.seconds_until(expires_at),
        "expires_at": expires_at,
        "refresh_token": tokens.refresh_token,
        "refresh_expires_in": identity.seconds_until(refresh_expires_at),
        "refresh_expires_at": refresh_expires_at,
        "user": user_json(tokens.user),
    }


async def register(request: Request) -> Response:
    """Opens an account. Knowingly tells when the e-mail is taken."""
    no_query(request)
    wish = await read(request, Register)
    town = town_of(request)
    email = email_address(wish.email, is_sandbox=town.settings.sandbox)
    auth = town.services.auth
    asked = pb.RegisterRequest(email=email, password=wish.password, full_name=wish.full_name)
    async with town.hashing:
        answer = await auth.call(auth.methods.Register, asked)
    return json_answer(user_json(answer.user), 201)


async def login(request: Request) -> Response:
    """Checks the password, hands out tokens and sets the cookies."""
    town = town_of(request)
    town.identity.refuse_foreign_page(request)
    no_query(request)
    wish = await read(request, Login)
    return await _logged_in(request, wish.email, wish.password)


async def token(request: Request) -> Response:
    """The same as login, as an OAuth2 password form."""
    town = town_of(request)
    town.identity.refuse_foreign_page(request)
    no_query(request)
    wish = await read_form(request, PasswordForm)
    return await _logged_in(request, wish.username, wish.password)


async def refresh(request: Request) -> Response:
    """Uses a refresh token up for new tokens: the one in the body, else the cookie's.

    Repeating within 10 s gives the newest tokens again; later reuse ends the login.
    """
    town = town_of(request)
    no_query(request)
    wish = await read_if_any(request, Refresh)
    if wish:
        town.identity.refuse_foreign_page(request)
    refresh_token = wish.refresh_token if wish else town.identity.refresh_token(request)
    auth = town.services.auth
    asked = pb.RefreshRequest(refresh_token=refresh_token)
    answer = await auth.call(auth.methods.Refresh, asked)
    return _handed_out(town, answer.tokens)


async def logout(request: Request) -> Response:
    """Ends this login: its refresh token at once, its access token within 1 s everywhere."""
    player = await asked_by(request)
    town = town_of(request)
    auth = town.services.auth
    asked = pb.LogoutRequest(user_id=player.id, family_id=player.family)
    await auth.call(auth.methods.Logout, asked)
    return town.identity.left(player)


async def logout_all(request: Request) -> Response:
    """Ends every login of the player, this one too: within 1 s everywhere."""
    player = await asked_by(request)
    town = town_of(request)
    auth = town.services.auth
    asked = pb.LogoutEverywhereRequest(user_id=player.id)
    await auth.call(auth.methods.LogoutEverywhere, asked)
    return town.identity.left(player)


async def jwks(request: Request) -> Response:
    """The public keys that verify access tokens."""
    no_query(request)
    await no_body(request)
    keys = town_of(request).keys.raw
    if not keys:
        raise Unavailable
    return json_answer({"keys": [_jwk(kid, raw) for kid, raw in keys.items()]})


def _jwk(kid: str, raw: bytes) -> dict[str, str]:
    x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x}


async def _logged_in(request: Request, email: str, password: str) -> Response:
    town = town_of(request)
    auth = town.services.auth
    # In the form in which registering stored it; what is no address at all goes on as
    # typed, so that it takes as long as any other wrong one.
    with suppress(Problem):
        email = email_address(email, is_sandbox=town.settings.sandbox)
    asked = pb.LoginRequest(
        email=email,
        password=password,
        address=address_of(request),
        device=_device(request),
    )
    async with town.hashing:
        answer = await auth.call(auth.methods.Login, asked)
    return _handed_out(town, answer.tokens)


def _device(request: Request) -> str:
    """What the client calls itself, as far as it can be shown to the player."""
    name = (header(request, b"user-agent") or "")[:LONGEST_DEVICE]
    return "".join(c if c.isprintable() else "?" for c in name)


def _handed_out(town: Town, tokens: pb.Tokens) -> Response:
    response = json_answer(tokens_json(tokens, town.identity))
    town.identity.set_cookies(response, tokens)
    return response


ROUTES = [
    route(
        "POST /api/auth/register",
        register,
        answer=User,
        status=201,
        takes=Takes(body=Register),
        codes=["EMAIL_TAKEN", "PASSWORD_TOO_WEAK"],
        is_open=True,
        limit=REGISTER,
    ),
    route(
        "POST /api/auth/login",
        login,
        answer=Tokens,
        takes=Takes(body=Login),
        codes=["BAD_CREDENTIALS", "ORIGIN_REFUSED"],
        is_open=True,
        limit=CREDENTIALS,
    ),
    route(
        "POST /api/auth/token",
        token,
        answer=Tokens,
        takes=Takes(form=PasswordForm),
        codes=["BAD_CREDENTIALS", "ORIGIN_REFUSED"],
        is_open=True,
        limit=CREDENTIALS,
    ),
    route(
        "POST /api/auth/refresh",
        refresh,
        answer=Tokens,
        takes=Takes(body=Refresh, optional=True),
        codes=["UNAUTHENTICATED", "TOKEN_REUSED", "ORIGIN_REFUSED"],
        is_open=True,
        limit=CREDENTIALS,
    ),
    route("POST /api/auth/logout", logout, status=204),
    route("POST /api/auth/logout-all", logout_all, status=204),
    route("GET /.well-known/jwks.json", jwks, answer=Jwks, is_open=True, limit=UNLIMITED),
]
