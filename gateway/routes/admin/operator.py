"""Who may operate the town: superusers, as auth knows them at this moment."""

from typing import Annotated

from starlette.requests import Request

from gateway.errors import Problem
from gateway.identity import Player
from gateway.input import Strict, no_body, no_query
from gateway.routes.users import account_of
from gateway.text import Text
from gateway.town import player_of, town_of
from protos.audit.v1.audit_pb2 import Warrant
from services.kit.errors import Refused


class Change(Strict):
    """A change by an operator; `reason` stands beside it in the audit trail."""

    reason: Annotated[str, Text(1, 500)]


async def operator_of(request: Request) -> Player:
    """The superuser who asks; nothing else of the request was looked at yet.

    Raises FORBIDDEN.
    """
    player = player_of(request)
    try:
        account = await account_of(town_of(request), player.id)
    except Refused:
        # There is no such account any more.
        raise Problem(code="FORBIDDEN") from None
    if not (account.is_active and account.is_superuser):
        raise Problem(code="FORBIDDEN")
    return player


async def looking(request: Request) -> None:
    """Passes when an operator asks, with neither body nor query.

    Raises FORBIDDEN or VALIDATION_FAILED.
    """
    await operator_of(request)
    no_query(request)
    await no_body(request)


async def changing(request: Request) -> Player:
    """The operator who asks for a change, whose body is read next; it takes no query.

    Raises FORBIDDEN or VALIDATION_FAILED.
    """
    player = await operator_of(request)
    no_query(request)
    return player


def warrant(player: Player, wish: Change) -> Warrant:
    """On whose word something is changed, and why."""
    return Warrant(actor=player.id, reason=wish.reason)
