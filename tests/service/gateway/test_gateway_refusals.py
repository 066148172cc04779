"""What every call refuses, and with which words."""

import threading
import uuid
from typing import Any

import httpx
import pytest

from gateway import clients, coalescer, envelope
from gateway.errors import CATALOGUE
from gateway.input import MAX_ENTRIES
from protos.failure.v1 import failure_pb2
from protos.inventory.v1 import inventory_pb2
from protos.session.v1 import session_pb2
from services.kit.client import FAIR_S
from services.kit.errors import Failure, Unauthenticated, Unavailable
from tests.service.gateway.actor import refusing
from tests.service.gateway.calls import GOOD, ID, ROUTES, send
from tests.service.gateway.stage import FRIEND, PUBLIC, Stage, staged

OPEN = {call for call, route in ROUTES.items() if not (route.openapi_extra or {})["security"]}
GUARDED = sorted(set(GOOD) - OPEN)
WITH_BODY = sorted(call for call in GOOD if "json" in GOOD[call])
WITHOUT_BODY = sorted(
    call for call in GOOD if call.startswith(("POST", "DELETE")) and not GOOD[call]
)
WITHOUT_QUERY = sorted(
    call for call in GOOD if call.startswith(("GET /api", "DELETE")) and "params" not in GOOD[call]
)


def problem(answer: httpx.Response, code: str) -> dict[str, Any]:
    """The body of an error, checked for what every error has."""
    body: dict[str, Any] = answer.json()
    assert body["code"] == code, body
    assert answer.status_code == body["status"] == CATALOGUE[code].status
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"{PUBLIC}/docs#{code}"
    assert body["detail"]
    assert body["title"]
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


