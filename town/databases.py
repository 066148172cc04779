"""A role and a database for each service, on one server: none can read another's."""

import hashlib
import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from services.kit import migrations
from services.kit.settings import PORTS, database_on
from town.failures import DatabaseFailed, WrongSetting

SERVICES: Final = tuple(PORTS)
OLDEST_SERVER: Final = 15

# Any number will do: it only keeps two operators apart who prepare the same server.
LOCK: Final = 7_151_514

USABLE: Final = """
    SELECT datname FROM pg_database
    WHERE datname = ANY(%s) AND has_database_privilege(oid, 'CONNECT')
"""

Connection = psycopg.Connection[tuple[object, ...]]


def role_of(service: str) -> str:
    """Return the name of a service's role, which is also that of its database."""
    return f"nesra_{service}"


def password_of(service: str, secret: str) -> str:
    """Return the password of a service's role: derived from the secret, so there is nothing more to keep."""
    return hmac.new(secret.encode(), f"database:{service}".encode(), hashlib.sha256).hexdigest()


def url_of(service: str, *, server: str, secret: str) -> str:
    """Return the URL by which a service reaches its database on the server, as its own role."""
    host = urlsplit(server).netloc.rpartition("@")[2]
    login = f"{role_of(service)}:{quote(password_of(service, secret))}"
    ours = urlsplit(database_on(server, role_of(service)))
    return ours._replace(netloc=f"{login}@{host}").geturl()


def own_url(service: str) -> str | None:
    """Return the URL that the operator gave for this service alone, if any."""
    return os.environ.get(f"NESRA_{service.upper()}_DATABASE_URL") or None


def prepare(server: str, secret: str) -> dict[str, str]:
    """Make the roles and databases that are missing on the server; return each service's URL. Safe to repeat.

    A service with a URL of its own keeps it. A server that does not let us make roles must have the databases
    already, and is then used with the user that was given. Raises DatabaseFailed.
    """
    own = {service: url for service in SERVICES if (url := own_url(service))}
    shared = [service for service in SERVICES if service not in own]
    if not shared:
        return own
    with connected(server) as connection:
        _demand_version(connection)
        if _may_create(connection):
            _create(connection, shared, secret)
        else:
            _demand_databases(connection, shared)
        return own | _urls_on(connection, server, shared, secret)


def urls_on(server: str, services: list[str], secret: str) -> dict[str, str]:
    """Return the URLs on a server that was prepared; changes nothing. Raises DatabaseFailed."""
    with connected(server) as connection:
        return _urls_on(connection, server, services, secret)


def _urls_on(
    connection: Connection, server: str, services: list[str], secret: str
) -> dict[str, str]:
    """Return the URL of each service: as its own role, or as the given user who could make none."""
    if _may_create(connection):
        return {name: url_of(name, server=server, secret=secret) for name in services}
    return {name: database_on(server, role_of(name)) for name in services}


def migrate(urls: dict[str, str]) -> None:
    """Bring each service's database to its newest tables. Safe to repeat. Raises DatabaseFailed."""
    for service, url in urls.items():
        with connected(url, name=f"NESRA_{service.upper()}_DATABASE_URL"):
            pass
        try:
            migrations.upgrade(service, url)
        except DBAPIError as error:
            sentence = f"The database of {service} cannot be migrated: {_first_line(error.orig)}."
            raise DatabaseFailed(sentence) from error


@contextmanager
def connected(url: str, *, name: str = "NESRA_DATABASE_URL") -> Iterator[Connection]:
    """Lend a connection, each statement its own transaction. Raises DatabaseFailed, without the password."""
    try:
        connection = psycopg.connect(_with_database(url), connect_timeout=10, autocommit=True)
    except psycopg.OperationalError as error:
        sentence = f"The database of {name} cannot be reached: {_first_line(error)}."
        raise DatabaseFailed(sentence) from error
    except psycopg.ProgrammingError as error:
        demand = "must look like postgresql://user:password@host:5432/postgres"
        raise WrongSetting(name=name, demand=demand) from error
    with connection:
        yield connection


def _with_database(url: str) -> str:
    """Return the URL, naming the database that every server has where it names none."""
    return url if urlsplit(url).path.strip("/") else database_on(url, "postgres")


def _demand_version(connection: Connection) -> None:
    if connection.info.server_version < OLDEST_SERVER * 10_000:
        sentence = f"The PostgreSQL of NESRA_DATABASE_URL is older than {OLDEST_SERVER}."
        raise DatabaseFailed(sentence)


def _may_create(connection: Connection) -> bool:
    query = "SELECT rolsuper OR (rolcreaterole AND rolcreatedb) FROM pg_roles WHERE rolname = current_user"
    row = connection.execute(query).fetchone()
    return row is not None and bool(row[0])


def _demand_databases(connection: Connection, services: list[str]) -> None:
    wanted = [role_of(service) for service in services]
    found = {row[0] for row in connection.execute(USABLE, [wanted])}
    missing = [name for name in wanted if name not in found]
    if missing:
        sentence = (
            f"The user {connection.info.user} of NESRA_DATABASE_URL may not create roles and databases:"
            f" create the databases {', '.join(missing)} with that user as their owner,"
            " or give one who may (CREATEROLE and CREATEDB)."
        )
        raise DatabaseFailed(sentence)


def _create(connection: Connection, services: list[str], secret: str) -> None:
    try:
        # Given back with the connection.
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        for service in services:
            _ensure_role(connection, service, password_of(service, secret))
            _ensure_database(connection, role_of(service))
    except psycopg.Error as error:
        sentence = f"The database server cannot be prepared: {_first_line(error)}."
        raise DatabaseFailed(sentence) from error


def _ensure_role(connection: Connection, service: str, password: str) -> None:
    name = role_of(service)
    known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).rowcount
    # Encrypted on our side, so that no log of the server ever holds the password.
    encrypted = connection.pgconn.encrypt_password(
        password.encode(), name.encode(), b"scram-sha-256"
    )
    statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
        sql.SQL("ALTER" if known else "CREATE"),
        sql.Identifier(name),
        sql.Literal(encrypted.decode()),
    )
    connection.execute(statement)


def _ensure_database(connection: Connection, name: str) -> None:
    role = sql.Identifier(name)
    if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
        # Whoever is no superuser must be of the role to make a database for it.
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
        create = "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'"
        connection.execute(sql.SQL(create).format(role, role))
    # What everybody has from birth: a service's role would reach the databases of the others.
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(role))
    if _is_superuser(connection):
        detect_deadlocks_early(connection, name)


def _is_superuser(connection: Connection) -> bool:
    return connection.info.parameter_status("is_superuser") == "on"


def detect_deadlocks_early(connection: Connection, database: str) -> None:
    """Let the server end a deadlock well before the services' lock_timeout of 1 s gives up on both sides.

    The server looks for deadlocks after 1 s by default, and only a superuser may change that; then the
    loser's transaction is simply run again, unnoticed by the player.
    """
    statement = "ALTER DATABASE {} SET deadlock_timeout = '200ms'"
    connection.execute(sql.SQL(statement).format(sql.Identifier(database)))


def _first_line(error: BaseException | None) -> str:
    """Return the first line of what a server or driver said; neither names a password."""
    return str(error).strip().split("\n", 1)[0].rstrip(".")


@contextmanager
def told_in_one_sentence() -> Iterator[None]:
    """Raise DatabaseFailed for whatever a database refuses meanwhile, be it that its tables are of another version."""
    try:
        yield
    except psycopg.Error as error:
        sentence = f"The databases cannot be used: {_first_line(error)}."
        raise DatabaseFailed(sentence) from error
