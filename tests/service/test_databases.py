"""Each service gets a database and a role of its own, and reaches no other."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from town.databases import SERVICES, connected, prepare, url_of
from town.failures import DatabaseFailed, WrongSetting
from town.postgres import EmbeddedPostgres
from town.reach import urls_of_town

SECRET = "s" * 32


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """Lend a server of our own: roles belong to a whole server."""
    home = tmp_path_factory.mktemp("home")
    with EmbeddedPostgres(home / "postgres", home / "run") as server:
        yield server


@pytest.fixture(scope="module")
def urls(server: EmbeddedPostgres) -> dict[str, str]:
    return prepare(server.url(), SECRET)


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_every_service_owns_a_database_of_its_name(urls: dict[str, str]) -> None:
    query = "SELECT current_database(), current_user"

    assert {service: run(url, query)[0] for service, url in urls.items()} == {
        service: (f"nesra_{service}", f"nesra_{service}") for service in SERVICES
    }


def test_a_service_can_make_its_tables(urls: dict[str, str]) -> None:
    run(urls["auth"], "CREATE TABLE proof (id int)")

    assert run(urls["auth"], "SELECT count(*) FROM proof") == [(0,)]


def test_a_service_cannot_open_the_database_of_another(urls: dict[str, str]) -> None:
    foreign = urlsplit(urls["world"])._replace(path="/nesra_session").geturl()

    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(foreign)


def test_preparing_again_changes_nothing(server: EmbeddedPostgres, urls: dict[str, str]) -> None:
    assert prepare(server.url(), SECRET) == urls


def test_the_password_follows_a_changed_secret(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    with EmbeddedPostgres(home / "postgres", home / "run") as server:
        prepare(server.url(), SECRET)

        changed = prepare(server.url(), "t" * 32)

        assert run(changed["auth"], "SELECT 1") == [(1,)]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url_of("auth", server=server.url(), secret=SECRET))


def test_an_existing_town_is_found_as_it_was_prepared(
    server: EmbeddedPostgres, urls: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NESRA_DATABASE_URL", server.url())
    monkeypatch.setenv("NESRA_SECRET", SECRET)
    monkeypatch.setenv("NESRA_WORLD_DATABASE_URL", "postgresql://elsewhere/world")

    found = urls_of_town(SERVICES)

    assert found == urls | {"world": "postgresql://elsewhere/world"}


def test_a_server_without_a_user_is_asked_as_each_services_own_role(
    server: EmbeddedPostgres, urls: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = urlsplit(server.url())
    nobody = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
    monkeypatch.setenv("NESRA_DATABASE_URL", nobody)
    monkeypatch.setenv("NESRA_SECRET", SECRET)

    assert urls_of_town(SERVICES) == urls


def test_an_existing_town_is_not_found_without_its_secret(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NESRA_DATABASE_URL", server.url())
    monkeypatch.delenv("NESRA_SECRET", raising=False)

    with pytest.raises(WrongSetting, match="NESRA_SECRET is missing"):
        urls_of_town(SERVICES)


def test_a_url_of_its_own_wins(
    server: EmbeddedPostgres, urls: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NESRA_WORLD_DATABASE_URL", "postgresql://elsewhere/world")

    prepared = prepare(server.url(), SECRET)

    assert prepared == urls | {"world": "postgresql://elsewhere/world"}


def test_an_operator_who_may_make_roles_need_not_be_superuser(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("home")
    with EmbeddedPostgres(home / "postgres", home / "run") as server:
        run(server.url(), "CREATE ROLE operator LOGIN CREATEROLE CREATEDB PASSWORD 'p'")
        operator = server.url(user="operator", password="p")

        assert prepare(operator, SECRET) == prepare(operator, SECRET)


def test_a_user_who_may_not_make_roles_is_told_what_to_make(
    server: EmbeddedPostgres, urls: dict[str, str]
) -> None:
    run(server.url(), "CREATE ROLE visitor LOGIN PASSWORD 'p'")

    with pytest.raises(DatabaseFailed, match="create the databases nesra_auth, nesra_session"):
        prepare(server.url(user="visitor", password="p"), SECRET)

    assert urls


def test_databases_made_beforehand_are_used_as_they_are(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("home")
    with EmbeddedPostgres(home / "postgres", home / "run") as server:
        run(server.url(), "CREATE ROLE tenant LOGIN PASSWORD 'p'")
        for service in SERVICES:
            run(server.url(), f"CREATE DATABASE nesra_{service} OWNER tenant")
        tenant = server.url(user="tenant", password="p")

        prepared = prepare(tenant, SECRET)

        assert prepared == {
            s: server.url(f"nesra_{s}", user="tenant", password="p") for s in SERVICES
        }


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with (
        pytest.raises(DatabaseFailed, match="NESRA_DATABASE_URL cannot be reached") as failure,
        connected("postgresql://postgres:sesame@127.0.0.1:1/postgres"),
    ):
        pass

    assert "sesame" not in str(failure.value)


def test_a_url_that_is_none_is_named() -> None:
    with (
        pytest.raises(WrongSetting, match="NESRA_DATABASE_URL must look like"),
        connected("nowhere"),
    ):
        pass
