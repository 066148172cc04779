"""The corpus can fail: what it looks for is found, and what it does not know is said."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.test_openapi import DOCUMENT
from tests.hostile.cases import FILES, Case, cases
from tests.hostile.document import Field, Operation, operations
from tests.hostile.judging import complaints
from tests.hostile.planning import Bad
from tests.hostile.wire import Ask, Reply

CALLS = {call.name: call for call in operations(DOCUMENT)}
ID = "0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1b"
CANARY = "cafe00000001"
BODY = {
    "type": "http://localhost/docs#NOT_FOUND",
    "title": "Not found",
    "status": 404,
    "detail": "There is nothing here by that name.",
    "code": "NOT_FOUND",
    "request_id": ID,
}
HEADERS = {
    "content-type": "application/problem+json",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-request-id": ID,
}


def bad(*codes: str, call: str = "DELETE /api/tasks/{task_id}") -> Bad:
    case = Case(file="paths", name="x", codes=codes or ("NOT_FOUND",), why="x")
    ask = Ask("DELETE", f"/api/tasks/{CANARY}")
    return Bad(case, call, ask, case.codes, (CANARY,), CALLS[call])


def reply(status: int = 404, body: dict[str, Any] | None = None, **headers: str | None) -> Reply:
    given = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: [value] for name, value in given.items() if value is not None}
    raw = json.dumps(BODY | (body or {})).encode()
    return Reply(status, kept, raw, json.dumps(kept).encode() + raw)


def test_a_whole_problem_is_right() -> None:
    assert list(complaints(bad(), reply())) == []


@pytest.mark.parametrize(
    ("asked", "answer", "complaint"),
    [
        (bad("VALIDATION_FAILED"), reply(), "answered 404 NOT_FOUND"),
        (bad(), reply(500), "answered 500"),
        (bad(), reply(204), "answered 204 OK"),
        (bad("FORBIDDEN"), reply(403, {"code": "FORBIDDEN"}), "not listed for this call"),
        (bad(), reply(body={"detail": f"There is no {CANARY}."}), "echoed"),
        (bad(), reply(body={"detail": f"There is no {CANARY.upper()}."}), "echoed"),
        (bad(), reply(location=f"/{CANARY}"), "echoed"),
        (bad(), reply(body={"more": 1}), "the members"),
        (bad(), reply(body={"title": "Away"}), "catalogue"),
        (bad(), reply(body={"detail": ""}), "no sentence"),
        (bad(), reply(body={"type": "about:blank"}), "no type"),
        (bad(), reply(body={"request_id": "x"}), "another request_id"),
        (bad(), reply(content_type="application/json"), "a problem as"),
        (bad(), reply(cache_control=None), "cache-control"),
        (bad(), reply(cache_control="public"), "cache-control"),
        (bad(), reply(x_content_type_options=None), "x-content-type-options"),
        (bad(), reply(content_security_policy=None), "no policy"),
        (bad(), reply(server="uvicorn"), "server"),
        (bad(), reply(set_cookie="a=b"), "a cookie with a refusal"),
        (bad("METHOD_NOT_ALLOWED"), reply(405, {"code": "METHOD_NOT_ALLOWED"}), "no allow"),
        (bad("UNAUTHENTICATED"), reply(401, {"code": "UNAUTHENTICATED"}), "no www-authenticate"),
        (bad(), reply(x_request_id="1"), "x-request-id"),
    ],
)
def test_what_is_wrong_with_an_answer_is_found(asked: Bad, answer: Reply, complaint: str) -> None:
    assert any(complaint in found for found in complaints(asked, answer))


@pytest.mark.parametrize(
    ("look", "sentence"),
    [
        (lambda: Operation("GET", "/api/pets/{pet_id}", {}).target({}), "which id a pet_id is"),
        (lambda: field("pet_id", format="uuid").example({}), "which id a pet_id is"),
        (lambda: field("motto").kind, "what the field motto is for"),
    ],
)
def test_what_is_new_in_the_document_is_asked_for(look: Callable[[], str], sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        look()


def test_every_case_has_its_own_name_a_reason_and_codes() -> None:
    found = [case for file in FILES for case in cases(file)]

    assert len({case.id for case in found}) == len(found) >= 300
    assert all(case.why and case.codes for case in found)


def test_no_two_cases_send_the_same() -> None:
    sent = [(case.name, what_is_sent(case)) for file in FILES for case in cases(file)]
    first = {content: name for name, content in reversed(sent)}

    assert [(name, first[content]) for name, content in sent if first[content] != name] == []


def what_is_sent(case: Case) -> str:
    """The case without what it is called and what is said of it."""
    given = {name: getattr(case, name) for name in case.__slots__}
    return json.dumps({n: v for n, v in given.items() if n not in ("name", "why", "codes")})


def field(name: str, **rule: str) -> Field:
    return Field(name, {"type": "string", **rule}, is_required=True)
