"""The export is one whole document of four services, or visibly none."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gateway import clients
from gateway.routes import export
from services.kit.breaker import FAILURES
from services.kit.errors import Unavailable
from tests.service.gateway.actor import Actor, refusing
from tests.service.gateway.lines import exported
from tests.service.gateway.stage import Stage
from tests.service.gateway.test_gateway_refusals import problem

CALL = "/api/users/me/export"
SERVICES = ("auth", "session", "inventory", "world")


def actor(stage: Stage, service: str) -> Actor:
    found: Actor = getattr(stage, service)
    return found


def test_the_document_joins_what_each_service_holds(stage: Stage, player: httpx.Client) -> None:
    document = player.get(CALL).json()

    assert list(document) == ["exported_at", "user_id", *SERVICES]
    assert document["exported_at"].endswith("Z")
    assert document["auth"] == {"user": [{"id": document["user_id"]}]}
    assert document["session"] == {
        "hero": [{"gold": 35}],
        "session": [{"n": 1}, {"n": 2}, {"n": 3}],
    }
    assert document["inventory"] == {"inventory": []}
    assert document["world"] == {"world_state": [{"timezone": "Asia/Tokyo"}]}
    asked = [actor(stage, service).seen["ExportUser"][-1].user_id for service in SERVICES]
    assert asked == [document["user_id"]] * 4


def test_the_document_is_a_file_to_keep(player: httpx.Client) -> None:
    answer = player.get(CALL)

    assert answer.headers["content-type"] == "application/json"
    disposition = 'attachment; filename="nesra-town-export.json"'
    assert answer.headers["content-disposition"] == disposition
    assert answer.headers["cache-control"] == "no-store"


def test_many_large_chunks_come_whole_and_in_order(stage: Stage, player: httpx.Client) -> None:
    texts = [json.dumps([{"n": n, "text": "x" * 250_000}]) for n in range(40)]
    with stage.session.playing(ExportUser=lambda _: exported("session", *texts)):
        document = player.get(CALL).json()

    assert [row["n"] for row in document["session"]["session"]] == list(range(40))


@pytest.mark.parametrize("service", SERVICES)
def test_without_one_of_the_four_there_is_no_document(
    stage: Stage, player: httpx.Client, service: str
) -> None:
    with actor(stage, service).playing(ExportUser=refusing(Unavailable())):
        answer = player.get(CALL)

    problem(answer, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"


def test_a_bug_behind_the_gateway_says_nothing(stage: Stage, player: httpx.Client) -> None:
    with stage.world.playing(ExportUser=refusing(ZeroDivisionError("canary"))):
        answer = player.get(CALL)

    problem(answer, "INTERNAL")
    assert "canary" not in answer.text


def test_a_service_that_hangs_is_unavailable_within_3_seconds(
    stage: Stage, player: httpx.Client
) -> None:
    release = threading.Event()

    def hang(_: Any) -> Iterator[Any]:
        release.wait(10)
        yield from exported("world_state", "[]")

    with stage.world.playing(ExportUser=hang):
        answer = player.get(CALL)
        release.set()

    problem(answer, "UNAVAILABLE")
    assert answer.elapsed.total_seconds() < 3


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "error", [Unavailable(), ZeroDivisionError()], ids=lambda e: type(e).__name__
)
def test_a_document_that_breaks_off_does_not_look_whole(
    stage: Stage, player: httpx.Client, service: str, error: Exception
) -> None:
    def break_off(_: Any) -> Iterator[Any]:
        yield from exported("hero", '[{"gold":35}]')
        raise error

    with (
        actor(stage, service).playing(ExportUser=break_off),
        player.stream("GET", CALL) as answer,
    ):
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()


def test_a_document_that_nobody_receives_is_broken_off(
    stage: Stage, player: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "SENT_WITHIN_S", 0.3)
    endless = json.dumps([{"text": "x" * 250_000}])
    ended = threading.Event()

    def stream(_: Any) -> Iterator[Any]:
        try:
            while True:
                yield from exported("session", endless)
        finally:
            ended.set()

    with stage.session.playing(ExportUser=stream), player.stream("GET", CALL) as answer:
        assert ended.wait(10)
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()


def test_who_leaves_in_the_middle_ends_the_calls_behind(stage: Stage) -> None:
    endless = json.dumps([{"text": "x" * 250_000}])
    ended = threading.Event()

    def stream(_: Any) -> Iterator[Any]:
        try:
            while True:
                yield from exported("session", endless)
        finally:
            ended.set()

    with stage.session.playing(ExportUser=stream):
        with stage.player() as player, player.stream("GET", CALL) as answer:
            next(answer.iter_raw())

        assert ended.wait(5)


def test_a_service_that_hangs_is_not_waited_for_again(
    own_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "CALL_S", 0.5)
    release = threading.Event()

    def hang(_: Any) -> Iterator[Any]:
        release.wait(10)
        yield from exported("world_state", "[]")

    with own_stage.player() as player, own_stage.world.playing(ExportUser=hang):
        slow = [player.get(CALL) for _ in range(FAILURES)]
        quick = player.get(CALL)
        release.set()

    for answer in (*slow, quick):
        problem(answer, "UNAVAILABLE")
    assert quick.elapsed.total_seconds() < 0.4