@pytest.mark.parametrize("call", GUARDED)
def test_without_identity_a_call_is_refused(visitor: httpx.Client, call: str) -> None:
    answer = send(visitor, call)

    problem(answer, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("call", WITH_BODY)
def test_a_body_that_is_not_json_is_refused(player: httpx.Client, call: str) -> None:
    headers = {"content-type": "application/json"}

    problem(send(player, call, json=None, content=b"{", headers=headers), "MALFORMED_JSON")


@pytest.mark.parametrize("call", WITH_BODY)
def test_a_body_of_another_kind_is_refused(player: httpx.Client, call: str) -> None:
    headers = {"content-type": "text/plain"}
    answer = send(player, call, json=None, content=b"{}", headers=headers)

    problem(answer, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("call", WITH_BODY)
def test_a_body_that_is_too_large_is_refused(player: httpx.Client, call: str) -> None:
    problem(send(player, call, json={"x": "y" * 65_536}), "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("call", WITH_BODY)
def test_an_unknown_field_is_refused(player: httpx.Client, call: str) -> None:
    body = GOOD[call]["json"] | {"is_admin": True}

    errors = problem(send(player, call, json=body), "VALIDATION_FAILED")["errors"]

    assert [entry["loc"] for entry in errors] == [["is_admin"]]


def test_of_many_wrong_fields_some_are_named(player: httpx.Client) -> None:
    body = {f"field_{number}": 1 for number in range(4000)}

    answer = send(player, "POST /api/tasks", json=body)

    assert len(problem(answer, "VALIDATION_FAILED")["errors"]) == MAX_ENTRIES


@pytest.mark.parametrize("call", WITHOUT_BODY)
def test_a_body_that_was_not_asked_for_is_refused(player: httpx.Client, call: str) -> None:
    problem(send(player, call, json={"x": 1}), "VALIDATION_FAILED")


@pytest.mark.parametrize("call", WITHOUT_QUERY)
def test_an_unknown_query_parameter_is_refused(player: httpx.Client, call: str) -> None:
    problem(send(player, call, params={"x": "1"}), "VALIDATION_FAILED")


@pytest.mark.parametrize(
    "task_id", ["x", ID.upper(), f"{{{ID}}}", ID.replace("-", ""), "%00", "%ff"]
)
def test_an_id_in_another_form_is_refused(player: httpx.Client, task_id: str) -> None:
    problem(player.delete(f"/api/tasks/{task_id}"), "VALIDATION_FAILED")


def test_an_unknown_address_is_not_found(player: httpx.Client) -> None:
    problem(player.get("/api/nothing"), "NOT_FOUND")
    problem(player.get("/api/tasks/"), "NOT_FOUND")
    problem(player.get("/"), "NOT_FOUND")


def test_another_method_is_told_which_ones_there_are(player: httpx.Client) -> None:
    answer = player.put("/api/tasks")

    problem(answer, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, HEAD, POST"


def test_a_long_address_is_refused(player: httpx.Client) -> None:
    problem(player.get("/api/tasks", params={"x": "y" * 9000}), "URI_TOO_LONG")


def test_large_headers_are_refused(player: httpx.Client) -> None:
    problem(player.get("/api/tasks", headers={"x-large": "y" * 17_000}), "HEADERS_TOO_LARGE")


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("TASK_UNKNOWN", "NOT_FOUND"),
        ("SESSION_UNKNOWN", "NOT_FOUND"),
        ("SANDBOX_OFF", "NOT_FOUND"),
        ("TOKEN_INVALID", "UNAUTHENTICATED"),
        ("SESSION_TIMED_OUT", "SESSION_TIMED_OUT"),
        ("CLOCK_TOO_FAR", "VALIDATION_FAILED"),
        ("FIELD_INVALID", "VALIDATION_FAILED"),
    ],
)
def test_a_service_s_reason_becomes_a_code(
    stage: Stage, player: httpx.Client, reason: str, code: str
) -> None:
    failure = type("Named", (Failure,), {})()
    failure.reason = reason
    with stage.session.playing(CreateTask=refusing(failure)):
        problem(send(player, "POST /api/tasks"), code)


def test_an_early_completion_tells_when_to_come_back(stage: Stage, player: httpx.Client) -> None:
    metadata = {"ends_at": "2026-01-01T00:00:00Z", "retry_after": "12.2"}
    failure = failure_pb2.Failure(reason="SESSION_TOO_EARLY", metadata=metadata)
    result = session_pb2.CompleteResult(failure=failure)
    with stage.session.playing(
        BatchCompleteSessions=lambda _: session_pb2.BatchCompleteSessionsResponse(results=[result])
    ):
        answer = send(player, "POST /api/session/complete")

    assert problem(answer, "SESSION_TOO_EARLY")["ends_at"] == "2026-01-01T00:00:00Z"
    assert answer.headers["retry-after"] == "13"


def test_a_weak_password_is_explained_in_the_service_s_words(
    stage: Stage, visitor: httpx.Client
) -> None:
    class PasswordTooWeak(Failure):
        pass

    with stage.auth.playing(Register=refusing(PasswordTooWeak(detail="Too common."))):
        answer = send(visitor, "POST /api/auth/register")

    assert problem(answer, "PASSWORD_TOO_WEAK")["detail"] == "Too common."


@pytest.mark.parametrize("failure", [Unauthenticated(), ZeroDivisionError("canary")])
def test_a_bug_behind_the_gateway_is_internal_and_says_nothing(
    stage: Stage, player: httpx.Client, failure: Exception
) -> None:
    with stage.session.playing(CreateTask=refusing(failure)):
        answer = send(player, "POST /api/tasks")

    problem(answer, "INTERNAL")
    assert "canary" not in answer.text


def test_a_bug_in_the_gateway_is_internal_and_says_nothing(
    stage: Stage, player: httpx.Client
) -> None:
    with stage.session.playing(
        CreateTask=lambda _: session_pb2.CreateTaskResponse(task=session_pb2.Task(name="canary"))
    ):
        answer = send(player, "POST /api/tasks")

    problem(answer, "INTERNAL")
    assert "canary" not in answer.text


def test_a_service_that_does_not_answer_is_unavailable(stage: Stage, player: httpx.Client) -> None:
    with stage.session.playing(CreateTask=refusing(Unavailable())):
        answer = send(player, "POST /api/tasks")

    problem(answer, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"


def test_an_item_of_a_batch_that_is_locked_is_unavailable(
    stage: Stage, player: httpx.Client
) -> None:
    result = session_pb2.CompleteResult(failure=Unavailable().as_item())
    with stage.session.playing(
        BatchCompleteSessions=lambda _: session_pb2.BatchCompleteSessionsResponse(results=[result])
    ):
        answer = send(player, "POST /api/session/complete")

    problem(answer, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"


def test_who_does_not_answer_is_not_waited_for_again_and_the_gateway_is_not_ready(
    own_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescer, "BUDGET_S", FAIR_S + 0.1)
    release = threading.Event()

    def hang(_: Any) -> Any:
        release.wait(10)
        return session_pb2.BatchListTasksResponse()

    with own_stage.player() as player, own_stage.session.playing(BatchListTasks=hang):
        slow = [player.get("/api/tasks") for _ in range(3)]
        quick = player.get("/api/tasks")
        ready = player.get("/readyz")
        release.set()

    for answer in (*slow, quick):
        problem(answer, "UNAVAILABLE")
    assert quick.elapsed.total_seconds() < 0.5
    assert (ready.status_code, ready.json()["services"]["session"]) == (503, False)


def test_a_hung_service_is_unavailable_within_3_seconds(stage: Stage, player: httpx.Client) -> None:
    release = threading.Event()

    def hang(_: Any) -> Any:
        release.wait(10)
        return session_pb2.BatchListTasksResponse()

    with stage.session.playing(BatchListTasks=hang):
        answer = player.get("/api/tasks")
        release.set()

    problem(answer, "UNAVAILABLE")
    assert answer.elapsed.total_seconds() < 3


def test_a_call_behind_another_gets_what_time_that_one_left(
    own_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "CALLS_S", coalescer.LEAST_CALL_S)
    release = threading.Event()

    def hang(_: Any) -> Any:
        release.wait(10)
        return inventory_pb2.SetClockResponse()

    with own_stage.player() as player, own_stage.inventory.playing(SetClock=hang):
        answer = send(player, "POST /api/sandbox/clock")
        release.set()

    problem(answer, "UNAVAILABLE")
    assert answer.elapsed.total_seconds() < clients.CALL_S


def test_a_call_that_takes_too_long_altogether_is_unavailable(
    stage: Stage, player: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envelope, "ANSWER_WITHIN_S", 0.2)
    release = threading.Event()

    def hang(_: Any) -> Any:
        release.wait(10)
        return session_pb2.CreateTaskResponse()

    with stage.session.playing(CreateTask=hang):
        answer = send(player, "POST /api/tasks")
        release.set()

    problem(answer, "UNAVAILABLE")
    assert answer.elapsed.total_seconds() < 2


def test_every_answer_carries_the_headers_that_protect_a_browser(visitor: httpx.Client) -> None:
    answer = visitor.get("/api/profile", headers={"x-request-id": "mine"})

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "max-age" in answer.headers["strict-transport-security"]
    assert "server" not in answer.headers
    assert uuid.UUID(answer.headers["x-request-id"]).version == 7


def test_an_allowed_page_may_read_with_credentials(player: httpx.Client) -> None:
    answer = player.get("/api/tasks", headers={"origin": FRIEND})

    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]


def test_an_error_can_be_read_by_an_allowed_page_too(stage: Stage, player: httpx.Client) -> None:
    with stage.session.playing(CreateTask=refusing(ZeroDivisionError())):
        answer = send(player, "POST /api/tasks", headers={"origin": FRIEND})

    problem(answer, "INTERNAL")
    assert answer.headers["access-control-allow-origin"] == FRIEND


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{FRIEND}.evil.example"])
def test_another_page_is_not_allowed_to_read(player: httpx.Client, origin: str) -> None:
    answer = player.get("/api/tasks", headers={"origin": origin})

    assert "access-control-allow-origin" not in answer.headers


def test_a_preflight_names_what_is_allowed(visitor: httpx.Client) -> None:
    headers = {
        "origin": FRIEND,
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "authorization, content-type, idempotency-key",
    }

    answer = visitor.options("/api/users/me", headers=headers)

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert "PATCH" in answer.headers["access-control-allow-methods"]


def test_without_the_sandbox_its_calls_are_not_there(tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("g")
    with staged(folder, sandbox=False) as stage, stage.player() as player:
        for call in (call for call in GOOD if "/sandbox/" in call):
            problem(send(player, call), "NOT_FOUND")
