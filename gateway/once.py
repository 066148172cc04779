"""The Idempotency-Key: a write that is sent again does what it did once.

The service that owns the effect keeps the key with it; here it is only read.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Protocol

import orjson
from starlette.requests import Request

from gateway.errors import REPLAYED, Problem
from gateway.input import Strict
from protos.session.v1.session_pb2 import Once

HEADER = "Idempotency-Key"
# As a pattern of the OpenAPI document.
FORM = "^[!-~]{1,255}$"

_NAME = HEADER.lower().encode()
_GOOD = re.compile(FORM.encode())


class _Answer(Protocol):
    """A message that tells whether it was told before."""

    @property
    def replayed(self) -> bool: ...


def key_of(request: Request) -> str | None:
    """The request's key, or None where it has none. Raises BAD_IDEMPOTENCY_KEY."""
    given = [value for name, value in request.scope["headers"] if name == _NAME]
    if not given:
        return None
    if len(given) > 1 or not _GOOD.fullmatch(given[0]):
        raise Problem(code="BAD_IDEMPOTENCY_KEY")
    return str(given[0], "ascii")


def once(request: Request, wish: Strict) -> Once | None:
    """What makes this call safe to repeat; None where the client gave no key.

    `wish` is its body, of which only the meaning counts, not how it was written.
    """
    key = key_of(request)
    if key is None:
        return None
    route = f"{request.method} {request.scope['path']}"
    return Once(key=key, route=route, fingerprint=_fingerprint(wish))


def replay_headers(answer: _Answer) -> Mapping[str, str]:
    """What a repeated call's answer carries, and a first one's does not."""
    return REPLAYED if answer.replayed else {}


def _fingerprint(wish: Strict) -> bytes:
    # Only what was sent: a field that a later version adds changes no fingerprint.
    given = wish.model_dump(mode="json", exclude_unset=True)
    return hashlib.sha256(orjson.dumps(given, option=orjson.OPT_SORT_KEYS)).digest()
