"""Alembic for every service: one history each, run under an advisory lock.

A service's `migrations/env.py` is two lines that call `run_environment`.
"""

from pathlib import Path
from typing import Any

import sqlalchemy
from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import MetaData, create_engine, text

SERVICES = Path(__file__).parents[1]
# Any number will do: it only keeps two migrators of one database apart.
_LOCK = 7_151_515
# A migration waits this long for a table, and gives up rather than queue the
# whole town up behind it.
_LOCK_TIMEOUT = "SET lock_timeout = '5s'"


def upgrade(service: str, url: str) -> None:
    """Brings one service's database to its newest tables. Safe to repeat."""
    command.upgrade(_config(service, url), "head")


def check(service: str, url: str) -> None:
    """Raises alembic's error when the tables and the migrations differ."""
    command.check(_config(service, url))


def make_queue(script: str) -> None:
    """Within a migration: makes the queue's tables in a schema of their own, by a script of procrastinate.

    Kept here as it was when it was applied, as every migration is.
    """
    connection = op.get_bind()
    # The path is the whole transaction's, and alembic's own table is not in that schema.
    connection.exec_driver_sql("CREATE SCHEMA jobs")
    connection.exec_driver_sql("SET LOCAL search_path = jobs")
    # Past SQLAlchemy: several statements at once, full of colons and percent signs.
    driver: Any = connection.connection.driver_connection
    driver.execute((SERVICES / "kit" / script).read_text())
    connection.exec_driver_sql("SET LOCAL search_path TO DEFAULT")


def run_environment(metadata: MetaData) -> None:
    """The body of every `env.py`: migrates online, in one transaction."""
    engine = create_engine(context.config.attributes["url"], poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        connection.execute(text(_LOCK_TIMEOUT))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        context.configure(connection=connection, target_metadata=metadata, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def _config(service: str, url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SERVICES / service / "migrations"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["url"] = sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
    return config
