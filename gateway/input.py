"""Strict input: what a client sends is exactly what was agreed, or refused by name.

The stock stack lets through duplicate keys, NUL, lone surrogates and numbers
that overflow, and echoes what it refuses. This file does neither.
"""

import asyncio
import json
import math
import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from gateway.errors import Problem, invalid
from gateway.heads import header
from services.kit.ids import is_canonical

MAX_BYTES = 64 * 1024
# With the calls that follow (5 s at most) an answer comes within 10 s.
BODY_WITHIN_S = 5.0
# In the state of a request whose last byte has arrived: reading it takes no time.
WHOLE = "is_whole"
# In the state of a request that could not be read to its end: the code that says why.
REFUSED = "refused"
MAX_DEPTH = 32
# Any number that is meant has fewer digits, and int() of many is slow.
MAX_DIGITS = 20
# Names of unknown fields are told, but not at any length.
MAX_NAME = 64
# More than any form has fields; an answer is never longer than what it refuses.
MAX_ENTRIES = 32

_ODD = re.compile(r"[^\w.-]", re.ASCII)
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"

Model = TypeVar("Model", bound="Strict")


class Strict(BaseModel):
    """A body or query: no unknown field, no conversion of types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _canonical(value: str) -> str:
    if not is_canonical(value):
        code, message = "id_form", "An id is a UUID in lower case with hyphens."
        raise PydanticCustomError(code, message)
    return value


def _whole_number(value: object) -> object:
    """A query's number: digits only, no sign, no leading zero."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < MAX_DIGITS:
        return int(value) if str(int(value)) == value else value
    return value


def _day(value: object) -> object:
    """A date in the form YYYY-MM-DD only."""
    if isinstance(value, str) and len(value) == len("2026-01-31"):
        try:
            parsed = date.fromisoformat(value)
        except ValueError:
            return value
        # Python reads week dates such as 2026-W01-1 too.
        return parsed if parsed.isoformat() == value else value
    return value


Id = Annotated[
    str, AfterValidator(_canonical), WithJsonSchema({"type": "string", "format": "uuid"})
]


def one_at_least(*names: str) -> ConfigDict:
    """How a body whose fields may all be left out, but not all at once, says so in the document."""
    return ConfigDict(json_schema_extra={"anyOf": [{"required": [name]} for name in names]})


# Beside the bounds of a query's number: `Annotated[int, Field(ge=1), DIGITS]`.
DIGITS = BeforeValidator(_whole_number)
QueryDate = Annotated[date, BeforeValidator(_day)]


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def absent() -> Any:
    """A field that may be left out, and is then None; null is as wrong as for any other.

    The document shows it without a default, because there is none.
    """
    return Field(default=None, json_schema_extra=_without_default)


# Passwords are taken whole: any characters, not normalized, not trimmed.
Password = Annotated[str, Field(max_length=1024)]


async def read(request: Request, model: type[Model]) -> Model:
    """The JSON body as `model`. Raises the Problem that names what is wrong."""
    _require_type(request, _JSON)
    return _validated(model, _parsed(await _bytes(request)))


async def read_if_any(request: Request, model: type[Model]) -> Model | None:
    """As `read`; None for no body at all."""
    if not _announces_body(request):
        return None
    raw = await _bytes(request)
    if not raw:
        return None
    _require_type(request, _JSON)
    return _validated(model, _parsed(raw))


async def read_form(request: Request, model: type[Model]) -> Model:
    """The URL-encoded form as `model`. Raises the Problem that names what is wrong."""
    _require_type(request, _FORM)
    return _validated(model, _pairs(await _bytes(request)))


async def no_body(request: Request) -> None:
    """Passes when the request has no body. Raises VALIDATION_FAILED."""
    if _announces_body(request) and await _bytes(request):
        raise invalid(((), "body_unexpected", "This call takes no body."))


def query(request: Request, model: type[Model]) -> Model:
    """The query as `model`. Raises VALIDATION_FAILED."""
    return _validated(model, _pairs(request.scope["query_string"]))


def no_query(request: Request) -> None:
    """Passes when the request has no query. Raises VALIDATION_FAILED."""
    if request.scope["query_string"]:
        query(request, Strict)


def path_id(request: Request, name: str) -> str:
    """The id in the path. Raises VALIDATION_FAILED when its form is not canonical."""
    value = str(request.path_params[name])
    if not is_canonical(value):
        detail = "An id is a UUID in lower case with hyphens."
        raise invalid(((name,), "id_form", detail))
    return value


