"""What is paid and not delivered yet, of all players."""

from datetime import datetime
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from gateway.input import Id, absent, no_body, path_id, query, read
from gateway.paging import Paged, next_page
from gateway.plain import Documented, Takes, json_answer, route
from gateway.routes.admin.operator import Change, changing, operator_of, warrant
from gateway.town import town_of
from protos.session.v1 import session_pb2 as pb
from services.kit.enums import Words
from services.kit.times import instant

KINDS = Words[pb.DeliveryKind.ValueType](pb.DeliveryKind)
STATES = Words[pb.DeliveryState.ValueType](pb.DeliveryState)

State = Literal["waiting", "failing", "dead"]


class Delivery(Documented):
    """A success that world or inventory must still be told of, or an item that was paid for.

    `waiting`: under way, or its receiver is away; `failing`: refused, and tried again;
    `dead`: refused so often that nobody tries it any more. `since` is when it was paid,
    by the player's clock.
    """

    id: Id
    kind: Literal["session", "purchase"]
    user_id: Id
    state: State
    attempts: int
    refusals: int
    next_try_at: datetime | None
    since: datetime


class Wanted(Paged):
    """Which deliveries to list; all by default."""

    state: State = absent()


async def list_deliveries(request: Request) -> Response:
    """What is not delivered yet, newest first. The next page is in the `Link` header."""
    await operator_of(request)
    await no_body(request)
    wish = query(request, Wanted)
    session = town_of(request).services.session
    asked = pb.ListDeliveriesRequest(
        state=STATES.value(wish.state) if wish.state else None,
        limit=wish.limit,
        before=wish.before,
    )
    page = await session.call(session.methods.ListDeliveries, asked)
    headers = next_page(request, wish, page.next_before)
    return json_answer([_json(delivery) for delivery in page.deliveries], headers=headers)


async def retry_delivery(request: Request) -> Response:
    """Has a delivery tried at once, as if it never was. Safe to repeat.

    404 also for one that is delivered.
    """
    operator = await changing(request)
    delivery_id = path_id(request, "delivery_id")
    wish = await read(request, Change)
    session = town_of(request).services.session
    asked = pb.RetryDeliveryRequest(delivery_id=delivery_id, warrant=warrant(operator, wish))
    answer = await session.call(session.methods.RetryDelivery, asked)
    return json_answer(_json(answer.delivery))


def _json(delivery: pb.Delivery) -> dict[str, Any]:
    is_tried = delivery.HasField("next_try_at")
    return {
        "id": delivery.id,
        "kind": KINDS.word(delivery.kind),
        "user_id": delivery.user_id,
        "state": STATES.word(delivery.state),
        "attempts": delivery.attempts,
        "refusals": delivery.refusals,
        "next_try_at": instant(delivery.next_try_at) if is_tried else None,
        "since": instant(delivery.since),
    }


ROUTES = [
    route(
        "GET /api/admin/deliveries",
        list_deliveries,
        answer=list[Delivery],
        takes=Takes(query=Wanted),
        codes=["FORBIDDEN"],
    ),
    route(
        "POST /api/admin/deliveries/{delivery_id}/retry",
        retry_delivery,
        answer=Delivery,
        takes=Takes(body=Change),
        codes=["FORBIDDEN", "NOT_FOUND"],
    ),
]
