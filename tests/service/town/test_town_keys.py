"""What `nesra keys` says of the signing keys, and does to them."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import psycopg
import pytest

from services.auth.keys import SigningKeys
from services.auth.rules import KEY_LEAD, KEY_LIFETIME
from services.kit.database import Database
from services.kit.times import rfc3339
from tests.e2e.opened import INHERITED
from tests.service.peers import SECRET
from tests.service.town import command

NewDatabase = Callable[[str], str]


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    return new_database("auth")


@pytest.fixture
def auth(url: str) -> Iterator[SigningKeys]:
    """What auth does with its keys."""
    database = Database(url, size=1)
    database.open()
    yield SigningKeys(database, SECRET)
    database.close()


def nesra(url: str, *words: str) -> str:
    """What an operator is told who knows nothing but the database."""
    said = command.nesra({"NESRA_AUTH_DATABASE_URL": url}, "keys", *words)
    assert said.code == 0, said.error
    return said.out


def entries(url: str) -> list[tuple[str, str, str]]:
    """What the audit trail holds, the oldest first."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT action, target::text, reason FROM audit ORDER BY id")
        return found.fetchall()


def kids(auth: SigningKeys) -> list[str]:
    return [row.kid for row in auth.published().rows]


def test_before_the_first_key_it_is_said_who_makes_it(url: str) -> None:
    alone = subprocess.run(
        [sys.executable, "-m", "town", "keys"],
        env=INHERITED | {"NESRA_AUTH_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=True,
    )

    assert alone.stdout == "There is no key yet: auth makes the first when it starts.\n"
    assert alone.stdout == nesra(url)
    assert nesra(url, "rotate").startswith("Nothing to do")


def test_keys_are_listed_with_what_they_do_and_never_with_what_they_are(
    url: str, auth: SigningKeys
) -> None:
    [first] = auth.published().rows

    told = nesra(url, "list")

    renewed = rfc3339(first.signs_from + KEY_LIFETIME - KEY_LEAD)
    assert told == nesra(url) == f"{first.kid}  signs, renewed at {renewed}\n"


def test_a_rotation_is_told_by_both_keys(url: str, auth: SigningKeys) -> None:
    [first] = kids(auth)

    said = nesra(url, "rotate")
    second, _ = kids(auth)
    listed = nesra(url).splitlines()

    assert said == "Auth publishes a new key within seconds, and signs with it 5 minutes later.\n"
    assert listed[0].startswith(f"{second}  published, signs from ")
    assert listed[1].startswith(f"{first}  signs until ")
    assert nesra(url, "rotate").startswith("Nothing to do: the next key is on its way")
    assert kids(auth) == [second, first]
    assert entries(url) == [("key.renew", first, "rotated")]


@pytest.mark.parametrize(
    ("age", "state"), [("6 minutes", "retired, published until"), ("1 hour", "retired, gone since")]
)
def test_a_retired_key_says_how_long_it_verifies(
    url: str, auth: SigningKeys, age: str, state: str
) -> None:
    [first] = kids(auth)
    nesra(url, "rotate")
    assert len(kids(auth)) == 2
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE signing_key SET signs_from = signs_from - %(age)s::interval,"
            " retired_at = retired_at - %(age)s::interval",
            {"age": age},
        )

    assert f"{first}  {state} " in nesra(url)


def test_what_is_thrown_out_is_said_so_and_replaced(url: str, auth: SigningKeys) -> None:
    [first] = kids(auth)

    said = nesra(url, "rotate", "--now", "--reason", "a laptop was stolen")
    [second] = kids(auth)
    listed = nesra(url).splitlines()

    assert said.startswith("1 thrown out: every access token is dead within seconds.")
    assert listed[0].startswith(f"{second}  signs, renewed at ")
    assert listed[1].startswith(f"{first}  thrown out at ")
    assert entries(url) == [("key.revoke", first, "a laptop was stolen")]


def test_the_help_says_plainly_what_throwing_out_does() -> None:
    assert "EVERY ACCESS\nTOKEN OF EVERY PLAYER DIES" in nesra("postgresql://nowhere/x", "--help")
    assert "every access token of every" in nesra("postgresql://nowhere/x", "rotate", "--help")
