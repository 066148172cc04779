"""Routes that run as plain Starlette endpoints and are documented as FastAPI's.

FastAPI's own request handling costs more than all the rest of a hot call, and
its validation is not as strict as ours; its OpenAPI document is what we want.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, request_response
from starlette.types import Scope

from gateway.errors import CATALOGUE, MEDIA_TYPE, Problem
from gateway.input import Strict
from gateway.limits import READ, TOLD_AS, UNLIMITED, WRITE, Limit
from gateway.once import FORM, HEADER, key_of
from gateway.town import address_of, let_in, town_of
from services.kit.errors import Failure

Endpoint = Callable[[Request], Awaitable[Response]]

# What any call may answer.
_ANY = (
    "MALFORMED_REQUEST",
    "REQUEST_TIMEOUT",
    # Also where no body is wanted: how large one is, is seen first.
    "PAYLOAD_TOO_LARGE",
    "URI_TOO_LONG",
    "VALIDATION_FAILED",
    "HEADERS_TOO_LARGE",
    "INTERNAL",
    "UNAVAILABLE",
)
_BODY = ("MALFORMED_JSON", "UNSUPPORTED_MEDIA_TYPE")
_ONCE = ("IDEMPOTENCY_KEY_IN_PROGRESS", "IDEMPOTENCY_KEY_REUSED")
_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"cookie": []}, {"password": []}]

_JSON_TYPE = (b"content-type", b"application/json")
_KEY_PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": (
        "Makes the call safe to repeat: for 24 hours at least, the same key with the same body "
        "gets the first answer again, with `Idempotency-Replayed: true`, and nothing is done "
        "twice. A new wish needs a new key. An answer of 5xx is never kept."
    ),
    "schema": {"type": "string", "pattern": FORM},
}


class Documented(BaseModel):
    """An answer as the OpenAPI document shows it. Answers are built as plain dicts."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Json(Response):
    """An answer in JSON; Starlette's own looks first whether its headers are given already."""

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Sets them."""
        given = (
            [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers.items()]
            if headers
            else []
        )
        self.raw_headers = [*given, (b"content-length", b"%d" % len(self.body)), _JSON_TYPE]


class PlainRoute(APIRoute):
    """A route whose endpoint gets the request and gives the response.

    Before it is asked, `served` finds out whose call it is unless it is open, counts it
    by `limit`, and lets no write see an Idempotency-Key of a wrong form. A hot one
    is served without the router (hotcalls.py).
    """

    def __init__(
        self,
        path: str,
        endpoint: Endpoint,
        *,
        limit: Limit,
        is_open: bool,
        is_hot: bool = False,
        **documented: Any,
    ) -> None:
        super().__init__(path, endpoint, **documented)
        is_read = documented["methods"] == ["GET"]
        counted = by_address if is_open else _by_player
        self.served = counted(endpoint if is_read else _with_good_key(endpoint), limit)
        self.limit = limit
        self.is_hot = is_hot
        self.app = request_response(self.served)
        self._is_fixed = not self.param_convertors

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As usual, but a path without parameters is compared, not searched."""
        if self._is_fixed and scope["path"] != self.path:
            return Match.NONE, {}
        return super().matches(scope)


