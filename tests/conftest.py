"""One PostgreSQL of its own for the whole test run, migrated once, shared by all workers.

Tests do not clean up after themselves: every test plays with players of its
own, and no row is shared between players.
"""

import os
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from hypothesis import Phase, settings
from psycopg import sql

from services.kit import memory, migrations, shards, telemetry
from services.kit.database import NAME
from services.kit.settings import database_on
from tests.contract.log_canary import leaks, logs_in
from tests.contract.statement_lint import statements, violations
from town import postgres as town_postgres
from town.databases import detect_deadlocks_early
from town.postgres import EmbeddedPostgres
from town.reading import OPERATOR

# How long an example takes says nothing on a machine that does other things as well.
settings.register_profile("town", deadline=None)
# Of a planted slip nobody reads the smallest example: that it is noticed will do.
settings.register_profile("slip", deadline=None, phases=[Phase.explicit, Phase.generate])
settings.load_profile("slip" if "NESRA_TESTS_SLIP" in os.environ else "town")

# Whoever takes longest begins first, so that all workers end together.
LONGEST = (
    "faults",
    "fuzzed town",
    "hostile",
    "faults in pairs",
    "tests/e2e/test_town_starts.py",
    "town",
    "tests/service/auth/test_auth_gateways.py",
    "rough town",
)
SERVICES = ("auth", "session", "inventory", "world")
SERVER = pytest.StashKey[str]()
LOG = pytest.StashKey[Path]()


# The whole suite runs as if there were many shards, so that a transaction or a
# batch that mixes players of two of them can not pass unnoticed.
SHARDS = 8
# Found before the built-in functions of these names, by whoever connects from now on.
FAST_CLOCK = """
    CREATE SCHEMA fast;
    CREATE FUNCTION fast.clock_timestamp() RETURNS timestamptz LANGUAGE sql
        AS $$ SELECT pg_catalog.clock_timestamp() + interval '2 days' $$;
    CREATE FUNCTION fast.now() RETURNS timestamptz LANGUAGE sql STABLE
        AS $$ SELECT pg_catalog.now() + interval '2 days' $$;
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET search_path = fast, pg_catalog, public', current_database());
    END $$;
"""


def pytest_configure(config: pytest.Config) -> None:
    # Whoever forbids Python to keep what it compiled would have some 300 processes compile the project.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    memory.settle()
    # As a real process: structlog's own tracebacks show every variable, and take a second each.
    structlog.configure(processors=telemetry.processors(is_production=False))
    shards.COUNT = SHARDS
    os.environ["NESRA_SHARDS"] = str(SHARDS)
    worker = getattr(config, "workerinput", None)
    config.stash[SERVER] = worker["server"] if worker else _start_server(config)


def pytest_configure_node(node: Any) -> None:
    node.workerinput["server"] = node.config.stash[SERVER]


def pytest_collection_finish() -> None:
    # Five thousand tests and what they import are never garbage, and need not be looked through.
    memory.settle()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Has one worker run the tests of a file, which share what it opens; the longest groups come first."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=_place_of)


def _place_of(item: pytest.Item) -> int:
    marker = item.get_closest_marker("xdist_group")
    group = marker.args[0] if marker else ""
    return LONGEST.index(group) if group in LONGEST else len(LONGEST)


@pytest.fixture(scope="session")
def server_url(pytestconfig: pytest.Config) -> str:
    """The superuser's URL of the test run's PostgreSQL."""
    return pytestconfig.stash[SERVER]


@pytest.fixture(scope="session")
def new_database(server_url: str) -> Callable[[str], str]:
    """Makes a database for who needs all of it, such as a sweeper over all players."""
    return lambda service: _make_database(
        server_url, service, name=f"nesra_{service}_{secrets.token_hex(4)}"
    )


@pytest.fixture(scope="session")
def fast_database(new_database: Callable[[str], str]) -> Callable[[str], str]:
    """Makes a database whose clock is two days ahead of every process's."""

    def make(service: str) -> str:
        url = new_database(service)
        with psycopg.connect(url) as connection:
            connection.execute(FAST_CLOCK)
        return url

    return make


def _start_server(config: pytest.Config) -> str:
    folder = tempfile.TemporaryDirectory(prefix="nesra-test-")
    config.add_cleanup(folder.cleanup)
    home = Path(folder.name)
    postgres = EmbeddedPostgres(home / "postgres", home / "sockets")
    config.add_cleanup(postgres.stop)
    with pytest.MonkeyPatch.context() as patch:
        # Nobody pulls this one's plug, and the disk is what a hundred tests would wait for.
        patch.setitem(town_postgres.SETTINGS, "fsync", "off")
        postgres.start()
    server = postgres.url()
    for service in SERVICES:
        _make_template(server, service)
        _make_database(server, service)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")
    config.stash[LOG] = home / "log" / "postgres.log"
    return server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Counts what passed by kind: the folder under tests/; and what tests counted themselves."""
    passed = terminalreporter.stats.get("passed", [])
    kinds = Counter(report.nodeid.split("/")[1] for report in passed)
    counts = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    terminalreporter.write_line(f"passed by kind: {counts}")
    for report in (*passed, *terminalreporter.stats.get("failed", [])):
        for name, figures in report.user_properties:
            if name == "counted":
                terminalreporter.write_line(f"counted: {figures}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Looks at what only the whole run can show: its statements, and the logs of its towns."""
    log = session.config.stash.get(LOG, None)
    if log is not None and not (_statements_are_fit(log) and _logs_are_clean(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _logs_are_clean(config: pytest.Config) -> bool:
    """Whether no town of this run told a secret in a log."""
    folder = config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # pytest tells fixtures alone
    logs = logs_in(folder)
    found = [leak for each in logs for leak in leaks(each)]
    print(f"log canary: {len(logs)} logs, {len(found)} leaks", *found[:20], sep="\n")
    return not found


def _statements_are_fit(log: Path) -> bool:
    """Whether every statement that the services and the operator's commands really sent will do."""
    found = [one for who in (NAME, OPERATOR) for one in statements(log, application=who)]
    broken = [
        f"{why}: {text[:300]}" for database, text in found for why in violations(database, text)
    ]
    print(f"\nstatement lint: {len(found)} distinct, {len(broken)} violations", *broken, sep="\n")
    # A log that tells of our connections but of no statement was not understood.
    is_blind = not found and f"/{NAME} " in log.read_text(errors="replace")
    return not broken and not is_blind


def _make_template(server: str, service: str) -> None:
    """Migrates the database of which all databases of a service are copies: that costs a tenth."""
    name = f"template_{service}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrations.upgrade(service, database_on(server, name))


def _make_database(server: str, service: str, *, name: str = "") -> str:
    """The URL of a new, migrated database of a service."""
    name = name or f"nesra_{service}"
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with psycopg.connect(server, autocommit=True) as connection:
        template = sql.Identifier(f"template_{service}")
        connection.execute(copy.format(sql.Identifier(name), template))
        detect_deadlocks_early(connection, name)
    return database_on(server, name)
