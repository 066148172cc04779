"""The judge lets no answer pass that is not fit to be one."""

import json
from typing import Any

import pytest

from tests.fuzz.judge import Answer, Judge

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-request-id": "1",
    "content-type": "application/problem+json",
}
PROBLEM = {
    "title": "Not found",
    "status": 404,
    "detail": "There is nothing here by that name.",
    "code": "NOT_FOUND",
    "request_id": "1",
}
INTERNAL: dict[str, Any] = {"status": 500, "code": "INTERNAL"}
UNAVAILABLE: dict[str, Any] = {"status": 503, "code": "UNAVAILABLE"}
JUDGE = Judge("There is nothing here by that name.")


def answer(sent: int = 404, headers: dict[str, str] | None = None, **changes: Any) -> Answer:
    problem = PROBLEM | changes
    told = {"type": f"http://localhost/docs#{problem['code']}"} | problem
    return Answer(sent, HEADERS | (headers or {}), json.dumps(told).encode())


def test_an_error_of_the_catalogue_passes() -> None:
    JUDGE.judge(answer(), ["canary-value", "nothing here", "short"])
    JUDGE.judge(answer(503, {"retry-after": "30"}, **UNAVAILABLE), [])


@pytest.mark.parametrize(
    "wrong",
    [
        answer(500, **INTERNAL),
        answer(503, **UNAVAILABLE),
        answer(503, {"retry-after": "31"}, **UNAVAILABLE),
        answer(404, {"content-type": "text/plain"}),
        answer(404, {"x-content-type-options": ""}),
        answer(404, {"x-request-id": ""}),
        answer(404, status=400),
        answer(400, status=404),
        answer(400, status=400),
        answer(type="about:blank"),
        answer(detail=None),
        answer(detail="There is no canary-value."),
        answer(errors=[{"loc": ["name"], "code": "x", "detail": "Not canary-value"}]),
        answer(422, status=422, code="VALIDATION_FAILED"),
    ],
)
def test_anything_else_does_not(wrong: Answer) -> None:
    with pytest.raises(AssertionError):
        JUDGE.judge(wrong, ["canary-value"])
