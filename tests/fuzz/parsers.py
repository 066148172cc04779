"""What reads bytes of strangers, each behind one call, and what must hold for all bytes.

Hypothesis (test_bodies.py, test_tokens.py), coverage-guided fuzzing (of_body.py,
of_token.py) and the seeds of both go through these functions.
"""

import base64
import functools
import json
import math
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.requests import Request

from gateway import input as strict
from gateway.errors import Problem
from gateway.identity import Identity, Player
from gateway.keys import Ended, Keys
from gateway.settings import GatewaySettings

Headers = Sequence[tuple[bytes, bytes]]

NOW = 1_800_000_000
KID = "0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1b"
# A key that is used here only.
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OURS = {"alg": "EdDSA", "kid": KID, "typ": "at+jwt"}
CLAIMS = {
    "iss": "nesra-town",
    "aud": "nesra-town-api",
    "sub": KID,
    "sid": KID,
    "iat": NOW,
    "exp": NOW + 900,
    "jti": KID,
}


def request(method: str = "POST", query: bytes = b"", headers: Headers = ()) -> Request:
    """A request as the server hands it over."""
    scope = {"type": "http", "method": method, "path": "/", "query_string": query}
    return Request({**scope, "headers": list(headers)})


def body(raw: bytes) -> Any:
    """The document of a body, or the Problem that refuses it. Fails when either is wrong."""
    found = outcome(lambda: strict._parsed(raw))
    if isinstance(found, Problem):
        assert found.code in ("MALFORMED_JSON", "VALIDATION_FAILED")
        assert not is_good(raw), "a good document was refused"
    else:
        assert is_good(raw), "a bad document was taken"
        assert found == json.loads(raw)
    return found


def is_good(raw: bytes) -> bool:
    """Whether it is JSON as agreed, by a second opinion that takes its time."""
    try:
        document = json.loads(raw.decode(), object_pairs_hook=tuple, parse_int=_digits)
    except (ValueError, RecursionError):
        return False
    return _is_good(document, 0)


def _digits(digits: str) -> float:
    return math.nan if len(digits) > strict.MAX_DIGITS else 0.0


def _is_good(value: Any, depth: int) -> bool:
    if isinstance(value, str):
        return not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, tuple):
        # An object: its pairs.
        names = Counter(name for name, _ in value)
        within = [part for pair in value for part in pair]
        return max(names.values(), default=1) == 1 and _are_good(within, depth)
    return not isinstance(value, list) or _are_good(value, depth)


def _are_good(values: Sequence[Any], depth: int) -> bool:
    return depth < strict.MAX_DEPTH and all(_is_good(value, depth + 1) for value in values)


class _KnownKeys(Keys):
    """Whose key is not known, auth does not know either."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # nobody is asked
        self.known[KID] = KEY.public_key()

    async def _asked_in_turn(self) -> None:
        return


@functools.cache
def _identity() -> Identity:
    ended = Ended()
    ended.is_known = True
    settings = GatewaySettings(secret="s" * 32, environment="development")
    return Identity(settings, _KnownKeys(), ended, lambda: float(NOW))


def token(header: bytes, claims: bytes) -> str:
    """What auth would sign, if it ever did."""
    text = f"{encoded(header)}.{encoded(claims)}"
    return f"{text}.{encoded(KEY.sign(text.encode()))}"


def unsigned(header: bytes, claims: bytes) -> bytes:
    """What somebody without a key can make of them."""
    return f"{encoded(header)}.{encoded(claims)}.{encoded(bytes(64))}".encode()


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


GOOD = token(json.dumps(OURS).encode(), json.dumps(CLAIMS).encode())


def player(headers: Headers, method: str = "GET") -> Player | Problem:
    """Who asks, or why nobody is let in. Fails when that is wrong."""
    asked = request(method, headers=headers)
    found = outcome(lambda: run(_identity().player(asked)))
    if isinstance(found, Problem):
        assert found.code in ("UNAUTHENTICATED", "ORIGIN_REFUSED")
        return found
    assert isinstance(found, Player)
    return found


def authorized(value: bytes) -> Player | Problem:
    """As `player`, by an Authorization. Only the one good token lets anybody in."""
    found = player([(b"authorization", value)])
    scheme, _, given = value.partition(b" ")
    is_good = scheme.lower() == b"bearer" and given == GOOD.encode()
    assert isinstance(found, Player) == is_good, "a forged token lets in, or a good one does not"
    return found


def outcome(ask: Callable[[], Any]) -> Any:
    """What comes of it, or the Problem that is raised."""
    try:
        return ask()
    except Problem as problem:
        return problem


def run(steps: Coroutine[Any, Any, Any]) -> Any:
    """What it comes to, where nothing is waited for."""
    try:
        steps.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError
