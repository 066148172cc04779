"""The folder that holds everything a town on one machine keeps."""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from town.failures import AlreadyOpen, CannotOpen
from town.postgres import EmbeddedPostgres
from town.private import private_folder, write_privately
from town.sockets import short_folder


@dataclass(frozen=True, slots=True)
class Home:
    """`secret`, `postgres/`, `log/`, and sockets; the sockets stand elsewhere when the path is long."""

    folder: Path

    @classmethod
    def from_environment(cls) -> Self:
        """Return the folder that NESRA_HOME names, `.nesra` where it names none."""
        return cls(Path(os.environ.get("NESRA_HOME") or ".nesra").absolute())

    @property
    def log(self) -> Path:
        """The folder of the logs."""
        return self.folder / "log"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Make the folder and hold it for one process. Raises AlreadyOpen, or CannotOpen where it cannot be written."""
        try:
            self.log.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            sentence = f"The folder {self.folder} cannot be used: {error.strerror}."
            raise CannotOpen(sentence) from error
        try:
            _take(lock, self.folder)
            yield
        finally:
            os.close(lock)

    def secret(self) -> str:
        """Return the secret of this town, made on the first use and the same ever after."""
        file = self.folder / "secret"
        try:
            if not file.exists():
                write_privately(file, secrets.token_urlsafe(48))
            return file.read_text().strip()
        except OSError as error:
            sentence = f"The secret in {file} cannot be kept: {error.strerror}."
            raise CannotOpen(sentence) from error

    def kept_secret(self) -> str | None:
        """Return the secret of this town where one was made, else None."""
        return self.secret() if (self.folder / "secret").exists() else None

    def postgres(self) -> EmbeddedPostgres:
        """Return the town's own server, started or not."""
        return EmbeddedPostgres(self.folder / "postgres", self.folder / "run" / "postgres")

    @contextlib.contextmanager
    def sockets(self) -> Iterator[Path]:
        """Lend an empty folder for the sockets of one run; to be used while alone().

        Another run gets another one: a killed run's processes may still be stopping, and remove theirs as they do.
        """
        all_runs = short_folder(self.folder / "sockets")
        shutil.rmtree(all_runs, ignore_errors=True)
        private_folder(all_runs, uid=os.geteuid(), gid=os.getegid())
        folder = all_runs / secrets.token_hex(4)
        try:
            folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(all_runs, ignore_errors=True)


def _take(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise AlreadyOpen(folder) from error
