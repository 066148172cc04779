"""A PostgreSQL of the town's own: nothing to install, nothing to configure, reachable by a unix socket only."""

import contextlib
import fcntl
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self
from urllib.parse import quote, urlencode

import psycopg

from town.account import Account, account_for
from town.data_folder import SUPERUSER, environment, find_program, give, make_data_folder, reason
from town.failures import PostgresFailed
from town.private import private_folder, write_privately
from town.sockets import short_folder

# A part of the socket's name; nothing listens on the network.
PORT: Final = "5432"

# Crash recovery replays at most max_wal_size, which takes seconds; a minute covers a slow disk.
READY_WITHIN_SECONDS: Final = 60.0
# A fast stop writes a checkpoint of at most shared_buffers.
STOP_WITHIN_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.02
LARGEST_LOG_BYTES: Final = 10_000_000

SETTINGS: Final = {
    "listen_addresses": "",
    "port": PORT,
    # Four services with pools of 8, the operator's own connections, and tests that run many services at once.
    "max_connections": "200",
    "shared_buffers": "128MB",
    "effective_cache_size": "512MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    # All statements of the town are short: compiling them costs more than it gives.
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d/%a ",
}


class EmbeddedPostgres:
    """One PostgreSQL 18 on one data folder, as a child of this process that ends with it.

    Beside the data folder it keeps `postgres.password`, `postgres.lock` and `log/postgres.log`. The data folder has
    one user at a time: starting stops whatever PostgreSQL an earlier, killed run left behind on it.
    """

    def __init__(self, data: Path, sockets: Path) -> None:
        """Name the folders; nothing happens before start()."""
        self._data = data.absolute()
        self._home = self._data.parent
        self._sockets = short_folder(sockets)
        self._program = find_program("postgres")
        self._log = self._home / "log" / "postgres.log"
        self._log_start = 0
        self._password_file = self._home / "postgres.password"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start, and stop if that is interrupted."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def pid(self) -> int | None:
        """The number of the server's first process, None when there is none."""
        return self._process.pid if self._process and self.running else None

    @property
    def running(self) -> bool:
        """Whether the server that we started is still there."""
        return self._process is not None and self._process.poll() is None

    @property
    def password_known(self) -> bool:
        """Whether there is a password for url() to fill in: there is none before the first launch."""
        return self._password_file.exists()

    def start(self) -> None:
        """Make the data folder if there is none, start the server and return when it answers. Safe to repeat.

        Must be called in a thread that lives as long as the server shall: it ends with that thread.
        Raises PostgresFailed, with nothing left running.
        """
        try:
            self.launch()
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def launch(self) -> None:
        """As start(), but return before the server answers."""
        if self.running:
            return
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            self._ensure_password()
            with self._sole_use_of_data() as lock:
                self._launch(lock)
        except OSError as error:
            sentence = f"PostgreSQL cannot use {self._home}: {error}."
            raise PostgresFailed(sentence) from error

    def wait_until_ready(self) -> None:
        """Return when the server answers a connection. Raises PostgresFailed when it ends or takes over a minute."""
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while not self._answers():
            if not self.running:
                sentence = f"PostgreSQL did not start: {self._last_words()}"
                raise PostgresFailed(sentence)
            if time.monotonic() > deadline:
                sentence = f"PostgreSQL did not answer within {READY_WITHIN_SECONDS:.0f} s; see {self._log}."
                raise PostgresFailed(sentence)
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """End all connections, write everything to disk and return when the server is gone. Safe to repeat."""
        process, self._process = self._process, None
        if process is None:
            return
        _end(process)
        # Ours to remove only when it is empty, which a folder shared with other sockets is not.
        with contextlib.suppress(OSError):
            self._sockets.rmdir()

    def url(
        self, database: str = "postgres", *, user: str = SUPERUSER, password: str | None = None
    ) -> str:
        """Return the libpq URL of a database; the superuser's password is filled in, once launch() has made it."""
        if password is None and user == SUPERUSER:
            password = self._password_file.read_text()
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
        place = urlencode({"host": str(self._sockets), "port": PORT})
        return f"postgresql://{login}@/{quote(database, safe='')}?{place}"

    def _launch(self, lock: int) -> None:
        account = account_for(self._program, self._home)
        private_folder(self._sockets, uid=account.uid, gid=account.gid)
        if not self._data.exists():
            make_data_folder(self._data, account=account, password=self._password_file.read_text())
        give(self._data, account)
        # We hold the lock, so no server lives here, whatever process has the number in this file today.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        self._process = self._spawn(account, lock)

    def _spawn(self, account: Account, lock: int) -> subprocess.Popen[bytes]:
        settings = SETTINGS | {"unix_socket_directories": str(self._sockets)}
        flags = [f"--{name}={value}" for name, value in settings.items()]
        argv = [str(self._program), "-D", str(self._data), *flags]
        with _log_file(self._log) as log:
            self._log_start = log.seek(0, os.SEEK_END)
            return subprocess.Popen(
                account.command(argv, ends_with_us=signal.SIGINT),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment(),
                # The server inherits the lock: it is held until the last of its processes is gone.
                pass_fds=(lock,),
                # A Ctrl-C in the terminal is for us alone; the services still need the database to drain.
                start_new_session=True,
            )

    @contextlib.contextmanager
    def _sole_use_of_data(self) -> Iterator[int]:
        """Hold the lock of the data folder, after stopping a server that an earlier run left behind."""
        lock = os.open(self._home / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + STOP_WITHIN_SECONDS
            while not _locked(lock):
                if time.monotonic() > deadline:
                    sentence = f"Another PostgreSQL still uses {self._data} and does not stop."
                    raise PostgresFailed(sentence)
                self._stop_orphan()
                time.sleep(POLL_SECONDS)
            yield lock
        finally:
            os.close(lock)

    def _stop_orphan(self) -> None:
        """Ask a server that answers with our password to stop. One that does not answer is starting or stopping."""
        with contextlib.suppress(psycopg.Error), self._connect() as connection:
            # Read by the server itself, so the number is its own.
            row = connection.execute(
                "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"
            ).fetchone()
            if row is not None:
                os.kill(int(row[0]), signal.SIGINT)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self.url(), connect_timeout=2, autocommit=True)

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _ensure_password(self) -> None:
        if self._password_file.exists():
            return
        if self._data.exists():
            sentence = (
                f"{self._password_file} is missing, and without it {self._data} cannot be opened."
            )
            raise PostgresFailed(sentence)
        write_privately(self._password_file, secrets.token_urlsafe(32))

    def _last_words(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            return reason(log.read().decode(errors="replace"))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop a server and return when it is gone."""
    # Fast, then immediate (which recovers at the next start), then by force.
    for number, patience in (
        (signal.SIGINT, STOP_WITHIN_SECONDS),
        (signal.SIGQUIT, 5),
        (signal.SIGKILL, 5),
    ):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _log_file(file: Path) -> IO[bytes]:
    """Open the log to append to; one that grew large makes room first."""
    if file.exists() and file.stat().st_size > LARGEST_LOG_BYTES:
        file.replace(file.with_suffix(".log.1"))
    return file.open("ab")
