"""Who PostgreSQL runs as. It refuses to run as root, so root needs somebody else for it."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from town.failures import PostgresFailed

CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True, slots=True)
class Account:
    """A way to run a program, and the owner that its files must have outside of it."""

    uid: int
    gid: int
    outer: tuple[str, ...] = ()
    owner: str = "-"

    def command(
        self, argv: list[str], *, ends_with_us: signal.Signals = signal.SIGTERM
    ) -> list[str]:
        """Return the command line that runs `argv`, whose program is a whole path, as this account and sends it the signal when we end."""
        child = [
            sys.executable,
            "-I",
            "-S",
            str(CHILD),
            str(os.getpid()),
            str(int(ends_with_us)),
            self.owner,
        ]
        return [*self.outer, *child, *argv]


def ourselves() -> Account:
    """Return the account that we run as."""
    return Account(uid=os.geteuid(), gid=os.getegid())


def account_for(program: Path, home: Path) -> Account:
    """Return an account other than root that can run the program on data within the home.

    For an ordinary user: itself. For root: nobody, where it can reach both; else root in a user namespace of its
    own, where it counts as an ordinary user. Raises PostgresFailed when neither works.
    """
    if os.geteuid() != 0:
        return ourselves()
    for account in filter(None, (_nobody(), _namespace())):
        if _works(account, program, home):
            return account
    sentence = (
        f"PostgreSQL refuses to run as root, and neither can nobody reach {home} nor can a user namespace be made:"
        " start the town as an ordinary user."
    )
    raise PostgresFailed(sentence)


def _nobody() -> Account | None:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return None
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, owner=f"{entry.pw_uid}:{entry.pw_gid}")


def _namespace() -> Account | None:
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    # Any uid but 0 does: outside of the namespace, all files still belong to root.
    return Account(uid=0, gid=0, outer=(unshare, "-U", "--map-user=1000", "--map-group=1000"))


def _works(account: Account, program: Path, home: Path) -> bool:
    """Tell whether the account may run the program and enter the home."""
    check = ["/bin/sh", "-c", '"$1" --version && cd "$2"', "sh", str(program), str(home)]
    command = account.command(check)
    return subprocess.run(command, cwd="/", capture_output=True, check=False).returncode == 0
