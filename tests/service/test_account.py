"""PostgreSQL finds somebody to run as, whoever opens the town."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from town.account import account_for, ourselves
from town.data_folder import find_program

SHELL = Path("/bin/sh")


@pytest.fixture(params=[0o700, 0o755])
def home(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Lend a folder that others may enter, or not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(request.param)
        yield Path(folder)


def test_it_is_never_root_and_has_a_name(home: Path) -> None:
    account = account_for(find_program("postgres"), home)

    command = account.command([str(SHELL), "-c", "id -u; id -un"])
    uid, name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert uid != "0"
    assert name != "root"


def test_it_can_write_where_its_files_are(home: Path) -> None:
    account = account_for(find_program("postgres"), home)
    folder = home / "data"
    folder.mkdir(mode=0o700)
    os.chown(folder, account.uid, account.gid)

    subprocess.run(account.command([str(SHELL), "-c", 'echo > "$0/file"', str(folder)]), check=True)

    assert (folder / "file").exists()


def test_what_ends_with_us_was_asked_by_us() -> None:
    command = ourselves().command(["/bin/true"], ends_with_us=signal.SIGINT)
    somebody_else = [word if word != str(os.getpid()) else "1" for word in command]

    # Started by us in the name of process 1, as if we had ended in between.
    done = subprocess.run(somebody_else, check=False)

    assert done.returncode == (1 if os.uname().sysname == "Linux" else 0)
