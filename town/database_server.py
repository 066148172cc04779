"""The PostgreSQL server of a town on one machine: its own, or one that the operator runs."""

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Protocol

from town.databases import SERVICES, own_url
from town.failures import PostgresFailed
from town.home import Home
from town.log import Log
from town.postgres import EmbeddedPostgres
from town.processes import next_delay


class DatabaseServer(Protocol):
    """A server that is there while the town is open."""

    @property
    def url(self) -> str:
        """The URL of a user who may make roles and databases."""

    def revive(self) -> None:
        """Start it again when it has ended. To be called several times a second."""


@contextlib.contextmanager
def database_server(home: Home, log: Log) -> Iterator[DatabaseServer]:
    """Lend the server of NESRA_DATABASE_URL, else our own, started in the home and stopped afterwards."""
    given = os.environ.get("NESRA_DATABASE_URL")
    if given or all(own_url(service) for service in SERVICES):
        yield _Given(given or "")
        return
    log.say("town", "starting PostgreSQL")
    with home.postgres() as postgres:
        yield _Embedded(postgres, log)


class _Given:
    """A server that somebody else looks after."""

    def __init__(self, url: str) -> None:
        self.url = url

    def revive(self) -> None:
        """Leave it alone."""


class _Embedded:
    """Our own server."""

    def __init__(self, postgres: EmbeddedPostgres, log: Log) -> None:
        self._postgres = postgres
        self._log = log
        self._delay = 0.0
        self._started_at = time.monotonic()
        self._start_at: float | None = None

    @property
    def url(self) -> str:
        """The superuser's URL."""
        return self._postgres.url()

    def revive(self) -> None:
        """Launch it again after a delay. It recovers by itself; the services wait for it."""
        now = time.monotonic()
        if self._postgres.running:
            return
        if self._start_at is None:
            self._delay = next_delay(self._delay, now - self._started_at)
            self._start_at = now + self._delay
            self._log.say("town", f"PostgreSQL ended; it is started again in {self._delay:g} s")
        if now >= self._start_at:
            self._launch(now)

    def _launch(self, now: float) -> None:
        self._started_at, self._start_at = now, None
        try:
            self._postgres.launch()
        except PostgresFailed as failure:
            self._log.say("town", str(failure))
