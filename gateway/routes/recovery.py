"""Getting back in, and proving an address, with nothing but a mailbox."""

from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.input import Password, Strict, no_query, read
from gateway.limits import MAIL
from gateway.plain import Takes, json_answer, route
from gateway.routes.users import Email, User, user_json
from gateway.text import email_address
from gateway.town import Town, town_of
from protos.auth.v1 import auth_pb2 as pb

MailToken = Annotated[str, Field(max_length=256)]


class Mailbox(Strict):
    """Whose mailbox."""

    email: Email


class Verify(Strict):
    """What came by mail."""

    token: MailToken


class Reset(Strict):
    """What came by mail, and the new password."""

    token: MailToken
    password: Password


async def request_verify(request: Request) -> Response:
    """Sends a mail that verifies the address, if an account waits for that.

    Always 202: whether there is such an account, neither answer nor time tells.
    """
    email = await _mailbox(request)
    auth = town_of(request).services.auth
    await auth.call(auth.methods.RequestVerify, pb.RequestVerifyRequest(email=email))
    return Response(status_code=202)


async def verify(request: Request) -> Response:
    """Uses the mail's token up: the account's address is verified."""
    no_query(request)
    wish = await read(request, Verify)
    return json_answer(user_json(await verified(town_of(request), wish.token)))


async def forgot_password(request: Request) -> Response:
    """Sends a mail that allows a new password, if there is such an account.

    Always 202: whether there is one, neither answer nor time tells.
    """
    email = await _mailbox(request)
    auth = town_of(request).services.auth
    await auth.call(auth.methods.ForgotPassword, pb.ForgotPasswordRequest(email=email))
    return Response(status_code=202)


async def reset_password(request: Request) -> Response:
    """Uses the mail's token up for a new password; every device is logged out."""
    no_query(request)
    wish = await read(request, Reset)
    await reset(town_of(request), wish.token, wish.password)
    return Response(status_code=204)


async def verified(town: Town, token: str) -> pb.User:
    """The account whose address the mail's token proves. Raises Refused, Unavailable."""
    auth = town.services.auth
    return (await auth.call(auth.methods.VerifyEmail, pb.VerifyEmailRequest(token=token))).user


async def reset(town: Town, token: str, password: str) -> None:
    """Uses the mail's token up for a new password. Raises Refused, Unavailable."""
    auth = town.services.auth
    asked = pb.ResetPasswordRequest(token=token, password=password)
    async with town.hashing:
        await auth.call(auth.methods.ResetPassword, asked)


async def _mailbox(request: Request) -> str:
    no_query(request)
    wish = await read(request, Mailbox)
    return email_address(wish.email, is_sandbox=town_of(request).settings.sandbox)


ROUTES = [
    route(
        "POST /api/auth/request-verify",
        request_verify,
        status=202,
        takes=Takes(body=Mailbox),
        is_open=True,
        limit=MAIL,
    ),
    route(
        "POST /api/auth/verify",
        verify,
        answer=User,
        takes=Takes(body=Verify),
        codes=["BAD_TOKEN"],
        is_open=True,
        limit=MAIL,
    ),
    route(
        "POST /api/auth/forgot-password",
        forgot_password,
        status=202,
        takes=Takes(body=Mailbox),
        is_open=True,
        limit=MAIL,
    ),
    route(
        "POST /api/auth/reset-password",
        reset_password,
        status=204,
        takes=Takes(body=Reset),
        codes=["BAD_TOKEN", "PASSWORD_TOO_WEAK"],
        is_open=True,
        limit=MAIL,
    ),
]
