"""The search of the logs finds what it is to find."""

from pathlib import Path

import pytest

from services.auth.passwords import argon2id
from services.auth.tokens import RefreshTokens
from services.kit.callers import TokenMaker
from tests.contract.log_canary import SPOKEN, leaks, logs_in
from tests.service.peers import SECRET

FAMILY = "0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1b"


def secrets() -> list[str]:
    ((_, service_token),) = TokenMaker("gateway", SECRET).metadata("auth")
    return [
        *SPOKEN,
        service_token,
        RefreshTokens(SECRET).of(FAMILY, 7),
        f"/verify?token={'x' * 43}",
        "postgresql://nesra_auth:hunter2@localhost/nesra_auth",
        argon2id(memory_kib=8, passes=1).hash("x"),
    ]


@pytest.mark.parametrize("secret", secrets(), ids=range(len(secrets())))
def test_a_secret_in_a_log_is_found_and_not_repeated(tmp_path: Path, secret: str) -> None:
    # Not in a town's folder of logs: the search at the end of the run would find it too.
    log = tmp_path / "auth.log"
    log.write_text(f"serving\nbroke value={secret} here\n")

    [found] = leaks(log)

    assert found == f"{log}:2: {found.rpartition(': ')[2]}"
    assert secret not in found


def test_the_logs_of_every_town_are_searched(tmp_path: Path) -> None:
    logs = [tmp_path / town / "log" / "auth.log" for town in ("one", "other")]
    for log in logs:
        log.parent.mkdir(parents=True)
        log.write_text("serving\n")

    assert logs_in(tmp_path) == logs


def test_an_ordinary_log_has_none(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    log.write_text(
        f"2026-01-01T00:00:00Z [info] serving listen=unix:/tmp/a/{'b' * 40}/auth.sock\n"
        "postgresql://postgres:5432 token=yes password_changed\n"
    )

    assert list(leaks(log)) == []
