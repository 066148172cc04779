"""`nesra user`: accounts are opened and changed beside a town, or without one, each with its entry."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from protos.auth.v1 import auth_pb2 as pb
from protos.auth.v1 import auth_pb2_grpc
from services.auth.__main__ import wired
from services.kit.errors import Refused
from tests.service.auth.conftest import settings_for
from tests.service.auth.member import new_email
from tests.service.peers import Peer, listening, peer
from tests.service.town.command import Said, nesra

PASSWORD = "three quiet hours"


@dataclass(frozen=True)
class Accounts:
    """An auth service's database, and a service on it that commands know nothing of."""

    url: str
    auth: Peer

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql, parameters).fetchall()

    def nesra(self, *words: str) -> Said:
        """What a command of the operator's says, in no terminal."""
        return nesra({"NESRA_AUTH_DATABASE_URL": self.url}, "user", *words)

    def log_in(self, email: str, password: str = PASSWORD) -> pb.Tokens:
        tokens: pb.Tokens = self.auth.Login(pb.LoginRequest(email=email, password=password)).tokens
        return tokens

    def entries(self, email: str) -> list[tuple[Any, ...]]:
        sql = """
            SELECT action, reason, changes FROM audit
            WHERE user_id = (SELECT id FROM "user" WHERE email = %s) AND actor LIKE 'operator %%@%%'
            ORDER BY id
        """
        return self.rows(sql, email)


@pytest.fixture(scope="module")
def accounts(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Accounts]:
    url = new_database("auth")
    with listening(wired(settings_for(url)), tmp_path_factory.mktemp("a")) as target:
        yield Accounts(url, peer("auth", target, auth_pb2_grpc.AuthServiceStub))


def superuser(accounts: Accounts) -> str:
    email = new_email()
    done = accounts.nesra("create", "--superuser", "--email", email, "--password", PASSWORD)
    assert done.code == 0, done.error
    return email


def test_a_superuser_is_created_with_an_entry_and_logs_in(accounts: Accounts) -> None:
    email = superuser(accounts)

    user = accounts.log_in(email).user

    assert (user.is_active, user.is_superuser, user.is_verified) == (True, True, False)
    changes = {
        "is_active": [None, True],
        "is_superuser": [None, True],
        "is_verified": [None, False],
    }
    assert accounts.entries(email) == [("user.create", "created", changes)]


def test_an_address_is_kept_as_registering_keeps_it(accounts: Accounts) -> None:
    email = f"Ada.{new_email()}"
    accounts.nesra("create", "--email", email.replace("example", "EXAMPLE"), "--password", PASSWORD)

    assert accounts.log_in(email.upper()).user.email == email
    assert not accounts.log_in(email).user.is_superuser


def test_without_a_terminal_a_password_is_made_up_and_said_once(accounts: Accounts) -> None:
    emails = [new_email(), new_email()]

    said = [accounts.nesra("create", "--email", email).out for email in emails]

    passwords = [
        line.split()[3] for text in said for line in text.splitlines() if "password" in line
    ]
    assert len(set(passwords)) == 2
    for email, password in zip(emails, passwords, strict=True):
        assert len(password) == 24
        assert accounts.log_in(email, password).access_token
        assert password not in str(accounts.rows("SELECT audit::text FROM audit"))


def test_on_a_terminal_a_password_is_asked_for_until_it_was_typed_twice_and_never_shown(
    accounts: Accounts,
) -> None:
    email = new_email()
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "town", "user", "create", "--email", email],
        env=os.environ | {"NESRA_AUTH_DATABASE_URL": accounts.url},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Without a terminal of its own, it asks where it reads.
        start_new_session=True,
    ) as command:
        asked = [typed(command, ours, word) for word in (PASSWORD, "typo", PASSWORD, PASSWORD)]
        said, rest = command.communicate(timeout=60)
    os.set_blocking(ours, False)
    # Nothing of what was typed is there to be read.
    with pytest.raises(BlockingIOError):
        os.read(ours, 1)
    os.close(theirs)
    os.close(ours)

    assert command.returncode == 0, rest
    assert asked == [
        b"Password: ",
        b"The same again: ",
        b"They differ.\nPassword: ",
        b"The same again: ",
    ]
    assert PASSWORD.encode() not in said + rest
    assert accounts.log_in(email).access_token


