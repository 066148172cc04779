"""The events that run, or are announced: seasons, with items of their own."""

from datetime import datetime
from typing import Any

from pydantic import ConfigDict
from pydantic.config import JsonDict
from starlette.requests import Request
from starlette.responses import Response

from gateway.plain import Documented, json_answer, route
from gateway.routes.inventory import Item, item_json
from gateway.town import asked_by, town_of
from protos.inventory.v1 import inventory_pb2 as pb
from services.kit.times import instant

_PERCENT = 100
_EXAMPLE: JsonDict = {
    "event_id": "winter-lights-2026",
    "name": "Winter Lights",
    "starts_at": "2026-12-01T00:00:00Z",
    "ends_at": "2027-01-07T00:00:00Z",
    "running": True,
    "exp_multiplier": 1.0,
    "gold_multiplier": 1.0,
    "items": [
        {
            "id": "01941f2a-2fb0-7288-9dbf-3f946e5cf8f1",
            "name": "Snowcap Earmuffs",
            "type": "hat",
            "rarity": "common",
            "sprite_key": "hat_snowcap_earmuffs",
        }
    ],
}


class Event(Documented):
    """A stretch of time from `starts_at` until before `ends_at`, by the player's clock.

    A session that starts meanwhile is paid so many times what it is otherwise, and may
    drop these items too. They can be obtained only while an event runs that has them.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    event_id: str
    name: str
    starts_at: datetime
    ends_at: datetime
    running: bool
    exp_multiplier: float
    gold_multiplier: float
    items: list[Item]


async def list_events(request: Request) -> Response:
    """The events that run or are announced, the soonest first."""
    player = await asked_by(request)
    inventory = town_of(request).services.inventory
    asked = pb.ListEventsRequest(user_id=player.id)
    answer = await inventory.call(inventory.methods.ListEvents, asked)
    return json_answer([_json(event) for event in answer.events])


def _json(event: pb.Event) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "name": event.name,
        "starts_at": instant(event.starts_at),
        "ends_at": instant(event.ends_at),
        "running": event.running,
        "exp_multiplier": event.exp_percent / _PERCENT,
        "gold_multiplier": event.gold_percent / _PERCENT,
        "items": [item_json(item) for item in event.items],
    }


ROUTES = [route("GET /api/events", list_events, answer=list[Event])]
