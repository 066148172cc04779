"""The Idempotency-Key as clients send it, and what a repeated call's answer carries."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

from protos.failure.v1 import failure_pb2
from protos.session.v1 import session_pb2 as pb
from services.kit.errors import Failure
from tests.service.gateway.actor import refusing
from tests.service.gateway.calls import GOOD, ID, TASK, line_of, send
from tests.service.gateway.lines import HAT, hero, session, task
from tests.service.gateway.stage import Stage
from tests.service.gateway.test_gateway_refusals import problem

KEY = "idempotency-key"
WRITES = sorted(call for call in GOOD if not call.startswith("GET"))
BAD = ["", "two words", "tab\there", "é", "x" * 256]
GOOD_KEYS = ["x", "x" * 255, "".join(map(chr, range(0x21, 0x7F)))]


def raw(value: str) -> list[tuple[bytes, bytes]]:
    return [(KEY.encode(), value.encode("latin-1"))]


def starting(**result: Any) -> Callable[[Any], Any]:
    results = [pb.StartResult(**result)]
    return lambda _: pb.BatchStartSessionsResponse(results=results)


# Each call that keeps its key: the method that is asked, what it asks, a replay of it.
KEPT: dict[str, tuple[str, Callable[[Any], pb.Once], Callable[[Any], Any]]] = {
    "POST /api/session/start": (
        "BatchStartSessions",
        lambda request: request.starts[0].once,
        starting(started=session(), replayed=True),
    ),
    "POST /api/tasks": (
        "CreateTask",
        lambda request: request.once,
        lambda _: pb.CreateTaskResponse(task=task(), replayed=True),
    ),
    "POST /api/sandbox/clock": (
        "AdvanceClock",
        lambda request: request.once,
        lambda _: pb.AdvanceClockResponse(clock=pb.Clock(), replayed=True),
    ),
    "POST /api/admin/users/{user_id}/grant": (
        "GrantReward",
        lambda request: request.once,
        lambda request: pb.GrantRewardResponse(hero=hero(request.user_id), replayed=True),
    ),
    "POST /api/sandbox/grant": (
        "GrantReward",
        lambda request: request.once,
        lambda request: pb.GrantRewardResponse(hero=hero(request.user_id), replayed=True),
    ),
}


def asked(stage: Stage, call: str) -> pb.Once | None:
    """What the last such call asked to be kept."""
    method, once_of, _ = KEPT[call]
    request = stage.session.seen[method][-1]
    owner = request.starts[0] if call == "POST /api/session/start" else request
    return once_of(request) if owner.HasField("once") else None


def replaying(stage: Stage, call: str) -> AbstractContextManager[None]:
    method, _, replay = KEPT[call]
    return stage.session.playing(**{method: replay})


@pytest.mark.parametrize("key", BAD)
@pytest.mark.parametrize("call", WRITES)
def test_a_key_of_another_form_is_refused_by_every_write(
    player: httpx.Client, call: str, key: str
) -> None:
    problem(send(player, call, headers=raw(key)), "BAD_IDEMPOTENCY_KEY")


@pytest.mark.parametrize("call", WRITES)
def test_two_keys_are_refused_by_every_write(player: httpx.Client, call: str) -> None:
    answer = send(player, call, headers=[*raw("a"), *raw("a")])

    problem(answer, "BAD_IDEMPOTENCY_KEY")


@pytest.mark.parametrize("key", GOOD_KEYS)
@pytest.mark.parametrize("call", WRITES)
def test_a_good_key_is_taken_by_every_write(player: httpx.Client, call: str, key: str) -> None:
    assert send(player, call, headers=raw(key)).is_success


def test_a_read_does_not_look_at_the_key(player: httpx.Client) -> None:
    assert player.get("/api/tasks", headers=raw("two words")).status_code == 200


@pytest.mark.parametrize("call", KEPT)
def test_the_key_goes_to_the_service_with_the_call_that_it_is_for(
    stage: Stage, player: httpx.Client, call: str
) -> None:
    send(player, call, headers={KEY: "mine"})
    once = asked(stage, call)
    send(player, call)

    assert once is not None
    route = " ".join(line_of(call))
    assert (once.key, once.route, len(once.fingerprint)) == ("mine", route, 32)
    assert asked(stage, call) is None


@pytest.mark.parametrize("call", KEPT)
def test_a_repeated_call_says_so_and_a_first_one_does_not(
    stage: Stage, player: httpx.Client, call: str
) -> None:
    first = send(player, call)
    with replaying(stage, call):
        again = send(player, call)

    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.status_code == first.status_code


def fingerprint(stage: Stage, player: httpx.Client, body: str) -> bytes:
    headers = {KEY: "k", "content-type": "application/json"}
    answer = player.post("/api/tasks", content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    once = asked(stage, "POST /api/tasks")
    assert once is not None
    return once.fingerprint


def test_only_what_a_body_means_counts_not_how_it_is_written(
    stage: Stage, player: httpx.Client
) -> None:
    plain = '{"name":"Caf\u00e9","category":"x","default_duration_minutes":25,"room":"study"}'
    other = (
        '{ "room": "study",\n "default_duration_minutes": 25, "category": " x",'
        ' "name": "Cafe\\u0301" }'
    )

    assert fingerprint(stage, player, plain) == fingerprint(stage, player, other)
    assert fingerprint(stage, player, plain) != fingerprint(
        stage, player, plain.replace("25", "26")
    )


def test_a_start_of_the_default_length_is_not_one_of_that_many_minutes(
    stage: Stage, player: httpx.Client
) -> None:
    call, prints = "POST /api/session/start", []
    for minutes in ({}, {"duration_minutes": 25}, {"duration_minutes": 50}):
        send(player, call, json={"task_template_id": ID} | minutes, headers={KEY: "k"})
        once = asked(stage, call)
        assert once is not None
        prints.append(once.fingerprint)

    assert len(set(prints)) == 3


@pytest.mark.parametrize("reason", ["TASK_UNKNOWN", "DURATION_REFUSED"])
def test_a_start_that_fails_again_says_so(stage: Stage, player: httpx.Client, reason: str) -> None:
    failure = failure_pb2.Failure(reason=reason, metadata={"replayed": "true"})
    with stage.session.playing(BatchStartSessions=starting(failure=failure)):
        answer = send(player, "POST /api/session/start")

    assert answer.status_code in {404, 422}
    assert answer.headers["idempotency-replayed"] == "true"
    assert "replayed" not in answer.json()


def test_a_start_that_met_another_session_says_so_again(stage: Stage, player: httpx.Client) -> None:
    met = starting(already_active=session(), replayed=True)
    with stage.session.playing(BatchStartSessions=met):
        answer = send(player, "POST /api/session/start")

    assert problem(answer, "SESSION_ALREADY_ACTIVE")["active_session"]
    assert answer.headers["idempotency-replayed"] == "true"


class TooManyTasks(Failure):
    pass


class IdempotencyKeyReused(Failure):
    pass


class IdempotencyKeyInProgress(Failure):
    pass


def test_a_failure_that_is_told_again_says_so(stage: Stage, player: httpx.Client) -> None:
    with stage.session.playing(CreateTask=refusing(TooManyTasks(replayed="true"))):
        again = send(player, "POST /api/tasks")
    with stage.session.playing(CreateTask=refusing(TooManyTasks())):
        first = send(player, "POST /api/tasks")

    problem(again, "TOO_MANY_TASKS")
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers


def test_a_key_in_use_or_used_up_is_told_by_name(stage: Stage, player: httpx.Client) -> None:
    with stage.session.playing(CreateTask=refusing(IdempotencyKeyReused())):
        reused = send(player, "POST /api/tasks")
    with stage.session.playing(CreateTask=refusing(IdempotencyKeyInProgress(retry_after="1"))):
        running = send(player, "POST /api/tasks")

    problem(reused, "IDEMPOTENCY_KEY_REUSED")
    problem(running, "IDEMPOTENCY_KEY_IN_PROGRESS")
    assert running.headers["retry-after"] == "1"


def test_what_the_gateway_refuses_never_reaches_the_service(
    stage: Stage, player: httpx.Client
) -> None:
    before = len(stage.session.seen.get("CreateTask", []))

    refused = player.post("/api/tasks", json=TASK | {"room": "plaza"}, headers={KEY: "k"})

    assert refused.status_code == 422
    assert len(stage.session.seen.get("CreateTask", [])) == before


def test_a_gift_with_an_unknown_item_gives_nothing(stage: Stage, player: httpx.Client) -> None:
    before = len(stage.session.seen.get("GrantReward", []))

    answer = player.post("/api/sandbox/grant", json={"gold": 5, "item_id": ID})

    problem(answer, "NOT_FOUND")
    assert len(stage.session.seen.get("GrantReward", [])) == before


def test_a_gift_whose_key_was_used_gives_no_item(stage: Stage, player: httpx.Client) -> None:
    before = len(stage.inventory.seen.get("GrantItem", []))

    with stage.session.playing(GrantReward=refusing(IdempotencyKeyReused())):
        answer = player.post("/api/sandbox/grant", json={"item_id": HAT}, headers={KEY: "k"})

    problem(answer, "IDEMPOTENCY_KEY_REUSED")
    assert len(stage.inventory.seen.get("GrantItem", [])) == before


def test_a_gift_that_is_repeated_gives_the_item_that_was_left_out(
    stage: Stage, player: httpx.Client
) -> None:
    before = len(stage.inventory.seen.get("GrantItem", []))

    with replaying(stage, "POST /api/sandbox/grant"):
        answer = send(player, "POST /api/sandbox/grant")

    assert answer.headers["idempotency-replayed"] == "true"
    assert len(stage.inventory.seen.get("GrantItem", [])) == before + 1
