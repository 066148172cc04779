"""One good call of each route, and sending it."""

import re
from typing import Any

import httpx

from gateway.app import create_app
from gateway.plain import PlainRoute
from tests.service.gateway.lines import HAT
from tests.service.gateway.stage import settings

ID = "0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1b"
LOGIN = {"email": "ada@example.com", "password": "three quiet hours"}
TASK = {"name": "Read", "category": "x", "default_duration_minutes": 25, "room": "study"}
NEW_ITEM = {
    "name": "Top Hat",
    "type": "hat",
    "rarity": "epic",
    "sprite_key": "hat_top",
    "reason": "ticket 7",
}
# One good call of each route: its method and path, what is sent.
GOOD: dict[str, dict[str, Any]] = {
    "GET /api/profile": {},
    "GET /api/worldstate": {},
    "GET /api/tasks": {},
    "POST /api/tasks": {"json": TASK},
    "PATCH /api/tasks/{task_id}": {"json": {"room": "build"}},
    "DELETE /api/tasks/{task_id}": {},
    "POST /api/session/start": {"json": {"task_template_id": ID, "duration_minutes": 25}},
    "GET /api/session/active": {},
    "POST /api/session/complete": {"json": {"session_id": ID}},
    "POST /api/session/cancel": {"json": {"session_id": ID}},
    "GET /api/session/history": {"params": {"limit": 5, "status": "success", "room": "study"}},
    "GET /api/session/stats": {"params": {"from": "2026-01-01", "to": "2026-01-31"}},
    "GET /api/items": {},
    "GET /api/inventory": {},
    "POST /api/inventory/equip": {"json": {"item_id": ID}},
    "POST /api/inventory/unequip": {"json": {"slot": "hat"}},
    "GET /api/shop": {},
    "POST /api/shop/buy": {"json": {"item_id": ID, "rotation_id": "2026-01-01-0123456789ab"}},
    "GET /api/events": {},
    "GET /api/drops/odds": {},
    "POST /api/auth/register": {"json": LOGIN | {"full_name": "Ada"}},
    "POST /api/auth/login": {"json": LOGIN},
    "POST /api/auth/token": {"data": {"username": "a", "password": "b", "grant_type": "password"}},
    "POST /api/auth/refresh": {"json": {"refresh_token": "opaque"}},
    "POST /api/auth/logout": {},
    "POST /api/auth/logout-all": {},
    "GET /api/auth/devices": {},
    "DELETE /api/auth/devices/{device_id}": {},
    "POST /api/auth/request-verify": {"json": {"email": "ada@example.com"}},
    "POST /api/auth/verify": {"json": {"token": "opaque"}},
    "POST /api/auth/forgot-password": {"json": {"email": "ada@example.com"}},
    "POST /api/auth/reset-password": {"json": {"token": "opaque", "password": "three quiet hours"}},
    "GET /.well-known/jwks.json": {},
    "GET /api/users/me": {},
    "PATCH /api/users/me": {"json": {"full_name": None, "timezone": "Asia/Tokyo"}},
    "DELETE /api/users/me": {"json": {"password": "three quiet hours"}},
    "GET /api/users/me/export": {},
    "GET /healthz": {},
    "GET /readyz": {},
    "GET /api/sandbox/clock": {},
    "POST /api/sandbox/clock": {"json": {"advance_minutes": 25}},
    "DELETE /api/sandbox/clock": {},
    "POST /api/sandbox/grant": {"json": {"exp": 5, "gold": 5, "item_id": HAT}},
    "GET /api/admin/users": {"params": {"query": "ada", "limit": 5}},
    "GET /api/admin/users/{user_id}": {},
    "PATCH /api/admin/users/{user_id}": {"json": {"is_active": False, "reason": "ticket 7"}},
    "POST /api/admin/users/{user_id}/grant": {
        "json": {"exp": 5, "gold": 5, "item_id": HAT, "reason": "ticket 7"}
    },
    "GET /api/admin/users/{user_id}/timeline": {"params": {"limit": 5}},
    "GET /api/admin/users/{user_id}/explain/streak": {
        "params": {"from": "2026-01-01", "to": "2026-01-31"}
    },
    "POST /api/admin/users/{user_id}/restore-streak": {
        "json": {"dates": ["2026-01-01"], "reason": "ticket 7"}
    },
    "GET /api/admin/items": {},
    "POST /api/admin/items": {"json": NEW_ITEM},
    "GET /api/admin/items/{item_id}": {},
    "PATCH /api/admin/items/{item_id}": {"json": {"retired": True, "reason": "ticket 7"}},
    "GET /api/admin/deliveries": {"params": {"state": "dead", "limit": 5}},
    "POST /api/admin/deliveries/{delivery_id}/retry": {"json": {"reason": "ticket 7"}},
    "GET /api/admin/audit": {"params": {"actor": "x", "target": ID, "from": "2026-01-01"}},
}
ROUTES = {
    f"{next(iter(route.methods or ()))} {route.path}": route
    for route in create_app(settings()).routes
    if isinstance(route, PlainRoute)
}


def send(client: httpx.Client, call: str, **changes: Any) -> httpx.Response:
    return client.request(*line_of(call), **GOOD[call] | changes)


def line_of(call: str) -> tuple[str, str]:
    """Method and path of a call; its id is an item's, because one is looked for by it."""
    method, path = call.split(" ")
    return method, re.sub(r"{\w+}", HAT, path)
