"""Whether an answer is one that the contract allows to a bad request."""

import json
import uuid
from collections.abc import Iterator
from http import HTTPStatus

from gateway.errors import CATALOGUE, MEDIA_TYPE
from tests.hostile.cases import OK
from tests.hostile.planning import SHORTEST_NEEDLE, Bad
from tests.hostile.wire import Reply

# What any address answers, so that no call of the document names it.
EVERYWHERE = {"NOT_FOUND", "METHOD_NOT_ALLOWED"}
USUAL = {"type", "title", "status", "detail", "code", "request_id"}


def code_of(reply: Reply) -> str:
    """The code of an answer; its status where it has none."""
    if reply.status < HTTPStatus.BAD_REQUEST:
        return OK
    try:
        return str(json.loads(reply.body)["code"])
    except (ValueError, KeyError, TypeError):
        return str(reply.status)


def complaints(bad: Bad, reply: Reply) -> Iterator[str]:
    """Everything that is wrong with an answer."""
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        yield f"answered {reply.status}"
    if bad.ask.method == "HEAD":
        yield from _of_a_head(bad, reply)
    elif (code := code_of(reply)) not in bad.codes:
        yield f"answered {reply.status} {code}, not {' or '.join(bad.codes)}"
    elif code != OK:
        yield from _of_a_problem(bad, reply, code)
    yield from _of_headers(bad, reply)
    # Whoever lets a bad request through shows what it made of it: one complaint is enough.
    is_let_through = code_of(reply) == OK and OK not in bad.codes
    said = "" if is_let_through else reply.raw.decode("latin-1").lower()
    for needle in bad.needles:
        if len(needle) >= SHORTEST_NEEDLE and needle.lower() in said:
            yield "echoed what was sent"


def _of_a_head(bad: Bad, reply: Reply) -> Iterator[str]:
    statuses = [CATALOGUE[code].status for code in bad.codes]
    if reply.status not in statuses:
        yield f"answered {reply.status}, not {statuses}"


def _of_a_problem(bad: Bad, reply: Reply, code: str) -> Iterator[str]:
    known, said = CATALOGUE[code], json.loads(reply.body)
    if bad.operation and code not in bad.operation.codes | EVERYWHERE:
        yield f"{code} is not listed for this call in the document"
    if reply.header("content-type") != MEDIA_TYPE:
        yield f"a problem as {reply.header('content-type')}"
    if set(said) != USUAL | set(known.members):
        yield f"the members {sorted(said)}"
    if (said["status"], said["title"]) != (
        reply.status,
        known.title,
    ) or reply.status != known.status:
        yield "status or title are not the catalogue's"
    if not said["type"].endswith(f"/docs#{code}") or not said["detail"]:
        yield "no type, or no sentence"
    if said["request_id"] != reply.header("x-request-id"):
        yield "another request_id than in the header"
    for entry in said.get("errors", ()):
        if set(entry) != {"loc", "code", "detail"} or not entry["detail"] or not entry["code"]:
            yield "an entry of errors that is not whole"
    if "errors" in said and not said["errors"]:
        yield "no entry of errors"


def _of_headers(bad: Bad, reply: Reply) -> Iterator[str]:
    wanted = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
    if bad.ask.target.startswith("/api/"):
        wanted["cache-control"] = "no-store"
    for name, value in wanted.items():
        if reply.header(name) != value:
            yield f"{name}: {reply.headers.get(name)}"
    if "frame-ancestors 'none'" not in reply.header("content-security-policy"):
        yield "no policy of content"
    if "server" in reply.headers:
        yield f"server: {reply.headers['server']}"
    if _version(reply.header("x-request-id")) != 7:
        yield f"x-request-id: {reply.headers.get('x-request-id')}"
    if reply.status == HTTPStatus.UNAUTHORIZED and reply.header("www-authenticate") != "Bearer":
        yield "no www-authenticate"
    if reply.status == HTTPStatus.METHOD_NOT_ALLOWED and not reply.header("allow"):
        yield "no allow"
    if reply.status >= HTTPStatus.BAD_REQUEST and "set-cookie" in reply.headers:
        yield "a cookie with a refusal"


def _version(text: str) -> int | None:
    try:
        return uuid.UUID(text).version
    except ValueError:
        return None