def _require_type(request: Request, media_type: str) -> None:
    is_plain = header(request, b"content-encoding") in (None, "identity")
    if not is_plain or not _is_of(header(request, b"content-type") or "", media_type):
        detail = f"The request must be {media_type} in UTF-8, not compressed."
        raise Problem(code="UNSUPPORTED_MEDIA_TYPE", detail=detail)


# The clients of a town write it in a few ways only.
@lru_cache(maxsize=64)
def _is_of(content_type: str, media_type: str) -> bool:
    kind, _, parameters = content_type.partition(";")
    charset = parameters.strip().lower().replace('"', "")
    return kind.strip().lower() == media_type and charset in ("", "charset=utf-8")


def _announces_body(request: Request) -> bool:
    for name, value in request.scope["headers"]:
        if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            return True
    return False


async def _bytes(request: Request) -> bytes:
    """The body, as far as it may go: read no further once it is too large."""
    announced = header(request, b"content-length")
    if announced is not None and not _is_borne(announced):
        raise Problem(code="PAYLOAD_TOO_LARGE")
    if WHOLE in request.scope.get("state", ()):
        return await _received(request)
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            return await _received(request)
    except TimeoutError:
        raise Problem(code="REQUEST_TIMEOUT") from None


def _is_borne(content_length: str) -> bool:
    is_number = content_length.isascii() and content_length.isdigit()
    return is_number and len(content_length) < MAX_DIGITS and int(content_length) <= MAX_BYTES


async def _received(request: Request) -> bytes:
    body, more = b"", True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            # Nobody is there to read it.
            raise Problem(code="REQUEST_TIMEOUT")
        body += message.get("body", b"")
        if len(body) > MAX_BYTES:
            raise Problem(code="PAYLOAD_TOO_LARGE")
        more = message.get("more_body", False)
        if more and (code := request.scope.get("state", {}).get(REFUSED)):
            # The rest of it never comes.
            raise Problem(code=code)
    return body


def _parsed(raw: bytes) -> Any:
    try:
        document = _DECODER.decode(raw.decode())
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise Problem(code="MALFORMED_JSON") from None
    _check(raw, document)
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise invalid(((), "key_repeated", "A field is given twice."))
    return found


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise invalid(((), "number_too_large", "A number is too large."))
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise invalid(((), "number_too_large", "A number is too large."))
    return number


def _constant(_: str) -> None:
    raise invalid(((), "number_not_finite", "NaN and Infinity are not numbers here."))


# json.loads() would make one per body.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_number, parse_constant=_constant
)


def _check(raw: bytes, document: Any) -> None:
    """Looks at depth and characters, and only where the bytes give a reason to."""
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(document) > MAX_DEPTH:
        raise _too_deep()
    # A NUL or a lone surrogate can only be written as an escape.
    if b"\\u" in raw:
        # json.dumps writes NUL as an escape, and a backslash as two.
        written = json.dumps(document, ensure_ascii=False).replace("\\\\", "")
        _check_characters(written, nul="\\u0000")


def _depth(document: Any) -> int:
    level, depth = [document], 0
    while level := [value for value in level if isinstance(value, dict | list)]:
        depth += 1
        if depth > MAX_DEPTH:
            break
        level = [v for c in level for v in (c.values() if isinstance(c, dict) else c)]
    return depth


def _too_deep() -> Problem:
    return invalid(((), "too_deep", f"Values are nested deeper than {MAX_DEPTH}."))


def _check_characters(value: str, *, nul: str = "\x00") -> None:
    if nul in value:
        raise invalid(((), "character_refused", "NUL is not allowed in text."))
    try:
        value.encode()
    except UnicodeEncodeError:
        raise invalid(((), "character_refused", "Half a character is not allowed.")) from None


def _pairs(raw: bytes) -> dict[str, str]:
    """The fields of a query or form, each at most once."""
    if not raw:
        return {}
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict"
        )
    except ValueError:
        raise invalid(((), "form_malformed", "The fields are not well encoded.")) from None
    _check_characters("".join(name + value for name, value in pairs))
    return _unique(pairs)


def _validated(model: type[Model], document: Any) -> Model:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_input=False, include_context=False, include_url=False)
        raise invalid(*map(_entry, found[:MAX_ENTRIES])) from None


def _entry(error: Mapping[str, Any]) -> tuple[tuple[str | int, ...], str, str]:
    # A name that no field of ours could have is told in part only: it may be anything.
    loc = tuple(_ODD.sub("?", p[:MAX_NAME]) if isinstance(p, str) else p for p in error["loc"])
    return loc, error["type"], f"{error['msg']}{'' if error['msg'].endswith('.') else '.'}"
