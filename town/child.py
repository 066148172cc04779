"""Become another program that ends with its parent: `child.py PARENT SIGNAL OWNER PROGRAM [ARGUMENT …]`.

A program of its own rather than a function between fork and exec, because Python code there can deadlock in a
parent that has threads. OWNER is `uid:gid` to become first, or `-` to stay who we are. PROGRAM is a whole path: from
the change of user on, Python may not be able to read its own library any more, so nothing is imported late either.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def drop_to(owner: str) -> None:
    """Become `uid:gid` with no further group."""
    uid, gid = (int(part) for part in owner.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def end_with(parent: int, signal_number: int) -> None:
    """Have the kernel send the signal when the parent ends. Linux only; elsewhere nothing happens."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)
    # The parent may have ended before the kernel knew that we care.
    if os.getppid() != parent:
        sys.exit(1)


def main() -> None:
    """Read the arguments and become the program; never returns."""
    _, parent, signal_number, owner, *argv = sys.argv
    if owner != "-":
        drop_to(owner)
    # After the change of user, which makes the kernel forget the request.
    end_with(int(parent), int(signal_number))
    os.execv(argv[0], argv)  # noqa: S606 - becoming another program is what this file is for


if __name__ == "__main__":
    main()
