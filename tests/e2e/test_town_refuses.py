"""What keeps the town from opening is one clear sentence and exit code 2, and nothing is left running."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from services.kit.settings import PORTS
from tests.e2e.beginning import ended
from tests.e2e.opened import INHERITED, free_port, processes_on
from tests.service.town.command import nesra
from town.home import Home


def refused(home: Path, *, limit: str = "", **settings: str) -> str:
    """Return the one sentence that `nesra up` says on stderr."""
    given = {"NESRA_HOME": str(home), "NESRA_PORT": str(free_port()), **settings}
    up = f'{limit} exec "$0" -m town up'
    done = subprocess.run(
        ["/bin/sh", "-c", up, sys.executable],
        env=INHERITED | given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert processes_on(home) == []
    sentence = done.stderr.removesuffix("\n")
    assert "\n" not in sentence
    return sentence


def test_a_second_start_on_the_same_data(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Home(home).alone():
        sentence = refused(home)

    assert sentence == f"The town in {home} is already open; close it, or set NESRA_HOME."


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        sentence = refused(tmp_path / "home", NESRA_PORT=port)

    assert sentence == f"Port {port} on 127.0.0.1 is taken: set NESRA_PORT to another one."


def test_a_port_that_is_none(tmp_path: Path) -> None:
    sentence = refused(tmp_path / "home", NESRA_PORT="http")

    assert sentence == "NESRA_PORT must be a whole number from 1 to 65535."


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    sentence = refused(tmp_path / "file" / "home")

    assert sentence == f"The folder {tmp_path / 'file' / 'home'} cannot be used: Not a directory."


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    # No file may grow beyond 100 KB, which stops the writing as a full disk does.
    sentence = refused(tmp_path / "home", limit="ulimit -f 200;")

    assert sentence.startswith("PostgreSQL could not make its data folder: could not write to file")


def test_a_database_that_cannot_be_reached(tmp_path: Path) -> None:
    url = f"postgresql://postgres:sesame@127.0.0.1:{free_port()}/postgres"

    sentence = refused(tmp_path / "home", NESRA_DATABASE_URL=url)

    assert sentence.startswith("The database of NESRA_DATABASE_URL cannot be reached:")
    assert "sesame" not in sentence


def test_a_secret_that_is_too_short(tmp_path: Path) -> None:
    sentence = refused(tmp_path / "home", NESRA_SECRET="short")

    assert sentence == "NESRA_SECRET must have at least 32 characters."


@pytest.mark.parametrize("name", PORTS)
def test_a_service_alone_names_what_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def become(_program: str, argv: list[str], environment: dict[str, str]) -> NoReturn:
        code, said = ended(argv[2], environment)
        sys.stderr.write(said)
        sys.exit(code)

    monkeypatch.setattr(os, "execve", become)

    done = nesra({}, "serve", name)

    assert done.code == 2
    assert "NESRA_SECRET is missing" in done.error
    assert f"NESRA_{name.upper()}_DATABASE_URL is missing" in done.error


def test_a_command_becomes_the_service_that_it_names() -> None:
    serve = [sys.executable, "-m", "town", "serve", "world"]
    done = subprocess.run(
        serve, env=INHERITED, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 2
    assert "NESRA_WORLD_DATABASE_URL is missing" in done.stderr
