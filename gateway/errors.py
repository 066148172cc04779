"""The catalogue of error codes, and how failures become HTTP answers.

The gateway alone knows HTTP: services name their failures, this file says what
a name means to a client.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from services.kit.errors import Failure, Unavailable

MEDIA_TYPE = "application/problem+json"
# A service that was killed is back within 2 s.
RETRY_S = 1
# What the answer to a repeated call carries, be it an error or not.
REPLAYED = {"Idempotency-Replayed": "true"}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means: its status, and words fit to show a player.

    `members` are what the body carries beside the usual ones.
    """

    status: int
    title: str
    detail: str
    members: tuple[str, ...] = ()


CATALOGUE: Mapping[str, Code] = {
    "MALFORMED_REQUEST": Code(400, "Not HTTP", "The request is not well-formed HTTP/1.1."),
    "MALFORMED_JSON": Code(400, "Not JSON", "The request is not valid JSON in UTF-8."),
    "BAD_IDEMPOTENCY_KEY": Code(
        400,
        "Idempotency-Key malformed",
        "The Idempotency-Key must be 1 to 255 visible ASCII characters, and given once.",
    ),
    "BAD_TOKEN": Code(
        400,
        "Link no longer good",
        "This link was used, has expired or is not whole. Ask for a new one.",
    ),
    "UNAUTHENTICATED": Code(401, "Not logged in", "Please log in."),
    "BAD_CREDENTIALS": Code(401, "Wrong e-mail or password", "The e-mail or password is wrong."),
    "TOKEN_REUSED": Code(
        401,
        "Refresh token used twice",
        "This login was used twice, so it has been ended to protect you. Please log in again.",
    ),
    "ORIGIN_REFUSED": Code(
        403, "Origin refused", "This page may not act for you here. Open the town's own address."
    ),
    "FORBIDDEN": Code(403, "Not allowed", "Only who operates the town may do this."),
    "WRONG_PASSWORD": Code(403, "Wrong password", "The current password is wrong."),
    "NOT_FOUND": Code(404, "Not found", "There is nothing here by that name."),
    "ITEM_NOT_OWNED": Code(404, "Item not owned", "You do not own this item."),
    "METHOD_NOT_ALLOWED": Code(
        405, "Method not allowed", "This address does not answer this method."
    ),
    "REQUEST_TIMEOUT": Code(408, "Request too slow", "The request was sent too slowly."),
    "EMAIL_TAKEN": Code(409, "E-mail taken", "An account with this e-mail already exists."),
    "TOO_MANY_TASKS": Code(
        409, "Too many tasks", "Your task list is full. Delete a task to make room."
    ),
    "SESSION_ALREADY_ACTIVE": Code(
        409,
        "Session already active",
        "You already have a session under way. Complete or cancel it first.",
        ("active_session",),
    ),
    "SESSION_TOO_EARLY": Code(
        409, "Session not over yet", "This session is still running.", ("ends_at",)
    ),
    "SESSION_TIMED_OUT": Code(
        409, "Session timed out", "This session was not completed in time and has ended."
    ),
    "SESSION_CANCELLED": Code(409, "Session cancelled", "This session was cancelled."),
    "SESSION_ALREADY_COMPLETED": Code(
        409, "Session already completed", "This session is already completed."
    ),
    "NOT_ENOUGH_GOLD": Code(409, "Not enough gold", "You do not have enough gold for this item."),
    "ALREADY_OWNED": Code(409, "Already owned", "You already own this item."),
    "OFFER_EXPIRED": Code(
        409, "Offer expired", "This offer is over. Look what the shop offers today."
    ),
    "LAST_SUPERUSER": Code(
        409,
        "Last superuser",
        "Nobody else could operate the town. Make somebody else a superuser first.",
    ),
    "SPRITE_KEY_TAKEN": Code(409, "Sprite key taken", "Another item has this sprite key."),
    "ZONE_CHANGED_RECENTLY": Code(
        409,
        "Time zone changed recently",
        "Your time zone was changed a short while ago. Try again later.",
        ("allowed_from",),
    ),
    "IDEMPOTENCY_KEY_IN_PROGRESS": Code(
        409, "Still running", "This was sent a moment ago and is still running. Try again shortly."
    ),
    "PAYLOAD_TOO_LARGE": Code(413, "Body too large", "The request is larger than 64 KiB."),
    "URI_TOO_LONG": Code(414, "Address too long", "The address is longer than 8 KiB."),
    "UNSUPPORTED_MEDIA_TYPE": Code(
        415, "Media type not supported", "The request must be application/json in UTF-8."
    ),
    "VALIDATION_FAILED": Code(
        422, "Not valid", "Something in the request is not valid.", ("errors",)
    ),
    "IDEMPOTENCY_KEY_REUSED": Code(
        422,
        "Idempotency-Key used before",
        "The same Idempotency-Key was sent with another request before.",
    ),
    "PASSWORD_TOO_WEAK": Code(422, "Password too weak", "Please choose a stronger password."),
    "RATE_LIMITED": Code(429, "Too many requests", "That was too much at once. Try again later."),
    "HEADERS_TOO_LARGE": Code(431, "Headers too large", "The headers are larger than 16 KiB."),
    "INTERNAL": Code(500, "Internal error", "Something went wrong on our side."),
    "UNAVAILABLE": Code(
        503, "Temporarily unavailable", "The town is catching its breath. Try again in a moment."
    ),
}

