"""The embedded PostgreSQL keeps what it was given, whatever happened to its last run."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from town.failures import PostgresFailed
from town.postgres import EmbeddedPostgres

# Starts a server, says so, and stays until it is killed.
OPERATOR = """
import sys
from pathlib import Path
from town.postgres import EmbeddedPostgres
home = Path(sys.argv[1])
with EmbeddedPostgres(home / "postgres", home / "run") as server:
    print("started", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@contextlib.contextmanager
def server_in(home: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(home / "postgres", home / "run") as server:
        yield server


def write(server: EmbeddedPostgres, text: str) -> None:
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])


def read(server: EmbeddedPostgres) -> str:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("SELECT text FROM note").fetchone()
    assert row is not None
    return str(row[0])


def show(server: EmbeddedPostgres, setting: str) -> str:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("SELECT current_setting(%s)", [setting]).fetchone()
    assert row is not None
    return str(row[0])


@contextlib.contextmanager
def operator_in(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Lend a process of its own that has started a server in the home."""
    command = [sys.executable, "-c", OPERATOR, str(home)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as operator:
        assert operator.stdout is not None
        assert operator.stdout.readline() == "started\n"
        yield operator


def test_what_was_written_is_there_after_a_restart(home: Path) -> None:
    with server_in(home) as server:
        write(server, "kept")

    with server_in(home) as server:
        assert read(server) == "kept"


def test_nothing_listens_on_the_network_and_commits_reach_the_disk(home: Path) -> None:
    with server_in(home) as server:
        found = [
            show(server, name)
            for name in ("listen_addresses", "fsync", "synchronous_commit", "server_encoding")
        ]

    assert found == ["", "on", "on", "UTF8"]


def test_a_wrong_password_does_not_open_it(home: Path) -> None:
    with (
        server_in(home) as server,
        pytest.raises(psycopg.OperationalError, match="password authentication failed"),
    ):
        psycopg.connect(server.url(password="guessed"))


def test_only_the_owner_can_read_the_password(home: Path) -> None:
    with server_in(home):
        mode = (home / "postgres.password").stat().st_mode

    assert mode & 0o777 == 0o600


def test_it_ends_with_an_operator_that_is_killed(home: Path) -> None:
    with operator_in(home) as operator:
        operator.kill()

    # The server keeps the lock as long as one of its processes lives, so starting waits for the last of them.
    with server_in(home) as server:
        write(server, "free again")


def test_what_was_committed_survives_an_operator_that_is_killed(home: Path) -> None:
    with operator_in(home) as operator:
        write(_reader_of(home), "kept")
        operator.kill()

    with server_in(home) as server:
        assert read(server) == "kept"


def test_a_server_that_an_earlier_run_left_behind_makes_way(home: Path) -> None:
    with server_in(home) as orphan:
        write(orphan, "kept")

        with server_in(home) as server:
            assert read(server) == "kept"
            assert not orphan.running


def test_a_server_that_is_killed_can_be_started_again(home: Path) -> None:
    with server_in(home) as server:
        write(server, "kept")
        os.kill(_postmaster(server), signal.SIGKILL)
        server.stop()

        server.start()

        assert read(server) == "kept"


def test_a_pid_file_that_names_somebody_else_is_not_believed(home: Path) -> None:
    with server_in(home) as server:
        write(server, "kept")
    # Our own number: a living process of the same user, which PostgreSQL itself would take for a server.
    (home / "postgres" / "postmaster.pid").write_text(
        f"{os.getpid()}\n{home / 'postgres'}\n1\n5432\n\n\n"
    )

    with server_in(home) as server:
        assert read(server) == "kept"


def test_an_interrupted_first_start_is_done_again(home: Path) -> None:
    unfinished = home / "postgres.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")

    with server_in(home) as server:
        write(server, "whole")

    assert not unfinished.exists()


def test_a_home_too_deep_for_a_socket_still_works(home: Path) -> None:
    deep = home / ("d" * 100)

    with server_in(deep) as server:
        write(server, "kept")
    with server_in(deep) as server:
        assert read(server) == "kept"


def test_an_operator_who_lets_nobody_else_in_can_start_it(home: Path) -> None:
    home.mkdir(mode=0o700)

    with server_in(home) as server:
        write(server, "kept")


def test_settings_of_other_servers_in_the_environment_change_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGHOST", "nowhere.invalid")

    with server_in(home) as server:
        write(server, "kept")


def test_a_lost_password_is_named(home: Path) -> None:
    with server_in(home):
        pass
    (home / "postgres.password").unlink()

    with pytest.raises(PostgresFailed, match=r"postgres\.password is missing"):
        EmbeddedPostgres(home / "postgres", home / "run").start()


def test_a_data_folder_that_is_none_is_named(home: Path) -> None:
    with server_in(home):
        pass
    (home / "postgres" / "PG_VERSION").unlink()

    with pytest.raises(PostgresFailed, match="is not a valid data directory"):
        EmbeddedPostgres(home / "postgres", home / "run").start()


def _reader_of(home: Path) -> EmbeddedPostgres:
    """Return a handle on the server that somebody else has started in the home."""
    return EmbeddedPostgres(home / "postgres", home / "run")


def _postmaster(server: EmbeddedPostgres) -> int:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute(
            "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"
        ).fetchone()
    assert row is not None
    return int(row[0])
