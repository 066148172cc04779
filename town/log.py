"""What the town says while it is open: to the terminal, and kept in the log folder."""

import contextlib
import threading
from dataclasses import dataclass, field
from pathlib import Path

LARGEST_BYTES = 10_000_000
# The longest name of a process.
COLUMN = len("inventory")


@dataclass(frozen=True, slots=True)
class Log:
    """`NAME | line` on the terminal, the line alone in `<folder>/NAME.log`, which keeps 10 to 20 MB. For any thread."""

    folder: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, name: str, line: str) -> None:
        """Say one line. A full disk or a closed terminal loses it, and nothing else."""
        with self._lock:
            with contextlib.suppress(OSError):
                print(f"{name:{COLUMN}} | {line}", flush=True)
            with contextlib.suppress(OSError):
                self._keep(name, line)

    def _keep(self, name: str, line: str) -> None:
        file = self.folder / f"{name}.log"
        make_room(file)
        with file.open("a", encoding="utf-8") as out:
            out.write(f"{line}\n")


def make_room(file: Path) -> None:
    """Set a log aside that has grown large, in place of the one set aside before."""
    if file.exists() and file.stat().st_size > LARGEST_BYTES:
        file.replace(file.with_suffix(".log.1"))
