"""Files and folders that nobody else may read."""

import os
import stat
from pathlib import Path

from town.failures import CannotOpen


def write_privately(file: Path, text: str) -> None:
    """Write a file that only we may read, whole or not at all."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    unfinished.rename(file)


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
