"""Keeping the processes of a town under test running, however often they are killed."""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

import psycopg

from services.kit.database import NAME
from tests.faults.patience import await_that
from town.postgres import EmbeddedPostgres
from town.processes import FIRST_DELAY_SECONDS, STOP_WITHIN_SECONDS, TICK_SECONDS, Process, Spec

# The back-off of the operator's town would have the 20th kill within a minute leave
# a service away for half a minute: here each kill is the first one.
AGAIN_AFTER_S: Final = FIRST_DELAY_SECONDS
POSTGRES_WITHIN_S: Final = 60.0


class Keeper:
    """A thread that starts PostgreSQL and the processes, and starts them again when they end.

    All are children of this one thread, and end with it.
    """

    def __init__(self, folder: Path) -> None:
        self._log = Log(folder / "log")
        self.postgres = EmbeddedPostgres(folder / "postgres", folder / "pg")
        self._kept: dict[str, Kept] = {}
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper")

    def __enter__(self) -> Self:
        """Starts PostgreSQL."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends everything, PostgreSQL last."""
        self._is_over.set()
        self._thread.join()

    def keep(self, spec: Spec) -> None:
        """Starts a process soon, and keeps it running."""
        with self._lock:
            self._kept[spec.name] = Kept(spec, self._log)

    def replace(self, spec: Spec, *, otherwise: Callable[[], str]) -> None:
        """Has a process drain; once it has, it goes on as `spec` says. Returns when it has ended.

        Fails when it does not end in time, as `otherwise()` says, or with another exit code than 0.
        """
        kept = self._kept[spec.name]
        before = kept.process
        assert before.running, f"{spec.name} is not there to be asked: {otherwise()}"
        kept.spec = spec
        before.ask_to_stop()
        await_that(
            lambda: kept.process is not before,
            within_s=STOP_WITHIN_SECONDS,
            otherwise=otherwise,
        )
        assert kept.ended_with == 0, f"{spec.name} drained with exit code {kept.ended_with}"

    def runs(self, name: str) -> bool:
        """Whether a process is there."""
        return self._kept[name].process.running

    def pid_of(self, name: str) -> int | None:
        """The number of a process that is there."""
        process = self._kept[name].process
        return process.pid if process.running else None

    def postgres_socket(self) -> Path:
        """Where PostgreSQL listens."""
        place = parse_qs(urlsplit(self.postgres.url()).query)
        return Path(place["host"][0]) / f".s.PGSQL.{place['port'][0]}"

    def end_postgres(self, how: signal.Signals) -> None:
        """Ends PostgreSQL and returns when it is gone."""
        pid = self.postgres.pid
        assert pid is not None
        os.kill(pid, how)
        await_that(lambda: self.postgres.pid != pid, within_s=POSTGRES_WITHIN_S)

    def kill_backend(self, number: int) -> None:
        """Kills one of PostgreSQL's processes that serve us, chosen by the number."""
        pids: list[int] = []

        def are_there() -> bool:
            pids[:] = self._backends()
            return pids != []

        await_that(are_there, within_s=POSTGRES_WITHIN_S)
        os.kill(pids[number % len(pids)], signal.SIGKILL)

    def await_postgres(self) -> None:
        """Returns when PostgreSQL answers a statement."""
        await_that(self._postgres_answers, within_s=POSTGRES_WITHIN_S)

    def _backends(self) -> list[int]:
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = %s ORDER BY pid"
        with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
            return [row[0] for row in connection.execute(query, [NAME]).fetchall()]

    def _postgres_answers(self) -> bool:
        if self.postgres.pid is None:
            return False
        try:
            with psycopg.connect(self.postgres.url(), connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self) -> None:
        try:
            while not self._is_over.wait(TICK_SECONDS):
                self.postgres.launch()
                for kept in self._now_kept():
                    kept.revive()
        finally:
            self._end()

    def _now_kept(self) -> "list[Kept]":
        with self._lock:
            return list(self._kept.values())

    def _end(self) -> None:
        for kept in self._now_kept():
            kept.process.ask_to_stop()
        until = time.monotonic() + STOP_WITHIN_SECONDS
        for kept in self._now_kept():
            kept.process.make_stop(until)
        self.postgres.stop()


@dataclass(slots=True)
class Log:
    """What each process says, in a file by its name."""

    folder: Path

    def say(self, name: str, line: str) -> None:
        """Keeps one line."""
        self.folder.mkdir(exist_ok=True)
        with (self.folder / f"{name}.log").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


@dataclass(slots=True)
class Kept:
    """One process and how it is to be started; revived by the keeper's thread only."""

    spec: Spec
    log: Log
    process: Process = field(init=False)
    start_at: float = 0.0
    ended_with: int | None = None

    def __post_init__(self) -> None:
        self.process = Process(self.spec, self.log.say)

    def revive(self) -> None:
        """Starts it when it does not run: soon after a death, at once after a drain."""
        now = time.monotonic()
        code = self.process.exit_code
        if code is not None:
            # Leaves nothing of it behind.
            self.process.make_stop(now)
            self.ended_with = code
            self.start_at = now + (AGAIN_AFTER_S if code else 0.0)
            self.process = Process(self.spec, self.log.say)
        # Not whether it runs: one that ends between the two looks is first to be cleared away.
        elif self.process.pid is None and now >= self.start_at:
            self.process.start()
