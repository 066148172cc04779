"""Named places at which a test can make a process die, fail or hang; nothing otherwise.

`NESRA_FAIL_POINTS` names a folder. A file in it with the name of a point says
what happens there: `kill`, `raise`, or `hang SECONDS`. Whoever reaches the point
takes the file away first, so it happens once, in one process, also when that
process is started again. Settings refuse the variable in production.
"""

import os
import signal
import time
from pathlib import Path

_FOLDER = os.environ.get("NESRA_FAIL_POINTS")


class FailPointReached(Exception):
    """What an armed point raises: a bug that nobody foresaw."""


def reach(point: str) -> None:
    """Does what the point is armed for, once; by far most often nothing."""
    if _FOLDER:
        _happen(Path(_FOLDER, point))


def _happen(armed: Path) -> None:
    taken = armed.with_name(f"{armed.name}.reached")
    try:
        armed.rename(taken)
    except FileNotFoundError:
        return
    match taken.read_text().split():
        case ["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["raise"]:
            raise FailPointReached(armed.name)
        case ["hang", seconds]:
            time.sleep(float(seconds))
        case other:
            message = f"{armed.name} is armed for {' '.join(other)!r}, which nobody knows"
            raise ValueError(message)
