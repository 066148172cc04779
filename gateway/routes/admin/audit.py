"""What operators changed, out of the trails of all four services."""

import asyncio
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.clients import Service
from gateway.input import Id, QueryDate, absent, no_body, query
from gateway.paging import Paged, next_page
from gateway.plain import Documented, Takes, json_answer, route
from gateway.routes.admin.operator import operator_of
from gateway.times import day_begins, day_ends, require_in_order
from gateway.town import town_of
from protos.audit.v1 import audit_pb2 as pb
from services.kit.times import instant, wire

_UTC = "UTC"


class Entry(Documented):
    """One change: who, when, why, and of each field what it was and what it is.

    `actor` is a superuser's id, or `operator NAME@HOST` for the command line; `user_id`
    the player whom it concerns; `target` the id of what was changed.
    """

    id: Id
    at: datetime
    actor: str
    action: str
    user_id: Id | None
    target: Id
    reason: str
    changes: dict[str, tuple[Any, Any]]


class Wanted(Paged):
    """Which entries to list; `from` and `to` are dates in UTC, inclusive.

    `target` finds what was changed by its id, and everything that concerns a player.
    """

    actor: Annotated[str, Field(min_length=1, max_length=120)] = absent()
    target: Id = absent()
    first: Annotated[QueryDate, Field(alias="from")] = absent()
    last: Annotated[QueryDate, Field(alias="to")] = absent()


async def list_audit(request: Request) -> Response:
    """The audit trail of all services, newest first. The next page is in the `Link` header."""
    await operator_of(request)
    await no_body(request)
    wish = query(request, Wanted)
    require_in_order(wish.first, wish.last)
    asked = _asked_for(wish)
    services = town_of(request).services.every
    trails = await asyncio.gather(*(_trail(service, asked) for service in services))
    # The order of the ids is that of the changes, whichever service made them.
    newest = sorted(
        (entry for trail in trails for entry in trail), key=attrgetter("id"), reverse=True
    )
    page, is_last = newest[: wish.limit], len(newest) <= wish.limit
    headers = next_page(request, wish, "" if is_last else page[-1].id)
    return json_answer([_json(entry) for entry in page], headers=headers)


async def _trail(service: Service[Any], asked: pb.ListAuditRequest) -> list[pb.Entry]:
    return list((await service.call(service.audit.ListAudit, asked)).entries)


def _asked_for(wish: Wanted) -> pb.ListAuditRequest:
    return pb.ListAuditRequest(
        before=wish.before,
        # One more than asked for tells whether there is a next page.
        limit=wish.limit + 1,
        actor=wish.actor or "",
        target=wish.target or "",
        made_from=wire(day_begins(wish.first, _UTC)) if wish.first else None,
        made_before=wire(day_ends(wish.last, _UTC)) if wish.last else None,
    )


def _json(entry: pb.Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": instant(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "user_id": entry.user_id if entry.HasField("user_id") else None,
        "target": entry.target,
        "reason": entry.reason,
        "changes": orjson.loads(entry.changes),
    }


ROUTES = [
    route(
        "GET /api/admin/audit",
        list_audit,
        answer=list[Entry],
        takes=Takes(query=Wanted),
        codes=["FORBIDDEN"],
    ),
]
