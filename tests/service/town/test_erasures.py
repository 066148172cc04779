"""The receipts of erased accounts: printed, kept elsewhere, and applied to a restored backup."""

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from town import __main__ as command_line

USER = "0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1b"
RECEIPT = {"user_id": USER, "requested_at": "2026-01-02T03:04:05Z", "erased_at": None, "rows": 7}

Nesra = Callable[..., int]


@pytest.fixture
def auth_url(new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> str:
    url = new_database("auth")
    monkeypatch.setenv("NESRA_AUTH_DATABASE_URL", url)
    return url


@pytest.fixture
def nesra(monkeypatch: pytest.MonkeyPatch) -> Nesra:
    def run(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["nesra", *words])
        return command_line.main()

    return run


def rows(url: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(sql).fetchall()


def change(url: str, sql: str, *parameters: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(sql, parameters)


def test_receipts_are_lines_of_json(
    auth_url: str, nesra: Nesra, capsys: pytest.CaptureFixture[str]
) -> None:
    change(
        auth_url,
        "INSERT INTO erasure (user_id, requested_at, rows) VALUES (%s, %s, 7)",
        USER,
        RECEIPT["requested_at"],
    )

    assert nesra("erasures") == 0

    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [RECEIPT]


def test_whoever_is_on_a_receipt_is_due_again_and_cannot_log_in(
    auth_url: str, nesra: Nesra, tmp_path: Path
) -> None:
    change(
        auth_url,
        'INSERT INTO "user" (id, email, email_key, hashed_password, created_at)'
        " VALUES (%s, 'a@example.com', 'a@example.com', 'x', clock_timestamp())",
        USER,
    )
    kept = tmp_path / "receipts"
    kept.write_text(json.dumps(RECEIPT) + "\n")

    for _ in range(2):
        assert nesra("erasures", "apply", str(kept), "--reason", "a backup was restored") == 0

    due = "SELECT user_id::text, ask_at <= clock_timestamp(), erased_at FROM erasure"
    barred = 'SELECT deletes_at <= clock_timestamp() FROM "user"'
    assert rows(auth_url, due) == [(USER, True, None)]
    assert rows(auth_url, barred) == [(True,)]
    noted = "SELECT action, reason, changes FROM audit"
    assert rows(auth_url, noted) == 2 * [
        ("erasures.apply", "a backup was restored", {"receipts": [0, 1]})
    ]


@pytest.mark.parametrize(
    "line", ["", "x", "{}", "[]", "null", '{"user_id": "x"}', '{"user_id": 1}']
)
def test_what_is_no_receipt_is_named_and_nothing_is_applied(
    auth_url: str, nesra: Nesra, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    kept = tmp_path / "receipts"
    kept.write_text(f"{json.dumps(RECEIPT)}\n{line}\n")

    assert nesra("erasures", "apply", str(kept)) == 2

    assert (
        capsys.readouterr().err
        == f"Line 2 of {kept} is no receipt as `nesra erasures` prints it.\n"
    )
    assert rows(auth_url, "SELECT count(*) FROM erasure") == [(0,)]


def test_a_file_that_is_not_there_is_named(
    auth_url: str, nesra: Nesra, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert auth_url
    assert nesra("erasures", "apply", str(tmp_path / "none")) == 2
    assert "cannot be read" in capsys.readouterr().err
