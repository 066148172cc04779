"""The gateway as a process: slow senders, a taken port, wrong settings, a drain."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.e2e.beginning import ended
from tests.service.gateway.sockets import connected
from tests.service.gateway.stage import Stage
from tests.service.peers import SECRET


def test_many_slow_senders_do_not_keep_others_waiting(stage: Stage) -> None:
    slow = [connected(stage) for _ in range(200)]
    for connection in slow:
        connection.sendall(b"POST /api/auth/login HTTP/1.1\r\n")

    with stage.player() as player:
        answer = player.get("/api/profile")
    for connection in slow:
        connection.close()

    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() < 1


def test_a_draining_gateway_says_so_and_closes_its_connections(stage: Stage) -> None:
    stage.drain.is_on = True
    try:
        with stage.player() as player:
            ready, tasks = player.get("/readyz"), player.get("/api/tasks")
    finally:
        stage.drain.is_on = False

    assert ready.status_code == 503
    assert ready.json()["status"] == "draining"
    assert tasks.status_code == 200
    assert tasks.headers["connection"] == "close"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def gateway_process(**changes: str) -> Iterator[subprocess.Popen[str]]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NESRA_")}
    environment |= {"NESRA_SECRET": SECRET, "NESRA_ENVIRONMENT": "development"} | changes
    with subprocess.Popen(
        [sys.executable, "-m", "gateway"], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def alive(url: str) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            return httpx.get(f"{url}/healthz").status_code == 200
        except httpx.TransportError:
            threading.Event().wait(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_gateway_ends_well(number: signal.Signals) -> None:
    port = free_port()
    with gateway_process(NESRA_PORT=str(port)) as process:
        assert alive(f"http://127.0.0.1:{port}")

        process.send_signal(number)

        assert process.wait(15) == 0


def test_a_gateway_whose_log_nobody_reads_any_more_ends_well() -> None:
    port = free_port()
    with gateway_process(NESRA_PORT=str(port)) as process:
        assert alive(f"http://127.0.0.1:{port}")
        assert process.stderr is not None
        process.stderr.close()

        process.send_signal(signal.SIGTERM)

        assert process.wait(15) == 0


def test_a_gateway_without_its_services_lives_but_is_not_ready() -> None:
    port = free_port()
    nowhere = {f"NESRA_{s}_TARGET": "unix:/nowhere" for s in ("AUTH", "SESSION")}
    with gateway_process(NESRA_PORT=str(port), **nowhere):
        assert alive(f"http://127.0.0.1:{port}")

        ready = httpx.get(f"http://127.0.0.1:{port}/readyz")
        profile = httpx.get(
            f"http://127.0.0.1:{port}/api/profile", headers={"authorization": "Bearer a.b.c"}
        )

    assert ready.status_code == 503
    assert ready.json()["status"] == "not ready"
    assert profile.status_code in (401, 503)


def test_a_taken_port_is_said_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with gateway_process(NESRA_PORT=str(port)) as process:
            _, said = process.communicate(timeout=20)

    assert process.returncode == 2
    assert said.startswith(f"Cannot start: 127.0.0.1:{port} is not free")
    assert said.count("\n") == 1


def test_all_that_is_wrong_with_the_settings_is_named_at_once() -> None:
    wrong = {
        "NESRA_SECRET": "short",
        "NESRA_PORT": "70000",
        "NESRA_PUBLIC_URL": "town.example/path",
        "NESRA_CORS_ORIGINS": "https://a.example, *",
        "NESRA_RATE_LIMITS": "sometimes",
        "NESRA_REDIS_URL": "localhost:6379",
        "NESRA_TRUSTED_PROXIES": "10.0.0.0/8, 10.0.0.1/8",
    }
    code, said = ended("gateway", {"NESRA_ENVIRONMENT": "development"} | wrong)

    assert code == 2
    for name in wrong:
        assert name in said


@pytest.mark.parametrize("variable", ["NESRA_SANDBOX", "NESRA_FAIL_POINTS"])
def test_what_is_for_trying_out_is_refused_in_production(variable: str) -> None:
    settings = {"NESRA_SECRET": SECRET, "NESRA_ENVIRONMENT": "production", variable: "1"}
    code, said = ended("gateway", settings)

    assert code == 2
    assert f"{variable} must" in said


@pytest.mark.parametrize(
    ("setting", "warned_of"),
    [
        ({}, []),
        ({"NESRA_PUBLIC_URL": "http://town.example"}, ["public_url_is_plain"]),
        ({"NESRA_RATE_LIMITS": "off"}, ["limits_are_off"]),
    ],
)
def test_a_gateway_in_production_warns_of_what_is_lax(
    setting: dict[str, str], warned_of: list[str]
) -> None:
    port = free_port()
    safe = {"NESRA_ENVIRONMENT": "production", "NESRA_PUBLIC_URL": "https://town.example"}
    with gateway_process(**safe | {"NESRA_PORT": str(port)} | setting) as process:
        assert alive(f"http://127.0.0.1:{port}")
        process.terminate()
        _, said = process.communicate(timeout=20)

    events = [json.loads(line)["event"] for line in said.splitlines()]
    assert [e for e in events if e in ("public_url_is_plain", "limits_are_off")] == warned_of


def test_a_gateway_in_production_warns_of_plain_links_that_leave_its_machine() -> None:
    settings = {
        "NESRA_ENVIRONMENT": "production",
        "NESRA_PORT": str(free_port()),
        "NESRA_WORLD_TARGET": "ipv4:0.0.0.0:7104",
    }
    with gateway_process(**settings) as process:
        assert process.stderr is not None
        said = next(line for line in process.stderr if "links_are_plain" in line)

    assert json.loads(said)["addresses"] == ["ipv4:0.0.0.0:7104"]


def test_the_reference_needs_no_outside_host(visitor: httpx.Client) -> None:
    page = visitor.get("/docs")

    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "//" not in page.text.replace("<!DOCTYPE html>", "")
    for part in (
        "/docs/start.js",
        "/docs/assets/swagger-ui-bundle.js",
        "/docs/assets/swagger-ui.css",
        "/docs/assets/favicon.png",
        "/openapi.json",
    ):
        assert visitor.get(part).status_code == 200


def test_a_developers_gateway_counts_its_answers_by_status(visitor: httpx.Client) -> None:
    visitor.get("/nowhere")

    figures = visitor.get("/metrics")

    assert figures.headers["content-type"].startswith("text/plain")
    assert 'nesra_answers_total{status="404"}' in figures.text