# What a service may tell a client by name, and under which code. Any other
# reason, such as a refused service token, is a bug of ours: INTERNAL.
_REASONS = {
    "TASK_UNKNOWN": "NOT_FOUND",
    "SESSION_UNKNOWN": "NOT_FOUND",
    "USER_UNKNOWN": "NOT_FOUND",
    "ITEM_UNKNOWN": "NOT_FOUND",
    "DEVICE_UNKNOWN": "NOT_FOUND",
    "DELIVERY_UNKNOWN": "NOT_FOUND",
    "SANDBOX_OFF": "NOT_FOUND",
    "LOGIN_THROTTLED": "RATE_LIMITED",
    "MAIL_TOKEN_INVALID": "BAD_TOKEN",
    "TOKEN_INVALID": "UNAUTHENTICATED",
} | {
    code: code
    for code in (
        "ALREADY_OWNED",
        "BAD_CREDENTIALS",
        "EMAIL_TAKEN",
        "IDEMPOTENCY_KEY_IN_PROGRESS",
        "IDEMPOTENCY_KEY_REUSED",
        "ITEM_NOT_OWNED",
        "LAST_SUPERUSER",
        "NOT_ENOUGH_GOLD",
        "OFFER_EXPIRED",
        "PASSWORD_TOO_WEAK",
        "SESSION_ALREADY_COMPLETED",
        "SESSION_CANCELLED",
        "SESSION_TIMED_OUT",
        "SESSION_TOO_EARLY",
        "SPRITE_KEY_TAKEN",
        "TOKEN_REUSED",
        "TOO_MANY_TASKS",
        "WRONG_PASSWORD",
        "ZONE_CHANGED_RECENTLY",
    )
}
# What is wrong with a value, though only a service could tell: field, code, detail.
# FIELD_INVALID names its field itself.
_WRONG_VALUES = {
    "FIELD_INVALID": ("", "field_invalid", "This value cannot be kept."),
    "DURATION_REFUSED": (
        "duration_minutes",
        "duration_refused",
        "A session of this length is not possible.",
    ),
    "ZONE_UNKNOWN": ("timezone", "zone_unknown", "This is not the name of an IANA time zone."),
    "DATE_OUT_OF_REACH": (
        "dates",
        "date_out_of_reach",
        "A date lies ahead of the player's today, or more than 400 days before it.",
    ),
    "CLOCK_TOO_FAR": ("advance_seconds", "clock_too_far", "A clock moves ten years at most."),
}
# What of a failure's metadata belongs into the body as it is.
_TOLD = ("ends_at", "allowed_from")


class Problem(Exception):
    """An answer that is an error of the catalogue, with headers and promised members."""

    def __init__(
        self,
        *,
        code: str,
        detail: str = "",
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail or CATALOGUE[code].detail
        self.headers = dict(headers or {})
        self.members = members
        if CATALOGUE[code].status == HTTPStatus.UNAUTHORIZED:
            self.headers["WWW-Authenticate"] = "Bearer"


def invalid(*errors: tuple[tuple[str | int, ...], str, str]) -> Problem:
    """VALIDATION_FAILED with one entry per (loc, code, detail)."""
    entries = [{"loc": list(loc), "code": code, "detail": detail} for loc, code, detail in errors]
    return Problem(code="VALIDATION_FAILED", errors=entries)


def problem_of(failure: Failure) -> Problem:
    """What a client is told about a named failure."""
    problem = _problem_of(failure)
    if "replayed" in failure.metadata:
        problem.headers |= REPLAYED
    return problem


def _problem_of(failure: Failure) -> Problem:
    if isinstance(failure, Unavailable):
        return Problem(code="UNAVAILABLE", headers={"Retry-After": str(RETRY_S)})
    if failure.reason in _WRONG_VALUES:
        field, code, detail = _WRONG_VALUES[failure.reason]
        return invalid(((field or failure.metadata.get("field", ""),), code, detail))
    code = _REASONS.get(failure.reason, "INTERNAL")
    if code == "INTERNAL":
        log.error("service_broke", reason=failure.reason, metadata=failure.metadata)
        return Problem(code=code)
    metadata = failure.metadata
    members = {name: metadata[name] for name in _TOLD if name in metadata}
    headers = {}
    if "retry_after" in metadata:
        headers["Retry-After"] = str(max(1, math.ceil(float(metadata["retry_after"]))))
    return Problem(code=code, detail=metadata.get("detail", ""), headers=headers, **members)


def answer_to(problem: Problem, scope: Scope) -> Response:
    """The problem as RFC 9457 has it."""
    code = CATALOGUE[problem.code]
    state = scope["state"]
    if code.status == HTTPStatus.FORBIDDEN:
        _tell_of_refusal(problem, scope)
    body = {
        "type": f"{state['public_url']}/docs#{problem.code}",
        "title": code.title,
        "status": code.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": state["request_id"],
    }
    content = orjson.dumps(body | problem.members, option=orjson.OPT_UTC_Z)
    return Response(content, code.status, problem.headers, MEDIA_TYPE)


def _tell_of_refusal(problem: Problem, scope: Scope) -> None:
    player = scope["state"].get("player")
    log.warning(
        "access_refused",
        code=problem.code,
        method=scope["method"],
        path=scope["path"],
        user=player and player.id,
        request_id=scope["state"]["request_id"],
    )


def unrouted(error: HTTPException, scope: Scope) -> Problem:
    """What a client is told that the router refuses: no such address, or not by this method."""
    if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        return Problem(code="NOT_FOUND")
    return Problem(code="METHOD_NOT_ALLOWED", headers={"Allow": ", ".join(_methods_at(scope))})


def _methods_at(scope: Scope) -> list[str]:
    routes = [route for route in scope["app"].routes if hasattr(route, "methods")]
    matching = [r for r in routes if r.matches(scope)[0] is not Match.NONE]
    methods = set().union(*(route.methods for route in matching))
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)
