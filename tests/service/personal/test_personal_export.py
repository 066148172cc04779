"""Everything that a service holds about a player is handed out, but for secrets."""

import hashlib
import json
import re
from itertools import groupby
from typing import Any

import pytest

from services.kit.errors import Failure, Unavailable
from services.kit.personal import CHUNK_BYTES, EXPORTS_AT_ONCE
from tests.conftest import SERVICES
from tests.service.inventory.stock import new_id
from tests.service.personal.archive import OPERATOR, Archive, Archives

# What nobody is shown, by table; a pending session's seed beside it.
HIDDEN = {
    "user": {"hashed_password"},
    "mail_token": {"token_hash"},
    "audit": {"actor"},
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


@pytest.fixture(scope="module")
def settler(archives: Archives) -> str:
    """A player who is only read."""
    return archives.settler()


@pytest.fixture(scope="module")
def veteran(archives: Archives) -> str:
    """A player with 10,000 sessions."""
    return archives.veteran()


def test_every_table_with_a_player_is_exported_whole(archive: Archive, settler: str) -> None:
    held = archive.rows(settler)

    exported = archive.export(settler)

    assert {table: len(rows) for table, rows in exported.items()} == {
        table: len(rows) for table, rows in held.items()
    }
    # Whoever adds a table has the settler leave a row in it.
    assert [table for table, rows in held.items() if not rows] == []


def test_every_column_is_exported_but_for_secrets(archive: Archive, settler: str) -> None:
    exported = archive.export(settler)

    for table in archive.tables():
        columns = {column.name for column in table.c} - HIDDEN.get(table.name, set())
        assert [set(row) for row in exported[table.name]] == [columns] * len(exported[table.name])


def test_no_secret_is_exported(archives: Archives, settler: str) -> None:
    auth, session = archives.of["auth"], archives.of["session"]
    [(hashed,)] = auth.ask('SELECT hashed_password FROM "user" WHERE id = %s', settler)
    tokens = auth.ask(
        "SELECT token_hash FROM refresh_token UNION ALL SELECT token_hash FROM mail_token"
    )
    [(seed,)] = session.ask(
        "SELECT seed FROM session WHERE user_id = %s AND status = 'pending'", settler
    )

    told = json.dumps([archives.of[service].export(settler) for service in SERVICES])

    secrets = [hashed, OPERATOR, seed.hex(), *(token.hex() for (token,) in tokens)]
    assert [secret for secret in secrets if secret in told] == []


def test_a_seed_is_told_only_once_it_decided(archives: Archives, settler: str) -> None:
    sessions = archives.of["session"].export(settler)["session"]

    seeds = {session["status"]: session["seed"] for session in sessions}
    assert seeds["pending"] is None
    assert len(bytes.fromhex(seeds["success"])) == 32


def test_values_are_written_as_in_every_other_answer(archives: Archives, settler: str) -> None:
    session, world = archives.of["session"].export(settler), archives.of["world"].export(settler)

    row = next(row for row in session["session"] if row["status"] == "success")
    assert row["user_id"] == settler
    assert INSTANT.fullmatch(row["started_at"])
    assert row["dropped"] is True
    assert row["dropped_item"]["item"]["name"]
    assert session["idempotency_key"][0]["fingerprint"] == "00" * 32
    assert isinstance(session["hero"][0]["gold"], int)
    assert world["credited_session"][0]["rooms_upgraded"] == []
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", world["credited_date"][0]["local_date"])


def test_who_was_never_here_gets_empty_tables_and_leaves_no_row(archive: Archive) -> None:
    stranger = new_id()

    exported = archive.export(stranger)

    assert exported == {table.name: [] for table in archive.tables()}
    assert not any(archive.rows(stranger).values())


def test_nobody_elses_rows_are_exported(archives: Archives, archive: Archive, settler: str) -> None:
    neighbour = archives.settler()

    assert neighbour not in json.dumps(archive.export(settler))


def test_ten_thousand_sessions_come_whole_and_in_order(archives: Archives, veteran: str) -> None:
    session = archives.of["session"]
    held = [str(id_) for (id_,) in session.ask(
        "SELECT id FROM session WHERE user_id = %s ORDER BY id", veteran
    )]  # fmt: skip

    chunks = list(session.chunks(veteran))

    rows: list[dict[str, Any]] = []
    for chunk in chunks:
        assert len(chunk.rows_json) <= CHUNK_BYTES + 1000
        if chunk.table == "session":
            rows += json.loads(chunk.rows_json)
    assert [row["id"] for row in rows] == held
    assert len(held) > 10_000
    assert {row["seed"] for row in rows} >= {hashlib.sha256(b"10000").hexdigest()}


def test_the_chunks_of_a_table_come_in_a_row(archives: Archives, veteran: str) -> None:
    told = [chunk.table for chunk in archives.of["session"].chunks(veteran)]

    tables = [table for table, _ in groupby(told)]
    assert len(tables) == len(set(tables)) < len(told)


def test_who_reads_slowly_leaves_threads_to_others(archives: Archives, veteran: str) -> None:
    session = archives.of["session"]
    slow = [session.chunks(veteran) for _ in range(EXPORTS_AT_ONCE)]
    for export in slow:
        next(export)

    with pytest.raises(Unavailable):
        session.export(veteran)
    for export in slow:
        export.close()

    assert _exported_at_last(session, veteran)


@pytest.mark.parametrize("caller", ["auth", "session", "inventory", "world"])
def test_the_gateway_alone_exports(archive: Archive, caller: str) -> None:
    with pytest.raises(Failure, match="PERMISSION_DENIED"):
        list(archive.chunks(new_id(), caller=caller))


def _exported_at_last(archive: Archive, user_id: str) -> bool:
    """Whether an export succeeds once the server has noticed who left."""
    for _ in range(1000):
        try:
            return bool(archive.export(user_id))
        except Unavailable:
            continue
    return False