def typed(command: subprocess.Popen[bytes], terminal: int, word: str) -> bytes:
    """What is asked, answered by a word: not before it is asked, which would be thrown away."""
    asked = b""
    while not asked.endswith(b": "):
        asked += command.stderr.read(1) if command.stderr else b""
    os.write(terminal, f"{word}\n".encode())
    return asked.lstrip(b"\n")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--email", "no address"], 2, "email"),
        (["--email", "x@example.com", "--password", "short"], 1, "at least 8 characters"),
        (["--email", "x@example.com", "--password", "password1"], 1, "most common"),
        (["--email", "someone@example.com", "--password", "someone"], 1, "at least 8"),
        (
            ["--email", "wintergreen@example.com", "--password", "wintergreen"],
            1,
            "just your e-mail",
        ),
        (["--password", PASSWORD], 2, "--email"),
        (["--email", "x@example.com", "--password", PASSWORD, "--reason", " "], 2, "reason"),
    ],
)
def test_what_registering_would_refuse_is_refused_in_words_and_leaves_nothing(
    accounts: Accounts, words: list[str], code: int, sentence: str
) -> None:
    before = accounts.rows('SELECT count(*) FROM "user"')

    done = accounts.nesra("create", *words)

    assert done.code == code
    assert sentence in done.error
    assert accounts.rows('SELECT count(*) FROM "user"') == before


def test_an_address_that_is_taken_is_said_so_whatever_its_case(accounts: Accounts) -> None:
    email = superuser(accounts)

    done = accounts.nesra("create", "--email", email.upper(), "--password", PASSWORD)

    assert (done.code, done.out) == (1, "")
    assert "exists already" in done.error
    assert len(accounts.entries(email)) == 1


def test_an_account_is_promoted_and_demoted_each_with_an_entry(accounts: Accounts) -> None:
    superuser(accounts)
    email = new_email()
    accounts.nesra("create", "--email", email, "--password", PASSWORD)

    promoted = accounts.nesra("promote", email.upper(), "--reason", "ticket 7")
    is_superuser = accounts.log_in(email).user.is_superuser
    again = accounts.nesra("promote", email, "--reason", "ticket 8")
    demoted = accounts.nesra("demote", email, "--reason", "ticket 9")

    assert [done.code for done in (promoted, again, demoted)] == [0, 0, 0]
    assert is_superuser
    assert not accounts.log_in(email).user.is_superuser
    assert "superuser, open" in promoted.out
    assert accounts.entries(email)[1:] == [
        ("user.update", "ticket 7", {"is_superuser": [False, True]}),
        ("user.update", "ticket 9", {"is_superuser": [True, False]}),
    ]


def test_a_disabled_account_is_logged_out_and_an_enabled_one_logs_in_again(
    accounts: Accounts,
) -> None:
    email = new_email()
    accounts.nesra("create", "--email", email, "--password", PASSWORD)
    token = accounts.log_in(email).refresh_token

    disabled = accounts.nesra("disable", email, "--reason", "ticket 7")
    with pytest.raises(Refused, match="BAD_CREDENTIALS"):
        accounts.log_in(email)
    with pytest.raises(Refused, match="TOKEN_INVALID"):
        accounts.auth.Refresh(pb.RefreshRequest(refresh_token=token))
    enabled = accounts.nesra("enable", email, "--reason", "ticket 8")

    assert (disabled.code, enabled.code) == (0, 0)
    assert accounts.log_in(email).access_token


@pytest.mark.parametrize("word", ["promote", "demote", "disable", "enable"])
def test_a_change_needs_a_reason_and_an_account(accounts: Accounts, word: str) -> None:
    email = superuser(accounts)

    without = accounts.nesra(word, email)
    unknown = accounts.nesra(word, new_email(), "--reason", "ticket 7")

    assert (without.code, unknown.code) == (2, 1)
    assert "--reason" in without.error
    assert "no account" in unknown.error
    assert len(accounts.entries(email)) == 1


def test_a_database_that_cannot_be_used_is_one_sentence(server_url: str, tmp_path: Path) -> None:
    words = ("user", "promote", "ada@example.com", "--reason", "ticket 7")
    nowhere = "postgresql://nobody@127.0.0.1:1/nowhere"

    foreign = nesra({"NESRA_AUTH_DATABASE_URL": server_url}, *words)
    away = nesra({"NESRA_AUTH_DATABASE_URL": nowhere}, *words)
    closed = nesra({"NESRA_HOME": str(tmp_path)}, *words)

    assert [said.code for said in (foreign, away, closed)] == [2, 2, 2]
    assert [len(said.error.splitlines()) for said in (foreign, away, closed)] == [1, 1, 1]
    assert "There is no open town" in closed.error