@dataclass(frozen=True, slots=True)
class Takes:
    """What a call reads: a JSON body (`optional`: or none), a form, a query.

    `once`: its Idempotency-Key too, because it has no key by nature.
    """

    body: type[Strict] | None = None
    form: type[Strict] | None = None
    query: type[Strict] | None = None
    optional: bool = False
    once: bool = False


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`body` as JSON; datetimes as RFC 3339 in UTC with Z."""
    return _Json(orjson.dumps(body, option=orjson.OPT_UTC_Z), status, headers)


def route(  # noqa: PLR0913  # one keyword per thing that a document tells of a call
    call: str,
    endpoint: Endpoint,
    *,
    answer: Any = None,
    status: int = 200,
    takes: Takes | None = None,
    codes: Sequence[str] = (),
    is_open: bool = False,
    is_hot: bool = False,
    limit: Limit | None = None,
    also: Mapping[int | str, dict[str, Any]] | None = None,
) -> PlainRoute:
    """One call of the API, such as `route("GET /api/profile", profile, answer=Profile)`.

    `codes` are the particular errors; those that every call of its kind may
    answer are added. `is_open` calls need no identity. `is_hot` calls bound their
    own time. `limit` is how often it may be made, by default READ for a GET and WRITE
    for all else. `also` are further responses that are no errors.
    """
    method, _, path = call.partition(" ")
    takes = takes or Takes()
    limit = limit or (READ if method == "GET" else WRITE)
    every = _codes(method, takes, codes, is_open=is_open)
    responses: dict[int | str, dict[str, Any]] = {**_problems(every), **(also or {})}
    if limit is not UNLIMITED:
        responses = _limited({status: {}, **responses})
    return PlainRoute(
        path,
        endpoint,
        limit=limit,
        is_open=is_open,
        is_hot=is_hot,
        methods=[method],
        response_model=answer,
        status_code=status,
        response_class=Response if answer is None else JSONResponse,
        operation_id=endpoint.__name__,
        # The module of gateway.routes that it stands in, or the package.
        tags=[endpoint.__module__.split(".")[2]],
        responses=responses,
        openapi_extra=_extra(path, takes, is_open=is_open),
    )


def by_address(endpoint: Endpoint, limit: Limit) -> Endpoint:
    """The endpoint, which everybody may ask as often as `limit` allows their address."""

    async def counted(request: Request) -> Response:
        town_of(request).limits.count(limit, address_of(request), request.scope)
        return await endpoint(request)

    return counted


def _by_player(endpoint: Endpoint, limit: Limit) -> Endpoint:
    async def counted(request: Request) -> Response:
        town = town_of(request)
        try:
            player = await town.identity.player(request)
        except (Problem, Failure):
            town.limits.count(limit, address_of(request), request.scope)
            raise
        town.limits.count(limit, player.id, request.scope)
        let_in(request, player)
        return await endpoint(request)

    return counted


def _with_good_key(endpoint: Endpoint) -> Endpoint:
    async def checked(request: Request) -> Response:
        key_of(request)
        return await endpoint(request)

    return checked


def _codes(method: str, takes: Takes, codes: Sequence[str], *, is_open: bool) -> list[str]:
    found = [*codes, *_ANY, *(_ONCE if takes.once else ())]
    if method != "GET":
        found.append("BAD_IDEMPOTENCY_KEY")
    if not is_open:
        found.append("UNAUTHENTICATED")
        if method != "GET":
            found.append("ORIGIN_REFUSED")
    if takes.body or takes.form:
        found += [code for code in _BODY if takes.body or code != "MALFORMED_JSON"]
    return sorted(set(found))


def _problems(codes: Sequence[str]) -> dict[int | str, dict[str, Any]]:
    statuses = sorted({CATALOGUE[code].status for code in codes})
    return {
        status: _problem([c for c in codes if CATALOGUE[c].status == status]) for status in statuses
    }


def _limited(responses: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """Adds the refusal, and what good answers and it tell of the limit; other errors tell it too."""
    told, told_when = _headers(*TOLD_AS), _headers(*TOLD_AS, "Retry-After")
    refusal = _problem(["RATE_LIMITED"]) | {"headers": told_when}
    good = [status for status in responses if int(status) < HTTPStatus.BAD_REQUEST]
    return {
        **responses,
        **{status: responses[status] | {"headers": told} for status in good},
        HTTPStatus.TOO_MANY_REQUESTS.value: refusal,
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _problem(codes: list[str]) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    media = {"schema": schema, "x-codes": codes}
    return {"description": ", ".join(f"`{code}`" for code in codes), "content": {MEDIA_TYPE: media}}


def _extra(path: str, takes: Takes, *, is_open: bool) -> dict[str, Any]:
    extra: dict[str, Any] = {"security": [] if is_open else _SECURITY}
    parameters = [_path_parameter(name) for name in re.findall(r"{(\w+)}", path)]
    if takes.query:
        parameters += _query_parameters(takes.query)
    if takes.once:
        parameters.append(_KEY_PARAMETER)
    if parameters:
        extra["parameters"] = parameters
    if body := takes.body or takes.form:
        media = "application/json" if takes.body else "application/x-www-form-urlencoded"
        content = {media: {"schema": body.model_json_schema()}}
        extra["requestBody"] = {"required": not takes.optional, "content": content}
    return extra


def _path_parameter(name: str) -> dict[str, Any]:
    schema = {"type": "string", "format": "uuid"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(model: type[Strict]) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": described}
        for name, described in schema["properties"].items()
    ]
