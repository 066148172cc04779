"""The OpenAPI document: complete, and changed only on purpose.

After a change that is meant, write the snapshot anew:
NESRA_WRITE_SNAPSHOTS=1 python -m pytest tests/contract/test_openapi.py
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.app import create_app, openapi_document
from gateway.errors import CATALOGUE
from gateway.limits import TOLD_AS, UNLIMITED
from gateway.links import LINKS, Link
from gateway.plain import PlainRoute
from gateway.settings import GatewaySettings

SNAPSHOT = Path(__file__).with_name("openapi.json")
SETTINGS: dict[str, Any] = {"secret": "s" * 32, "environment": "development", "sandbox": True}
APP = create_app(GatewaySettings(**SETTINGS))
DOCUMENT = openapi_document(APP)
ROUTES = {
    f"{method} {route.path}": route
    for route in APP.routes
    if isinstance(route, PlainRoute)
    for method in route.methods or ()
}
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
# What this part of the contract serves; the rest comes later, and is absent until then.
CALLS = {
    "POST /api/auth/register",
    "POST /api/auth/login",
    "POST /api/auth/token",
    "POST /api/auth/refresh",
    "POST /api/auth/logout",
    "POST /api/auth/logout-all",
    "GET /api/auth/devices",
    "DELETE /api/auth/devices/{device_id}",
    "POST /api/auth/request-verify",
    "POST /api/auth/verify",
    "POST /api/auth/forgot-password",
    "POST /api/auth/reset-password",
    "GET /.well-known/jwks.json",
    "GET /api/users/me",
    "PATCH /api/users/me",
    "DELETE /api/users/me",
    "GET /api/users/me/export",
    "GET /api/profile",
    "GET /api/worldstate",
    "GET /api/tasks",
    "POST /api/tasks",
    "PATCH /api/tasks/{task_id}",
    "DELETE /api/tasks/{task_id}",
    "POST /api/session/start",
    "GET /api/session/active",
    "POST /api/session/complete",
    "POST /api/session/cancel",
    "GET /api/session/history",
    "GET /api/session/stats",
    "GET /api/items",
    "GET /api/inventory",
    "POST /api/inventory/equip",
    "POST /api/inventory/unequip",
    "GET /api/shop",
    "POST /api/shop/buy",
    "GET /api/events",
    "GET /api/drops/odds",
    "GET /healthz",
    "GET /readyz",
    "GET /api/sandbox/clock",
    "POST /api/sandbox/clock",
    "DELETE /api/sandbox/clock",
    "POST /api/sandbox/grant",
    "GET /api/admin/users",
    "GET /api/admin/users/{user_id}",
    "PATCH /api/admin/users/{user_id}",
    "POST /api/admin/users/{user_id}/grant",
    "GET /api/admin/users/{user_id}/timeline",
    "GET /api/admin/users/{user_id}/explain/streak",
    "POST /api/admin/users/{user_id}/restore-streak",
    "GET /api/admin/items",
    "POST /api/admin/items",
    "GET /api/admin/items/{item_id}",
    "PATCH /api/admin/items/{item_id}",
    "GET /api/admin/deliveries",
    "POST /api/admin/deliveries/{delivery_id}/retry",
    "GET /api/admin/audit",
}


def codes_of(operation: dict[str, Any]) -> set[str]:
    media = [
        response.get("content", {}).get("application/problem+json", {})
        for response in operation["responses"].values()
    ]
    return {code for m in media for code in m.get("x-codes", ())}


def test_the_document_is_the_snapshot() -> None:
    written = json.dumps(DOCUMENT, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("NESRA_WRITE_SNAPSHOTS"):
        SNAPSHOT.write_text(written)

    assert written == SNAPSHOT.read_text()


def test_every_call_of_the_contract_is_documented_and_no_other() -> None:
    assert set(OPERATIONS) == CALLS


def test_every_route_that_answers_json_is_documented() -> None:
    assert set(ROUTES) == set(OPERATIONS)


def test_every_error_code_is_documented_at_a_call() -> None:
    everywhere = {"NOT_FOUND", "METHOD_NOT_ALLOWED"}
    documented = set().union(*(codes_of(operation) for operation in OPERATIONS.values()))

    assert documented | everywhere == set(CATALOGUE)


def test_the_catalogue_is_published_in_the_description() -> None:
    for code in CATALOGUE:
        assert f"`{code}`" in DOCUMENT["info"]["description"]


def test_a_promised_member_is_part_of_the_problem() -> None:
    known = DOCUMENT["components"]["schemas"]["Problem"]["properties"]

    for code in CATALOGUE.values():
        assert set(code.members) <= set(known)


@pytest.mark.parametrize("call", sorted(CALLS))
def test_a_call_tells_who_may_call_it_and_how_it_fails(call: str) -> None:
    operation = OPERATIONS[call]

    assert operation["description"]
    assert "INTERNAL" in codes_of(operation)
    if operation["security"]:
        assert "UNAUTHENTICATED" in codes_of(operation)


@pytest.mark.parametrize("call", sorted(c for c in CALLS if not c.startswith("GET")))
def test_a_write_by_cookie_may_be_refused_by_its_origin(call: str) -> None:
    if OPERATIONS[call]["security"]:
        assert "ORIGIN_REFUSED" in codes_of(OPERATIONS[call])


@pytest.mark.parametrize("call", sorted(c for c in CALLS if "/api/admin/" in c))
def test_an_operator_s_call_may_be_forbidden_and_its_changes_need_a_reason(call: str) -> None:
    operation = OPERATIONS[call]

    assert operation["tags"] == ["admin"]
    assert "FORBIDDEN" in codes_of(operation)
    if not call.startswith("GET"):
        media = operation["requestBody"]["content"]["application/json"]
        assert "reason" in media["schema"]["required"]


@pytest.mark.parametrize("call", sorted(c for c in CALLS if not c.startswith("GET")))
def test_a_write_may_be_refused_by_the_form_of_its_key(call: str) -> None:
    assert "BAD_IDEMPOTENCY_KEY" in codes_of(OPERATIONS[call])


def test_the_writes_without_a_key_by_nature_take_one_in_the_header() -> None:
    taking = {
        call
        for call, operation in OPERATIONS.items()
        if "Idempotency-Key" in [p["name"] for p in operation.get("parameters", ())]
    }

    assert taking == {
        "POST /api/session/start",
        "POST /api/tasks",
        "POST /api/sandbox/clock",
        "POST /api/sandbox/grant",
        "POST /api/shop/buy",
        "POST /api/admin/users/{user_id}/grant",
    }
    for call, operation in OPERATIONS.items():
        told = {"IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_KEY_IN_PROGRESS"} & codes_of(operation)
        assert len(told) == (2 if call in taking else 0)


@pytest.mark.parametrize("call", sorted(CALLS))
def test_a_limited_call_tells_its_refusal_and_its_headers(call: str) -> None:
    responses = OPERATIONS[call]["responses"]
    is_limited = ROUTES[call].limit is not UNLIMITED

    assert ("RATE_LIMITED" in codes_of(OPERATIONS[call])) == is_limited
    for status, response in responses.items():
        told = is_limited and (status < "400" or status == "429")
        waits = {"Retry-After"} if status == "429" else set()
        assert set(response.get("headers", ())) == ({*TOLD_AS} | waits if told else set())


@pytest.mark.parametrize("link", LINKS, ids=lambda link: f"{link.of}-{link.to}")
def test_a_link_leads_from_what_is_answered_to_what_is_asked(link: Link) -> None:
    by_id = {operation["operationId"]: operation for operation in OPERATIONS.values()}
    source, target = by_id[link.of], by_id[link.to]

    taken = {p["name"] for p in target.get("parameters", ()) if p["in"] == "path"}
    if "requestBody" in target:
        taken |= set(resolved(request_of(target))["properties"])
    assert set(link.values) <= taken
    answer = source["responses"][str(link.status)]["content"]["application/json"]["schema"]
    for value in link.values.values():
        where, _, pointer = value.partition("#/")
        schema = answer if where == "$response.body" else request_of(source)
        for step in pointer.split("/"):
            schema = resolved(schema)
            schema = schema["items"] if step == "0" else schema["properties"][step]


def request_of(operation: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return found


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][name] if name else schema
    return found


@pytest.mark.parametrize("call", sorted(CALLS))
def test_a_call_tells_that_it_may_not_be_readable(call: str) -> None:
    told = codes_of(OPERATIONS[call])

    assert told >= {"MALFORMED_REQUEST", "REQUEST_TIMEOUT", "PAYLOAD_TOO_LARGE"}
    assert told >= {"URI_TOO_LONG", "HEADERS_TOO_LARGE", "VALIDATION_FAILED"}
    if "requestBody" in OPERATIONS[call]:
        assert "UNSUPPORTED_MEDIA_TYPE" in told


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)

    for kind in ("schemas", "headers"):
        found = {part.split('"')[0] for part in text.split(f"#/components/{kind}/")[1:]}
        assert found <= set(DOCUMENT["components"][kind])


def test_identity_is_shown_by_bearer_cookie_or_password() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]

    assert schemes["password"]["flows"]["password"]["tokenUrl"] == "/api/auth/token"
    assert schemes["cookie"]["name"] == "nesra_access"
    assert schemes["bearer"]["scheme"] == "bearer"
