"""Where unix sockets can live: a kernel takes only short paths for them."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from town.failures import CannotOpen

# sun_path is 108 bytes on Linux and 104 on macOS, the closing NUL included; some room is left for a lock file's suffix.
LONGEST_PATH_BYTES = 98
# The longest name that we put into a socket folder.
LONGEST_NAME = ".s.PGSQL.5432"


def fits(folder: Path) -> bool:
    """Tell whether a socket in the folder has a path that the kernel takes."""
    return len(os.fsencode(folder / LONGEST_NAME)) <= LONGEST_PATH_BYTES


def short_folder(wanted: Path) -> Path:
    """Return the folder itself where sockets fit into it, else a short one, the same for the same wanted folder."""
    wanted = wanted.absolute()
    if fits(wanted):
        return wanted
    name = f"nesra-{os.geteuid()}-{hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]}"
    candidates = (Path(tempfile.gettempdir()) / name, Path("/tmp") / name)  # noqa: S108 - private_folder() guards it
    return next(filter(fits, candidates))


def private_folder(folder: Path, *, uid: int, gid: int) -> None:
    """Make the folder, or take it over from an earlier run, so that only its owner may enter.

    Raises CannotOpen when something there belongs to somebody else, which in a shared temp folder may be a trap.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {uid, os.geteuid()}:
        sentence = f"{folder} belongs to somebody else; remove it or choose another NESRA_HOME."
        raise CannotOpen(sentence)
    if (found.st_uid, found.st_gid) != (uid, gid):
        os.chown(folder, uid, gid)
    folder.chmod(0o700)
