"""Where the player is logged in."""

from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway.identity import Player
from gateway.input import Id, path_id
from gateway.plain import Documented, json_answer, route
from gateway.town import asked_by, town_of
from protos.auth.v1 import auth_pb2 as pb
from services.kit.times import instant


class Device(Documented):
    """One login. `name` is what the client called itself, null for unknown.

    `seen_at` is when it last got tokens; `current` marks the one that asks.
    """

    id: Id
    name: str | None
    created_at: datetime
    seen_at: datetime
    current: bool


async def list_devices(request: Request) -> Response:
    """Where the player is logged in, the latest login first."""
    player = await asked_by(request)
    auth = town_of(request).services.auth
    answer = await auth.call(auth.methods.ListDevices, pb.ListDevicesRequest(user_id=player.id))
    return json_answer([_json(device, player) for device in answer.devices])


async def end_device(request: Request) -> Response:
    """Ends the login on one device. Safe to repeat."""
    device = path_id(request, "device_id")
    player = await asked_by(request)
    town = town_of(request)
    auth = town.services.auth
    asked = pb.EndDeviceRequest(user_id=player.id, device_id=device)
    await auth.call(auth.methods.EndDevice, asked)
    if device == player.family:
        return town.identity.left(player)
    return Response(status_code=204)


def _json(device: pb.Device, player: Player) -> dict[str, Any]:
    return {
        "id": device.id,
        "name": device.name or None,
        "created_at": instant(device.created_at),
        "seen_at": instant(device.seen_at),
        "current": device.id == player.family,
    }


ROUTES = [
    route("GET /api/auth/devices", list_devices, answer=list[Device]),
    route("DELETE /api/auth/devices/{device_id}", end_device, status=204, codes=["NOT_FOUND"]),
]
