"""Who PostgreSQL runs as. It refuses root, and users without a name; both need somebody else for it."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
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
    """Return an account that can run a program of PostgreSQL's on data within the home.

    An ordinary user: itself. Root, which PostgreSQL refuses, and a user without a name, which it refuses too: one of
    the others, whichever works. Raises PostgresFailed when none does.
    """
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return ourselves()
    for account in _others():
        if _works(account, program, home):
            return account
    sentence = (
        f"PostgreSQL refuses to run as {'root' if os.geteuid() == 0 else 'a user without a name'}, and nothing else"
        f" can be had here for {home}: start the town as another user of this machine."
    )
    raise PostgresFailed(sentence)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _others() -> Iterator[Account]:
    """Return the accounts to try, those with the fewest rights first."""
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return
    uid, gid = nobody.pw_uid, nobody.pw_gid
    unshare, setpriv = shutil.which("unshare"), shutil.which("setpriv")
    is_root = os.geteuid() == 0
    if is_root:
        yield Account(uid=uid, gid=gid, owner=f"{uid}:{gid}")
    if unshare:
        # Outside of the namespace, all files still belong to us.
        outer = (unshare, "-U", f"--map-user={uid}", f"--map-group={gid}")
        yield Account(uid=os.geteuid(), gid=os.getegid(), outer=outer)
    if is_root and setpriv:
        # A container may forbid namespaces; then nobody needs root's way through closed folders.
        rights = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--clear-groups")
        yield Account(
            uid=uid, gid=gid, outer=(setpriv, f"--reuid={uid}", f"--regid={gid}", *rights)
        )


def _works(account: Account, program: Path, home: Path) -> bool:
    """Tell whether the account may run the program and enter the home."""
    check = ["/bin/sh", "-c", '"$1" --version && cd "$2"', "sh", str(program), str(home)]
    done = subprocess.run(account.command(check), cwd="/", capture_output=True, check=False)
    return done.returncode == 0
