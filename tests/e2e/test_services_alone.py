"""Each service runs alone, with an environment of its own, and names what it misses."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import httpx
import pytest

from services.kit.settings import PORTS, RULES, database_on
from tests.e2e.beginning import ended
from tests.e2e.opened import free_port
from tests.service.doors import services_told
from tests.service.peers import SECRET
from town.readiness import service_is_ready

STARTS_WITHIN_S = 60.0
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("NESRA_")}


def _command(service: str) -> list[str]:
    return [sys.executable, "-m", f"services.{service}"]


def _await_ready(process: subprocess.Popen[bytes], target: str) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while not service_is_ready(target):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("service", PORTS)
def test_a_missing_variable_is_named_and_nothing_starts(service: str) -> None:
    code, said = ended(f"services.{service}", {})

    assert code == 2
    assert "NESRA_SECRET is missing" in said
    assert f"NESRA_{service.upper()}_DATABASE_URL is missing" in said


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("NESRA_SANDBOX", "1", "NESRA_SANDBOX must be off in production"),
        ("NESRA_FAIL_POINTS", "somewhere", "NESRA_FAIL_POINTS must not be set in production"),
        ("NESRA_WORLD_METRICS_LISTEN", "9100", "must look like 127.0.0.1:9102"),
    ],
)
def test_what_production_cannot_have_is_named(setting: str, value: str, sentence: str) -> None:
    settings = {"NESRA_SECRET": SECRET, "NESRA_DATABASE_URL": "postgresql://h/d"}
    settings |= {setting: value, "NESRA_ENVIRONMENT": "production"}

    code, said = ended("services.world", settings)

    assert code == 2
    assert sentence in said


def test_a_service_in_production_keeps_its_methods_to_itself_and_warns_of_plain_links(
    server_url: str,
) -> None:
    port = free_port()
    settings = {
        "NESRA_SECRET": SECRET,
        "NESRA_WORLD_LISTEN": f"0.0.0.0:{port}",
        "NESRA_WORLD_DATABASE_URL": database_on(server_url, "nesra_world"),
    }
    process = subprocess.Popen(_command("world"), env=CLEAN | settings, stderr=subprocess.PIPE)
    _await_ready(process, f"dns:///localhost:{port}")

    with (
        grpc.insecure_channel(f"dns:///localhost:{port}") as channel,
        pytest.raises(grpc.RpcError) as refused,
    ):
        services_told(channel)

    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert f'{{"addresses": ["0.0.0.0:{port}"], "event": "links_are_plain"'.encode() in said


def test_a_service_whose_log_nobody_reads_any_more_ends_cleanly(
    server_url: str, tmp_path: Path
) -> None:
    target = f"unix:{tmp_path}/unread.sock"
    settings = {
        "NESRA_SECRET": SECRET,
        "NESRA_WORLD_LISTEN": target,
        "NESRA_WORLD_DATABASE_URL": database_on(server_url, "nesra_world"),
    }
    process = subprocess.Popen(_command("world"), env=CLEAN | settings, stderr=subprocess.PIPE)
    _await_ready(process, target)
    assert process.stderr is not None
    process.stderr.close()

    process.send_signal(signal.SIGTERM)

    assert process.wait(30) == 0


@pytest.mark.parametrize("service", PORTS)
def test_a_service_alone_gets_ready_and_ends_cleanly(
    service: str, server_url: str, tmp_path: Path
) -> None:
    target = f"unix:{tmp_path}/alone.sock"
    own = {"DATABASE_URL": database_on(server_url, f"nesra_{service}"), "LISTEN": target}
    own["METRICS_LISTEN"] = f"127.0.0.1:{free_port()}"
    settings = {f"NESRA_{service.upper()}_{name}": value for name, value in own.items()}

    process = subprocess.Popen(
        _command(service), env=CLEAN | settings | {"NESRA_SECRET": SECRET}, stderr=subprocess.PIPE
    )

    _await_ready(process, target)
    figures = httpx.get(f"http://{own['METRICS_LISTEN']}/metrics").text
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert b'"stopped"' in said
    assert "process_cpu_seconds_total" in figures
    assert ('nesra_deliveries{kind="session",state="dead"}' in figures) == (service == "session")


def test_a_service_does_not_start_with_rules_by_which_players_lose(
    new_database: Callable[[str], str], tmp_path: Path
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.read_text())
    settings = {
        "NESRA_SECRET": SECRET,
        "NESRA_RULES": str(rules),
        "NESRA_WORLD_LISTEN": f"unix:{tmp_path}/lower.sock",
        "NESRA_WORLD_DATABASE_URL": new_database("world"),
    }
    first = subprocess.Popen(_command("world"), env=CLEAN | settings, stderr=subprocess.PIPE)
    _await_ready(first, settings["NESRA_WORLD_LISTEN"])
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=30)

    rules.write_text(RULES.read_text().replace("sessions = 15", "sessions = 150"))
    second = subprocess.run(
        _command("world"),
        env=CLEAN | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (first.returncode, second.returncode) == (0, 2)
    assert f"Cannot start:\n  {rules}, line 54: world.upgrades would leave build" in second.stderr
    assert "Traceback" not in second.stderr
