"""Where unix sockets can live: a kernel takes only short paths for them."""

import hashlib
import os
import tempfile
from pathlib import Path

# sun_path is 108 bytes on Linux and 104 on macOS, the closing NUL included; some room is left for a lock file's suffix.
LONGEST_PATH_BYTES = 98
# The longest that we put into a socket folder: a run's folder with a service's socket.
LONGEST_NAME = "12345678/inventory.sock"


def fits(folder: Path) -> bool:
    """Tell whether a socket in the folder has a path that the kernel takes."""
    return len(os.fsencode(folder / LONGEST_NAME)) <= LONGEST_PATH_BYTES


def short_folder(wanted: Path) -> Path:
    """Return the folder itself where sockets fit into it, else a short one, the same for the same wanted folder."""
    wanted = wanted.absolute()
    if fits(wanted):
        return wanted
    name = f"nesra-{os.geteuid()}-{hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]}"
    shared = (tempfile.gettempdir(), "/tmp")  # noqa: S108 - whoever uses the folder makes it private
    return next(folder for temp in shared if fits(folder := Path(temp, name)))
