"""A world service whose database's clock is where a test sets it: the only clock that decides."""

from collections.abc import Callable
from datetime import UTC, datetime

import psycopg

# Found before the built-in functions of these names, by whoever connects from now on.
_CLOCK = """
    CREATE SCHEMA told;
    CREATE TABLE told.clock (ahead interval NOT NULL);
    INSERT INTO told.clock VALUES ('0');
    CREATE FUNCTION told.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
        AS $$ SELECT pg_catalog.clock_timestamp() + ahead FROM told.clock $$;
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET search_path = told, pg_catalog, public', current_database());
    END $$;
"""


def with_a_clock(url: str) -> Callable[[datetime], None]:
    """Sets the clock of a database, from where it then goes on."""
    with psycopg.connect(url) as connection:
        connection.execute(_CLOCK)

    def set_to(instant: datetime) -> None:
        with psycopg.connect(url) as connection:
            ahead = instant - datetime.now(UTC)
            connection.execute("UPDATE told.clock SET ahead = %s", (ahead,))

    return set_to
